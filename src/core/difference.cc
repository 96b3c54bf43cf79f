#include <algorithm>

#include <fmt/format.h>

#include "core/state.h"

namespace holdfast::core {
namespace {

std::string describe(const Counters& c) {
    return fmt::format(
        "on_hand {} available {} held {} committed {} safety_stock {} returned {} repair {} "
        "damaged {}",
        c.on_hand, c.available, c.held, c.committed, c.safety_stock, c.returned, c.repair,
        c.damaged);
}

// The stock rows of a SKU by location name.
std::map<std::string, Counters> rows_of(const State& state, const SkuState& sku) {
    std::map<std::string, Counters> rows;
    for (const SkuStock& row : sku.stock) {
        rows[state.locations[row.location].name] = row.counters;
    }
    return rows;
}

std::map<std::string, std::pair<Quantity, std::vector<WindowedUnits>>> customers_of(
    const SkuState& sku) {
    std::map<std::string, std::pair<Quantity, std::vector<WindowedUnits>>> customers;
    if (sku.customers) {
        for (const auto& [customer, units] : sku.customers->for_good) {
            customers[customer].first = units;
        }
        for (const auto& [customer, units] : sku.customers->windowed) {
            customers[customer].second = units;
        }
    }
    return customers;
}

std::map<std::string, std::pair<Quantity, std::map<Version, StockQueue::Waiter>>> waiters_of(
    const State& state, const SkuState& sku) {
    std::map<std::string, std::pair<Quantity, std::map<Version, StockQueue::Waiter>>> waiters;
    for (std::size_t i = 0; sku.queues && i < sku.queues->orders.size(); ++i) {
        const StockQueue& queue = sku.queues->orders[i];
        waiters[state.locations[queue.location].name] = {queue.units, queue.orders};
    }
    return waiters;
}

std::map<std::pair<std::string, std::string>, std::pair<Quantity, Instant>> incoming_of(
    const State& state, const SkuState& sku) {
    std::map<std::pair<std::string, std::string>, std::pair<Quantity, Instant>> incoming;
    for (std::size_t i = 0; sku.incoming && i < sku.incoming->size(); ++i) {
        const Incoming& one = (*sku.incoming)[i];
        incoming[{state.locations[one.location].name, one.reference}] = {one.quantity,
                                                                         one.expected_at};
    }
    return incoming;
}

std::map<EntryId, std::pair<std::string, WaitEntry>> shoppers_of(const State& state,
                                                                 const SkuState& sku) {
    std::map<EntryId, std::pair<std::string, WaitEntry>> shoppers;
    for (std::size_t i = 0; sku.queues && i < sku.queues->shoppers.size(); ++i) {
        const ShopperLine& line = sku.queues->shoppers[i];
        const std::string location = line.location == SkuQueues::anywhere
                                         ? std::string()
                                         : state.locations[line.location].name;
        line.line.for_each_after({}, [&](EntryId id, const WaitEntry& entry) {
            shoppers.emplace(id, std::pair(location, entry));
            return true;
        });
    }
    return shoppers;
}

TextMap<EntryId> standing_of(const SkuState& sku) {
    return sku.queues ? sku.queues->customers : TextMap<EntryId>();
}

std::vector<Alert> alerts_of(const SkuState& sku) {
    std::vector<Alert> alerts = sku.alerts ? *sku.alerts : std::vector<Alert>();
    std::ranges::sort(alerts, {}, &Alert::id);
    return alerts;
}

std::string sku_difference(const State& a, const State& b, const SkuState& in_a) {
    const SkuState* in_b = b.find_sku(in_a.sku);
    if (in_b == nullptr) {
        return fmt::format("sku {} is in the first only", in_a.sku);
    }
    if (*in_a.policy != *in_b->policy || in_a.defined_at != in_b->defined_at) {
        return fmt::format("sku {} has two policies", in_a.sku);
    }
    if (waiters_of(a, in_a) != waiters_of(b, *in_b)) {
        return fmt::format("sku {} has other orders that wait for stock", in_a.sku);
    }
    if (incoming_of(a, in_a) != incoming_of(b, *in_b)) {
        return fmt::format("sku {} expects other receipts", in_a.sku);
    }
    if (shoppers_of(a, in_a) != shoppers_of(b, *in_b) || standing_of(in_a) != standing_of(*in_b)) {
        return fmt::format("sku {} has another waiting line", in_a.sku);
    }
    if (in_a.level != in_b->level || alerts_of(in_a) != alerts_of(*in_b)) {
        return fmt::format("sku {} has other alerts, or another level", in_a.sku);
    }
    if (customers_of(in_a) != customers_of(*in_b)) {
        return fmt::format("sku {} counts its customers' units differently", in_a.sku);
    }
    const auto rows_a = rows_of(a, in_a);
    const auto rows_b = rows_of(b, *in_b);
    for (const auto& [location, counters] : rows_a) {
        const auto other = rows_b.find(location);
        if (other == rows_b.end()) {
            return fmt::format("stock {}@{} is in the first only", in_a.sku, location);
        }
        if (!(other->second == counters)) {
            return fmt::format("stock {}@{}: {} / {}", in_a.sku, location, describe(counters),
                               describe(other->second));
        }
    }
    return rows_a.size() == rows_b.size()
               ? std::string()
               : fmt::format("sku {} has more locations in the second", in_a.sku);
}

std::string holds_difference(const State& a, const State& b) {
    std::string found;
    a.holds.for_each([&](const PendingHold& hold) {
        const PendingHold* other = b.holds.find(hold.id);
        if (found.empty() && other == nullptr) {
            found = fmt::format("{} is pending in the first only", to_string(hold.id));
        } else if (found.empty() && !(a.materialise(hold) == b.materialise(*other))) {
            found = fmt::format("{} differs", to_string(hold.id));
        }
    });
    const auto by_deadline = [](const State& state) {
        return state.holds.due(Instant::max(), state.holds.count());
    };
    if (found.empty() && by_deadline(a) != by_deadline(b)) {
        return "the order of the holds' deadlines differs";
    }
    return found;
}

// What finds the data by name or by id, and what is counted over all of it.
std::string indexes_difference(const State& a, const State& b) {
    const auto alerts = [](const State& state) {
        std::map<AlertId, std::string_view> skus;
        for (const auto& [id, sku] : state.alerts) {
            skus.emplace(id, state.skus[sku].sku);
        }
        return skus;
    };
    if (alerts(a) != alerts(b)) {
        return "other alerts stand";
    }
    if (a.policies != b.policies) {
        return fmt::format("policies: {} / {}, or other numbers of SKUs have them",
                           a.policies.size(), b.policies.size());
    }
    if (a.sku_names.count() != b.sku_names.count() ||
        a.location_by_name.size() != b.location_by_name.size()) {
        return fmt::format("names: {} / {} of SKUs, {} / {} of locations", a.sku_names.count(),
                           b.sku_names.count(), a.location_by_name.size(),
                           b.location_by_name.size());
    }
    return {};
}

}  // namespace

std::string difference(const State& a, const State& b) {
    if (a.versions != b.versions) {
        return fmt::format("versions: partition 0 at {} / {} of {} / {} partitions", a.versions[0],
                           b.versions[0], a.versions.size(), b.versions.size());
    }
    if (a.time != b.time) {
        return fmt::format("time: {} / {}", to_rfc3339(a.time), to_rfc3339(b.time));
    }
    if (a.skus.size() != b.skus.size() || a.holds.count() != b.holds.count()) {
        return fmt::format("counts: {} / {} SKUs, {} / {} pending holds", a.skus.size(),
                           b.skus.size(), a.holds.count(), b.holds.count());
    }
    for (const LocationState& location : a.locations) {
        const auto other = b.find_location(location.name);
        if (!other || b.locations[*other].region != location.region ||
            b.locations[*other].priority != location.priority) {
            return fmt::format("location {} differs", location.name);
        }
    }
    const auto order = [](const State& state) {
        std::vector<std::string_view> names;
        names.reserve(state.by_priority.size());
        for (const LocationIndex index : state.by_priority) {
            names.push_back(state.locations[index].name);
        }
        return names;
    };
    if (order(a) != order(b)) {
        return "the order in which locations serve differs";
    }
    for (const SkuState& sku : a.skus) {
        if (std::string found = sku_difference(a, b, sku); !found.empty()) {
            return found;
        }
    }
    if (std::string found = holds_difference(a, b); !found.empty()) {
        return found;
    }
    return indexes_difference(a, b);
}

}  // namespace holdfast::core
