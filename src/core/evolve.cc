#include "core/evolve.h"

#include <algorithm>
#include <ranges>

#include <holdfast/assert.h>
#include <holdfast/fault.h>
#include <holdfast/limits.h>
#include "core/line_index.h"

namespace holdfast::core {
namespace {

using Counter = Quantity Counters::*;

Counter counter_of(StockState state) {
    switch (state) {
        case StockState::available:
            return &Counters::available;
        case StockState::returned:
            return &Counters::returned;
        case StockState::repair:
            return &Counters::repair;
        case StockState::damaged:
            return &Counters::damaged;
    }
    HF_ASSERT(!"a stock state without a counter");
}

// The identity that is published, and the counters that may never be negative.
void check(const Counters& c) {
    HF_ASSERT(c.on_hand == c.available + c.held + c.committed + c.safety_stock + c.returned +
                               c.repair + c.damaged);
    HF_ASSERT(c.held >= 0 && c.committed >= 0 && c.on_hand >= 0);
    HF_ASSERT(c.returned >= 0 && c.repair >= 0 && c.damaged >= 0);
}

class Evolution {
public:
    explicit Evolution(State& state) : state_(state) {}

    void operator()(const SkuDefined& e) {
        SkuState& sku = state_.skus[state_.define_sku(e.sku)];
        for (SkuStock& row : sku.stock) {
            row.counters.available += row.counters.safety_stock - e.policy.safety_stock;
            row.counters.safety_stock = e.policy.safety_stock;
            check(row.counters);
        }
        sku.policy = e.policy;
        sku.defined_at = state_.versions[state_.home(sku)];
    }
    void operator()(const LocationDefined& e) {
        LocationState& location = state_.locations[state_.define_location(e.location)];
        location.region = e.region;
        location.priority = e.priority;
        state_.sort_locations();
    }
    void operator()(const StockReceived& e) {
        Counters& row = row_of(e.sku, e.location);
        row.on_hand += e.quantity;
        row.available += e.quantity;
        check(row);
    }
    void operator()(const StockAdjusted& e) {
        Counters& row = row_of(e.sku, e.location);
        row.on_hand += e.delta;
        row.available += e.delta;
        check(row);
    }
    void operator()(const StockMoved& e) {
        Counters& row = row_of(e.sku, e.location);
        shift(row, counter_of(e.from), counter_of(e.to), e.quantity);
    }
    void operator()(const StockTransferred& e) {
        Counters& from = row_of(e.sku, e.from);
        from.on_hand -= e.quantity;
        from.available -= e.quantity;
        check(from);
        Counters& to = row_of(e.sku, e.to);
        to.on_hand += e.quantity;
        to.available += e.quantity;
        check(to);
    }

    void operator()(const HoldPlaced& e) {
        const bool pending = e.hold.status == HoldStatus::pending;
        const PackedLines lines = take(e.hold, pending ? &Counters::held : &Counters::committed);
        if (pending) {
            state_.holds.insert(times_of(e.hold), e.hold.cart, e.hold.customer, lines);
        }
    }
    void operator()(const HoldRefused&) {}
    void operator()(const HoldAmended& e) {
        give_back(e.released, e.hold.customer, &Counters::held);
        state_.holds.replace_lines(e.hold.id, take(e.hold, &Counters::held));
        state_.holds.update(times_of(e.hold));
    }
    void operator()(const HoldExtended& e) {
        HoldTimes times = changed_times(e.id, e.fence);
        times.expires_at = e.expires_at;
        times.beats_until = e.beats_until;
        times.extensions = e.extensions;
        state_.holds.update(times);
    }
    void operator()(const HoldSecured& e) {
        HoldTimes times = changed_times(e.id, e.fence);
        times.expires_at = e.expires_at;
        times.secured = true;
        state_.holds.update(times);
    }
    void operator()(const HoldConfirmed& e) {
        for (const Part& part : e.confirmed) {
            shift(row_of(part.sku, part.location), e.late ? &Counters::available : &Counters::held,
                  &Counters::committed, part.quantity);
            if (e.late) {
                count(part, e.customer, part.quantity);
            }
        }
        give_back(e.released, e.customer, &Counters::held);
        if (!e.late) {
            state_.holds.erase(e.id);
        }
    }
    void operator()(const HoldReleased& e) { end(e); }
    void operator()(const HoldExpired& e) {
        if (HF_FAULT(expiry_forgotten)) {
            state_.holds.erase(e.id);
            return;
        }
        end(e);
    }
    void operator()(const HoldFulfilled& e) {
        for (const Part& part : e.fulfilled) {
            Counters& row = row_of(part.sku, part.location);
            row.on_hand -= part.quantity;
            row.committed -= part.quantity;
            check(row);
        }
    }
    void operator()(const HoldCancelled& e) {
        give_back(e.cancelled, e.customer, &Counters::committed);
    }
    void operator()(const HoldReturned& e) {
        for (const Part& part : e.returned) {
            Counters& row = row_of(part.sku, part.location);
            row.on_hand += part.quantity;
            row.returned += part.quantity;
            check(row);
            count(part, e.customer, -part.quantity);
        }
    }

private:
    Counters& row_of(std::string_view sku, std::string_view location) {
        const auto index = state_.find_location(location);
        HF_ASSERT(index.has_value());
        return state_.stock_row(state_.sku_index(sku), *index);
    }

    static void shift(Counters& row, Counter from, Counter to, Quantity quantity) {
        row.*from -= quantity;
        row.*to += quantity;
        check(row);
    }

    // What a customer holds or owns of a SKU, where its limit counts it.
    void count(const Part& part, std::string_view customer, Quantity change) {
        if (!part.limited || change == 0) {
            return;
        }
        SkuState& sku = state_.skus[state_.sku_index(part.sku)];
        if (!sku.customers) {
            sku.customers = std::make_unique<TextMap<Quantity>>();
        }
        const auto entry = sku.customers->try_emplace(std::string(customer)).first;
        entry->second += change;
        HF_ASSERT(entry->second >= 0);
        if (entry->second == 0) {
            sku.customers->erase(entry);
        }
    }

    // Takes the units of a hold from available, and gives its lines with their names looked up.
    PackedLines take(const Hold& hold, Counter to) {
        PackedLines lines;
        lines.reserve(hold.lines.size());
        for (const HoldLine& line : hold.lines) {
            PackedLine& packed = lines.emplace_back();
            packed.sku = state_.sku_index(line.sku);
            if (!line.location.empty()) {
                packed.named_location = *state_.find_location(line.location);
            }
            packed.wanted = line.wanted;
            packed.quantity = line.quantity;
            packed.limited = line.limited;
            for (const Allocation& allocation : line.allocations) {
                const auto location = state_.find_location(allocation.location);
                HF_ASSERT(location.has_value());
                packed.allocations.push_back(
                    {.location = *location, .quantity = allocation.quantity});
                shift(state_.stock_row(packed.sku, *location), &Counters::available, to,
                      allocation.quantity);
            }
            if (line.limited) {
                count({.sku = line.sku, .location = {}, .quantity = 0, .limited = true},
                      hold.customer, line.quantity);
            }
        }
        return lines;
    }

    void give_back(const std::vector<Part>& parts, std::string_view customer, Counter from) {
        for (const Part& part : parts) {
            shift(row_of(part.sku, part.location), from, &Counters::available, part.quantity);
            count(part, customer, -part.quantity);
        }
    }

    template <class Ended>
    void end(const Ended& e) {
        give_back(e.released, e.customer, &Counters::held);
        state_.holds.erase(e.id);
    }

    [[nodiscard]] HoldTimes changed_times(HoldId id, Fence fence) const {
        const PendingHold* hold = state_.holds.find(id);
        HF_ASSERT(hold != nullptr);
        return {.id = id,
                .created_at = hold->created_at,
                .fence = fence,
                .expires_at = hold->expires_at(),
                .beats_until = hold->beats_until(),
                .heartbeat = Seconds(hold->heartbeat_s),
                .extensions = hold->extensions,
                .secured = hold->secured};
    }

    State& state_;
};

// What an event does to the hold that it names.
class HoldEvolution {
public:
    explicit HoldEvolution(Hold& hold) : hold_(hold) {}

    void operator()(const HoldPlaced& e) { hold_ = e.hold; }
    void operator()(const HoldAmended& e) { hold_ = e.hold; }
    void operator()(const HoldExtended& e) {
        hold_.fence = e.fence;
        hold_.expires_at = e.expires_at;
        hold_.beats_until = e.beats_until;
        hold_.extensions = e.extensions;
    }
    void operator()(const HoldSecured& e) {
        hold_.fence = e.fence;
        hold_.expires_at = e.expires_at;
        hold_.secured = true;
    }
    void operator()(const HoldConfirmed& e) {
        become(HoldStatus::confirmed, e.fence);
        if (e.late) {
            retake(e.confirmed);
            return;
        }
        // The first lines were confirmed first, so the last ones are released first.
        const LineIndex index(hold_.lines);
        for (const Part& part : e.released) {
            Quantity left = part.quantity;
            for (const std::uint32_t i : index.of(part.sku) | std::views::reverse) {
                HoldLine& line = hold_.lines[i];
                for (Allocation& allocation : line.allocations) {
                    if (allocation.location == part.location) {
                        const Quantity gone = std::min(left, allocation.quantity);
                        allocation.quantity -= gone;
                        line.quantity -= gone;
                        left -= gone;
                    }
                }
            }
            HF_ASSERT(left == 0);
        }
        for (HoldLine& line : hold_.lines) {
            std::erase_if(line.allocations, [](const Allocation& a) { return a.quantity == 0; });
        }
    }
    void operator()(const HoldReleased& e) { become(HoldStatus::released, e.fence); }
    void operator()(const HoldExpired& e) { become(HoldStatus::expired, e.fence); }
    void operator()(const HoldFulfilled& e) {
        become(e.status, e.fence);
        const LineIndex index(hold_.lines);
        for (const Part& part : e.fulfilled) {
            each_allocation(index, part.sku, part.location, part.quantity,
                            [](HoldLine&, Allocation& a, Quantity left) {
                                const Quantity units =
                                    std::min(left, a.quantity - a.fulfilled - a.cancelled);
                                a.fulfilled += units;
                                return units;
                            });
        }
    }
    void operator()(const HoldCancelled& e) {
        become(e.status, e.fence);
        const LineIndex index(hold_.lines);
        for (const Part& part : e.cancelled) {
            each_allocation(index, part.sku, part.location, part.quantity,
                            [](HoldLine&, Allocation& a, Quantity left) {
                                const Quantity units =
                                    std::min(left, a.quantity - a.fulfilled - a.cancelled);
                                a.cancelled += units;
                                return units;
                            });
        }
    }
    void operator()(const HoldReturned& e) {
        become(e.status, e.fence);
        const LineIndex index(hold_.lines);
        for (std::size_t i = 0; i < e.returned.size(); ++i) {
            each_allocation(index, e.returned[i].sku, e.shipped_from[i], e.returned[i].quantity,
                            [](HoldLine&, Allocation& a, Quantity left) {
                                const Quantity units = std::min(left, a.fulfilled - a.returned);
                                a.returned += units;
                                return units;
                            });
        }
    }
    template <class Other>
    void operator()(const Other&) {
        HF_ASSERT(!"an event that names no hold");
    }

private:
    void become(HoldStatus status, Fence fence) {
        hold_.status = status;
        hold_.fence = fence;
    }

    // Spends `quantity` over the allocations of a SKU at a location; `spend` says how much it took.
    template <class Spend>
    void each_allocation(const LineIndex& index, std::string_view sku, std::string_view location,
                         Quantity quantity, Spend spend) {
        for (const std::uint32_t i : index.of(sku)) {
            for (Allocation& allocation : hold_.lines[i].allocations) {
                if (quantity > 0 && allocation.location == location) {
                    quantity -= spend(hold_.lines[i], allocation, quantity);
                }
            }
        }
        HF_ASSERT(quantity == 0);
    }

    // The lines with the units that a late confirm found, perhaps elsewhere than before: they go to
    // the lines that named the place, then to those that named none, each up to what it had.
    void retake(const std::vector<Part>& parts) {
        std::vector<Quantity> room;
        for (HoldLine& line : hold_.lines) {
            room.push_back(line.quantity);
            line.quantity = 0;
            line.limited = false;
            line.allocations.clear();
        }
        const LineIndex index(hold_.lines);
        for (const Part& part : parts) {
            Quantity left = part.quantity;
            const auto give = [&](auto fits, bool beyond) {
                for (const std::uint32_t i : index.of(part.sku)) {
                    HoldLine& line = hold_.lines[i];
                    const Quantity units = beyond ? left : std::min(left, room[i]);
                    if (units > 0 && fits(line)) {
                        line.quantity += units;
                        line.limited = part.limited;
                        if (line.allocations.empty() ||
                            line.allocations.back().location != part.location) {
                            line.allocations.push_back({.location = part.location});
                        }
                        line.allocations.back().quantity += units;
                        room[i] -= units;
                        left -= units;
                    }
                }
            };
            give([&](const HoldLine& line) { return line.location == part.location; }, false);
            give([](const HoldLine& line) { return line.location.empty(); }, false);
            give([](const HoldLine&) { return true; }, true);
            HF_ASSERT(left == 0);
        }
    }

    Hold& hold_;
};

// Visits the SKUs that an event names; the id of its hold, when it has one, lies in the first part.
class Touched {
public:
    Touched(const State& state, std::vector<PartitionId>& out) : state_(state), out_(out) {}

    void operator()(const SkuDefined& e) { sku(e.sku); }
    void operator()(const LocationDefined&) {
        // Every partition knows all places, so that each can decide alone.
        for (std::uint32_t i = 0; i < state_.partition_count(); ++i) {
            out_.push_back(static_cast<PartitionId>(i));
        }
    }
    void operator()(const StockReceived& e) { sku(e.sku); }
    void operator()(const StockAdjusted& e) { sku(e.sku); }
    void operator()(const StockMoved& e) { sku(e.sku); }
    void operator()(const StockTransferred& e) { sku(e.sku); }
    void operator()(const HoldPlaced& e) { hold(e.hold.id, e.hold.lines); }
    void operator()(const HoldRefused& e) { sku(e.short_lines.front().sku); }
    void operator()(const HoldAmended& e) {
        hold(e.hold.id, e.hold.lines);
        skus(e.released);
    }
    void operator()(const HoldExtended& e) { home(e.id); }
    void operator()(const HoldSecured& e) { home(e.id); }
    void operator()(const HoldConfirmed& e) {
        hold(e.id, e.confirmed);
        skus(e.released);
    }
    void operator()(const HoldReleased& e) { hold(e.id, e.released); }
    void operator()(const HoldExpired& e) { hold(e.id, e.released); }
    void operator()(const HoldFulfilled& e) { hold(e.id, e.fulfilled); }
    void operator()(const HoldCancelled& e) { hold(e.id, e.cancelled); }
    void operator()(const HoldReturned& e) { hold(e.id, e.returned); }

private:
    void home(HoldId id) { out_.push_back(state_.home(id)); }
    void sku(std::string_view name) {
        out_.push_back(partition_of(routing_token(name), state_.partition_count()));
    }
    template <class Lines>
    void skus(const Lines& lines) {
        for (const auto& line : lines) {
            sku(line.sku);
        }
    }
    template <class Lines>
    void hold(HoldId id, const Lines& lines) {
        home(id);
        skus(lines);
    }

    const State& state_;
    std::vector<PartitionId>& out_;
};

}  // namespace

void evolve(State& state, const Event& event, Instant at) {
    if (state.partition_count() == 1) {
        ++state.versions.front();
    } else {
        std::vector<PartitionId> touched;
        touched_partitions(state, event, touched);
        for (const PartitionId partition : touched) {
            ++state.versions[partition];
        }
    }
    state.time = std::max(state.time, at);
    std::visit(Evolution{state}, event);
}

void evolve(Hold& hold, const Event& event) {
    std::visit(HoldEvolution{hold}, event);
}

void touched_partitions(const State& state, const Event& event, std::vector<PartitionId>& out) {
    out.clear();
    if (state.partition_count() == 1) {
        out.push_back(0);
        return;
    }
    std::visit(Touched{state, out}, event);
    std::ranges::sort(out);
    const auto rest = std::ranges::unique(out);
    out.erase(rest.begin(), rest.end());
}

}  // namespace holdfast::core
