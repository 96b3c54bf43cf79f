// The sequencer's half that decides commands: what they do to the state and to the round that is open.
#include <utility>

#include <holdfast/assert.h>
#include <holdfast/fault.h>
#include <holdfast/limits.h>
#include "core/evolve.h"
#include "sequencer/answers.h"
#include "sequencer/refusals.h"
#include "sequencer/sequencer.h"
#include "store/codec.h"

namespace holdfast::sequencer {

bool Sequencer::execute(Item& item) {
    if (auto* read = std::get_if<std::unique_ptr<Read>>(&item)) {
        return execute(*read);
    }
    std::size_t commands = 1;
    if (shared() && !fetch_past(item)) {
        must_follow_ = lane_->closed = true;
        return false;
    }
    if (auto* single = std::get_if<Single>(&item)) {
        Outcome<Answer> outcome = execute(single->submission);
        if (lane_->closed) {
            return false;
        }
        lane_->round->reply(std::move(*single), std::move(outcome));
    } else {
        auto* many = std::get_if<Many>(&item);
        // Decided in one round: nothing that is due may stand in the way of any of them.
        while (state_.holds.any_due(lane_->round->now())) {
            expire(core::decide(state_, ExpireHolds{}, {.now = lane_->round->now()}));
            if (lane_->closed) {
                return false;
            }
        }
        commands = many->submissions.size();
        std::vector<Outcome<Answer>> outcomes;
        outcomes.reserve(commands);
        for (const Submission& submission : many->submissions) {
            outcomes.push_back(execute(submission));
            HF_ASSERT(!lane_->closed);
        }
        lane_->round->reply(std::move(*many), std::move(outcomes));
    }
    queued_commands_.fetch_sub(commands, std::memory_order_relaxed);
    commands_.fetch_add(commands, std::memory_order_relaxed);
    return true;
}

bool Sequencer::execute(std::unique_ptr<Read>& read) {
    try {
        read->look(*this);
        if (std::exchange(behind_, false)) {
            must_follow_ = true;
            return false;
        }
        std::uint64_t until = 0;
        for (const Lane& lane : lanes_) {
            until = std::max(until, lane.round && lane.round->has_events() ? lane.round->number()
                                                                           : lane.sent.load());
        }
        reads_.push_back({.until = until, .read = std::move(read)});
    } catch (const StoreUnreachable& error) {
        const Refusal refusal = unreachable(error.what());
        read->answer(&refusal);
    }
    queued_commands_.fetch_sub(1, std::memory_order_relaxed);
    return true;
}

// Nothing when that closes the round.
Outcome<Answer> Sequencer::execute(const Submission& submission) {
    try {
        return decide_and_answer(submission);
    } catch (const StoreUnreachable& error) {
        // A hold that it names, or a first answer, is needed: nothing was decided yet.
        return {std::unexpected(unreachable(error.what()))};
    }
}

Outcome<Answer> Sequencer::decide_and_answer(const Submission& submission) {
    const Request& request = submission.request;
    // Who set it did not know that time is ahead of the clock.
    const Instant clock = lane_->round->now() - time_.behind();
    if (request.deadline && *request.deadline < clock) {
        return {std::unexpected(too_late(*request.deadline, clock))};
    }
    if (!request.idempotency_key.empty()) {
        if (auto first = first_answer(submission)) {
            return std::move(*first);
        }
    }
    core::Decision decision = decide(submission.command);
    if (lane_->closed) {
        return {};
    }
    const bool changed = !decision.events.empty();
    if (!changed && !rely_on(submission.command, !decision.refusal)) {
        leave_lanes();
        return {};
    }
    if (decision.refusal) {
        note_refusal(submission.command, *decision.refusal);
        return {std::unexpected(std::move(*decision.refusal))};
    }
    Outcome<Answer> outcome{answer(submission.command, decision)};
    if (changed && !request.idempotency_key.empty() && !HF_FAULT(key_forgotten)) {
        remember(submission, *outcome.result);
    }
    return outcome;
}

std::optional<Outcome<Answer>> Sequencer::first_answer(const Submission& submission) {
    const Request& request = submission.request;
    const AnswersRow* row = idempotency_.find(request.idempotency_key);
    if (row == nullptr) {
        return std::nullopt;
    }
    if (!settled(row->round)) {
        return Outcome<Answer>{std::unexpected(key_in_use(request.idempotency_key))};
    }
    const auto bytes = store_.find(row->partition, store::RowKind::answers,
                                   store::encode_version_key(row->version));
    HF_ASSERT(bytes.has_value() || shared());
    if (!bytes) {
        return std::nullopt;  // another node has forgotten it
    }
    for (store::KeyedAnswer& first : store::decode_answers(*bytes).answers) {
        if (first.key != request.idempotency_key) {
            continue;
        }
        if (first.fingerprint != request.fingerprint) {
            return Outcome<Answer>{std::unexpected(key_reused(request.idempotency_key))};
        }
        if (shared()) {
            if (!in_lane(row->partition)) {
                leave_lanes();
                return Outcome<Answer>{};
            }
            lane_->round->rely_on(row->partition, true);
        }
        return Outcome<Answer>{std::move(first.answer), true};
    }
    return std::nullopt;  // another key with the same hash: this one is new
}

core::Decision Sequencer::decide(const Command& command) {
    const HoldId fresh = fresh_id(command);
    for (;;) {
        core::Decision decision = decide_on(command, fresh);
        if (lanes_used_ > 1 && (decision.again || !in_lane(decision))) {
            leave_lanes();
            return decision;
        }
        if (!decision.again) {
            apply(decision);
            serve_waiting();
            return decision;
        }
        expire(decision);
        if (lane_->closed) {
            return decision;
        }
    }
}

// Units that came free go to those who wait for them, in the same append. What a round has no room for
// goes to them in the next one: until then it is nobody else's.
void Sequencer::serve_waiting() {
    while (!state_.to_serve.empty() && !lane_->round->full() &&
           lane_->served < limits::round_served_max) {
        const auto next = core::next_to_serve(state_);
        if (!next) {
            return;
        }
        if (shared() && !fetch_past(*next)) {
            must_follow_ = true;  // they are served then
            return;
        }
        const core::Decision served = decide_on(*next, fresh_id(*next));
        HF_ASSERT(!served.refusal);
        if (lanes_used_ > 1 && !in_lane(served)) {
            want_one_lane();
            return;
        }
        apply(served);
        ++lane_->served;
    }
}

// Finds the hold that the command names, when it is not in memory.
core::Decision Sequencer::decide_on(const Command& command, HoldId fresh) const {
    const auto id = core::named_hold(command);
    std::optional<Hold> past;
    if (id && state_.holds.find(*id) == nullptr) {
        const Hold* const recent = recent_.find(*id);
        past = recent != nullptr ? std::optional(*recent)
               : shared()        ? std::nullopt  // it was not there when it was fetched
                                 : find_past(*id);
    }
    return core::decide(
        state_, command,
        {.now = lane_->round->now(), .fresh_id = fresh, .past = past ? &*past : nullptr});
}

void Sequencer::apply(const core::Decision& decision) {
    for (const Event& event : decision.events) {
        apply(event, decision.hold);
    }
}

void Sequencer::apply(const std::vector<Event>& events) {
    for (const Event& event : events) {
        apply(event, {});
    }
}

// `decided` is the hold after the event where the decision made it; otherwise it is made here, from
// what the state has before an ending, or after a change.
void Sequencer::apply(const Event& event, const std::optional<Hold>& decided) {
    std::optional<Hold> after = decided;
    const auto end_of = [&](HoldId id) {
        if (!after || after->id != id) {
            after = state_.materialise(*state_.holds.find(id));
            core::evolve(*after, event);
        }
    };
    if (const auto* expired = std::get_if<HoldExpired>(&event)) {
        expired_.fetch_add(1, std::memory_order_relaxed);
        end_of(expired->id);
    } else if (const auto* released = std::get_if<HoldReleased>(&event)) {
        end_of(released->id);
    } else if (const auto* lost = std::get_if<HoldLost>(&event)) {
        end_of(lost->id);
    }
    if (undo_) {
        undo_->before(state_, event);
    }
    core::evolve(state_, event, lane_->round->now());
    if (const auto* extended = std::get_if<HoldExtended>(&event)) {
        after = state_.materialise(*state_.holds.find(extended->id));
    } else if (const auto* secured = std::get_if<HoldSecured>(&event)) {
        after = state_.materialise(*state_.holds.find(secured->id));
    } else if (const auto* allocated = std::get_if<BackorderAllocated>(&event);
               allocated != nullptr && allocated->status == HoldStatus::pending) {
        after = state_.materialise(*state_.holds.find(allocated->id));
    } else if (const auto* placed = std::get_if<HoldPlaced>(&event);
               placed != nullptr && placed->hold.status != HoldStatus::pending) {
        after = placed->hold;
    }
    if (const auto* offered = std::get_if<WaitlistOffered>(&event)) {
        last_offer_ = *offered;
    }
    lane_->round->record(state_, event, after ? &*after : nullptr);
    watch_.count(state_, event);
    if (after && after->status != HoldStatus::pending) {
        recent_.put(std::move(*after), lane_->round->number());
    }
}

// A result, so that the answer is made where it stays.
Result<Answer> Sequencer::answer(const Command& command, core::Decision& decision) {
    const auto hold_answer = [this](Hold&& hold) {
        const Version version = state_.versions[state_.home(hold.id)];
        return Result<Answer>(std::in_place, std::in_place_type<HoldAnswer>, std::move(hold),
                              version, lane_->round->now());
    };
    if (const auto* define = std::get_if<DefineSku>(&command)) {
        return sku_answer(state_, *state_.find_sku(define->sku));
    }
    if (const auto* define = std::get_if<DefineLocation>(&command)) {
        return location_answer(state_, state_.locations[*state_.find_location(define->location)]);
    }
    if (const auto* acknowledge = std::get_if<AcknowledgeAlert>(&command)) {
        return alert_answer(state_, *state_.find_alert(acknowledge->alert), lane_->round->now());
    }
    if (decision.hold) {
        return hold_answer(std::move(*decision.hold));
    }
    if (std::holds_alternative<JoinWaitlist>(command) ||
        std::holds_alternative<LeaveWaitlist>(command)) {
        return entry_answer(decision.events.front());
    }
    if (!decision.events.empty()) {
        if (auto* placed = std::get_if<HoldPlaced>(&decision.events.back())) {
            return hold_answer(std::move(placed->hold));
        }
    }
    if (const auto id = core::named_hold(command)) {
        return hold_answer(state_.materialise(*state_.holds.find(*id)));
    }
    return std::visit(
        [this]<class C>(const C& c) -> Answer {
            if constexpr (requires { c.sku; }) {
                return stock_answer(state_, *state_.find_sku(c.sku), lane_->round->now());
            } else {
                HF_ASSERT(!"a command without an answer");
            }
        },
        command);
}

// What became of a place in a line: it may have been served in the same breath.
EntryAnswer Sequencer::entry_answer(const Event& event) const {
    EntryAnswer answer{.server_time = lane_->round->now()};
    if (const auto* left = std::get_if<WaitlistLeft>(&event)) {
        answer.entry = left->entry;
        answer.sku = left->sku;
        answer.customer = left->customer;
        answer.status = EntryStatus::left;
    } else {
        const auto& joined = std::get<WaitlistJoined>(event);
        const core::SkuState& sku = *state_.find_sku(joined.sku);
        if (const auto shopper = sku.queues->find_shopper(joined.entry)) {
            return sequencer::entry_answer(state_, sku, *shopper, lane_->round->now());
        }
        answer.entry = joined.entry;
        answer.sku = joined.sku;
        answer.location = joined.location;
        answer.customer = joined.customer;
        answer.cart = joined.cart;
        answer.quantity = joined.quantity;
        answer.region = joined.region;
        const bool offered = last_offer_ && last_offer_->entry == joined.entry;
        answer.status = offered ? EntryStatus::offered : EntryStatus::left;
        answer.hold = offered ? std::optional(last_offer_->hold) : std::nullopt;
    }
    answer.version = state_.versions[state_.home(*state_.find_sku(answer.sku))];
    return answer;
}

void Sequencer::remember(const Submission& submission, const Answer& answer) {
    const PartitionId home = std::visit(
        [this]<class A>(const A& a) -> PartitionId {
            if constexpr (requires { a.hold.id; }) {
                return state_.home(a.hold.id);
            } else if constexpr (requires { a.sku; }) {
                return state_.home(*state_.find_sku(a.sku));
            } else if constexpr (requires { a.alert.sku; }) {
                return state_.home(*state_.find_sku(a.alert.sku));
            } else {
                return 0;
            }
        },
        answer);
    const Request& request = submission.request;
    const Version row = idempotency_.add(request.idempotency_key, home, state_.versions[home],
                                         lane_->round->number(), lane_->round->now());
    lane_->round->remember(home, row, request.idempotency_key, request.fingerprint, answer);
}

void Sequencer::note_refusal(const Command& command, const Refusal& refusal) {
    const bool lost_demand = refusal.code == RefusalCode::insufficient_stock ||
                             refusal.code == RefusalCode::customer_limit_exceeded;
    if (!lost_demand || refusal.short_lines.empty()) {
        return;
    }
    std::optional<HoldRefused> event;
    if (const auto* place = std::get_if<PlaceHold>(&command)) {
        event = refusals_.note(refusal, place->cart, place->customer, lane_->round->now());
    } else if (const auto id = core::named_hold(command)) {
        // A cart that was to grow, or a payment that came too late.
        if (const std::optional<Hold> hold = find_hold(*id); hold && !behind_) {
            event = refusals_.note(refusal, hold->cart, hold->customer, lane_->round->now());
        }
    }
    if (event) {
        apply(std::move(*event), {});
    }
}

HoldId Sequencer::fresh_id(const Command& command) {
    const auto sku = core::sku_of_fresh_id(command);
    if (!sku) {
        return {};
    }
    last_id_high_ = std::max(last_id_high_ + 1, id_time(lane_->round->now()));
    return {.high = last_id_high_, .low = (random_() << 16) | routing_token(*sku)};
}

std::optional<Hold> Sequencer::find_past(HoldId id) const {
    if (const Hold* recent = recent_.find(id)) {
        return *recent;
    }
    const PartitionId home = state_.home(id);
    const auto bytes = store_.find(home, store::RowKind::past_hold, store::encode_id_key(id));
    // In this order: the row is no newer than the head, which must be one that is known.
    behind_ = behind_ || (shared() && !knows(home, store_.heads()[home]));
    return bytes ? std::optional(store::decode_hold(*bytes)) : std::nullopt;
}

std::optional<Hold> Sequencer::find_hold(HoldId id) const {
    if (const core::PendingHold* pending = state_.holds.find(id)) {
        return state_.materialise(*pending);
    }
    return find_past(id);
}

}  // namespace holdfast::sequencer
