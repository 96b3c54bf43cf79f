#include "service/alert_page.h"

#include <algorithm>
#include <iterator>

#include <holdfast/limits.h>
#include "core/alerts.h"
#include "sequencer/answers.h"
#include "store/codec.h"

namespace holdfast::service {
namespace {

// That one page looks at, on the sequencer's thread: about a millisecond. What it seeks may be rare.
constexpr std::size_t looked_at_max = 10'000;

bool matches(const Alert& alert, const AlertFilter& filter) {
    return (filter.sku.empty() || alert.sku == filter.sku) &&
           (!filter.kind || alert.kind == *filter.kind) &&
           (!filter.acknowledged || alert.acknowledged_at.has_value() == *filter.acknowledged);
}

// Units of a SKU that an order has at a location and that are still to be shipped.
Quantity unshipped(const Hold& order, std::string_view sku, std::string_view location) {
    Quantity units = 0;
    for (const HoldLine& line : order.lines) {
        for (const Allocation& at : line.allocations) {
            if (line.sku == sku && at.location == location) {
                units += at.quantity - at.fulfilled - at.cancelled;
            }
        }
    }
    return units;
}

class Search {
public:
    Search(store::Store& store, AlertPage& alerts, const std::stop_token& ending)
        : store_(store), alerts_(alerts), ending_(ending) {}

    // Ids sort by age: the past is read in spans that double, each forwards and used backwards.
    void run(Instant newest) {
        constexpr auto first_span = std::chrono::hours(1);
        Instant to = newest;
        for (auto span = first_span; to > Instant{} && !enough(); span *= 2) {
            const Instant from = to - std::min<std::chrono::milliseconds>(span, to - Instant{});
            name(orders_between(id_at(from), id_at(to)));
            to = from;
        }
    }

private:
    static HoldId id_at(Instant at) {
        return {.high = static_cast<std::uint64_t>(at.time_since_epoch().count()) << 16, .low = 0};
    }

    [[nodiscard]] bool enough() const {
        const auto found = [this](const MissingUnits& missing) {
            return missing.quantity <= 0 || full(missing);
        };
        return ending_.stop_requested() || read_ >= limits::orders_at_risk_read_max ||
               std::ranges::all_of(alerts_.missing, found);
    }
    [[nodiscard]] bool full(const MissingUnits& missing) const {
        return alerts_.page.items[missing.alert].orders.size() >= limits::orders_at_risk_max;
    }

    // Orders with something missing, newest first.
    std::vector<Hold> orders_between(HoldId from, HoldId to) {
        std::vector<Hold> orders;
        for (std::uint32_t i = 0; i < store_.partition_count(); ++i) {
            store_.scan(
                static_cast<PartitionId>(i), store::RowKind::past_hold, store::encode_id_key(from),
                [&](std::string_view key, std::string_view value) {
                    if (store::decode_id_key(key) >= to) {
                        return false;
                    }
                    Hold hold = store::decode_hold(value);
                    if (hold.status == HoldStatus::confirmed && is_concerned(hold)) {
                        orders.push_back(std::move(hold));
                    }
                    return ++read_ < limits::orders_at_risk_read_max && !ending_.stop_requested();
                });
        }
        std::ranges::sort(orders, std::greater{}, &Hold::id);
        return orders;
    }
    [[nodiscard]] bool is_concerned(const Hold& order) const {
        return std::ranges::any_of(alerts_.missing, [&](const MissingUnits& missing) {
            const std::string& sku = alerts_.page.items[missing.alert].alert.sku;
            return unshipped(order, sku, missing.location) > 0;
        });
    }

    void name(const std::vector<Hold>& orders) {
        for (const Hold& order : orders) {
            for (MissingUnits& missing : alerts_.missing) {
                AlertAnswer& alert = alerts_.page.items[missing.alert];
                const Quantity units = unshipped(order, alert.alert.sku, missing.location);
                if (missing.quantity > 0 && units > 0 && !full(missing)) {
                    alert.orders.push_back({.hold = order.id,
                                            .cart = order.cart,
                                            .customer = order.customer,
                                            .location = missing.location,
                                            .quantity = units});
                    missing.quantity -= units;
                }
            }
        }
    }

    store::Store& store_;
    AlertPage& alerts_;
    const std::stop_token& ending_;
    std::size_t read_ = 0;
};

}  // namespace

AlertPage alert_page(const core::State& state, const AlertFilter& filter, AlertId after,
                     Instant now) {
    AlertPage found;
    std::size_t looked_at = 0;
    for (auto at = state.alerts.upper_bound(after); at != state.alerts.end(); ++at) {
        if (found.page.items.size() == filter.limit || looked_at++ == looked_at_max) {
            found.page.next = to_string(std::prev(at)->first);
            break;
        }
        const core::SkuState& sku = state.skus[at->second];
        const Alert& alert = *std::ranges::find(*sku.alerts, at->first, &Alert::id);
        if (!matches(alert, filter)) {
            continue;
        }
        for (const core::SkuStock& row : sku.stock) {
            const Quantity missing = core::missing_units(row);
            if (alert.kind == AlertKind::shortfall && missing > 0) {
                found.missing.push_back({.alert = found.page.items.size(),
                                         .location = state.locations[row.location].name,
                                         .quantity = missing});
            }
        }
        found.page.items.push_back(sequencer::alert_answer(state, alert, now));
    }
    return found;
}

void name_orders_at_risk(store::Store& store, AlertPage& alerts, const std::stop_token& ending) {
    // Ids run ahead of a clock that stands still, or was set back.
    const Instant newest = alerts.page.items.front().server_time + std::chrono::hours(1);
    Search(store, alerts, ending).run(newest);
}

}  // namespace holdfast::service
