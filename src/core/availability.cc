#include "core/availability.h"

#include <algorithm>
#include <map>

#include <holdfast/limits.h>

namespace holdfast::core {
namespace {

class Shelves {
public:
    Shelves(const SkuState& sku, const AvailabilityTerms& terms) : sku_(sku), terms_(terms) {}

    // In all, or of the locations that `belongs` says.
    template <class Belongs>
    [[nodiscard]] Availability sum(std::string_view name, Belongs belongs) const {
        Availability found{.name = std::string(name)};
        for (const SkuStock& row : sku_.stock) {
            if (belongs(row.location)) {
                found.available += at(row.location, row.counters);
            }
        }
        for (std::size_t i = 0; sku_.incoming && i < sku_.incoming->size(); ++i) {
            const Incoming& incoming = (*sku_.incoming)[i];
            if (!belongs(incoming.location)) {
                continue;
            }
            if (incoming.expected_at > terms_.now) {
                found.restock_on =
                    std::min(found.restock_on.value_or(incoming.expected_at), incoming.expected_at);
            }
        }
        const Policy& policy = *sku_.policy;
        if (!found.restock_on && policy.available_on && *policy.available_on > terms_.now) {
            found.restock_on = policy.available_on;
        }
        found.status = status(found.available);
        return found;
    }

private:
    [[nodiscard]] Quantity announced(const Incoming& incoming) const {
        return terms_.by && incoming.expected_at <= *terms_.by ? incoming.quantity : 0;
    }

    // What a newcomer could have there.
    [[nodiscard]] Quantity at(LocationIndex location, const Counters& row) const {
        constexpr EntryId last{.high = UINT64_MAX, .low = UINT64_MAX};
        if (sku_.queues && (sku_.policy->waitlist == Waitlist::fair || sku_.queues->to_be_served) &&
            sku_.queues->somebody_waits(location, last)) {
            return 0;
        }
        Quantity units = row.available - sku_.backordered_at(location);
        for (std::size_t i = 0; sku_.incoming && i < sku_.incoming->size(); ++i) {
            units += (*sku_.incoming)[i].location == location ? announced((*sku_.incoming)[i]) : 0;
        }
        return std::max<Quantity>(units, 0);
    }

    [[nodiscard]] ShopperStatus status(Quantity available) const {
        const Policy& policy = *sku_.policy;
        if (available > 0) {
            return available <= policy.low_stock ? ShopperStatus::low_stock
                                                 : ShopperStatus::in_stock;
        }
        const bool line =
            sku_.queues && policy.waitlist == Waitlist::fair && !sku_.queues->shoppers.empty();
        const Quantity promised = sku_.queues ? sku_.queues->backordered() : 0;
        if (promised < promise_limit(policy).value_or(limits::quantity_max) && !line) {
            return policy.selling == Selling::backorder ? ShopperStatus::backorder
                                                        : ShopperStatus::preorder;
        }
        return policy.waitlist == Waitlist::off ? ShopperStatus::out_of_stock
                                                : ShopperStatus::waitlist;
    }

    const SkuState& sku_;
    const AvailabilityTerms& terms_;
};

}  // namespace

SkuAvailability availability(const State& state, const SkuState& sku,
                             const AvailabilityTerms& terms) {
    const Shelves shelves(sku, terms);
    SkuAvailability answer{.sku = sku.sku,
                           .total = shelves.sum("", [](LocationIndex) { return true; }),
                           .version = state.versions[state.home(sku)]};
    if (terms.group == GroupBy::nothing) {
        return answer;
    }
    const auto group_of = [&](LocationIndex location) -> std::string_view {
        const LocationState& its = state.locations[location];
        return terms.group == GroupBy::location ? its.name : its.region;
    };
    std::map<std::string_view, LocationIndex> groups;
    for (const SkuStock& row : sku.stock) {
        groups.emplace(group_of(row.location), row.location);
    }
    for (const auto& [name, location] : groups) {
        answer.parts.push_back(
            shelves.sum(name, [&](LocationIndex other) { return group_of(other) == name; }));
    }
    return answer;
}

}  // namespace holdfast::core
