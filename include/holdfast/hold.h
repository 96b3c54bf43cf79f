// A hold as everybody outside the core sees it, and as it is kept once it competes no longer.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <holdfast/types.h>

namespace holdfast {

enum class HoldStatus : std::uint8_t {
    pending,
    confirmed,
    fulfilled,
    released,
    expired,
    cancelled,
    returned,
    lost  // it was soft, and when it was paid its units were gone
};
std::string_view to_string(HoldStatus status);

// Units of one line at one location. fulfilled + cancelled <= quantity; returned <= fulfilled.
struct Allocation {
    std::string location;
    Quantity quantity = 0;
    Quantity fulfilled = 0;
    Quantity cancelled = 0;
    Quantity returned = 0;
    // Units promised here beyond stock, besides `quantity`, and where they stand in the queue for it: the
    // version at which they joined. 0 when nothing waits.
    Quantity backordered = 0;
    Version place = 0;

    bool operator==(const Allocation&) const = default;
};

struct HoldLine {
    std::string sku;
    // The location that the cart named; empty when the allocation rule chose.
    std::string location;
    // Units asked for and units granted, the waiting ones included. They differ only in a partial hold.
    Quantity wanted = 0;
    Quantity quantity = 0;
    std::vector<Allocation> allocations;
    // The line is a wish: `quantity` is what is wanted, and no units are allocated yet.
    bool soft = false;
    // Whether these units count against the customer's limit: the policy had one at the time.
    bool limited = false;
    // And only for a while: it had a window too.
    bool windowed = false;

    bool operator==(const HoldLine&) const = default;
};

struct Hold {
    HoldId id;
    HoldStatus status = HoldStatus::pending;
    Fence fence = 0;
    std::string cart;
    std::string customer;
    // The shopper's, where a request named one: for allocation `nearest`, whenever units are taken.
    std::string region;
    std::vector<HoldLine> lines;
    Instant created_at;
    // The deadline as granted; with a heartbeat the hold may end earlier, at `beats_until`.
    Instant expires_at;
    // 0: the hold asked for no heartbeat.
    Seconds heartbeat{0};
    Instant beats_until;
    int extensions = 0;
    bool secured = false;

    bool operator==(const Hold&) const = default;

    [[nodiscard]] bool firm() const {
        return std::ranges::none_of(lines, [](const HoldLine& line) { return line.soft; });
    }
    // From this instant on the hold has lapsed.
    [[nodiscard]] Instant deadline() const {
        return heartbeat.count() > 0 && beats_until < expires_at ? beats_until : expires_at;
    }
};

}  // namespace holdfast
