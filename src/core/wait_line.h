// Who waits for units of one SKU, at one location or anywhere, in the order in which they came. Joining at
// the end and leaving at the front cost the same in every line; leaving from between and a look at somebody's
// place there cost the logarithm of the length. One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <holdfast/types.h>

namespace holdfast::core {

struct WaitEntry {
    std::string customer;
    std::string cart;  // empty: the id of the entry
    Quantity quantity = 0;
    std::string region;

    bool operator==(const WaitEntry&) const = default;
};

class WaitLine {
public:
    WaitLine();
    ~WaitLine();
    WaitLine(WaitLine&&) noexcept;
    WaitLine& operator=(WaitLine&&) noexcept;

    [[nodiscard]] bool empty() const;
    [[nodiscard]] std::size_t size() const;
    // The line must not be empty.
    [[nodiscard]] EntryId first() const;
    [[nodiscard]] EntryId last() const;
    // Null when nobody stands there. Valid until the next change.
    [[nodiscard]] const WaitEntry* find(EntryId id) const;
    // How many came before.
    [[nodiscard]] std::size_t before(EntryId id) const;
    // Behind all who stand there.
    void join(EntryId id, WaitEntry entry);
    void leave(EntryId id);
    // Where he stood before he left.
    void put_back(EntryId id, WaitEntry entry);
    // Those after `after`, in order, until `visit` returns false.
    void for_each_after(EntryId after,
                        const std::function<bool(EntryId, const WaitEntry&)>& visit) const;

private:
    struct Slots;
    std::unique_ptr<Slots> slots_;
};

}  // namespace holdfast::core
