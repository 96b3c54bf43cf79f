// The names of the small worlds, and what a hold has at one of their places. Tests only.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include <holdfast/hold.h>
#include <holdfast/limits.h>
#include <holdfast/policy.h>

namespace holdfast::testing {

inline constexpr std::array<std::string_view, 2> sku_names{"mug", "tea"};
inline constexpr std::array<std::string_view, 2> location_names{"main", "berlin"};

inline std::size_t sku_number(std::string_view sku) {
    return sku == sku_names[0] ? 0 : 1;
}

// A SKU at a location, as one number.
inline std::size_t place_of(std::string_view sku, std::string_view location) {
    return 2 * sku_number(sku) + (location == location_names[0] ? 0 : 1);
}

inline std::string place_name(std::size_t place) {
    return std::string(sku_names[place / 2]) + " at " + std::string(location_names[place % 2]);
}

// Units of the SKU that may wait for stock.
inline Quantity promises_of(const Policy& policy) {
    const bool backorder = policy.selling == Selling::backorder;
    const auto limit = backorder ? policy.backorder_limit : policy.preorder_limit;
    return policy.selling == Selling::strict ? 0 : limit.value_or(limits::quantity_max);
}

// Whether a hold's units, or its places in queues, are nobody else's.
inline bool competes(const Hold& hold) {
    return hold.status == HoldStatus::pending || hold.status == HoldStatus::confirmed;
}

// Sum over the hold's allocations at a place.
template <class Units>
Quantity sum_at(const Hold& hold, std::size_t place, Units units) {
    Quantity sum = 0;
    for (const HoldLine& line : hold.lines) {
        for (const Allocation& allocation : line.allocations) {
            sum += place_of(line.sku, allocation.location) == place ? units(allocation) : 0;
        }
    }
    return sum;
}

// Units that the hold has and that were not shipped.
inline Quantity taken_at(const Hold& hold, std::size_t place) {
    return competes(hold)
               ? sum_at(hold, place,
                        [](const Allocation& a) { return a.quantity - a.fulfilled - a.cancelled; })
               : 0;
}

// Units of the line that nobody gave back.
inline Quantity kept(const HoldLine& line) {
    Quantity units = 0;
    for (const Allocation& a : line.allocations) {
        units += a.quantity + a.backordered - a.cancelled - a.returned;
    }
    return units;
}

inline Quantity waiting_at(const Hold& hold, std::size_t place) {
    return competes(hold) ? sum_at(hold, place, [](const Allocation& a) { return a.backordered; })
                          : 0;
}

}  // namespace holdfast::testing
