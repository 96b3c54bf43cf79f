// What the model's files share: refusing, and the units of an allocation by what may become of them.
#pragma once

#include <algorithm>
#include <vector>

#include <holdfast/commands.h>
#include <holdfast/hold.h>
#include <holdfast/refusal.h>

namespace holdfast::testing {

using Lines = std::vector<LineRequest>;
using Code = RefusalCode;
using Status = HoldStatus;

inline void require(bool condition, Code code, std::vector<ShortLine> lines = {}) {
    if (!condition) {
        throw Refusal{.code = code, .detail = "model", .short_lines = std::move(lines)};
    }
}

// Sold, and neither shipped nor given up.
inline Quantity to_ship(const Allocation& a) {
    return a.quantity - a.fulfilled - a.cancelled;
}
// Whether its units, or its place in a queue, are nobody else's.
inline bool competes(const Hold& hold) {
    return hold.status != Status::released && hold.status != Status::expired &&
           hold.status != Status::lost;
}

inline Quantity to_cancel(const Allocation& a) {
    return to_ship(a) + a.backordered;
}
inline Quantity to_return(const Allocation& a) {
    return a.fulfilled - a.returned;
}

inline Quantity sum(const Hold& hold, Quantity (*of)(const Allocation&)) {
    Quantity total = 0;
    for (const HoldLine& line : hold.lines) {
        for (const Allocation& a : line.allocations) {
            total += of(a);
        }
    }
    return total;
}

// The status of a sold hold from what became of its units.
inline void settle(Hold& hold) {
    const bool any = sum(hold, [](const Allocation& a) { return a.fulfilled; }) > 0;
    hold.status = sum(hold, to_cancel) > 0   ? Status::confirmed
                  : sum(hold, to_return) > 0 ? Status::fulfilled
                  : any                      ? Status::returned
                                             : Status::cancelled;
}

}  // namespace holdfast::testing
