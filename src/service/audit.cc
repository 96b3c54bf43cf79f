#include "service/audit.h"

#include <map>

#include <fmt/format.h>

#include "core/evolve.h"
#include "core/state.h"
#include "sequencer/round.h"
#include "service/event_log.h"
#include "store/codec.h"

namespace holdfast::service {
namespace {

using store::RowKind;

// The rows that a partition keeps, as of one version.
struct KeptRows {
    Version version = 0;
    std::map<std::string, Counters, std::less<>> stock;
    std::map<std::string, store::CustomerRow, std::less<>> customers;
    std::map<HoldId, Hold> holds;
    std::map<std::string, store::WaiterRow, std::less<>> waiting;
    std::map<std::string, store::ShopperRow, std::less<>> shoppers;
    std::map<std::string, store::ReceiptRow, std::less<>> incoming;
    std::map<std::string, Alert, std::less<>> alerts;
    bool compared = false;
};

KeptRows kept_rows(store::Store& store, PartitionId partition) {
    KeptRows kept;
    kept.version =
        store.load(partition,
                   {RowKind::stock, RowKind::live_hold, RowKind::customer, RowKind::waiting,
                    RowKind::shopper, RowKind::incoming, RowKind::alert},
                   [&kept](RowKind kind, std::string_view key, std::string_view value) {
                       if (kind == RowKind::stock) {
                           kept.stock.emplace(key, store::decode_counters(value));
                       } else if (kind == RowKind::customer) {
                           kept.customers.emplace(key, store::decode_customer_row(value));
                       } else if (kind == RowKind::incoming) {
                           kept.incoming.emplace(key, store::decode_receipt_row(value));
                       } else if (kind == RowKind::alert) {
                           kept.alerts.emplace(key, store::decode_alert(value));
                       } else if (kind == RowKind::shopper) {
                           kept.shoppers.emplace(key, store::decode_shopper_row(value));
                       } else if (kind == RowKind::waiting) {
                           kept.waiting.emplace(key, store::decode_waiter_row(value));
                       } else {
                           Hold hold = store::decode_hold(value);
                           kept.holds.emplace(hold.id, std::move(hold));
                       }
                   });
    return kept;
}

std::string shown(const Hold& hold) {
    std::string text = fmt::format("{} until {} fence {}:", to_string(hold.status),
                                   to_rfc3339(hold.deadline()), hold.fence);
    for (const HoldLine& line : hold.lines) {
        text += fmt::format(" {} x{}", line.sku, line.quantity);
    }
    return text;
}

// "sku@where" from a row's key.
std::string pair_name(std::string_view key) {
    const auto [first, second] = store::decode_pair_key(key);
    return fmt::format("{}@{}", first, second);
}

class Comparison {
public:
    Comparison(const core::State& state, PartitionId partition, const KeptRows& kept,
               AuditReport& report)
        : state_(state), partition_(partition), kept_(kept), report_(report) {}

    void run() {
        compare_stock();
        compare_customers();
        compare_holds();
        compare_waiting();
        compare_shoppers();
        compare_incoming();
        compare_alerts();
    }

private:
    void differ(std::string what, std::string kept, std::string events) {
        if (report_.differences.size() < audit_differences_max) {
            report_.differences.push_back({std::move(what), std::move(kept), std::move(events)});
        }
    }

    void compare(std::string_view key, const Counters& kept, const Counters& events) {
        const auto one = [&](std::string_view name, Quantity a, Quantity b) {
            if (a != b) {
                differ(fmt::format("stock {} {}", pair_name(key), name), fmt::to_string(a),
                       fmt::to_string(b));
            }
        };
        one("on_hand", kept.on_hand, events.on_hand);
        one("available", kept.available, events.available);
        one("held", kept.held, events.held);
        one("committed", kept.committed, events.committed);
        one("safety_stock", kept.safety_stock, events.safety_stock);
        one("returned", kept.returned, events.returned);
        one("repair", kept.repair, events.repair);
        one("damaged", kept.damaged, events.damaged);
    }

    void compare_stock() {
        std::map<std::string, Counters, std::less<>> events;
        for (const core::SkuState& sku : state_.skus) {
            if (state_.home(sku) != partition_) {
                continue;
            }
            for (const core::SkuStock& row : sku.stock) {
                events.emplace(store::encode_pair_key(sku.sku, state_.locations[row.location].name),
                               row.counters);
            }
        }
        report_.stock_rows += events.size();
        for (const auto& [key, counters] : events) {
            const auto row = kept_.stock.find(key);
            compare(key, row == kept_.stock.end() ? Counters{} : row->second, counters);
        }
        for (const auto& [key, counters] : kept_.stock) {
            if (!events.contains(key)) {
                compare(key, counters, {});
            }
        }
    }

    void compare_customers() {
        std::map<std::string, store::CustomerRow, std::less<>> events;
        for (const core::SkuState& sku : state_.skus) {
            if (state_.home(sku) != partition_ || !sku.customers) {
                continue;
            }
            const auto add = [&](std::string_view customer) {
                events.try_emplace(store::encode_pair_key(sku.sku, customer),
                                   sequencer::customer_row(sku, customer));
            };
            for (const auto& [customer, units] : sku.customers->for_good) {
                add(customer);
            }
            for (const auto& [customer, units] : sku.customers->windowed) {
                add(customer);
            }
        }
        compare_rows(
            kept_.customers, events,
            [](std::string_view key) { return "customer's units " + pair_name(key); },
            [](const store::CustomerRow& row) {
                std::string text = fmt::to_string(row.for_good);
                for (const store::WindowedRow& units : row.windowed) {
                    text += fmt::format(", {} of {} for {} s since {}", units.quantity,
                                        to_string(units.hold), units.window.count(),
                                        to_rfc3339(units.since));
                }
                return text;
            });
    }

    void compare_holds() {
        std::size_t both = 0;
        state_.holds.for_each([&](const core::PendingHold& pending) {
            if (state_.home(pending.id) != partition_) {
                return;
            }
            ++report_.pending_holds;
            const Hold events = state_.materialise(pending);
            const auto kept = kept_.holds.find(pending.id);
            if (kept == kept_.holds.end()) {
                differ("hold " + to_string(pending.id), "none", shown(events));
                return;
            }
            ++both;
            if (!(kept->second == events)) {
                differ("hold " + to_string(pending.id), shown(kept->second), shown(events));
            }
        });
        if (both == kept_.holds.size()) {
            return;
        }
        for (const auto& [id, hold] : kept_.holds) {
            if (state_.holds.find(id) == nullptr) {
                differ("hold " + to_string(id), shown(hold), "none");
            }
        }
    }

    void compare_waiting() {
        std::map<std::string, store::WaiterRow, std::less<>> events;
        for (const core::SkuState& sku : state_.skus) {
            if (state_.home(sku) != partition_ || !sku.queues) {
                continue;
            }
            for (const core::StockQueue& queue : sku.queues->orders) {
                for (const auto& [place, waiter] : queue.orders) {
                    events.emplace(
                        store::encode_place_key(sku.sku, state_.locations[queue.location].name,
                                                place),
                        store::WaiterRow{.hold = waiter.hold, .quantity = waiter.quantity});
                }
            }
        }
        compare_rows(
            kept_.waiting, events,
            [](std::string_view key) {
                const auto [sku, location, place] = store::decode_place_key(key);
                return fmt::format("queue {}@{} place {}", sku, location, place);
            },
            [](const store::WaiterRow& row) {
                return fmt::format("{} for {} units", to_string(row.hold), row.quantity);
            });
    }

    void compare_shoppers() {
        std::map<std::string, store::ShopperRow, std::less<>> events;
        for (const core::SkuState& sku : state_.skus) {
            if (state_.home(sku) != partition_ || !sku.queues) {
                continue;
            }
            for (const core::ShopperLine& line : sku.queues->shoppers) {
                line.line.for_each_after({}, [&](EntryId id, const core::WaitEntry& entry) {
                    events.emplace(
                        store::encode_entry_key(sku.sku, id),
                        store::ShopperRow{.location = line.location == core::SkuQueues::anywhere
                                                          ? std::string()
                                                          : state_.locations[line.location].name,
                                          .customer = entry.customer,
                                          .cart = entry.cart,
                                          .quantity = entry.quantity,
                                          .region = entry.region});
                    return true;
                });
            }
        }
        compare_rows(
            kept_.shoppers, events,
            [](std::string_view key) {
                const auto [sku, id] = store::decode_entry_key(key);
                return fmt::format("waiting line {} {}", sku, to_string(id));
            },
            [](const store::ShopperRow& row) {
                return fmt::format("{} for {} units", row.customer, row.quantity);
            });
    }

    void compare_incoming() {
        std::map<std::string, store::ReceiptRow, std::less<>> events;
        for (const core::SkuState& sku : state_.skus) {
            for (std::size_t i = 0;
                 state_.home(sku) == partition_ && sku.incoming && i < sku.incoming->size(); ++i) {
                const core::Incoming& one = (*sku.incoming)[i];
                events.emplace(
                    store::encode_receipt_key(sku.sku, state_.locations[one.location].name,
                                              one.reference),
                    store::ReceiptRow{.quantity = one.quantity, .expected_at = one.expected_at});
            }
        }
        compare_rows(
            kept_.incoming, events,
            [](std::string_view key) {
                const auto [sku, location, reference] = store::decode_receipt_key(key);
                return fmt::format("incoming {}@{} {}", sku, location, reference);
            },
            [](const store::ReceiptRow& row) {
                return fmt::format("{} at {}", row.quantity, to_rfc3339(row.expected_at));
            });
    }

    void compare_alerts() {
        std::map<std::string, Alert, std::less<>> events;
        for (const auto& [id, sku] : state_.alerts) {
            if (state_.home(state_.skus[sku]) == partition_) {
                Alert alert = *state_.find_alert(id);
                alert.id = {};  // is the key
                events.emplace(store::encode_alert_key(id), std::move(alert));
            }
        }
        compare_rows(
            kept_.alerts, events,
            [](std::string_view key) { return to_string(store::decode_alert_key(key)); },
            [](const Alert& alert) {
                return fmt::format("{} {} {}, seen by '{}'", to_string(alert.kind), alert.sku,
                                   alert.figure, alert.acknowledged_by);
            });
    }

    // Rows that either are the same or differ as a whole.
    template <class Rows, class Name, class Shown>
    void compare_rows(const Rows& kept, const Rows& events, Name name, Shown shown) {
        for (const auto& [key, row] : events) {
            const auto found = kept.find(key);
            if (found == kept.end() || !(found->second == row)) {
                differ(name(key), found == kept.end() ? "none" : shown(found->second), shown(row));
            }
        }
        for (const auto& [key, row] : kept) {
            if (!events.contains(key)) {
                differ(name(key), shown(row), "none");
            }
        }
    }

    const core::State& state_;
    PartitionId partition_;
    const KeptRows& kept_;
    AuditReport& report_;
};

}  // namespace

AuditReport audit(store::Store& store) {
    AuditReport report;
    std::vector<KeptRows> kept;
    for (std::uint32_t i = 0; i < store.partition_count(); ++i) {
        kept.push_back(kept_rows(store, static_cast<PartitionId>(i)));
        report.versions.push_back(kept.back().version);
    }
    core::State state(store.partition_count());
    EventLog log(store, std::vector<Version>(store.partition_count()));
    std::size_t left = kept.size();
    // Each partition is compared at the very version as of which its rows were read.
    const auto compare_where_due = [&] {
        for (std::size_t i = 0; i < kept.size(); ++i) {
            if (!kept[i].compared && state.versions[i] == kept[i].version) {
                Comparison(state, static_cast<PartitionId>(i), kept[i], report).run();
                kept[i].compared = true;
                --left;
            }
        }
    };
    compare_where_due();
    while (left > 0) {
        const auto event = log.next();
        if (!event) {
            break;
        }
        core::evolve(state, event->event, event->at);
        ++report.events;
        compare_where_due();
    }
    for (std::size_t i = 0; i < kept.size(); ++i) {
        if (!kept[i].compared) {
            report.differences.push_back({fmt::format("partition {} version", i),
                                          fmt::to_string(kept[i].version),
                                          fmt::to_string(state.versions[i])});
        }
    }
    return report;
}

}  // namespace holdfast::service
