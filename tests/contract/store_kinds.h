// The stores that the contract is tested with. A new one gets a line in kinds().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/store.h"

namespace holdfast::store {

inline constexpr std::uint32_t partitions = 3;

// A store that can be closed and opened again.
class Subject {
public:
    virtual ~Subject() = default;
    virtual Store& store() = 0;
    virtual void reopen() = 0;
};

struct Kind {
    const char* name;
    std::function<std::unique_ptr<Subject>()> make;
    // Why there can be none here; nothing when there can.
    std::function<std::optional<std::string>()> missing = [] { return std::nullopt; };
};
std::vector<Kind> kinds();

}  // namespace holdfast::store
