#include "testing/model.h"

#include <algorithm>
#include <functional>

#include "testing/model_terms.h"

namespace holdfast::testing {

namespace {

void require_status(const Hold& hold, const std::vector<Status>& allowed) {
    // The codes hold_pending, hold_confirmed, ... stand in the order of the statuses.
    const int code = static_cast<int>(Code::hold_pending) + static_cast<int>(hold.status);
    require(std::ranges::count(allowed, hold.status) > 0, static_cast<Code>(code));
}

void require_fence(const Hold& hold, std::optional<Fence> fence) {
    require(!fence || fence == hold.fence, Code::stale_fence);
}

// A kind of units, and what is done with those that are taken.
struct Kind {
    Quantity (*left)(const Allocation&);
    std::function<void(HoldLine&, Allocation&, Quantity, const std::string& to)> spend;
};

// Spends what is asked (nothing: all that is left): the first kind first, of it the hold's first lines first.
void take(Hold& hold, const Lines& asked, bool from_there, const std::vector<Kind>& kinds) {
    for (std::size_t i = 0; i < std::max<std::size_t>(asked.size(), 1); ++i) {
        const LineRequest request = asked.empty() ? LineRequest{} : asked[i];
        Quantity missing = request.quantity;
        for (const Kind& kind : kinds) {
            missing += asked.empty() ? sum(hold, kind.left) : 0;
        }
        for (const Kind& kind : kinds) {
            for (HoldLine& line : hold.lines) {
                for (Allocation& a : line.allocations) {
                    const bool there =
                        !from_there || request.location.empty() || request.location == a.location;
                    if ((asked.empty() || line.sku == request.sku) && there) {
                        const Quantity units = std::min(missing, kind.left(a));
                        missing -= units;
                        kind.spend(line, a, units, request.location);
                    }
                }
            }
        }
        require(missing == 0, Code::quantity_exceeds_hold,
                {{request.sku, from_there ? request.location : "", request.quantity,
                  request.quantity - missing}});
    }
}

// Keeps the units that are marked: of those that are there as fulfilled, of those that wait as returned.
void keep_marked(Hold& hold) {
    for (HoldLine& line : hold.lines) {
        line.quantity = 0;
        for (Allocation& a : line.allocations) {
            line.quantity += a.fulfilled + a.returned;
            a.quantity = a.fulfilled;
            a.backordered = a.returned;
            a.fulfilled = a.returned = 0;
        }
        std::erase_if(line.allocations,
                      [](const Allocation& a) { return a.quantity + a.backordered == 0; });
    }
}

}  // namespace

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
        if (one.late_confirm == LateConfirm::refuse) {
            all.late_confirm = LateConfirm::refuse;
        }
    }
    return all;
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
    void operator()(const PlaceHold& c) {
        const Policy terms = model.strictest(c.lines);
        require(!c.ttl || *c.ttl <= terms.max_ttl, Code::ttl_too_long);
        hold.lines = model.allocate(c, nullptr, c.confirm ? Stage::payment : Stage::cart);
        model.start_windows(hold, hold.lines, model.now_);
        hold.status = c.confirm ? Status::confirmed : Status::pending;
        hold.cart = c.cart;
        hold.customer = c.customer;
        hold.region = c.region;
        hold.created_at = model.now_;
        hold.expires_at = model.now_ + c.ttl.value_or(terms.hold_ttl);
        hold.heartbeat = c.heartbeat.value_or(Seconds(0));
        hold.beats_until = c.heartbeat ? model.now_ + *c.heartbeat : Instant();
    }
    void operator()(const AmendHold& c) {
        require_status(hold, {Status::pending});
        require_fence(hold, c.fence);
        hold.region = c.region.empty() ? hold.region : c.region;
        hold.lines =
            model.allocate({.customer = hold.customer, .region = hold.region, .lines = c.lines},
                           &hold, hold.secured ? Stage::checkout : Stage::cart);
        model.start_windows(hold, hold.lines, hold.created_at);
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
            secure_soft_lines();
        }
    }
    void secure_soft_lines() {
        const auto takes = [this](const HoldLine& line) {
            return line.soft && line.quantity > 0 &&
                   model.policies_.at(line.sku).reserve_at != ReserveAt::payment;
        };
        PlaceHold cart{.customer = hold.customer, .region = hold.region};
        for (const HoldLine& line : hold.lines) {
            if (takes(line)) {
                cart.lines.push_back({line.sku, line.quantity, line.location});
            }
        }
        if (hold.firm()) {
            return;
        }
        require(!cart.lines.empty(), Code::reserved_at_payment);
        auto taken = model.allocate(cart, nullptr, Stage::checkout);
        model.start_windows(hold, taken, model.now_);
        auto next = taken.begin();
        for (HoldLine& line : hold.lines) {
            if (takes(line)) {
                next->wanted = line.wanted;
                line = *next++;
            }
        }
    }
    void operator()(const ConfirmHold& c) {
        if (hold.status == Status::confirmed || hold.status == Status::fulfilled) {
            return;
        }
        require_status(hold, {Status::pending, Status::expired});
        require_fence(hold, c.fence);
        const bool late = hold.status == Status::expired;
        const LateConfirm rule = model.strictest(hold.lines).late_confirm;
        require(!late || rule != LateConfirm::refuse, Code::hold_expired);
        const Hold before = hold;
        for (HoldLine& line : hold.lines) {
            if (line.soft && line.quantity > 0) {
                line.allocations = {{.location = line.location, .quantity = line.quantity}};
            }
        }
        take(hold, c.lines, true,
             {{[](const Allocation& a) { return a.quantity - a.fulfilled; },
               [](HoldLine&, Allocation& a, Quantity units, auto&) { a.fulfilled += units; }},
              {[](const Allocation& a) { return a.backordered - a.returned; },
               [](HoldLine&, Allocation& a, Quantity units, auto&) { a.returned += units; }}});
        keep_marked(hold);
        hold.status = Status::confirmed;
        Lines wanted = late ? c.lines : Lines{};
        for (std::size_t i = 0; i < hold.lines.size(); ++i) {
            const HoldLine& line = late ? before.lines[i] : hold.lines[i];
            if ((late ? c.lines.empty() : line.soft) && line.quantity > 0) {
                wanted.push_back({line.sku, line.quantity, line.location});
            }
        }
        if (!wanted.empty()) {
            take_again(before, wanted, late);
        }
        for (HoldLine& line : hold.lines) {
            line.soft = false;
        }
    }
    // The units are looked for as if the cart were new. Where they are found, they go to the lines that named the
    // place, then to the line that named none, each up to what it had.
    void take_again(const Hold& before, const Lines& lines, bool late) {
        std::vector<HoldLine> found;
        try {
            found =
                model.allocate({.customer = hold.customer, .region = hold.region, .lines = lines},
                               nullptr, late ? Stage::late : Stage::payment);
        } catch (Refusal& refusal) {
            if (!late && refusal.code == Code::insufficient_stock) {
                refusal.code = Code::hold_lost;
            }
            throw;
        }
        model.start_windows(hold, found, model.now_);
        for (HoldLine& line : hold.lines) {
            line.soft |= late;
            if (line.soft) {
                line.quantity = 0;
                line.limited = line.windowed = false;
                line.allocations.clear();
            }
        }
        for (const HoldLine& line : found) {
            for (Allocation a : line.allocations) {
                for (const int choice : {1, 2, 3}) {
                    for (std::size_t i = 0; i < hold.lines.size(); ++i) {
                        HoldLine& to = hold.lines[i];
                        const Quantity room = before.lines[i].quantity - to.quantity;
                        const Quantity rest = a.quantity + a.backordered;
                        const Quantity units = choice == 3 ? rest : std::min(room, rest);
                        const bool fits = (choice == 1 && to.location == a.location) ||
                                          (choice == 2 && to.location.empty()) || choice == 3;
                        if (to.sku == line.sku && to.soft && fits && units > 0) {
                            if (to.allocations.empty() ||
                                to.allocations.back().location != a.location) {
                                to.allocations.push_back({.location = a.location});
                            }
                            const Quantity there = std::min(units, a.quantity);
                            to.allocations.back().quantity += there;
                            to.allocations.back().backordered += units - there;
                            to.quantity += units;
                            to.limited = line.limited;
                            to.windowed = line.windowed;
                            a.quantity -= there;
                            a.backordered -= units - there;
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
        if (c.lines.empty() && sum(hold, to_ship) == 0) {
            refuse_waiting();
        }
        take(hold, c.lines, true, {{to_ship, [](HoldLine&, Allocation& a, Quantity units, auto&) {
                                        a.fulfilled += units;
                                    }}});
        for (std::size_t i = 0; i < hold.lines.size(); ++i) {
            for (std::size_t j = 0; j < hold.lines[i].allocations.size(); ++j) {
                const Allocation& a = hold.lines[i].allocations[j];
                change_on_hand(hold.lines[i].sku, a.location,
                               before.lines[i].allocations[j].fulfilled - a.fulfilled);
            }
        }
        settle(hold);
    }
    void refuse_waiting() {
        for (const HoldLine& line : hold.lines) {
            for (const Allocation& a : line.allocations) {
                require(a.backordered == 0, Code::quantity_exceeds_hold,
                        {{line.sku, "", a.backordered, 0}});
            }
        }
    }
    void operator()(const CancelHold& c) {
        if (hold.status == Status::cancelled && c.lines.empty()) {
            return;
        }
        require_status(hold, {Status::confirmed});
        require_fence(hold, c.fence);
        take(hold, c.lines, true,
             {{[](const Allocation& a) { return a.backordered; },
               [](HoldLine&, Allocation& a, Quantity units, auto&) {
                   a.backordered -= units;
                   a.quantity += units;
                   a.cancelled += units;
               }},
              {to_ship,
               [](HoldLine&, Allocation& a, Quantity units, auto&) { a.cancelled += units; }}});
        settle(hold);
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
        take(
            hold, c.lines, false,
            {{to_return, [&](HoldLine& line, Allocation& a, Quantity units, const std::string& to) {
                  a.returned += units;
                  if (units > 0) {
                      change_on_hand(line.sku, to.empty() ? a.location : to, units);
                      shelf(line.sku, to.empty() ? a.location : to).returned += units;
                  }
              }}});
        settle(hold);
    }
    void operator()(const DefineSku& c) { model.policies_[c.sku] = c.policy; }
    void operator()(const DefineLocation& c) {
        model.locations_[c.location] = {c.priority, c.region};
    }
    void operator()(const ReceiveStock& c) {
        change_on_hand(c.sku, c.location, c.quantity);
        auto& announced = model.expected_[c.sku];
        if (const auto it = announced.find({c.location, c.reference}); it != announced.end()) {
            it->second.quantity -= std::min(it->second.quantity, c.quantity);
            std::erase_if(announced, [](const auto& one) { return one.second.quantity == 0; });
        }
    }
    void operator()(const ExpectStock& c) {
        require(model.policies_.contains(c.sku), Code::unknown_sku);
        require(model.locations_.contains(c.location), Code::unknown_location);
        if (c.quantity > 0) {
            shelf(c.sku, c.location);
        }
        auto& announced = model.expected_[c.sku];
        announced[{c.location, c.reference}] = {c.location, c.reference, c.quantity, c.expected_at};
        std::erase_if(announced, [](const auto& one) { return one.second.quantity == 0; });
    }
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
    void operator()(const AcknowledgeAlert& c) { model.acknowledge(c); }
    void operator()(const ExpireHolds&) {}
    void operator()(const AllocateBackorder&) {}
    void operator()(const OfferUnits&) {}
    void operator()(const JoinWaitlist& c) {
        require(model.policies_.contains(c.sku), Code::unknown_sku);
        require(c.location.empty() || model.locations_.contains(c.location),
                Code::unknown_location);
        const Policy& policy = model.policies_.at(c.sku);
        require(policy.waitlist != Waitlist::off, Code::waitlist_off);
        const Quantity most = std::min(policy.max_per_cart.value_or(limits::quantity_max),
                                       policy.max_per_customer.value_or(limits::quantity_max));
        require(c.quantity <= most, Code::cart_limit_exceeded, {{c.sku, "", c.quantity, most}});
        for (const Shopper& waits : model.line_) {
            require(waits.asked.sku != c.sku || waits.asked.customer != c.customer,
                    Code::already_waiting);
        }
        model.line_.push_back({.id = {.high = ++model.joined_}, .asked = c});
    }
    void operator()(const LeaveWaitlist& c) {
        require(model.policies_.contains(c.sku), Code::unknown_sku);
        const auto left = std::erase_if(model.line_, [&c](const Shopper& waits) {
            return waits.id == c.entry && waits.asked.sku == c.sku;
        });
        require(left == 1, Code::unknown_entry);
    }
};

Outcome<Answer> Model::submit(const Submission& submission) {
    const auto shelves = shelves_;
    std::optional<HoldId> id;
    try {
        Hold before;
        bool on_hold = std::holds_alternative<PlaceHold>(submission.command);
        std::visit(
            [&](const auto& command) {
                if constexpr (requires { command.id; }) {
                    on_hold = true;
                    id = command.id;
                    require(holds_.contains(command.id), Code::unknown_hold);
                    before = holds_.at(command.id);
                }
            },
            submission.command);
        Hold after = before;
        if (std::holds_alternative<PlaceHold>(submission.command)) {
            after.id.high = holds_.size() + 1;
        }
        std::visit(Rules{*this, after}, submission.command);
        if (!on_hold) {
            serve_waiting();
            watch();
            if (const auto* joined = std::get_if<JoinWaitlist>(&submission.command)) {
                const EntryId entry{.high = joined_};
                if (auto answer = read_entry(joined->sku, entry)) {
                    return {.result = *answer};
                }
                return {.result =
                            EntryAnswer{.entry = entry,
                                        .status = offers_.contains(entry) ? EntryStatus::offered
                                                                          : EntryStatus::left,
                                        .sku = joined->sku}};
            }
            if (const auto* left = std::get_if<LeaveWaitlist>(&submission.command)) {
                return {.result = EntryAnswer{
                            .entry = left->entry, .status = EntryStatus::left, .sku = left->sku}};
            }
            return {.result = LocationAnswer{}};
        }
        if (after != before) {
            after.fence = ++changes_;
            if (after.status == Status::confirmed && before.status != Status::confirmed) {
                ship_at_confirm(after);
            }
            ++places_;
            for (HoldLine& line : after.lines) {
                for (Allocation& a : line.allocations) {
                    shelves_[{line.sku, a.location}];
                    a.place = a.backordered == 0 ? 0 : a.place == 0 ? places_ : a.place;
                }
            }
            holds_[after.id] = after;
            serve_waiting();
            watch();
        }
        after = holds_.at(after.id);  // as the queues left it
        return {.result = HoldAnswer{.hold = after, .server_time = now_}};
    } catch (const Refusal& refusal) {
        shelves_ = shelves;
        if (refusal.code == Code::hold_lost && id && holds_[*id].status == Status::pending) {
            holds_[*id].status = Status::lost;
            holds_[*id].fence = ++changes_;
            serve_waiting();
            watch();
        }
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
    serve_waiting();
    watch();
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
    for (const auto& [key, receipt] :
         expected_.contains(sku) ? expected_.at(sku) : decltype(expected_)::mapped_type{}) {
        answer.expected.push_back(receipt);
    }
    for (const auto& [place, shelf] : shelves_) {
        if (place.first == sku) {
            const Counters c = counters(place);
            answer.locations.push_back({place.second, c, waiting(sku, place.second, nullptr)});
            answer.backordered += answer.locations.back().backordered;
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
