// A store that can be moved to another one: besides the seam, who it is, and a notice that keeps everybody
// from serving it. Both concrete stores are one when they are opened for a move; only service/migrate.cc and
// app/ know of it. Throws StoreError.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"

namespace holdfast::store {

// Why nobody may serve a store.
struct Notice {
    // Part of the stored form: never renumber.
    enum class Reason : std::uint8_t {
        none = 0,
        unfinished = 1,  // it is a copy of another store that is not yet whole
        moved = 2        // another store has taken its place
    };
    Reason reason = Reason::none;
    std::string id;    // of the other store
    std::string name;  // of the other store, for people
    bool operator==(const Notice&) const = default;
};
// As stores keep it: empty for none.
std::string encode(const Notice& notice);
Notice decode_notice(std::string_view text);
// What opening the store `name` is refused with.
std::string refusal_of(const Notice& notice, std::string_view name);

class MovableStore : public Store {
public:
    // Given to it when it was made, and no other's.
    [[nodiscard]] virtual std::string id() const = 0;
    // For people; without a password.
    [[nodiscard]] virtual std::string name() const = 0;
    virtual Notice notice() = 0;
    // Durable. With a notice the store is opened for a move only, and appended to by nobody else.
    virtual void set_notice(const Notice& notice) = 0;
    // Appends of events and past holds, in order, in one step: all of them durable, or none is there. What became
    // of them; when that is unknown, it shows when the store is opened again.
    virtual AppendResult append_all(std::vector<Batch> batches) = 0;
    // From now on appends of other processes wait: until retire(), or until this one closes the store or
    // dies.
    virtual void hold_others() = 0;
    // With the notice, all at once and durably: nobody appends to it any more, nor those who wait, who are
    // told why.
    virtual void retire(const Notice& notice) = 0;
};

}  // namespace holdfast::store
