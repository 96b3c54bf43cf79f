#include <algorithm>

#include <holdfast/assert.h>
#include <holdfast/fault.h>
#include "core/state.h"

namespace holdfast::core {

Quantity CustomerUnits::counted(std::string_view customer, std::optional<Seconds> window,
                                Instant now, const PendingHolds& holds) const {
    const auto number = for_good.find(customer);
    Quantity counted = number == for_good.end() ? 0 : number->second;
    const auto found = windowed.find(customer);
    if (found == windowed.end()) {
        return counted;
    }
    for (const WindowedUnits& units : found->second) {
        const Instant end = units.since + std::min(units.window, window.value_or(units.window));
        if (now < end || holds.find(units.hold) != nullptr || HF_FAULT(window_never_ends)) {
            counted += units.quantity;
        }
    }
    return counted;
}

void CustomerUnits::change(std::string_view customer, Quantity by) {
    const auto number = for_good.try_emplace(std::string(customer)).first;
    number->second += by;
    HF_ASSERT(number->second >= 0);
    if (number->second == 0) {
        for_good.erase(number);
    }
}

void CustomerUnits::take(std::string_view customer, const WindowedUnits& units, Instant now,
                         const PendingHolds& holds) {
    std::vector<WindowedUnits>& all = windowed.try_emplace(std::string(customer)).first->second;
    // Not by the policy's window of today: a longer one must find what a shorter one left out.
    std::erase_if(all, [&](const WindowedUnits& old) {
        return old.since + old.window <= now && old.hold != units.hold &&
               holds.find(old.hold) == nullptr;
    });
    if (!all.empty() && all.back().hold == units.hold) {
        all.back().quantity += units.quantity;  // another line of the same cart
    } else {
        all.push_back(units);
    }
}

bool CustomerUnits::give_back(std::string_view customer, HoldId hold, Quantity quantity) {
    const auto found = windowed.find(customer);
    if (found == windowed.end()) {
        return false;
    }
    std::vector<WindowedUnits>& all = found->second;
    const auto units = std::ranges::find(all, hold, &WindowedUnits::hold);
    if (units == all.end()) {
        return false;
    }
    units->quantity -= quantity;
    HF_ASSERT(units->quantity >= 0);
    if (units->quantity == 0) {
        all.erase(units);
    }
    if (all.empty()) {
        windowed.erase(found);
    }
    return true;
}

}  // namespace holdfast::core
