// What a State was before some events, for who decided them too early: when the store says that another node's events
// came first, they are taken back, the other's are evolved, and the commands are decided again. Remembers only what
// the events change, so that the cost is that of the events. The sequencer's thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <holdfast/events.h>
#include "core/state.h"

namespace holdfast::core {

class Undo {
public:
    // From now on every event comes to before(), until the state is rolled back or the events are there to stay.
    explicit Undo(const State& state);

    // Before core::evolve(state, event, at).
    void before(const State& state, const Event& event);

    // All is as it was when this was made: time too, which is that of the last event, and what is to be served. Once.
    // They nest: the one that was made last is rolled back first, and an event comes only to that one.
    void roll_back(State& state);

private:
    class Remembering;
    // Nothing: there was no such row.
    struct Row {
        SkuIndex sku = 0;
        LocationIndex location = 0;
        std::optional<Counters> counters;
    };
    struct Customer {
        Quantity for_good = 0;
        std::vector<WindowedUnits> windowed;
    };
    struct Definition {
        Policy policy;
        Version defined_at = 0;
    };

    void roll_back_holds(State& state);
    void roll_back_customers(State& state) const;
    void roll_back_queues(State& state) const;
    void roll_back_alerts(State& state) const;
    void roll_back_stock(State& state) const;
    void roll_back_to_serve(State& state) const;
    void roll_back_definitions(State& state) const;

    std::vector<Version> versions_;
    Instant time_;
    // So many there were: those that came later go, and with a SKU all that it has.
    std::size_t sku_count_;
    std::size_t location_count_;
    std::vector<SkuIndex> to_serve_;

    // Before each event that changes them, not only the first: nearly every event has some of these, and a look
    // whether they are known would cost more than they do. Read backwards.
    std::vector<Row> rows_;
    std::vector<PendingHold> holds_;
    std::vector<HoldId> new_holds_;

    // Before the first event that changes them.
    std::map<std::pair<SkuIndex, std::string>, Customer> customers_;
    std::map<std::tuple<SkuIndex, LocationIndex, Version>, std::optional<StockQueue::Waiter>>
        places_;
    std::map<std::pair<SkuIndex, EntryId>, std::optional<SkuQueues::Shopper>> shoppers_;
    // 0 units: none.
    std::map<std::tuple<SkuIndex, LocationIndex, std::string>, Incoming> incoming_;
    std::map<SkuIndex, std::vector<Alert>> alerts_;  // all of the SKU
    std::map<SkuIndex, StockLevel> levels_;
    std::map<SkuIndex, Definition> definitions_;
    std::map<LocationIndex, LocationState> locations_;
};

}  // namespace holdfast::core
