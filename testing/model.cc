#include "testing/model.h"

#include <algorithm>

namespace holdfast::testing {

namespace {

using Lines = std::vector<LineRequest>;
using Code = RefusalCode;
using Status = HoldStatus;

void require(bool condition, Code code, std::vector<ShortLine> lines = {}) {
    if (!condition) {
        throw Refusal{.code = code, .detail = "model", .short_lines = std::move(lines)};
    }
}

void require_status(const Hold& hold, const std::vector<Status>& allowed) {
    // The codes hold_pending, hold_confirmed, ... stand in the order of the statuses.
    const int code = static_cast<int>(Code::hold_pending) + static_cast<int>(hold.status);
    require(std::ranges::count(allowed, hold.status) > 0, static_cast<Code>(code));
}

void require_fence(const Hold& hold, std::optional<Fence> fence) {
    require(!fence || fence == hold.fence, Code::stale_fence);
}

Quantity to_ship(const Allocation& a) {
    return a.quantity - a.fulfilled - a.cancelled;
}
Quantity to_return(const Allocation& a) {
    return a.fulfilled - a.returned;
}

Quantity sum(const Hold& hold, Quantity (*of)(const Allocation&)) {
    Quantity total = 0;
    for (const HoldLine& line : hold.lines) {
        for (const Allocation& a : line.allocations) {
            total += of(a);
        }
    }
    return total;
}

// Spends what is asked (nothing: all that is left) from the hold's first lines first.
template <class Spend>
void take(Hold& hold, const Lines& asked, Quantity (*left)(const Allocation&), bool from_there,
          Spend spend) {
    for (std::size_t i = 0; i < std::max<std::size_t>(asked.size(), 1); ++i) {
        const LineRequest request = asked.empty() ? LineRequest{} : asked[i];
        Quantity missing = asked.empty() ? sum(hold, left) : request.quantity;
        for (HoldLine& line : hold.lines) {
            for (Allocation& a : line.allocations) {
                const bool there =
                    !from_there || request.location.empty() || request.location == a.location;
                if ((asked.empty() || line.sku == request.sku) && there) {
                    const Quantity units = std::min(missing, left(a));
                    missing -= units;
                    spend(line, a, units, request.location);
                }
            }
        }
        require(missing == 0, Code::quantity_exceeds_hold,
                {{request.sku, from_there ? request.location : "", request.quantity,
                  request.quantity - missing}});
    }
}

void keep_units(Hold& hold, Quantity (*kept)(const Allocation&)) {
    for (HoldLine& line : hold.lines) {
        line.quantity = 0;
        for (Allocation& a : line.allocations) {
            line.quantity += a.quantity = kept(a);
            a.fulfilled = 0;
        }
        std::erase_if(line.allocations, [](const Allocation& a) { return a.quantity == 0; });
    }
}

}  // namespace

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
                if (Place(line.sku, a.location) != place || hold.status == Status::released ||
                    hold.status == Status::expired) {
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

template <class AnyLine>
Policy Model::strictest(const std::vector<AnyLine>& lines) const {
    Policy all;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        require(policies_.contains(lines[i].sku), Code::unknown_sku);
        const Policy& one = policies_.at(lines[i].sku);
        all = i == 0 ? one : all;
        all.hold_ttl = std::min(all.hold_ttl, one.hold_ttl);
        all.checkout_ttl = std::min(all.checkout_ttl, one.checkout_ttl);
        all.max_ttl = std::min(all.max_ttl, one.max_ttl);
        all.max_life = std::min(all.max_life, one.max_life);
        all.max_extensions = std::min(all.max_extensions, one.max_extensions);
        all.late_confirm = std::max(all.late_confirm, one.late_confirm);  // refuse is the larger
    }
    return all;
}

// Lowers the quantities to what the limits per customer let through; refuses where it may not.
void Model::limit(std::vector<HoldLine>& lines, const PlaceHold& cart, const Hold* own) const {
    std::map<std::string, Quantity> left;
    std::vector<ShortLine> over;
    for (HoldLine& line : lines) {
        const std::optional<Quantity> most = policies_.at(line.sku).max_per_customer;
        line.limited = most.has_value();
        require(!most || !cart.customer.empty(), Code::customer_required);
        if (most && !left.contains(line.sku)) {
            left[line.sku] = *most;
            for (const auto& [id, hold] : holds_) {
                for (const HoldLine& had : hold.lines) {
                    if (hold.customer != cart.customer || had.sku != line.sku || !had.limited ||
                        hold.status == Status::released || hold.status == Status::expired ||
                        (own != nullptr && own->id == id)) {
                        continue;
                    }
                    for (const Allocation& a : had.allocations) {
                        left[line.sku] -= a.quantity - a.cancelled - a.returned;
                    }
                }
            }
            left[line.sku] = std::max<Quantity>(left[line.sku], 0);
        }
        if (most) {
            line.quantity = std::min(line.wanted, left[line.sku]);
            if (line.quantity < line.wanted) {
                over.push_back({line.sku, "", line.wanted, left[line.sku]});
            }
            left[line.sku] -= line.quantity;
        }
    }
    const bool any = std::ranges::any_of(lines, [](const HoldLine& l) { return l.quantity > 0; });
    require(over.empty() || (cart.partial && any), Code::customer_limit_exceeded, over);
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
    for (const auto& [location, unused] : locations_) {
        if (line.location.empty() || line.location == location) {
            order.push_back(location);
        }
    }
    std::ranges::stable_sort(
        order, {}, [&](const std::string& location) { return locations_.at(location).first; });
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

std::vector<HoldLine> Model::allocate(const PlaceHold& cart, const Hold* own) const {
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
    limit(lines, cart, own);
    std::map<Place, Quantity> free;
    for (const auto& [place, shelf] : shelves_) {
        free[place] = std::max<Quantity>(counters(place).available, 0);
    }
    for (const HoldLine& line : own == nullptr ? std::vector<HoldLine>{} : own->lines) {
        for (const Allocation& a : line.allocations) {
            free[{line.sku, a.location}] += a.quantity;
        }
    }
    std::vector<ShortLine> missing;
    const auto serve = [&](HoldLine& line) {
        const std::vector<std::string> order = candidates(line, cart.region, free);
        const auto at = [&](const std::string& location) -> Quantity& {
            return free[{line.sku, location}];
        };
        Quantity possible = 0;
        for (const std::string& location : order) {
            possible += at(location);
        }
        const Quantity granted = std::min(line.quantity, possible);
        if (granted < line.wanted) {
            missing.push_back({line.sku, line.location, line.wanted, granted});
        }
        Quantity open = granted == line.quantity || cart.partial ? granted : 0;
        line.quantity = open;
        for (const std::string& location : order) {
            if (const Quantity units = std::min(open, at(location)); units > 0) {
                line.allocations.push_back({.location = location, .quantity = units});
                at(location) -= units;
                open -= units;
            }
        }
    };
    for (const bool named : {true, false}) {
        for (HoldLine& line : lines) {
            if (line.location.empty() != named) {
                serve(line);
            }
        }
    }
    const bool any = std::ranges::any_of(lines, [](const HoldLine& l) { return l.quantity > 0; });
    require(any && (missing.empty() || cart.partial), Code::insufficient_stock, missing);
    return lines;
}

// The commands on a hold change a copy of it, which submit() keeps when none of them refused.
struct Model::Rules {
    Model& model;
    Hold& hold;

    Counters& shelf(const std::string& sku, const std::string& location) {
        require(model.policies_.contains(sku), Code::unknown_sku);
        require(model.locations_.contains(location), Code::unknown_location);
        return model.shelves_[{sku, location}];
    }
    void change_on_hand(const std::string& sku, const std::string& location, Quantity change) {
        Counters& counters = shelf(sku, location);
        counters.on_hand += change;
        require(counters.on_hand >= 0 && counters.on_hand <= limits::quantity_max,
                Code::quantity_out_of_range);
    }
    void settle() {
        const bool any = sum(hold, [](const Allocation& a) { return a.fulfilled; }) > 0;
        hold.status = sum(hold, to_ship) > 0     ? Status::confirmed
                      : sum(hold, to_return) > 0 ? Status::fulfilled
                      : any                      ? Status::returned
                                                 : Status::cancelled;
    }

    void operator()(const PlaceHold& c) {
        const Policy terms = model.strictest(c.lines);
        require(!c.ttl || *c.ttl <= terms.max_ttl, Code::ttl_too_long);
        hold.lines = model.allocate(c, nullptr);
        hold.status = c.confirm ? Status::confirmed : Status::pending;
        hold.cart = c.cart;
        hold.customer = c.customer;
        hold.created_at = model.now_;
        hold.expires_at = model.now_ + c.ttl.value_or(terms.hold_ttl);
        hold.heartbeat = c.heartbeat.value_or(Seconds(0));
        hold.beats_until = c.heartbeat ? model.now_ + *c.heartbeat : Instant();
    }
    void operator()(const AmendHold& c) {
        require_status(hold, {Status::pending});
        require_fence(hold, c.fence);
        hold.lines = model.allocate(
            {.customer = hold.customer, .region = c.region, .lines = c.lines}, &hold);
        hold.fence = 0;  // a change, even to the same lines
    }
    void operator()(const ExtendHold& c) {
        require_status(hold, {Status::pending});
        require_fence(hold, c.fence);
        const Policy terms = model.strictest(hold.lines);
        require(!c.ttl || *c.ttl <= terms.max_ttl, Code::ttl_too_long);
        require(hold.extensions < terms.max_extensions, Code::max_extensions_reached);
        const Instant asked = model.now_ + c.ttl.value_or(terms.hold_ttl);
        if (asked > hold.expires_at) {
            const Instant granted = std::min(asked, hold.created_at + terms.max_life);
            require(granted > hold.expires_at, Code::max_life_reached);
            hold.expires_at = granted;
            ++hold.extensions;
        }
    }
    void operator()(const BeatHold& c) {
        require_status(hold, {Status::pending});
        require_fence(hold, c.fence);
        require(hold.heartbeat > Seconds(0), Code::heartbeat_not_requested);
        hold.beats_until = model.now_ + hold.heartbeat;
        hold.fence = 0;  // a change, even in the same instant
    }
    void operator()(const SecureHold& c) {
        require_status(hold, {Status::pending});
        require_fence(hold, c.fence);
        if (!hold.secured) {
            const Policy terms = model.strictest(hold.lines);
            const Instant paid_by =
                std::min(model.now_ + terms.checkout_ttl, hold.created_at + terms.max_life);
            hold.expires_at = std::max(hold.expires_at, paid_by);
            hold.secured = true;
        }
    }
    void operator()(const ConfirmHold& c) {
        if (hold.status == Status::confirmed || hold.status == Status::fulfilled) {
            return;
        }
        require_status(hold, {Status::pending, Status::expired});
        require_fence(hold, c.fence);
        const bool late = hold.status == Status::expired;
        const bool retake = model.strictest(hold.lines).late_confirm == LateConfirm::retake;
        require(!late || retake, Code::hold_expired);
        Hold before = hold;
        take(
            hold, c.lines, [](const Allocation& a) { return a.quantity - a.fulfilled; }, true,
            [](HoldLine&, Allocation& a, Quantity units, auto&) { a.fulfilled += units; });
        keep_units(hold, [](const Allocation& a) { return a.fulfilled; });
        hold.status = Status::confirmed;
        if (late) {
            take_again(before, c.lines);
        }
    }
    // The units are looked for as if the cart were new. Where they are found, they go to the lines that named the
    // place, then to the line that named none, each up to what it had.
    void take_again(const Hold& before, Lines lines) {
        for (const HoldLine& line : lines.empty() ? before.lines : std::vector<HoldLine>{}) {
            if (line.quantity > 0) {
                lines.push_back({line.sku, line.quantity, line.location});
            }
        }
        const auto found = model.allocate({.customer = hold.customer, .lines = lines}, nullptr);
        for (HoldLine& line : hold.lines) {
            line.quantity = 0;
            line.limited = false;
            line.allocations.clear();
        }
        for (const HoldLine& line : found) {
            for (Allocation a : line.allocations) {
                for (const int choice : {1, 2, 3}) {
                    for (std::size_t i = 0; i < hold.lines.size(); ++i) {
                        HoldLine& to = hold.lines[i];
                        const Quantity room = before.lines[i].quantity - to.quantity;
                        const Quantity units =
                            choice == 3 ? a.quantity : std::min(room, a.quantity);
                        const bool fits = (choice == 1 && to.location == a.location) ||
                                          (choice == 2 && to.location.empty()) || choice == 3;
                        if (to.sku == line.sku && fits && units > 0) {
                            if (to.allocations.empty() ||
                                to.allocations.back().location != a.location) {
                                to.allocations.push_back({.location = a.location});
                            }
                            to.allocations.back().quantity += units;
                            to.quantity += units;
                            to.limited = line.limited;
                            a.quantity -= units;
                        }
                    }
                }
            }
        }
    }
    void operator()(const ReleaseHold& c) {
        if (hold.status == Status::released) {
            return;
        }
        require_status(hold, {Status::pending});
        require_fence(hold, c.fence);
        hold.status = Status::released;
    }
    void operator()(const FulfilHold& c) {
        const bool done = hold.status == Status::fulfilled || hold.status == Status::returned;
        if (done && c.lines.empty()) {
            return;
        }
        require_status(hold, {Status::confirmed, Status::fulfilled, Status::returned});
        require_fence(hold, c.fence);
        const Hold before = hold;
        take(hold, c.lines, to_ship, true,
             [](HoldLine&, Allocation& a, Quantity units, auto&) { a.fulfilled += units; });
        for (std::size_t i = 0; i < hold.lines.size(); ++i) {
            for (std::size_t j = 0; j < hold.lines[i].allocations.size(); ++j) {
                const Allocation& a = hold.lines[i].allocations[j];
                change_on_hand(hold.lines[i].sku, a.location,
                               before.lines[i].allocations[j].fulfilled - a.fulfilled);
            }
        }
        settle();
    }
    void operator()(const CancelHold& c) {
        if (hold.status == Status::cancelled && c.lines.empty()) {
            return;
        }
        require_status(hold, {Status::confirmed});
        require_fence(hold, c.fence);
        take(hold, c.lines, to_ship, true,
             [](HoldLine&, Allocation& a, Quantity units, auto&) { a.cancelled += units; });
        settle();
    }
    void operator()(const ReturnUnits& c) {
        if (hold.status == Status::returned && c.lines.empty()) {
            return;
        }
        require_status(hold, {Status::confirmed, Status::fulfilled, Status::returned});
        require_fence(hold, c.fence);
        for (const LineRequest& line : c.lines) {
            require(line.location.empty() || model.locations_.contains(line.location),
                    Code::unknown_location);
        }
        if (c.lines.empty() && sum(hold, to_return) == 0) {
            require_status(hold, {});
        }
        take(hold, c.lines, to_return, false,
             [&](HoldLine& line, Allocation& a, Quantity units, const std::string& to) {
                 a.returned += units;
                 if (units > 0) {
                     change_on_hand(line.sku, to.empty() ? a.location : to, units);
                     shelf(line.sku, to.empty() ? a.location : to).returned += units;
                 }
             });
        settle();
    }
    void operator()(const DefineSku& c) { model.policies_[c.sku] = c.policy; }
    void operator()(const DefineLocation& c) {
        model.locations_[c.location] = {c.priority, c.region};
    }
    void operator()(const ReceiveStock& c) { change_on_hand(c.sku, c.location, c.quantity); }
    void operator()(const AdjustStock& c) { change_on_hand(c.sku, c.location, c.delta); }
    void operator()(const MoveStock& c) {
        Counters& counters = shelf(c.sku, c.location);
        const auto units = [&](StockState state, Quantity change) {
            Quantity nowhere = model.counters({c.sku, c.location}).available;
            Quantity& there = state == StockState::returned  ? counters.returned
                              : state == StockState::repair  ? counters.repair
                              : state == StockState::damaged ? counters.damaged
                                                             : nowhere;
            there += change;
            require(change > 0 || there >= 0, Code::insufficient_stock,
                    {{c.sku, c.location, c.quantity, std::max<Quantity>(there - change, 0)}});
        };
        units(c.from, -c.quantity);
        units(c.to, c.quantity);
    }
    void operator()(const TransferStock& c) {
        shelf(c.sku, c.from);
        shelf(c.sku, c.to);
        const Quantity available = model.counters({c.sku, c.from}).available;
        require(available >= c.quantity, Code::insufficient_stock,
                {{c.sku, c.from, c.quantity, std::max<Quantity>(available, 0)}});
        change_on_hand(c.sku, c.from, -c.quantity);
        change_on_hand(c.sku, c.to, c.quantity);
    }
    void operator()(const ExpireHolds&) {}
};

Outcome<Answer> Model::submit(const Submission& submission) {
    const auto shelves = shelves_;
    try {
        Hold before;
        bool on_hold = false;
        std::visit(
            [&](const auto& command) {
                if constexpr (requires { command.id; }) {
                    on_hold = true;
                    require(holds_.contains(command.id), Code::unknown_hold);
                    before = holds_.at(command.id);
                }
            },
            submission.command);
        Hold after = before;
        if (std::holds_alternative<PlaceHold>(submission.command)) {
            on_hold = true;
            after.id.high = holds_.size() + 1;
        }
        std::visit(Rules{*this, after}, submission.command);
        if (!on_hold) {
            return {.result = LocationAnswer{}};
        }
        if (after != before) {
            after.fence = ++changes_;
            holds_[after.id] = after;
        }
        return {.result = HoldAnswer{.hold = after, .server_time = now_}};
    } catch (const Refusal& refusal) {
        shelves_ = shelves;
        return {.result = std::unexpected(refusal)};
    }
}

void Model::advance(std::chrono::milliseconds by) {
    now_ += by;
    for (auto& [id, hold] : holds_) {
        if (hold.status == Status::pending && hold.deadline() <= now_) {
            hold.status = Status::expired;
            hold.fence = ++changes_;
        }
    }
}

Result<HoldAnswer> Model::read_hold(HoldId id) {
    if (!holds_.contains(id)) {
        return std::unexpected(Refusal{.code = Code::unknown_hold});
    }
    return HoldAnswer{.hold = holds_.at(id), .server_time = now_};
}

Result<StockAnswer> Model::read_stock(const std::string& sku) {
    if (!policies_.contains(sku)) {
        return std::unexpected(Refusal{.code = Code::unknown_sku});
    }
    StockAnswer answer{.sku = sku, .as_of = now_};
    for (const auto& [place, shelf] : shelves_) {
        if (place.first == sku) {
            const Counters c = counters(place);
            answer.locations.push_back({place.second, c});
            Counters& total = answer.total;
            total = {total.on_hand + c.on_hand,
                     total.available + c.available,
                     total.held + c.held,
                     total.committed + c.committed,
                     total.safety_stock + c.safety_stock,
                     total.returned + c.returned,
                     total.repair + c.repair,
                     total.damaged + c.damaged};
        }
    }
    return answer;
}

}  // namespace holdfast::testing
