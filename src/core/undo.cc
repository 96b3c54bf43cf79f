#include "core/undo.h"

#include <algorithm>
#include <ranges>

#include <holdfast/assert.h>

namespace holdfast::core {

// Looks at what an event is about to change, as evolve() will do in a moment.
class Undo::Remembering {
public:
    Remembering(Undo& undo, const State& state) : undo_(undo), state_(state) {}

    void operator()(const SkuDefined& e) {
        const auto sku = known(e.sku);
        if (!sku) {
            return;
        }
        for (const SkuStock& row : state_.skus[*sku].stock) {
            stock(*sku, row.location);
        }
        level(*sku);
        const SkuState& now = state_.skus[*sku];
        undo_.definitions_.try_emplace(
            *sku, Definition{.policy = *now.policy, .defined_at = now.defined_at});
    }
    void operator()(const LocationDefined& e) {
        const auto index = state_.find_location(e.location);
        if (index && *index < undo_.location_count_) {
            undo_.locations_.try_emplace(*index, state_.locations[*index]);
        }
    }
    void operator()(const StockReceived& e) {
        stock(e.sku, e.location);
        if (e.expected > 0) {
            incoming(e.sku, e.location, e.reference);
        }
    }
    void operator()(const StockExpected& e) {
        row(e.sku, e.location);
        incoming(e.sku, e.location, e.reference);
    }
    void operator()(const StockAdjusted& e) { stock(e.sku, e.location); }
    void operator()(const StockMoved& e) { stock(e.sku, e.location); }
    void operator()(const StockTransferred& e) {
        stock(e.sku, e.from);
        stock(e.sku, e.to);
    }
    void operator()(const HoldPlaced& e) {
        lines(e.hold);
        if (e.hold.status == HoldStatus::pending) {
            undo_.new_holds_.push_back(e.hold.id);
        }
    }
    void operator()(const HoldRefused&) {}
    void operator()(const HoldAmended& e) {
        parts(e.released, e.hold.customer);
        lines(e.hold);
        hold(e.hold.id);
    }
    void operator()(const HoldExtended& e) { hold(e.id); }
    void operator()(const HoldSecured& e) {
        parts(e.taken, e.customer);
        hold(e.id);
    }
    void operator()(const HoldConfirmed& e) {
        parts(e.confirmed, e.customer);
        parts(e.taken, e.customer);
        parts(e.released, e.customer);
        hold(e.id);
    }
    void operator()(const HoldReleased& e) { ended(e); }
    void operator()(const HoldExpired& e) { ended(e); }
    void operator()(const HoldLost& e) { ended(e); }
    void operator()(const BackorderAllocated& e) {
        part(e.allocated, {});
        hold(e.id);
    }
    void operator()(const WaitlistJoined& e) { shopper(e.sku, e.entry); }
    void operator()(const WaitlistLeft& e) { shopper(e.sku, e.entry); }
    void operator()(const WaitlistOffered& e) { shopper(e.sku, e.entry); }
    void operator()(const HoldFulfilled& e) { parts(e.fulfilled, {}); }
    void operator()(const HoldCancelled& e) { parts(e.cancelled, e.customer); }
    void operator()(const HoldReturned& e) { parts(e.returned, e.customer); }

    void operator()(const StockLevelChanged& e) {
        if (const auto sku = known(e.sku)) {
            level(*sku);
        }
    }
    void operator()(const AlertRaised& e) { alerts(e.alert.sku); }
    void operator()(const AlertAcknowledged& e) { alerts(e.sku); }
    void operator()(const AlertResolved& e) { alerts(e.sku); }
    void operator()(const PartitionsChanged&) {}  // versions are remembered anyway

private:
    // Nothing: it is a new one, and will go with all that it has.
    [[nodiscard]] std::optional<SkuIndex> known(std::string_view sku) const {
        const auto index = state_.sku_names.find(state_.skus, sku);
        return index && *index < undo_.sku_count_ ? index : std::nullopt;
    }
    [[nodiscard]] LocationIndex location(std::string_view name) const {
        const auto index = state_.find_location(name);
        HF_ASSERT(index.has_value());
        return *index;
    }

    void row(SkuIndex sku, LocationIndex location) {
        Row& image = undo_.rows_.emplace_back(Row{.sku = sku, .location = location});
        if (const Counters* const counters = state_.skus[sku].at(location)) {
            image.counters = *counters;
        }
    }
    void row(std::string_view sku, std::string_view at) {
        if (const auto index = known(sku)) {
            row(*index, location(at));
        }
    }
    void level(SkuIndex sku) { undo_.levels_.try_emplace(sku, state_.skus[sku].level); }
    // The row, and whether the SKU was ever on sale.
    void stock(SkuIndex sku, LocationIndex location) {
        row(sku, location);
        level(sku);
    }
    void stock(std::string_view sku, std::string_view at) {
        if (const auto index = known(sku)) {
            stock(*index, location(at));
        }
    }

    void incoming(std::string_view sku, std::string_view at, const std::string& reference) {
        const auto index = known(sku);
        if (!index) {
            return;
        }
        const LocationIndex to = location(at);
        const Incoming* const announced = state_.skus[*index].find_incoming(to, reference);
        undo_.incoming_.try_emplace(
            {*index, to, reference},
            announced != nullptr ? *announced : Incoming{.location = to, .reference = reference});
    }

    void hold(HoldId id) {
        if (const PendingHold* const pending = state_.holds.find(id)) {
            undo_.holds_.push_back(pending->copy());
        }
    }
    template <class Ended>
    void ended(const Ended& e) {
        parts(e.released, e.customer);
        hold(e.id);
    }

    void lines(const Hold& hold) {
        for (const HoldLine& line : hold.lines) {
            const auto sku = known(line.sku);
            if (!sku) {
                continue;
            }
            for (const Allocation& allocation : line.allocations) {
                const LocationIndex from = location(allocation.location);
                row(*sku, from);
                place(*sku, from, allocation.place);
            }
            if (line.limited) {
                customer(*sku, hold.customer);
            }
        }
    }
    void parts(const std::vector<Part>& parts, std::string_view of) {
        for (const Part& one : parts) {
            part(one, of);
        }
    }
    void part(const Part& part, std::string_view of) {
        const auto sku = known(part.sku);
        if (!sku) {
            return;
        }
        const LocationIndex at = location(part.location);
        row(*sku, at);
        place(*sku, at, part.place);
        if (part.limited && !of.empty()) {
            customer(*sku, of);
        }
    }

    void place(SkuIndex sku, LocationIndex location, Version place) {
        if (place != 0) {
            const auto& queues = state_.skus[sku].queues;
            const StockQueue* const queue = queues ? queues->at(location) : nullptr;
            undo_.places_.try_emplace({sku, location, place},
                                      queue == nullptr ? std::nullopt : queue->find(place));
        }
    }
    void customer(SkuIndex sku, std::string_view name) {
        const auto [image, first] = undo_.customers_.try_emplace({sku, std::string(name)});
        const CustomerUnits* const units = first ? state_.skus[sku].customers.get() : nullptr;
        if (units == nullptr) {
            return;
        }
        if (const auto number = units->for_good.find(name); number != units->for_good.end()) {
            image->second.for_good = number->second;
        }
        if (const auto windowed = units->windowed.find(name); windowed != units->windowed.end()) {
            image->second.windowed = windowed->second;
        }
    }
    void shopper(std::string_view sku, EntryId id) {
        if (const auto index = known(sku)) {
            const auto& queues = state_.skus[*index].queues;
            undo_.shoppers_.try_emplace({*index, id},
                                        queues ? queues->find_shopper(id) : std::nullopt);
        }
    }
    void alerts(std::string_view sku) {
        if (const auto index = known(sku)) {
            const auto& standing = state_.skus[*index].alerts;
            undo_.alerts_.try_emplace(*index, standing ? *standing : std::vector<Alert>());
        }
    }

    Undo& undo_;
    const State& state_;
};

Undo::Undo(const State& state)
    : versions_(state.versions),
      time_(state.time),
      sku_count_(state.skus.size()),
      location_count_(state.locations.size()),
      to_serve_(state.to_serve) {}

void Undo::before(const State& state, const Event& event) {
    std::visit(Remembering{*this, state}, event);
}

void Undo::roll_back(State& state) {
    roll_back_holds(state);
    roll_back_customers(state);
    roll_back_queues(state);
    roll_back_alerts(state);
    roll_back_stock(state);
    roll_back_to_serve(state);
    roll_back_definitions(state);
    state.versions = versions_;
    state.time = time_;
}

void Undo::roll_back_holds(State& state) {
    const auto forget = [&state](HoldId id) {
        if (state.holds.find(id) != nullptr) {
            state.holds.erase(id);
        }
    };
    for (PendingHold& hold : holds_ | std::views::reverse) {
        forget(hold.id);
        state.holds.insert(std::move(hold));
    }
    std::ranges::for_each(new_holds_, forget);
}

void Undo::roll_back_customers(State& state) const {
    for (const auto& [key, image] : customers_) {
        const auto& [sku, customer] = key;
        CustomerUnits* const units = state.skus[sku].customers.get();
        if (units == nullptr) {
            continue;  // nothing was counted in the end
        }
        units->for_good.erase(customer);
        if (image.for_good != 0) {
            units->for_good.emplace(customer, image.for_good);
        }
        units->windowed.erase(customer);
        if (!image.windowed.empty()) {
            units->windowed.emplace(customer, image.windowed);
        }
    }
}

void Undo::roll_back_queues(State& state) const {
    for (const auto& [key, image] : places_) {
        const auto& [sku, location, place] = key;
        const auto& queues = state.skus[sku].queues;
        const StockQueue* const queue = queues ? queues->at(location) : nullptr;
        if (const auto now = queue == nullptr ? std::nullopt : queue->find(place)) {
            state.wait(sku, location, place, {.hold = now->hold, .quantity = -now->quantity});
        }
        if (image) {
            state.wait(sku, location, place, *image);
        }
    }
    // Who joined leaves first: somebody may have left and joined again.
    for (const auto& [key, image] : shoppers_) {
        const auto& [sku, id] = key;
        if (!image && state.skus[sku].queues->find_shopper(id)) {
            state.leave(sku, id);
        }
    }
    for (const auto& [key, image] : shoppers_) {
        const auto& [sku, id] = key;
        if (image && !state.skus[sku].queues->find_shopper(id)) {
            state.put_back(sku, *image);
        }
    }
}

void Undo::roll_back_alerts(State& state) const {
    for (const auto& [sku, image] : alerts_) {
        while (state.skus[sku].alerts) {
            state.resolve(state.skus[sku].alerts->front().id);
        }
        for (const Alert& alert : image) {
            state.raise(sku, alert);
        }
    }
}

void Undo::roll_back_stock(State& state) const {
    for (const Row& image : rows_ | std::views::reverse) {
        SkuState& sku = state.skus[image.sku];
        Counters* const row = sku.at(image.location);
        if (image.counters) {
            *row = *image.counters;
        } else if (row != nullptr) {
            sku.stock.erase(std::ranges::find(sku.stock, image.location, &SkuStock::location));
        }
    }
    for (const auto& [key, image] : incoming_) {
        state.expect(std::get<SkuIndex>(key), image);
    }
    for (const auto& [sku, level] : levels_) {
        state.skus[sku].level = level;
    }
}

// Whatever was served or has changed since, by the roll-back itself too, counts no more.
void Undo::roll_back_to_serve(State& state) const {
    for (const SkuIndex sku : state.to_serve) {
        state.skus[sku].queues->to_be_served = false;
    }
    state.to_serve.clear();
    for (const SkuIndex sku : to_serve_) {
        state.mark_to_serve(sku);
    }
}

void Undo::roll_back_definitions(State& state) const {
    for (const auto& [sku, image] : definitions_) {
        state.set_policy(sku, image.policy);
        state.skus[sku].defined_at = image.defined_at;
    }
    while (state.skus.size() > sku_count_) {
        state.remove_last_sku();
    }
    while (state.locations.size() > location_count_) {
        state.remove_last_location();
    }
    for (const auto& [location, image] : locations_) {
        state.locations[location] = image;
    }
    if (!locations_.empty()) {
        state.sort_locations();
    }
}

}  // namespace holdfast::core
