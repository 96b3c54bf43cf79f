// What must hold in every small world, and what must come back there.
#include <algorithm>
#include <array>

#include "tests/worlds/places.h"
#include "tests/worlds/world.h"

namespace holdfast::testing {
namespace {

RefusalCode refusal_of(HoldStatus status) {
    switch (status) {
        case HoldStatus::pending:
            return RefusalCode::hold_pending;
        case HoldStatus::confirmed:
            return RefusalCode::hold_confirmed;
        case HoldStatus::fulfilled:
            return RefusalCode::hold_fulfilled;
        case HoldStatus::released:
            return RefusalCode::hold_released;
        case HoldStatus::expired:
            return RefusalCode::hold_expired;
        case HoldStatus::cancelled:
            return RefusalCode::hold_cancelled;
        case HoldStatus::returned:
            return RefusalCode::hold_returned;
        case HoldStatus::lost:
            return RefusalCode::hold_lost;
    }
    return RefusalCode::invalid_request;
}

using Verdict = std::optional<RefusalCode>;

std::string told(Verdict code) {
    return code ? std::string(to_string(*code)) : "no refusal";
}

// For commands that a hold must be in `good` for; in `done` it was carried out already.
Verdict unless(const Hold& hold, HoldStatus good, HoldStatus done) {
    return hold.status == good || hold.status == done ? Verdict() : refusal_of(hold.status);
}

template <class Choose>
std::vector<LineRequest> lines_of(const Hold& hold, Choose choose) {
    std::vector<LineRequest> lines;
    for (const HoldLine& line : hold.lines) {
        if (choose(line)) {
            lines.push_back(
                {.sku = line.sku, .quantity = line.quantity, .location = line.location});
        }
    }
    return lines;
}

}  // namespace

void World::complain(std::string what) {
    if (wrong_.empty()) {
        wrong_ = std::move(what);
    }
}

// What this cart could take at a place.
Quantity World::free(std::size_t place, const Hold* own) const {
    const Counters* const counters = row(place);
    const bool for_sale = counters != nullptr && queues_[place].empty();
    return (for_sale ? std::max<Quantity>(counters->available, 0) : 0) +
           (own == nullptr ? 0 : taken_at(*own, place));
}

// What may still be promised to this cart beyond what is there.
Quantity World::promisable(std::size_t sku, const Cart& cart) const {
    const Policy& rules = policy(sku_names.at(sku));
    if (rules.selling == Selling::strict ||
        (cart.late && rules.late_confirm != LateConfirm::backorder)) {
        return 0;
    }
    Quantity others = waiting(sku);
    for (std::size_t place = 2 * sku; cart.own != nullptr && place < 2 * sku + 2; ++place) {
        others -= waiting_at(*cart.own, place);
    }
    return std::max<Quantity>(promises_of(rules) - others, 0);
}

bool World::over_limit(const Cart& cart) const {
    for (const std::string_view sku : sku_names) {
        Quantity units = owned(cart.customer, sku);
        for (const HoldLine& old :
             cart.own == nullptr ? std::vector<HoldLine>{} : cart.own->lines) {
            units -= old.limited && old.sku == sku ? old.quantity : 0;
        }
        bool wanted = false;
        for (const LineRequest& line : cart.lines) {
            units += line.sku == sku ? line.quantity : 0;
            wanted = wanted || line.sku == sku;
        }
        if (wanted && units > policy(sku).max_per_customer.value_or(limits::quantity_max)) {
            return true;
        }
    }
    return false;
}

// A shopper may only be turned away when a limit says so, or when units are neither there for him nor may be
// promised; and then he must be. Each line is served by one location, those that name theirs come first.
Verdict World::expected(const Cart& cart) const {
    if (over_limit(cart)) {
        return RefusalCode::customer_limit_exceeded;
    }
    std::array<Quantity, places> there{};
    for (std::size_t place = 0; place < places; ++place) {
        there.at(place) = free(place, cart.own);
    }
    std::array<Quantity, 2> more{promisable(0, cart), promisable(1, cart)};
    std::vector<LineRequest> lines = cart.lines;
    std::ranges::stable_partition(lines, [](const LineRequest& l) { return !l.location.empty(); });
    for (const LineRequest& line : lines) {
        const std::size_t sku = sku_number(line.sku);
        Quantity& at_main = there.at(2 * sku);
        Quantity& in_berlin = there.at(2 * sku + 1);
        const bool main = line.location.empty() ? at_main >= std::min(line.quantity, in_berlin)
                                                : line.location == location_names[0];
        Quantity& shelf = main ? at_main : in_berlin;
        const Quantity units = std::min(shelf, line.quantity);
        shelf -= units;
        more.at(sku) -= line.quantity - units;
        if (more.at(sku) < 0) {
            return RefusalCode::insufficient_stock;
        }
    }
    return std::nullopt;
}

Verdict World::expected(const ConfirmHold& command, const Hold& hold) const {
    if (hold.status == HoldStatus::pending) {
        auto wishes = lines_of(hold, [](const HoldLine& line) { return line.soft; });
        if (!command.lines.empty() && !wishes.empty()) {
            wishes.resize(1);  // one mug, which is that of the first line
            wishes[0].quantity = 1;
        }
        const Verdict verdict = expected({.lines = wishes, .customer = hold.customer});
        return verdict == RefusalCode::insufficient_stock ? RefusalCode::hold_lost : verdict;
    }
    if (hold.status == HoldStatus::expired) {
        const auto all = lines_of(hold, [](const HoldLine&) { return true; });
        const bool refused = std::ranges::any_of(all, [this](const LineRequest& line) {
            return policy(line.sku).late_confirm == LateConfirm::refuse;
        });
        return refused ? RefusalCode::hold_expired
                       : expected({.lines = command.lines.empty() ? all : command.lines,
                                   .customer = hold.customer,
                                   .late = true});
    }
    return unless(hold, HoldStatus::confirmed, HoldStatus::fulfilled);
}

Verdict World::expected(const SecureHold&, const Hold& hold) const {
    if (hold.status != HoldStatus::pending) {
        return refusal_of(hold.status);
    }
    if (hold.secured || hold.firm()) {
        return std::nullopt;
    }
    const auto wishes = lines_of(hold, [this](const HoldLine& line) {
        return line.soft && policy(line.sku).reserve_at == ReserveAt::checkout;
    });
    return wishes.empty() ? RefusalCode::reserved_at_payment
                          : expected({.lines = wishes, .customer = hold.customer});
}

Verdict World::expected(const FulfilHold&, const Hold& hold) const {
    if (hold.status == HoldStatus::fulfilled || hold.status == HoldStatus::returned) {
        return std::nullopt;
    }
    if (hold.status != HoldStatus::confirmed) {
        return refusal_of(hold.status);
    }
    Quantity units = 0;
    for (std::size_t place = 0; place < places; ++place) {
        const Quantity part = taken_at(hold, place);
        if (part > 0 && part > row(place)->on_hand) {
            return RefusalCode::quantity_out_of_range;
        }
        units += part;
    }
    return units == 0 ? Verdict(RefusalCode::quantity_exceeds_hold) : std::nullopt;
}

Verdict World::expected(const ReturnUnits&, const Hold& hold) const {
    Quantity out = 0;
    for (std::size_t place = 0; place < places; ++place) {
        out += sum_at(hold, place, [](const Allocation& a) { return a.fulfilled - a.returned; });
    }
    return out > 0 || hold.status == HoldStatus::returned ? Verdict() : refusal_of(hold.status);
}

Verdict World::expected(const Command& command) const {
    const auto id = core::named_hold(command);
    const Hold* const hold = id ? find(*id) : nullptr;
    if (id && hold == nullptr) {
        return RefusalCode::unknown_hold;
    }
    return std::visit(
        [&]<class C>(const C& c) -> Verdict {
            if constexpr (requires { expected(c, *hold); }) {
                return expected(c, *hold);
            } else if constexpr (std::is_same_v<C, PlaceHold>) {
                return expected({.lines = c.lines, .customer = c.customer});
            } else if constexpr (std::is_same_v<C, AmendHold>) {
                return hold->status != HoldStatus::pending
                           ? refusal_of(hold->status)
                           : expected({.lines = c.lines, .customer = hold->customer, .own = hold});
            } else if constexpr (std::is_same_v<C, ReleaseHold>) {
                return hold->status == HoldStatus::pending && c.fence && *c.fence != hold->fence
                           ? RefusalCode::stale_fence
                           : unless(*hold, HoldStatus::pending, HoldStatus::released);
            } else if constexpr (std::is_same_v<C, CancelHold>) {
                return unless(*hold, HoldStatus::confirmed, HoldStatus::cancelled);
            } else if constexpr (std::is_same_v<C, AdjustStock>) {
                return row(place_of(c.sku, c.location))->on_hand + c.delta < 0
                           ? Verdict(RefusalCode::quantity_out_of_range)
                           : std::nullopt;
            } else {
                return std::nullopt;
            }
        },
        command);
}

void World::judge(const Command& command, const core::Decision& decision) {
    if (decision.again) {
        return;  // lapsed holds stood in its way: it is judged when they are gone
    }
    const Verdict verdict = decision.refusal ? Verdict(decision.refusal->code) : std::nullopt;
    const auto named = core::named_hold(command);
    const Hold* const hold = named ? find(*named) : nullptr;
    if (hold != nullptr && hold->status == HoldStatus::pending && hold->deadline() <= now_) {
        complain("a command on a lapsed hold was decided before the hold was ended");
        return;
    }
    const bool for_units = verdict == RefusalCode::insufficient_stock ||
                           verdict == RefusalCode::customer_limit_exceeded ||
                           verdict == RefusalCode::hold_lost;
    if (for_units && state_.holds.any_due(now_)) {
        complain("refused for units that lapsed holds may have: " + told(verdict));
    }
    const Verdict due = expected(command);
    if (verdict != due) {
        complain("came back: " + told(verdict) + "; should have: " + told(due));
    }
    if (verdict && verdict != RefusalCode::hold_lost && !decision.events.empty()) {
        complain("refused, and yet something happened: " + told(verdict));
    }
}

// What ships at the sale is never left on the shelf, nor when it comes in later for an order that waited.
void World::check_shipped(HoldId id) {
    const Hold& hold = *find(id);
    if (hold.status != HoldStatus::confirmed) {
        return;
    }
    for (std::size_t place = 0; place < places; ++place) {
        if (policy(sku_names[place / 2]).fulfilment == Fulfilment::at_confirm &&
            taken_at(hold, place) > 0 && row(place)->on_hand > 0) {
            complain("sold, and there, but not shipped: " + place_name(place));
        }
    }
}

void World::happen(const Event& event) {
    std::array<Quantity, places> available{};
    for (std::size_t place = 0; place < places; ++place) {
        const Counters* const counters = row(place);
        available.at(place) =
            counters != nullptr ? counters->available : -policy(sku_names[place / 2]).safety_stock;
    }
    const std::array promised{waiting(0), waiting(1)};
    if (const auto* const served = std::get_if<BackorderAllocated>(&event)) {
        const auto& queue = queues_[place_of(served->allocated.sku, served->allocated.location)];
        if (queue.empty() || queue.front() != served->id) {
            complain("served although somebody else has waited longer");
        }
    }
    if (const auto* const sale = std::get_if<HoldConfirmed>(&event)) {
        for (const auto& parts : {sale->confirmed, sale->released, sale->taken}) {
            for (const Part& part : parts) {
                if (part.quantity < 0 || part.backordered < 0) {
                    complain("an event moves less than nothing");
                }
            }
        }
    }
    fold(event);
    deed_.push_back(event);
    for (std::size_t place = 0; place < places; ++place) {
        const Counters* const counters = row(place);
        if (counters != nullptr && counters->available < std::min<Quantity>(available[place], 0) &&
            !std::holds_alternative<StockAdjusted>(event)) {
            complain("sold what is not there: " + place_name(place));
        }
    }
    for (std::size_t sku = 0; sku < promised.size(); ++sku) {
        if (waiting(sku) > promised.at(sku) &&
            waiting(sku) > promises_of(policy(sku_names.at(sku)))) {
            complain("promised more than the limit of " + std::string(sku_names.at(sku)));
        }
    }
}

Quantity World::owned(std::string_view customer, std::string_view sku) const {
    Quantity units = 0;
    for (const Hold& hold : holds_) {
        const bool gave_up = hold.status == HoldStatus::released ||
                             hold.status == HoldStatus::expired || hold.status == HoldStatus::lost;
        for (const HoldLine& line : hold.lines) {
            const bool over = line.windowed && hold.status != HoldStatus::pending &&
                              window_left(hold, line) == Seconds(0);
            if (!gave_up && hold.customer == customer && line.sku == sku && line.limited && !over) {
                units += kept(line);
            }
        }
    }
    return units;
}

Seconds World::window_left(const Hold& hold, const HoldLine& line) const {
    const Instant end =
        taken_.at(hold.id.high - 1) + policy(line.sku).customer_window.value_or(Seconds(0));
    return std::max(std::chrono::duration_cast<Seconds>(end - now_), Seconds(0));
}

Quantity World::waiting(std::size_t sku) const {
    Quantity units = 0;
    for (const Hold& hold : holds_) {
        units += waiting_at(hold, 2 * sku) + waiting_at(hold, 2 * sku + 1);
    }
    return units;
}

void World::check() {
    check_holds();
    for (std::size_t place = 0; place < places; ++place) {
        check_row(place);
    }
    for (std::size_t sku = 0; sku < sku_names.size(); ++sku) {
        check_sku(sku);
    }
}

// Every counter says what the holds say, one by one: no unit has two owners, none is forgotten.
void World::check_row(std::size_t place) {
    const Counters* const counters = row(place);
    Quantity held = 0;
    Quantity committed = 0;
    Quantity waiting = 0;
    for (const Hold& hold : holds_) {
        (hold.status == HoldStatus::pending ? held : committed) += taken_at(hold, place);
        waiting += waiting_at(hold, place);
    }
    const Counters none;
    const Counters& c = counters == nullptr ? none : *counters;
    if (c.on_hand !=
        c.available + c.held + c.committed + c.safety_stock + c.returned + c.repair + c.damaged) {
        complain("the counters do not add up: " + place_name(place));
    }
    if (c.held != held || c.committed != committed) {
        complain("the counters and the holds disagree about who has what: " + place_name(place));
    }
    const core::SkuState& sku = *state_.find_sku(sku_names[place / 2]);
    const auto location = *state_.find_location(location_names[place % 2]);
    if (sku.backordered_at(location) != waiting) {
        complain("the queue and the holds disagree about who waits: " + place_name(place));
    }
    const core::StockQueue* const queue = sku.queues ? sku.queues->at(location) : nullptr;
    std::vector<HoldId> order;
    for (const auto& [version, waiter] :
         queue == nullptr ? decltype(queue->orders){} : queue->orders) {
        order.push_back(waiter.hold);
        if (waiter.quantity != waiting_at(*find(waiter.hold), place)) {
            complain("the queue and a hold disagree about what it waits for: " + place_name(place));
        }
    }
    if (order != queues_[place]) {
        complain("the queue is not in the order in which its holds began to wait: " +
                 place_name(place));
    }
    if (c.available > 0 && waiting > 0) {
        complain("units lie there, and somebody waits for them: " + place_name(place));
    }
}

void World::check_sku(std::size_t number) {
    const std::string name(sku_names.at(number));
    Quantity on_hand = 0;
    for (const core::SkuStock& stock : state_.find_sku(name)->stock) {
        on_hand += stock.counters.on_hand;
    }
    if (on_hand != units_.at(number)) {
        complain("units were lost or made: " + name);
    }
    if (waiting(number) > promises_of(policy(name))) {
        complain("more is promised than the limit of " + name);
    }
    const auto& counts = state_.find_sku(name)->customers;
    for (const std::string_view customer : {"u1", "u2", "u3"}) {
        const auto window = policy(name).customer_window;
        const Quantity units =
            counts ? counts->counted(customer, window, now_, state_.holds) : Quantity{0};
        if (units != owned(customer, name)) {
            complain("the limit counts other units of " + name + " than " + std::string(customer) +
                     " has");
        }
    }
}

void World::check_holds() {
    std::size_t pending = 0;
    for (const Hold& hold : holds_) {
        const core::PendingHold* const kept = state_.holds.find(hold.id);
        if ((kept != nullptr) != (hold.status == HoldStatus::pending)) {
            complain("a hold competes for stock though it ended, or does not though it is pending");
        } else if (kept != nullptr && state_.materialise(*kept) != hold) {
            complain("a pending hold is not what its events make");
        }
        pending += kept != nullptr ? 1 : 0;
        if (setting_.expiry == Expiry::punctual && kept != nullptr && hold.deadline() <= now_) {
            complain("a hold outlives its deadline");
        }
    }
    if (pending != state_.holds.count()) {
        complain("there are pending holds that nobody placed");
    }
}

}  // namespace holdfast::testing
