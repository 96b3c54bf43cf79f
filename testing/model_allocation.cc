// The naive model's half that finds units for a cart.
#include <algorithm>
#include <functional>

#include "testing/model.h"
#include "testing/model_terms.h"

namespace holdfast::testing {

Counters Model::counters(const Place& place) const {
    const auto shelf = shelves_.find(place);
    if (shelf == shelves_.end()) {
        return {};
    }
    Counters c = shelf->second;
    c.held = c.committed = 0;
    for (const auto& [id, hold] : holds_) {
        for (const HoldLine& line : hold.lines) {
            for (const Allocation& a : line.allocations) {
                if (Place(line.sku, a.location) != place || !competes(hold)) {
                    continue;
                }
                (hold.status == Status::pending ? c.held : c.committed) += to_ship(a);
            }
        }
    }
    c.safety_stock = policies_.at(place.first).safety_stock;
    c.available =
        c.on_hand - c.held - c.committed - c.safety_stock - c.returned - c.repair - c.damaged;
    return c;
}

void Model::start_windows(const Hold& hold, const std::vector<HoldLine>& taken, Instant at) {
    for (const HoldLine& line : taken) {
        if (line.windowed) {
            windows_[{hold.id, line.sku}] = {at, *policies_.at(line.sku).customer_window};
        }
    }
}

// Whether the units of a hold do not count against the limit any more: it is paid, and the shorter of the two windows,
// that of then and that of now, is over.
bool Model::ran_out(const Hold& hold, const std::string& sku) const {
    const auto& [since, window] = windows_.at({hold.id, sku});
    const auto now = policies_.at(sku).customer_window;
    return hold.status != Status::pending &&
           (now_ - since >= window || (now && now_ - since >= *now));
}

// Lowers the quantities to what the limits per cart and customer let through; refuses where it may not.
void Model::limit(std::vector<HoldLine>& lines, const PlaceHold& cart, const Hold* own,
                  Stage stage) const {
    const auto none = [&lines] {
        return std::ranges::none_of(lines, [](const HoldLine& l) { return l.quantity > 0; });
    };
    // What the cart keeps is its own; a wish is kept only as a wish.
    std::map<std::string, Quantity> keeps;
    for (const HoldLine& had : own == nullptr ? std::vector<HoldLine>{} : own->lines) {
        keeps[had.sku] += had.soft && !is_soft(had.sku, stage) ? 0 : had.quantity;
    }
    std::map<std::string, Quantity> left;
    std::vector<ShortLine> over;
    for (HoldLine& line : lines) {
        const std::optional<Quantity> most = policies_.at(line.sku).max_per_cart;
        if (most && left.try_emplace(line.sku, std::max(*most, keeps[line.sku])).first->second <
                        line.quantity) {
            line.quantity = left[line.sku];
            over.push_back({line.sku, "", line.wanted, line.quantity});
        }
        left[line.sku] -= most ? line.quantity : 0;
    }
    require(over.empty() || (cart.partial && !none()), Code::cart_limit_exceeded, over);
    std::map<std::string, Quantity> asks;
    for (const HoldLine& line : lines) {
        asks[line.sku] += line.wanted;
        require(!policies_.at(line.sku).max_per_customer || !cart.customer.empty() ||
                    asks[line.sku] <= keeps[line.sku],
                Code::customer_required);
    }
    over.clear();
    left.clear();
    for (HoldLine& line : lines) {
        const std::optional<Quantity> most = policies_.at(line.sku).max_per_customer;
        line.limited = most.has_value() && !cart.customer.empty();
        line.windowed = line.limited && policies_.at(line.sku).customer_window;
        if (most && !left.contains(line.sku)) {
            left[line.sku] = *most;
            for (const auto& [id, hold] : holds_) {
                for (const HoldLine& had : hold.lines) {
                    if (hold.customer != cart.customer || had.sku != line.sku || !had.limited ||
                        !competes(hold) || (own != nullptr && own->id == id) ||
                        (had.windowed && ran_out(hold, had.sku))) {
                        continue;
                    }
                    for (const Allocation& a : had.allocations) {
                        left[line.sku] -= a.quantity + a.backordered - a.cancelled - a.returned;
                    }
                }
            }
            left[line.sku] = std::max(left[line.sku], keeps[line.sku]);
        }
        if (most) {
            if (left[line.sku] < line.quantity) {
                line.quantity = left[line.sku];
                over.push_back({line.sku, "", line.wanted, left[line.sku]});
            }
            left[line.sku] -= line.quantity;
        }
    }
    require(over.empty() || (cart.partial && !none()), Code::customer_limit_exceeded, over);
}

bool Model::is_soft(const std::string& sku, Stage stage) const {
    const ReserveAt at = policies_.at(sku).reserve_at;
    return (at == ReserveAt::checkout && stage == Stage::cart) ||
           (at == ReserveAt::payment && (stage == Stage::cart || stage == Stage::checkout));
}

// Units of a SKU that wait for stock there (nowhere named: anywhere), those of one hold not counted.
Quantity Model::waiting(const std::string& sku, const std::string& location,
                        const Hold* but) const {
    Quantity units = 0;
    for (const auto& [id, hold] : holds_) {
        for (const HoldLine& line : hold.lines) {
            for (const Allocation& a : line.allocations) {
                const bool there = location.empty() || a.location == location;
                const bool counts = competes(hold) && (but == nullptr || but->id != id);
                units += line.sku == sku && there && counts ? a.backordered : 0;
            }
        }
    }
    return units;
}

// The locations that may serve a line, in the order in which they should; only one of them unless it may be split.
std::vector<std::string> Model::candidates(const HoldLine& line, const std::string& region,
                                           const std::map<Place, Quantity>& free) const {
    const Policy& policy = policies_.at(line.sku);
    const auto at = [&](const std::string& location) {
        const auto found = free.find({line.sku, location});
        return found == free.end() ? 0 : found->second;
    };
    std::vector<std::string> order;
    const bool stocked = std::ranges::any_of(
        shelves_, [&line](const auto& shelf) { return shelf.first.first == line.sku; });
    for (const auto& [location, unused] : locations_) {
        const bool has_it = !stocked || shelves_.contains({line.sku, location});
        if (line.location.empty() ? has_it : line.location == location) {
            order.push_back(location);
        }
    }
    std::ranges::stable_sort(
        order, {}, [&](const std::string& location) { return locations_.at(location).first; });
    if (line.location.empty() && !stocked) {
        return {order.front()};
    }
    if (policy.allocation == AllocationRule::most_available) {
        std::ranges::stable_sort(order, std::greater{}, at);
    }
    if (policy.allocation == AllocationRule::nearest) {
        std::ranges::stable_sort(order, std::greater{}, [&](const std::string& location) {
            return locations_.at(location).second == region;
        });
    }
    if (!policy.split) {
        // The first with enough, or else the one with most.
        auto best = std::ranges::find_if(
            order, [&](const std::string& location) { return at(location) >= line.quantity; });
        best = best != order.end() ? best : std::ranges::max_element(order, {}, at);
        order = {*best};
    }
    return order;
}

// In a fair line nobody gets units that one before him waits for.
bool Model::is_for_others(const Place& place, const JoinWaitlist* shopper) const {
    for (const Shopper& waits : line_) {
        if (&waits.asked == shopper) {
            return false;
        }
        const bool there = waits.asked.location.empty() || waits.asked.location == place.second;
        if (waits.asked.sku == place.first && there &&
            policies_.at(place.first).waitlist == Waitlist::fair) {
            return true;
        }
    }
    return false;
}

// What a cart finds on the shelves, while its lines are served one after another.
struct Model::Shelf {
    const Model& model;
    const Hold* own;
    Stage stage;
    const JoinWaitlist* shopper;  // to whom it is offered
    std::map<Place, Quantity> free;
    std::map<std::string, Quantity> promised;

    Shelf(const Model& it, const Hold* its_own, Stage at, const JoinWaitlist* for_shopper)
        : model(it), own(its_own), stage(at), shopper(for_shopper) {
        for (const auto& [place, shelf] : model.shelves_) {
            // What comes in is for those who wait for it.
            const bool queue = model.waiting(place.first, place.second, nullptr) > 0 ||
                               model.is_for_others(place, shopper);
            free[place] = queue ? 0 : std::max<Quantity>(model.counters(place).available, 0);
        }
        for (const HoldLine& line : own == nullptr ? std::vector<HoldLine>{} : own->lines) {
            for (const Allocation& a : line.allocations) {
                free[{line.sku, a.location}] += a.quantity;
            }
        }
    }
    // Units that may still be promised beyond stock.
    Quantity promisable(const std::string& sku) {
        const Policy& policy = model.policies_.at(sku);
        const auto limit =
            policy.selling == Selling::backorder ? policy.backorder_limit : policy.preorder_limit;
        const bool never = policy.selling == Selling::strict ||
                           (stage == Stage::late && policy.late_confirm != LateConfirm::backorder);
        const bool line =
            shopper != nullptr || (policy.waitlist == Waitlist::fair &&
                                   std::ranges::count(model.line_, sku, [](const Shopper& waits) {
                                       return waits.asked.sku;
                                   }) > 0);
        // What it was promised before it still is.
        Quantity kept = -promised[sku];
        for (const HoldLine& old : own == nullptr ? std::vector<HoldLine>{} : own->lines) {
            for (const Allocation& a : old.allocations) {
                kept += old.sku == sku ? a.backordered : 0;
            }
        }
        kept = std::max<Quantity>(kept, 0);
        if (line) {
            return kept;
        }
        const Quantity most = limit.value_or(limits::quantity_max);
        return never ? kept : std::max(most - model.waiting(sku, "", own) - promised[sku], kept);
    }
    // The old place in the queue, for a cart that waits there for no more than before.
    [[nodiscard]] Version place_before(const std::vector<HoldLine>& lines, const HoldLine& line,
                                       const Allocation& now) const {
        Quantity had = 0;
        Version place = 0;
        for (const HoldLine& old : own == nullptr ? std::vector<HoldLine>{} : own->lines) {
            for (const Allocation& a : old.allocations) {
                if (old.sku == line.sku && a.location == now.location && a.backordered > 0) {
                    had += a.backordered;
                    place = a.place;
                }
            }
        }
        Quantity waits = 0;
        for (const HoldLine& other : lines) {
            for (const Allocation& a : other.allocations) {
                waits += other.sku == line.sku && a.location == now.location ? a.backordered : 0;
            }
        }
        return waits <= had ? place : 0;
    }
    // Grants the line what can be had, or nothing when that is too little. Returns what can be had.
    Quantity serve(HoldLine& line, const PlaceHold& cart) {
        const std::vector<std::string> order = model.candidates(line, cart.region, free);
        Quantity there = 0;
        for (const std::string& location : order) {
            there += free[{line.sku, location}];
        }
        const Quantity granted = std::min(line.quantity, there + promisable(line.sku));
        Quantity open = granted == line.quantity || cart.partial ? granted : 0;
        line.quantity = open;
        Quantity wait = std::max<Quantity>(open - there, 0);
        promised[line.sku] += wait;
        open -= wait;
        for (const std::string& location : order) {
            const Quantity units = std::min(open, free[{line.sku, location}]);
            if (units > 0 || wait > 0) {
                line.allocations.push_back(
                    {.location = location, .quantity = units, .backordered = wait});
                free[{line.sku, location}] -= units;
                open -= units;
                wait = 0;
            }
        }
        if (model.is_soft(line.sku, stage)) {
            line.soft = true;
            line.limited = line.windowed = false;
            line.allocations.clear();
        }
        return granted;
    }
};

std::vector<HoldLine> Model::allocate(const PlaceHold& cart, const Hold* own, Stage stage,
                                      const JoinWaitlist* shopper) const {
    std::vector<HoldLine> lines;
    for (const LineRequest& asked : cart.lines) {
        require(policies_.contains(asked.sku), Code::unknown_sku);
        require(asked.location.empty() || locations_.contains(asked.location),
                Code::unknown_location);
        auto line = std::ranges::find_if(lines, [&](const HoldLine& other) {
            return other.sku == asked.sku && other.location == asked.location;
        });
        if (line == lines.end()) {
            line = lines.insert(line, {.sku = asked.sku, .location = asked.location});
        }
        line->wanted += asked.quantity;
        line->quantity += asked.quantity;
    }
    std::optional<Refusal> forbidden;
    try {
        auto limited = lines;
        limit(limited, cart, own, stage);
        lines = limited;
    } catch (const Refusal& refusal) {
        if (shopper == nullptr) {
            throw;
        }
        forbidden = refusal;  // he is told when it is his turn
    }
    Shelf shelf(*this, own, stage, shopper);
    std::vector<ShortLine> missing;
    Quantity there = 0;
    for (const bool named : {true, false}) {
        for (HoldLine& line : lines) {
            if (line.location.empty() != named) {
                const Quantity granted = shelf.serve(line, cart);
                there += granted;
                if (granted < line.wanted) {
                    missing.push_back({line.sku, line.location, line.wanted, granted});
                }
            }
        }
    }
    if (forbidden && there > 0) {
        throw Refusal(*forbidden);
    }
    for (HoldLine& line : lines) {
        for (Allocation& a : line.allocations) {
            a.place = a.backordered == 0 ? 0 : shelf.place_before(lines, line, a);
        }
    }
    const bool any = std::ranges::any_of(lines, [](const HoldLine& l) { return l.quantity > 0; });
    require(any && (missing.empty() || cart.partial), Code::insufficient_stock, missing);
    return lines;
}

}  // namespace holdfast::testing
