// A shop's day in small, the same every time: what a store is driven with while its disk fails, and
// what it must hold afterwards.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/store.h"
#include "testing/memory_store.h"

namespace holdfast::faults {

inline constexpr std::uint32_t partitions = 2;

class Script {
public:
    // The batch after those that were made so far, on the versions that those led to.
    store::Batch next();
    // A script whose first so many batches were made.
    static Script after(std::uint64_t batches);

private:
    std::uint64_t number_ = 0;
    std::vector<Version> versions_ = std::vector<Version>(partitions);
};

struct Progress {
    std::uint64_t appended = 0;  // answered as done
    std::uint64_t unknown = 0;   // 0 or 1: answered as perhaps done
    std::string error;           // of the first that was not done
};

// Appends so many. Expects that after the first that is not answered as done all others fail.
Progress run(store::Store& store, Script& script, std::uint64_t count);

// Expects that the store holds exactly the first so many batches of the script, in everything that it
// can be asked.
void expect_holds_first(store::Store& store, std::uint64_t batches);

}  // namespace holdfast::faults
