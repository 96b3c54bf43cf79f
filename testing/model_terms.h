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

}  // namespace holdfast::testing
