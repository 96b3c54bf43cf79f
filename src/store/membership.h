// Who serves a shared store: each node says every second that it lives and where the others reach it. Nothing that
// is decided rests on it: it only tells where a command is best sent. One thread. Throws StoreUnreachable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/store_error.h>

namespace holdfast::store {

struct Member {
    std::uint16_t number = 0;
    std::string address;  // host:port
    bool operator==(const Member&) const = default;
};

class Membership {
public:
    Membership() = default;
    Membership(const Membership&) = delete;
    Membership& operator=(const Membership&) = delete;
    virtual ~Membership() = default;

    // Which store it is: who says another id serves another one.
    [[nodiscard]] virtual std::string store_id() const = 0;
    [[nodiscard]] virtual std::uint32_t partition_count() const = 0;
    // This node's, among those that live.
    [[nodiscard]] virtual std::uint16_t number() const = 0;
    // This node lives; gives all that said so in the last three seconds, by number.
    virtual std::vector<Member> announce(std::string_view address) = 0;
    // It serves no more.
    virtual void leave() = 0;
};

}  // namespace holdfast::store
