#include "tests/worlds/world.h"

#include <algorithm>
#include <ostream>

#include "core/evolve.h"
#include "tests/worlds/places.h"

namespace holdfast::testing {
namespace {

constexpr std::array<std::string_view, World::shoppers> customers{"u1", "u2", "u3"};

// A hold lasts one step, a secured one two.
constexpr Seconds step{60};

std::size_t shopper_of(const Hold& hold) {
    return static_cast<std::size_t>(hold.customer[1] - '1');
}

// What a shopper wants. The first and the third take mugs from anywhere, the second only what is in berlin; the third
// wants both SKUs or nothing. Who thinks again wants more mugs, on two lines, or none.
std::vector<LineRequest> lines_of(std::size_t shopper, bool again) {
    using Lines = std::vector<LineRequest>;
    const LineRequest mug{.sku = "mug", .quantity = 1, .location = {}};
    const LineRequest two_mugs{.sku = "mug", .quantity = 2, .location = {}};
    const LineRequest mug_at_main{.sku = "mug", .quantity = 1, .location = "main"};
    const LineRequest mug_in_berlin{.sku = "mug", .quantity = 1, .location = "berlin"};
    const LineRequest tea{.sku = "tea", .quantity = 1, .location = {}};
    switch (shopper) {
        case 0:
            return again ? Lines{two_mugs, mug_at_main} : Lines{mug};
        case 1:
            return again ? Lines{mug_in_berlin, mug_in_berlin} : Lines{mug_in_berlin};
        default:
            return again ? Lines{tea} : Lines{tea, mug};
    }
}

bool thought_again(const Hold& hold) {
    const bool two_lines = hold.lines.size() == 2;
    return hold.lines[0].wanted == 2 || (shopper_of(hold) == 2 ? !two_lines : two_lines);
}

void write(std::string& text, Quantity number) {
    text += static_cast<char>('P' + number);
}

}  // namespace

std::string to_string(Letter letter) {
    const std::string who(customers.at(letter.shopper));
    switch (letter.verb) {
        case Verb::place:
            return who + " fills or changes the cart";
        case Verb::confirm:
            return who + " confirms";
        case Verb::confirm_one:
            return who + " confirms one mug";
        case Verb::secure:
            return who + " goes to the checkout";
        case Verb::release:
            return who + " releases";
        case Verb::release_late:
            return who + " releases, of an older fence";
        case Verb::cancel:
            return who + " cancels";
        case Verb::fulfil:
            return "the order of " + who + " is shipped";
        case Verb::send_back:
            return who + " sends it back";
        case Verb::receive_at_main:
            return "a mug comes in at main";
        case Verb::receive_at_berlin:
            return "a mug comes in at berlin";
        case Verb::adjust:
            return "a mug is missing at main";
        case Verb::time_passes:
            return "time passes";
    }
    return "?";
}

void PrintTo(const Setting& setting, std::ostream* out) {
    *out << setting.name;
}

World::World(const Setting& setting, core::PendingHolds holds) : setting_(setting) {
    state_.holds = std::move(holds);
    const auto define = [this](std::string_view sku, Policy policy) {
        policy.hold_ttl = step;
        policy.checkout_ttl = 2 * step;
        fold(SkuDefined{.sku = std::string(sku), .policy = policy});
        fold(StockReceived{
            .sku = std::string(sku), .location = "main", .quantity = 1, .reference = {}});
    };
    fold(LocationDefined{.location = "berlin", .region = {}, .priority = 1});
    define("mug", setting.mug);
    define("tea", setting.tea);
}

core::PendingHolds World::take_holds() {
    for (const Hold& hold : holds_) {
        if (hold.status == HoldStatus::pending) {
            state_.holds.erase(hold.id);
        }
    }
    return std::move(state_.holds);
}

void World::repeat(const Deed& deed) {
    now_ = deed.now;
    for (const Event& event : deed.events) {
        fold(event);
    }
    core::next_to_serve(state_);  // nobody: whoever could be served was, but the state looks again
}

bool World::play(Letter letter) {
    deed_.clear();
    if (letter.verb == Verb::time_passes) {
        now_ += step;
        if (setting_.expiry == Expiry::punctual) {
            expire();
        }
        check();
        return true;
    }
    submit(command(letter));
    if (deed_.empty()) {
        return false;
    }
    check();
    return true;
}

void World::sweep() {
    end_all();
    if (!wrong_.empty()) {
        wrong_ = "when all holds have ended afterwards: " + wrong_;
    }
}

void World::end_all() {
    now_ += std::chrono::hours(24);
    expire();
    for (std::size_t i = 0; i < holds_.size(); ++i) {
        if (holds_[i].status == HoldStatus::confirmed) {
            submit(CancelHold{.id = holds_[i].id, .fence = {}, .lines = {}});
        }
    }
    check();
    for (std::size_t place = 0; place < places; ++place) {
        const Counters* const counters = row(place);
        if (counters == nullptr) {
            continue;
        }
        const core::SkuState& sku = *state_.find_sku(sku_names[place / 2]);
        if (counters->held != 0 || counters->committed != 0 || !queues_[place].empty() ||
            (sku.queues && sku.queues->backordered() != 0)) {
            complain("nobody has a hold, but units are held, sold or waited for: " +
                     place_name(place));
        }
        if (counters->available !=
            counters->on_hand - counters->returned - counters->safety_stock) {
            complain("nobody has a hold, but not all is for sale again: " + place_name(place));
        }
    }
}

std::string World::text() const {
    std::string text;
    for (std::size_t place = 0; place < places; ++place) {
        if (const Counters* const counters = row(place)) {
            write(text, counters->on_hand);
            write(text, counters->available);
            write(text, counters->returned);
        } else {
            text += '-';
        }
    }
    for (const std::string_view customer : customers) {
        for (const std::string_view sku : sku_names) {
            write(text, owned(customer, sku));
        }
    }
    for (const Hold& hold : holds_) {
        for (const HoldLine& line : hold.lines) {
            const Seconds left = window_left(hold, line);
            if (line.windowed && (hold.status == HoldStatus::pending || left > Seconds(0))) {
                text += 'w';
                write(text, static_cast<Quantity>(shopper_of(hold)));
                write(text, static_cast<Quantity>(sku_number(line.sku)));
                write(text, left / step);
                write(text, kept(line));
            }
        }
        const bool named = last_[shopper_of(hold)] == hold.id;
        if (!named && !competes(hold)) {
            continue;
        }
        text += named ? 'n' : 'o';
        write(text, static_cast<Quantity>(shopper_of(hold)));
        write(text, static_cast<Quantity>(hold.status));
        if (hold.status == HoldStatus::pending) {
            write(text, (hold.expires_at - now_) / step);
            text += hold.secured ? 's' : '-';
        }
        for (const HoldLine& line : hold.lines) {
            write(text, static_cast<Quantity>(sku_number(line.sku)));
            write(text, line.quantity);
            text += line.soft ? 's' : '-';
            text += line.limited ? 'l' : '-';
            for (const Allocation& allocation : line.allocations) {
                const std::size_t place = place_of(line.sku, allocation.location);
                text += static_cast<char>('a' + place);
                for (const Quantity units : {allocation.quantity, allocation.fulfilled,
                                             allocation.cancelled, allocation.returned}) {
                    write(text, units);
                }
                const auto& queue = queues_[place];
                const auto waits = std::ranges::find(queue, hold.id);
                write(text, waits == queue.end() ? 0 : 1 + (waits - queue.begin()));
                write(text, allocation.backordered);
            }
        }
    }
    return text;
}

Command World::command(Letter letter) const {
    // A shopper who never had a hold names one that is not there.
    const HoldId id = last_.at(letter.shopper).value_or(HoldId{.high = 0xffff, .low = 0});
    switch (letter.verb) {
        case Verb::place: {
            const Hold* const hold = find(id);
            if (hold == nullptr || hold->status != HoldStatus::pending) {
                return PlaceHold{.cart = std::string(customers.at(letter.shopper)),
                                 .customer = std::string(customers.at(letter.shopper)),
                                 .region = {},
                                 .lines = lines_of(letter.shopper, false),
                                 .ttl = {},
                                 .heartbeat = {}};
            }
            return AmendHold{.id = id,
                             .fence = {},
                             .region = {},
                             .lines = lines_of(letter.shopper, !thought_again(*hold))};
        }
        case Verb::confirm:
            return ConfirmHold{.id = id, .fence = {}, .lines = {}};
        case Verb::confirm_one:
            return ConfirmHold{
                .id = id, .fence = {}, .lines = {{.sku = "mug", .quantity = 1, .location = {}}}};
        case Verb::secure:
            return SecureHold{.id = id, .fence = {}};
        case Verb::release:
            return ReleaseHold{.id = id, .fence = {}};
        case Verb::release_late: {
            const Hold* const hold = find(id);
            return ReleaseHold{.id = id, .fence = hold == nullptr ? 0 : hold->fence - 1};
        }
        case Verb::cancel:
            return CancelHold{.id = id, .fence = {}, .lines = {}};
        case Verb::fulfil:
            return FulfilHold{.id = id, .fence = {}, .lines = {}, .reference = {}};
        case Verb::send_back:
            return ReturnUnits{.id = id, .fence = {}, .lines = {}};
        case Verb::receive_at_main:
            return ReceiveStock{.sku = "mug", .location = "main", .quantity = 1, .reference = {}};
        case Verb::receive_at_berlin:
            return ReceiveStock{.sku = "mug", .location = "berlin", .quantity = 1, .reference = {}};
        case Verb::adjust:
            return AdjustStock{
                .sku = "mug", .location = "main", .delta = -1, .reason = "count", .reference = {}};
        case Verb::time_passes:
            break;
    }
    return ExpireHolds{};
}

const Hold* World::find(HoldId id) const {
    return id.high >= 1 && id.high <= holds_.size() ? &holds_[id.high - 1] : nullptr;
}

const Counters* World::row(std::size_t place) const {
    const auto location = state_.find_location(location_names[place % 2]);
    return state_.find_sku(sku_names[place / 2])->at(*location);
}

const Policy& World::policy(std::string_view sku) const {
    return sku_number(sku) == 0 ? setting_.mug : setting_.tea;
}

void World::submit(const Command& command) {
    const HoldId fresh{.high = holds_.size() + 1, .low = 0};
    core::Decision decision;
    do {
        const auto named = core::named_hold(command);
        const Hold* const past = named ? find(*named) : nullptr;
        decision = core::decide(
            state_, command,
            {.now = now_,
             .fresh_id = fresh,
             .past = past == nullptr || past->status == HoldStatus::pending ? nullptr : past});
        if (decision.again && decision.events.empty()) {
            complain("the same is to be decided again though nothing happened");
            return;
        }
        judge(command, decision);
        for (const Event& event : decision.events) {
            happen(event);
        }
        if (const Hold* const hold = named ? find(*named) : nullptr;
            decision.hold && hold != nullptr && *decision.hold != *hold) {
            complain("decide() answers with another hold than its events make");
        }
        if (std::holds_alternative<ConfirmHold>(command) && !decision.events.empty()) {
            check_shipped(*named);
        }
        serve();
    } while (decision.again);
}

void World::expire() {
    while (state_.holds.any_due(now_)) {
        const core::Decision decision = core::decide(state_, ExpireHolds{}, {.now = now_});
        if (decision.events.empty()) {
            complain("a hold is due and not expired");
            return;
        }
        for (const Event& event : decision.events) {
            happen(event);
        }
    }
    serve();
}

void World::serve() {
    for (int served = 0; const auto next = core::next_to_serve(state_); ++served) {
        const Hold* const past = find(*core::named_hold(*next));
        const core::Decision decision = core::decide(
            state_, *next,
            {.now = now_, .past = past->status == HoldStatus::pending ? nullptr : past});
        if (decision.events.empty() || served == 100) {
            complain("who is next to be served gets nothing");
            return;
        }
        for (const Event& event : decision.events) {
            happen(event);
        }
        check_shipped(*core::named_hold(*next));
    }
}

void World::fold(const Event& event) {
    if (const auto id = hold_of(event)) {
        fold_hold(event, *id);
    }
    count(event);
    core::evolve(state_, event, now_);
}

// Who begins to wait for more units than before stands behind everybody else.
void World::fold_hold(const Event& event, HoldId id) {
    if (std::holds_alternative<HoldPlaced>(event)) {
        Hold& added = holds_.emplace_back();
        taken_.push_back(now_);
        added.status = HoldStatus::released;  // of nothing, so that it waits for nothing yet
        last_[shopper_of(std::get<HoldPlaced>(event).hold)] = id;
    }
    Hold& hold = holds_.at(id.high - 1);
    std::array<Quantity, places> before{};
    for (std::size_t place = 0; place < places; ++place) {
        before[place] = waiting_at(hold, place);
    }
    core::evolve(hold, event);
    const auto* const sale = std::get_if<HoldConfirmed>(&event);
    const auto* const secured = std::get_if<HoldSecured>(&event);
    if ((sale != nullptr && (sale->late || !sale->taken.empty())) ||
        (secured != nullptr && !secured->taken.empty())) {
        taken_.at(id.high - 1) = now_;
    }
    for (std::size_t place = 0; place < places; ++place) {
        const Quantity now = waiting_at(hold, place);
        if (now == 0 || now > before[place]) {
            std::erase(queues_[place], id);
        }
        if (now > before[place]) {
            queues_[place].push_back(id);
        }
    }
}

void World::count(const Event& event) {
    if (const auto* const received = std::get_if<StockReceived>(&event)) {
        units_[sku_number(received->sku)] += received->quantity;
    } else if (const auto* const adjusted = std::get_if<StockAdjusted>(&event)) {
        units_[sku_number(adjusted->sku)] += adjusted->delta;
    } else if (const auto* const fulfilled = std::get_if<HoldFulfilled>(&event)) {
        for (const Part& part : fulfilled->fulfilled) {
            units_[sku_number(part.sku)] -= part.quantity;
        }
    } else if (const auto* const returned = std::get_if<HoldReturned>(&event)) {
        for (const Part& part : returned->returned) {
            units_[sku_number(part.sku)] += part.quantity;
        }
    }
}

}  // namespace holdfast::testing
