// The pending holds of a state and the ways to find them: by id and by deadline, and by the names of their
// carts and customers where that was asked for.
// A million of them must fit in little memory, so each is 72 bytes plus one small packed text, and
// the indexes link slots rather than copy keys. One thread; callers hold no pointer over a change.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include <boost/container/small_vector.hpp>

#include <holdfast/hold.h>
#include <holdfast/types.h>

namespace holdfast::core {

using HoldSlot = std::uint32_t;
inline constexpr HoldSlot no_slot = 0xffff'ffff;

struct PackedAllocation {
    std::uint16_t location = 0;
    Quantity quantity = 0;
    Quantity backordered = 0;
    Version place = 0;
};

// A line with its names replaced by indexes of the state.
struct PackedLine {
    static constexpr std::uint32_t no_location = 0xffff'ffff;

    std::uint32_t sku = 0;
    std::uint32_t named_location = no_location;
    Quantity wanted = 0;
    Quantity quantity = 0;
    bool limited = false;
    bool windowed = false;
    bool soft = false;
    boost::container::small_vector<PackedAllocation, 1> allocations;
};

using PackedLines = boost::container::small_vector<PackedLine, 2>;

struct PendingHold {
    HoldId id;
    Instant created_at;
    Fence fence = 0;
    // Milliseconds after created_at: limits::hold_life_max keeps them inside 32 bits.
    std::uint32_t expires_ms = 0;
    std::uint32_t beats_until_ms = 0;
    std::uint32_t heartbeat_s = 0;
    std::uint16_t extensions = 0;
    bool secured = false;
    // Names and lines, packed.
    std::unique_ptr<char[]> packed;
    // Neighbours among the holds of the same deadline, and the next one in the bucket of the id.
    HoldSlot deadline_previous = no_slot;
    HoldSlot deadline_next = no_slot;
    HoldSlot bucket_next = no_slot;

    [[nodiscard]] Instant expires_at() const;
    [[nodiscard]] Instant beats_until() const;
    [[nodiscard]] Instant deadline() const;
    [[nodiscard]] std::string_view cart() const;
    [[nodiscard]] std::string_view customer() const;
    [[nodiscard]] std::string_view region() const;
    [[nodiscard]] PackedLines lines() const;
    // Its neighbours mean nothing.
    [[nodiscard]] PendingHold copy() const;
};

struct HoldNames {
    std::string_view cart;
    std::string_view customer;
    std::string_view region;  // mostly empty
};
HoldNames names_of(const Hold& hold);

// The fields of a hold that are not packed.
struct HoldTimes {
    HoldId id;
    Instant created_at;
    Fence fence = 0;
    Instant expires_at;
    Instant beats_until;
    Seconds heartbeat{0};
    int extensions = 0;
    bool secured = false;
};

HoldTimes times_of(const Hold& hold);

class PendingHolds {
public:
    PendingHolds();
    ~PendingHolds();
    PendingHolds(PendingHolds&&) noexcept;
    PendingHolds& operator=(PendingHolds&&) noexcept;

    [[nodiscard]] std::size_t count() const;
    // Null when there is none. Valid until the next change.
    [[nodiscard]] const PendingHold* find(HoldId id) const;

    // The id must be a new one.
    void insert(const HoldTimes& times, const HoldNames& names, const PackedLines& lines);
    void insert(PendingHold hold);  // as copy() gave it
    // These need a hold that is there.
    void erase(HoldId id);
    void update(const HoldTimes& times);
    void replace_lines(HoldId id, const PackedLines& lines);
    void replace(HoldId id, const HoldNames& names, const PackedLines& lines);

    // The ids of holds whose deadline is at or before `now`: oldest deadline first, then by id; at
    // most `limit`. Which ones of a deadline, when not all of them, is not said.
    [[nodiscard]] std::vector<HoldId> due(Instant now, std::size_t limit) const;
    [[nodiscard]] bool any_due(Instant now) const;
    // Instant::max() when there is no hold.
    [[nodiscard]] Instant next_deadline() const;

    void for_each(const std::function<void(const PendingHold&)>& visit) const;

    // From now on they are found by name, which costs some 24 bytes for each of the two names of a hold.
    void index_names();
    // Oldest first. After index_names().
    [[nodiscard]] std::vector<HoldId> of_cart(std::string_view cart) const;
    [[nodiscard]] std::vector<HoldId> of_customer(std::string_view customer) const;

private:
    struct Indexes;
    std::unique_ptr<Indexes> indexes_;
};

}  // namespace holdfast::core
