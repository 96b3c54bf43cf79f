#include "testing/history_books.h"

#include <algorithm>

namespace holdfast::testing {

using Counter = Quantity Counters::*;

UnitsByPlace units_of(const std::vector<HoldLine>& lines) {
    UnitsByPlace units;
    for (const HoldLine& line : lines) {
        for (const Allocation& allocation : line.allocations) {
            HeldUnits& there = units[{line.sku, allocation.location}];
            there.quantity += allocation.quantity;
            there.backordered += allocation.backordered;
            there.fulfilled += allocation.fulfilled;
            there.cancelled += allocation.cancelled;
            there.returned += allocation.returned;
        }
    }
    std::erase_if(units, [](const auto& entry) { return entry.second == HeldUnits{}; });
    return units;
}

Quantity HoldBook::held(const Place& place) const {
    const auto found = units.find(place);
    return found != units.end() && status == HoldStatus::pending ? found->second.quantity : 0;
}

Quantity HoldBook::committed(const Place& place) const {
    const bool sold = status == HoldStatus::confirmed || status == HoldStatus::fulfilled ||
                      status == HoldStatus::cancelled || status == HoldStatus::returned;
    const auto found = units.find(place);
    return found != units.end() && sold
               ? found->second.quantity - found->second.fulfilled - found->second.cancelled
               : 0;
}

// One event, written into the books.
struct Books::Entry {
    Books& books;
    std::map<Place, Counters> before;

    Counters& shelf(const Place& place) {
        const auto [found, fresh] = books.shelves_.try_emplace(place);
        if (fresh) {
            const Policy* const policy = books.policy(place.first);
            found->second.safety_stock = policy != nullptr ? policy->safety_stock : 0;
            found->second.available = -found->second.safety_stock;
        }
        before.try_emplace(place, found->second);
        return found->second;
    }
    void move(const Place& place, Quantity quantity, Counter from, Counter to) {
        Counters& counters = shelf(place);
        counters.*from -= quantity;
        counters.*to += quantity;
    }
    void move(const std::vector<Part>& parts, Counter from, Counter to) {
        for (const Part& part : parts) {
            move({part.sku, part.location}, part.quantity, from, to);
        }
    }
    void bring(const Place& place, Quantity quantity, Counter to) {
        Counters& counters = shelf(place);
        counters.on_hand += quantity;
        counters.*to += quantity;
    }
    static Counter counter_of(StockState state) {
        switch (state) {
            case StockState::returned:
                return &Counters::returned;
            case StockState::repair:
                return &Counters::repair;
            case StockState::damaged:
                return &Counters::damaged;
            case StockState::available:
                break;
        }
        return &Counters::available;
    }

    void operator()(const SkuDefined& e) {
        books.policies_[e.sku] = e.policy;
        for (const auto& [location, counters] : books.rows(e.sku)) {
            Counters& row = shelf({e.sku, location});
            row.available += row.safety_stock - e.policy.safety_stock;
            row.safety_stock = e.policy.safety_stock;
        }
    }
    void operator()(const StockReceived& e) {
        bring({e.sku, e.location}, e.quantity, &Counters::available);
    }
    void operator()(const StockExpected& e) {
        if (e.quantity > 0) {
            shelf({e.sku, e.location});
        }
    }
    void operator()(const StockAdjusted& e) {
        bring({e.sku, e.location}, e.delta, &Counters::available);
    }
    void operator()(const StockMoved& e) {
        move({e.sku, e.location}, e.quantity, counter_of(e.from), counter_of(e.to));
    }
    void operator()(const StockTransferred& e) {
        bring({e.sku, e.from}, -e.quantity, &Counters::available);
        bring({e.sku, e.to}, e.quantity, &Counters::available);
    }

    void take(const UnitsByPlace& units, Counter to) {
        for (const auto& [place, there] : units) {
            move(place, there.quantity, &Counters::available, to);
        }
    }
    void operator()(const HoldPlaced& e) {
        HoldBook& hold = books.holds_[e.hold.id];
        hold = {.status = e.hold.status,
                .fence = e.hold.fence,
                .cart = e.hold.cart,
                .customer = e.hold.customer,
                .expires_at = e.hold.expires_at,
                .heartbeat = e.hold.heartbeat,
                .beats_until = e.hold.beats_until,
                .units = units_of(e.hold.lines)};
        take(hold.units,
             hold.status == HoldStatus::pending ? &Counters::held : &Counters::committed);
    }
    void operator()(const HoldAmended& e) {
        move(e.released, &Counters::held, &Counters::available);
        HoldBook& hold = books.holds_[e.hold.id];
        hold.fence = e.hold.fence;
        hold.expires_at = e.hold.expires_at;
        hold.beats_until = e.hold.beats_until;
        hold.units = units_of(e.hold.lines);
        take(hold.units, &Counters::held);
    }
    void operator()(const HoldExtended& e) {
        HoldBook& hold = books.holds_[e.id];
        hold.fence = e.fence;
        hold.expires_at = e.expires_at;
        hold.beats_until = e.beats_until;
    }
    void operator()(const HoldSecured& e) {
        move(e.taken, &Counters::available, &Counters::held);
        HoldBook& hold = books.holds_[e.id];
        hold.fence = e.fence;
        hold.expires_at = e.expires_at;
        if (!e.lines.empty()) {
            hold.units = units_of(e.lines);
        }
    }
    void operator()(const HoldConfirmed& e) {
        move(e.confirmed, e.late ? &Counters::available : &Counters::held, &Counters::committed);
        move(e.taken, &Counters::available, &Counters::committed);
        move(e.released, &Counters::held, &Counters::available);
        HoldBook& hold = books.holds_[e.id];
        hold.status = HoldStatus::confirmed;
        hold.fence = e.fence;
        hold.units.clear();
        for (const auto* parts : {&e.confirmed, &e.taken}) {
            for (const Part& part : *parts) {
                HeldUnits& there = hold.units[{part.sku, part.location}];
                there.quantity += part.quantity;
                there.backordered += part.backordered;
            }
        }
    }
    template <class Ended>
    void end(const Ended& e, HoldStatus status) {
        move(e.released, &Counters::held, &Counters::available);
        books.holds_[e.id].status = status;
        books.holds_[e.id].fence = e.fence;
    }
    void operator()(const HoldReleased& e) { end(e, HoldStatus::released); }
    void operator()(const HoldExpired& e) { end(e, HoldStatus::expired); }
    void operator()(const HoldLost& e) { end(e, HoldStatus::lost); }
    void operator()(const BackorderAllocated& e) {
        const Place place{e.allocated.sku, e.allocated.location};
        const bool pending = e.status == HoldStatus::pending;
        move(place, e.allocated.quantity, &Counters::available,
             pending ? &Counters::held : &Counters::committed);
        HeldUnits& there = books.holds_[e.id].units[place];
        there.quantity += e.allocated.quantity;
        there.backordered -= e.allocated.quantity;
    }
    void operator()(const HoldFulfilled& e) {
        HoldBook& hold = change(e);
        for (const Part& part : e.fulfilled) {
            bring({part.sku, part.location}, -part.quantity, &Counters::committed);
            hold.units[{part.sku, part.location}].fulfilled += part.quantity;
        }
    }
    void operator()(const HoldCancelled& e) {
        move(e.cancelled, &Counters::committed, &Counters::available);
        HoldBook& hold = change(e);
        for (const Part& part : e.cancelled) {
            // What still waited counts as sold and cancelled.
            HeldUnits& there = hold.units[{part.sku, part.location}];
            there.quantity += part.backordered;
            there.backordered -= part.backordered;
            there.cancelled += part.quantity + part.backordered;
        }
    }
    void operator()(const HoldReturned& e) {
        HoldBook& hold = change(e);
        for (std::size_t i = 0; i < e.returned.size(); ++i) {
            const Part& part = e.returned[i];
            bring({part.sku, part.location}, part.quantity, &Counters::returned);
            const bool known = i < e.shipped_from.size();
            hold.units[{part.sku, known ? e.shipped_from[i] : part.location}].returned +=
                part.quantity;
        }
    }
    template <class Changed>
    HoldBook& change(const Changed& e) {
        HoldBook& hold = books.holds_[e.id];
        hold.status = e.status;
        hold.fence = e.fence;
        return hold;
    }

    // Locations, waiting lines, levels and alerts move no units.
    template <class Other>
    void operator()(const Other&) {}
};

std::map<Place, Counters> Books::apply(const Event& event) {
    Entry entry{.books = *this, .before = {}};
    std::visit(entry, event);
    return std::move(entry.before);
}

Counters Books::counters(const Place& place) const {
    const auto found = shelves_.find(place);
    return found == shelves_.end() ? Counters{} : found->second;
}

const Policy* Books::policy(const std::string& sku) const {
    const auto found = policies_.find(sku);
    return found == policies_.end() ? nullptr : &found->second;
}

std::map<std::string, Counters> Books::rows(const std::string& sku) const {
    std::map<std::string, Counters> rows;
    for (auto at = shelves_.lower_bound({sku, ""}); at != shelves_.end() && at->first.first == sku;
         ++at) {
        rows.emplace(at->first.second, at->second);
    }
    return rows;
}

const HoldBook* Books::hold(HoldId id) const {
    const auto found = holds_.find(id);
    return found == holds_.end() ? nullptr : &found->second;
}

std::optional<HoldId> changed_hold(const Event& event) {
    return std::visit(
        []<class E>(const E& e) -> std::optional<HoldId> {
            if constexpr (requires { e.hold.id.token(); }) {
                return e.hold.id;
            } else if constexpr (requires { e.id.token(); }) {
                return e.id;
            } else {
                return std::nullopt;
            }
        },
        event);
}

std::optional<Fence> given_fence(const Event& event) {
    return std::visit(
        []<class E>(const E& e) -> std::optional<Fence> {
            if constexpr (requires { e.hold.fence; }) {
                return e.hold.fence;
            } else if constexpr (requires { e.fence; }) {
                return e.fence;
            } else {
                return std::nullopt;
            }
        },
        event);
}

}  // namespace holdfast::testing
