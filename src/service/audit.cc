#include "service/audit.h"

#include <map>

#include <fmt/format.h>

#include "core/evolve.h"
#include "core/state.h"
#include "sequencer/event_log.h"
#include "sequencer/round.h"
#include "store/codec.h"

namespace holdfast::service {
namespace {

using store::RowKind;

// The rows that a partition keeps.
struct KeptRows {
    std::map<std::string, Counters, std::less<>> stock;
    std::map<std::string, store::CustomerRow, std::less<>> customers;
    std::map<HoldId, Hold> holds;
    std::map<std::string, store::WaiterRow, std::less<>> waiting;
    std::map<std::string, store::ShopperRow, std::less<>> shoppers;
    std::map<std::string, store::ReceiptRow, std::less<>> incoming;
    std::map<std::string, Alert, std::less<>> alerts;
};

struct KeptStore {
    std::vector<store::Head> heads;
    std::vector<KeptRows> partitions;
};

KeptStore kept_rows(store::Store& store) {
    KeptStore kept;
    kept.partitions.resize(store.partition_count());
    kept.heads = store.load(
        {RowKind::stock, RowKind::live_hold, RowKind::customer, RowKind::waiting, RowKind::shopper,
         RowKind::incoming, RowKind::alert},
        [&kept](RowKind kind, PartitionId partition, std::string_view key, std::string_view value) {
            KeptRows& rows = kept.partitions[partition];
            if (kind == RowKind::stock) {
                rows.stock.emplace(key, store::decode_counters(value));
            } else if (kind == RowKind::customer) {
                rows.customers.emplace(key, store::decode_customer_row(value));
            } else if (kind == RowKind::incoming) {
                rows.incoming.emplace(key, store::decode_receipt_row(value));
            } else if (kind == RowKind::alert) {
                rows.alerts.emplace(key, store::decode_alert(value));
            } else if (kind == RowKind::shopper) {
                rows.shoppers.emplace(key, store::decode_shopper_row(value));
            } else if (kind == RowKind::waiting) {
                rows.waiting.emplace(key, store::decode_waiter_row(value));
            } else {
                Hold hold = store::decode_hold(value);
                rows.holds.emplace(hold.id, std::move(hold));
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
    const KeptStore kept = kept_rows(store);
    core::State state(store.partition_count());
    // Up to the very moment as of which the rows were read.
    sequencer::EventLog log(store, state.versions, kept.heads);
    while (const auto event = log.next()) {
        core::evolve(state, event->event, event->at);
        ++report.events;
    }
    for (std::size_t i = 0; i < kept.partitions.size(); ++i) {
        report.versions.push_back(kept.heads[i].version);
        if (state.versions[i] != kept.heads[i].version) {
            report.differences.push_back({fmt::format("partition {} version", i),
                                          fmt::to_string(kept.heads[i].version),
                                          fmt::to_string(state.versions[i])});
        }
        Comparison(state, static_cast<PartitionId>(i), kept.partitions[i], report).run();
    }
    return report;
}

}  // namespace holdfast::service
