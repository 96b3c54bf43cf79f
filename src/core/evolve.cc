#include "core/evolve.h"

#include <algorithm>

#include <holdfast/assert.h>
#include <holdfast/fault.h>
#include <holdfast/limits.h>

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
    Evolution(State& state, Instant at) : state_(state), at_(at) {}

    void operator()(const SkuDefined& e) {
        const SkuIndex index = state_.define_sku(e.sku);
        SkuState& sku = state_.skus[index];
        for (SkuStock& row : sku.stock) {
            row.counters.available += row.counters.safety_stock - e.policy.safety_stock;
            row.counters.safety_stock = e.policy.safety_stock;
            check(row.counters);
        }
        state_.set_policy(index, e.policy);
        on_sale(sku);
        state_.mark_to_serve(index);
        sku.defined_at = e.defined_at != 0 ? e.defined_at : state_.versions[state_.home(sku)];
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
        on_sale(e.sku);
        if (e.expected > 0) {
            const SkuIndex sku = state_.sku_index(e.sku);
            const Incoming* const announced =
                state_.skus[sku].find_incoming(*state_.find_location(e.location), e.reference);
            HF_ASSERT(announced != nullptr && announced->quantity >= e.expected);
            Incoming rest = *announced;
            rest.quantity -= e.expected;
            state_.expect(sku, std::move(rest));
        }
    }
    void operator()(const StockExpected& e) {
        const SkuIndex sku = state_.sku_index(e.sku);
        const LocationIndex location = *state_.find_location(e.location);
        if (e.quantity > 0) {
            state_.stock_row(sku, location);  // it is sold there from now on, be it on back order
        }
        state_.expect(sku, {.location = location,
                            .reference = e.reference,
                            .quantity = e.quantity,
                            .expected_at = e.expected_at});
    }
    void operator()(const StockAdjusted& e) {
        Counters& row = row_of(e.sku, e.location);
        row.on_hand += e.delta;
        row.available += e.delta;
        check(row);
        on_sale(e.sku);
    }
    void operator()(const StockMoved& e) {
        Counters& row = row_of(e.sku, e.location);
        shift(row, counter_of(e.from), counter_of(e.to), e.quantity);
        on_sale(e.sku);
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
        on_sale(e.sku);
    }

    void operator()(const HoldPlaced& e) {
        const bool pending = e.hold.status == HoldStatus::pending;
        const PackedLines lines = take(e.hold, pending ? &Counters::held : &Counters::committed);
        if (pending) {
            state_.holds.insert(times_of(e.hold), names_of(e.hold), lines);
        }
    }
    void operator()(const HoldRefused&) {}
    void operator()(const HoldAmended& e) {
        give_back(e.hold.id, e.released, e.hold.customer, &Counters::held);
        state_.holds.replace(e.hold.id, names_of(e.hold), take(e.hold, &Counters::held));
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
        if (!e.lines.empty()) {
            take(e.id, e.taken, e.customer, &Counters::held);
            state_.holds.replace_lines(e.id, packed(e.lines));
        }
    }
    void operator()(const HoldConfirmed& e) {
        if (e.late) {
            take(e.id, e.confirmed, e.customer, &Counters::committed);
        } else {
            for (const Part& part : e.confirmed) {
                shift(row_of(part.sku, part.location), &Counters::held, &Counters::committed,
                      part.quantity);
            }
        }
        take(e.id, e.taken, e.customer, &Counters::committed);
        give_back(e.id, e.released, e.customer, &Counters::held);
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
    void operator()(const HoldLost& e) { end(e); }
    void operator()(const BackorderAllocated& e) {
        const Part& part = e.allocated;
        const bool pending = e.status == HoldStatus::pending;
        shift(row_of(part.sku, part.location), &Counters::available,
              pending ? &Counters::held : &Counters::committed, part.quantity);
        wait(e.id, part, -part.quantity);
        if (pending) {
            Hold hold = state_.materialise(*state_.holds.find(e.id));
            evolve(hold, e);
            state_.holds.replace_lines(e.id, packed(hold.lines));
        }
    }
    void operator()(const WaitlistJoined& e) {
        const std::uint32_t location =
            e.location.empty() ? SkuQueues::anywhere : *state_.find_location(e.location);
        state_.join(state_.sku_index(e.sku), {.id = e.entry,
                                              .location = location,
                                              .entry = {.customer = e.customer,
                                                        .cart = e.cart,
                                                        .quantity = e.quantity,
                                                        .region = e.region}});
    }
    void operator()(const WaitlistLeft& e) { state_.leave(state_.sku_index(e.sku), e.entry); }
    void operator()(const WaitlistOffered& e) { state_.leave(state_.sku_index(e.sku), e.entry); }
    void operator()(const HoldFulfilled& e) {
        for (const Part& part : e.fulfilled) {
            Counters& row = row_of(part.sku, part.location);
            row.on_hand -= part.quantity;
            row.committed -= part.quantity;
            check(row);
        }
    }
    void operator()(const HoldCancelled& e) {
        give_back(e.id, e.cancelled, e.customer, &Counters::committed);
    }
    void operator()(const HoldReturned& e) {
        for (const Part& part : e.returned) {
            Counters& row = row_of(part.sku, part.location);
            row.on_hand += part.quantity;
            row.returned += part.quantity;
            check(row);
            count(part, e.customer, {.hold = e.id, .quantity = -part.quantity});
        }
    }

    void operator()(const StockLevelChanged& e) {
        state_.skus[state_.sku_index(e.sku)].level = e.level;
    }
    void operator()(const AlertRaised& e) {
        const SkuIndex index = state_.sku_index(e.alert.sku);
        const SkuState& sku = state_.skus[index];
        Alert alert = e.alert;
        if (alert.id == AlertId{}) {
            alert.id = {.version = state_.versions[state_.home(sku)], .token = sku.token};
        }
        state_.raise(index, std::move(alert));
    }
    void operator()(const AlertAcknowledged& e) {
        Alert* const alert = state_.find_alert(e.alert);
        HF_ASSERT(alert != nullptr);
        alert->acknowledged_by = e.person;
        alert->acknowledged_at = at_;
    }
    void operator()(const AlertResolved& e) { state_.resolve(e.alert); }
    void operator()(const PartitionsChanged& e) {
        for (Version& version : state_.versions) {
            version = std::max(version, e.version);
        }
    }

private:
    // What comes in for the first time, and not for those who wait, needs no further announcement.
    static void on_sale(SkuState& sku) {
        const bool awaited =
            sku.queues && (!sku.queues->orders.empty() || !sku.queues->shoppers.empty());
        if (sku.level == StockLevel::never && !awaited && sku.available() > 0) {
            sku.level = StockLevel::in;
        }
    }
    void on_sale(std::string_view sku) { on_sale(state_.skus[state_.sku_index(sku)]); }

    Counters& row_of(std::string_view sku, std::string_view location) {
        const auto index = state_.find_location(location);
        HF_ASSERT(index.has_value());
        const SkuIndex found = state_.sku_index(sku);
        state_.mark_to_serve(found);
        return state_.stock_row(found, *index);
    }

    static void shift(Counters& row, Counter from, Counter to, Quantity quantity) {
        row.*from -= quantity;
        row.*to += quantity;
        check(row);
    }

    // What a customer holds or owns of a SKU, where its limit counts it.
    void count(const Part& part, std::string_view customer, WindowedUnits units) {
        if (!part.limited || units.quantity == 0) {
            return;
        }
        const SkuIndex index = state_.sku_index(part.sku);
        SkuState& sku = state_.skus[index];
        if (!sku.customers) {
            sku.customers = std::make_unique<CustomerUnits>();
        }
        if (sku.queues && sku.queues->customers.contains(customer)) {
            state_.mark_to_serve(index);  // he may have less now of what he waits for
        }
        if (!part.windowed) {
            sku.customers->change(customer, units.quantity);
        } else if (units.quantity < 0) {
            const bool given = sku.customers->give_back(customer, units.hold, -units.quantity);
            HF_ASSERT(given || state_.holds.find(units.hold) == nullptr);
        } else {
            HF_ASSERT(sku.policy->customer_window.has_value());
            units.window = *sku.policy->customer_window;
            sku.customers->take(customer, units, at_, state_.holds);
        }
    }

    // Takes the units of a hold from available, and gives its lines with their names looked up.
    PackedLines take(const Hold& hold, Counter to) {
        PackedLines lines = packed(hold.lines);
        for (std::size_t i = 0; i < lines.size(); ++i) {
            const PackedLine& line = lines[i];
            for (const PackedAllocation& allocation : line.allocations) {
                shift(state_.stock_row(line.sku, allocation.location), &Counters::available, to,
                      allocation.quantity);
                state_.wait(line.sku, allocation.location, allocation.place,
                            {.hold = hold.id, .quantity = allocation.backordered});
            }
            if (line.limited) {
                count({.sku = hold.lines[i].sku,
                       .location = {},
                       .quantity = 0,
                       .limited = true,
                       .windowed = line.windowed},
                      hold.customer,
                      {.hold = hold.id, .quantity = line.quantity, .since = hold.created_at});
            }
        }
        return lines;
    }

    PackedLines packed(const std::vector<HoldLine>& from) {
        PackedLines lines;
        lines.reserve(from.size());
        for (const HoldLine& line : from) {
            PackedLine& to = lines.emplace_back();
            to.sku = state_.sku_index(line.sku);
            if (!line.location.empty()) {
                to.named_location = *state_.find_location(line.location);
            }
            to.wanted = line.wanted;
            to.quantity = line.quantity;
            to.limited = line.limited;
            to.windowed = line.windowed;
            to.soft = line.soft;
            for (const Allocation& allocation : line.allocations) {
                const auto location = state_.find_location(allocation.location);
                HF_ASSERT(location.has_value());
                to.allocations.push_back({.location = *location,
                                          .quantity = allocation.quantity,
                                          .backordered = allocation.backordered,
                                          .place = allocation.place});
            }
        }
        return lines;
    }

    // What a hold takes from available later than it was placed.
    void take(HoldId id, const std::vector<Part>& parts, std::string_view customer, Counter to) {
        for (const Part& part : parts) {
            shift(row_of(part.sku, part.location), &Counters::available, to, part.quantity);
            wait(id, part, part.backordered);
            count(part, customer,
                  {.hold = id, .quantity = part.quantity + part.backordered, .since = at_});
        }
    }

    void give_back(HoldId id, const std::vector<Part>& parts, std::string_view customer,
                   Counter from) {
        for (const Part& part : parts) {
            shift(row_of(part.sku, part.location), from, &Counters::available, part.quantity);
            wait(id, part, -part.backordered);
            count(part, customer, {.hold = id, .quantity = -part.quantity - part.backordered});
        }
    }

    void wait(HoldId id, const Part& part, Quantity change) {
        if (change != 0) {
            state_.wait(state_.sku_index(part.sku), *state_.find_location(part.location),
                        part.place, {.hold = id, .quantity = change});
        }
    }

    template <class Ended>
    void end(const Ended& e) {
        give_back(e.id, e.released, e.customer, &Counters::held);
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
    Instant at_;
};

// Visits the SKUs that an event names; the id of its hold, when it has one, lies in the first part.
class Touched {
public:
    Touched(const State& state, std::vector<PartitionId>& out) : state_(state), out_(out) {}

    void operator()(const SkuDefined& e) { sku(e.sku); }
    void operator()(const LocationDefined&) { all(); }  // so that each can decide alone
    void operator()(const StockReceived& e) { sku(e.sku); }
    void operator()(const StockExpected& e) { sku(e.sku); }
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
    void operator()(const HoldSecured& e) { hold(e.id, e.taken); }
    void operator()(const HoldConfirmed& e) {
        hold(e.id, e.confirmed);
        skus(e.taken);
        skus(e.released);
    }
    void operator()(const HoldReleased& e) { hold(e.id, e.released); }
    void operator()(const HoldExpired& e) { hold(e.id, e.released); }
    void operator()(const HoldLost& e) { hold(e.id, e.released); }
    void operator()(const BackorderAllocated& e) {
        home(e.id);
        sku(e.allocated.sku);
    }
    void operator()(const WaitlistJoined& e) { sku(e.sku); }
    void operator()(const WaitlistLeft& e) { sku(e.sku); }
    void operator()(const WaitlistOffered& e) { sku(e.sku); }
    void operator()(const HoldFulfilled& e) { hold(e.id, e.fulfilled); }
    void operator()(const HoldCancelled& e) { hold(e.id, e.cancelled); }
    void operator()(const HoldReturned& e) { hold(e.id, e.returned); }
    void operator()(const StockLevelChanged& e) { sku(e.sku); }
    void operator()(const AlertRaised& e) { sku(e.alert.sku); }
    void operator()(const AlertAcknowledged& e) { sku(e.sku); }
    void operator()(const AlertResolved& e) { sku(e.sku); }
    void operator()(const PartitionsChanged&) { all(); }

private:
    void all() {
        for (std::uint32_t i = 0; i < state_.partition_count(); ++i) {
            out_.push_back(static_cast<PartitionId>(i));
        }
    }
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
    std::visit(Evolution{state, at}, event);
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
