#include "testing/core_target.h"

#include <algorithm>
#include <array>
#include <numeric>

#include <gtest/gtest.h>

#include "core/decide.h"
#include "core/evolve.h"
#include "core/validate.h"

namespace holdfast::testing {

namespace {

// What a hold's first SKU asks for, as the sequencer makes ids.
HoldId next_id(const Command& command, std::uint64_t serial) {
    const auto sku = core::sku_of_fresh_id(command);
    return {.high = serial, .low = sku ? routing_token(*sku) : 0U};
}

void add(Counters& total, const Counters& row) {
    static constexpr std::array members = {
        &Counters::on_hand,      &Counters::available, &Counters::held,   &Counters::committed,
        &Counters::safety_stock, &Counters::returned,  &Counters::repair, &Counters::damaged};
    for (const auto member : members) {
        total.*member += row.*member;
    }
}

}  // namespace

std::optional<HoldId> hold_of(const Event& event) {
    return std::visit(
        []<class E>(const E& e) -> std::optional<HoldId> {
            if constexpr (requires { e.hold.id; }) {
                return e.hold.id;
            } else if constexpr (requires { e.id; }) {
                return e.id;
            } else {
                return std::nullopt;
            }
        },
        event);
}

void CoreTarget::apply(const Event& event) {
    if (const auto id = hold_of(event)) {
        Hold hold;
        if (const core::PendingHold* pending = state_.holds.find(*id)) {
            hold = state_.materialise(*pending);
        } else if (const auto past = past_.find(*id); past != past_.end()) {
            hold = past->second;
        }
        core::evolve(hold, event);
        if (hold.status != HoldStatus::pending) {
            past_[*id] = hold;
        }
    }
    if (!marks_.empty()) {
        marks_.back().undo.before(state_, event);
    }
    core::evolve(state_, event, now_);
    watch_.count(state_, event);
    events_.push_back({event, now_});
}

void CoreTarget::set_mark() {
    marks_.push_back({.undo = core::Undo(state_),
                      .watch = watch_,
                      .now = now_,
                      .holds_placed = holds_placed_,
                      .past = past_,
                      .events = events_.size()});
}

void CoreTarget::roll_back() {
    Mark& mark = marks_.back();
    mark.undo.roll_back(state_);
    watch_ = std::move(mark.watch);
    now_ = mark.now;
    holds_placed_ = mark.holds_placed;
    past_ = std::move(mark.past);
    events_.resize(mark.events);
    marks_.pop_back();
}

Outcome<Answer> CoreTarget::submit(const Submission& submission) {
    const Command& command = submission.command;
    if (auto fault = core::validate(command)) {
        return {.result = std::unexpected(std::move(*fault))};
    }
    const HoldId fresh = next_id(command, ++holds_placed_);
    const HoldId named = core::named_hold(command).value_or(fresh);
    core::Decision decision;
    do {
        const auto past = past_.find(named);
        decision = core::decide(state_, command,
                                {.now = now_,
                                 .fresh_id = fresh,
                                 .past = past == past_.end() ? nullptr : &past->second});
        for (const Event& event : decision.events) {
            apply(event);
        }
        serve_waiting();
    } while (decision.again);
    watch();
    if (decision.refusal) {
        return {.result = std::unexpected(std::move(*decision.refusal))};
    }
    if (const auto* joined = std::get_if<JoinWaitlist>(&command)) {
        const EntryId entry{.high = fresh.high, .low = fresh.low};
        if (auto answer = read_entry(joined->sku, entry)) {
            return {.result = std::move(*answer)};
        }
        const auto offer = offer_to(entry);
        return {.result = EntryAnswer{.entry = entry,
                                      .status = offer ? EntryStatus::offered : EntryStatus::left,
                                      .sku = joined->sku,
                                      .hold = offer}};
    }
    if (const auto* acknowledge = std::get_if<AcknowledgeAlert>(&command)) {
        return {.result = AlertAnswer{.alert = *state_.find_alert(acknowledge->alert)}};
    }
    if (const auto* leave = std::get_if<LeaveWaitlist>(&command)) {
        return {.result = EntryAnswer{
                    .entry = leave->entry, .status = EntryStatus::left, .sku = leave->sku}};
    }
    if (!core::named_hold(command) && !std::holds_alternative<PlaceHold>(command)) {
        return {.result = LocationAnswer{}};
    }
    Result<HoldAnswer> answer = read_hold(named);
    if (decision.hold) {
        EXPECT_EQ(*decision.hold, answer->hold) << "decide() and the events disagree";
    }
    return {.result = std::move(*answer)};
}

Result<HoldAnswer> CoreTarget::read_hold(HoldId id) {
    HoldAnswer answer{.hold = {}, .version = state_.versions[state_.home(id)], .server_time = now_};
    if (const core::PendingHold* pending = state_.holds.find(id)) {
        answer.hold = state_.materialise(*pending);
    } else if (const auto past = past_.find(id); past != past_.end()) {
        answer.hold = past->second;
    } else {
        return std::unexpected(Refusal{.code = RefusalCode::unknown_hold, .detail = to_string(id)});
    }
    return answer;
}

Result<StockAnswer> CoreTarget::read_stock(const std::string& name) {
    const core::SkuState* sku = state_.find_sku(name);
    if (sku == nullptr) {
        return std::unexpected(Refusal{.code = RefusalCode::unknown_sku, .detail = name});
    }
    StockAnswer answer{.sku = name, .version = state_.versions[state_.home(*sku)], .as_of = now_};
    for (const core::SkuStock& row : sku->stock) {
        answer.locations.push_back(
            {state_.locations[row.location].name, row.counters, sku->backordered_at(row.location)});
        answer.backordered += answer.locations.back().backordered;
        add(answer.total, row.counters);
    }
    std::ranges::sort(answer.locations, {}, &StockRow::location);
    for (std::size_t i = 0; sku->incoming && i < sku->incoming->size(); ++i) {
        const core::Incoming& one = (*sku->incoming)[i];
        answer.expected.push_back(
            {state_.locations[one.location].name, one.reference, one.quantity, one.expected_at});
    }
    return answer;
}

Result<EntryAnswer> CoreTarget::read_entry(const std::string& name, EntryId entry) {
    const core::SkuState* sku = state_.find_sku(name);
    const auto shopper =
        sku != nullptr && sku->queues ? sku->queues->find_shopper(entry) : std::nullopt;
    if (!shopper) {
        return std::unexpected(
            Refusal{.code = RefusalCode::unknown_entry, .detail = to_string(entry)});
    }
    return EntryAnswer{.entry = entry,
                       .sku = name,
                       .customer = shopper->entry.customer,
                       .quantity = shopper->entry.quantity,
                       .place = static_cast<Quantity>(sku->queues->place(entry))};
}

std::optional<HoldId> CoreTarget::offer_to(EntryId entry) {
    for (const TimedEvent& timed : events_) {
        const auto* offered = std::get_if<WaitlistOffered>(&timed.event);
        if (offered != nullptr && offered->entry == entry) {
            return offered->hold;
        }
    }
    return std::nullopt;
}

void CoreTarget::advance(std::chrono::milliseconds by) {
    now_ += by;
    if (expiry_ == Expiry::punctual) {
        expire();
    }
    for (const Event& event : watch_.pass(state_, now_)) {
        apply(event);
    }
    watch();
}

// After each command, as the sequencer does at the end of a round.
void CoreTarget::watch() {
    std::vector<core::SkuIndex> all(state_.skus.size());
    std::iota(all.begin(), all.end(), core::SkuIndex{0});
    for (const Event& event : watch_.look(state_, std::move(all), now_)) {
        apply(event);
    }
}

std::vector<Alert> CoreTarget::alerts(const std::string& name) {
    const core::SkuState* sku = state_.find_sku(name);
    return sku != nullptr && sku->alerts ? *sku->alerts : std::vector<Alert>();
}

void CoreTarget::expire() {
    while (state_.holds.any_due(now_)) {
        for (const Event& event : core::decide(state_, ExpireHolds{}, {.now = now_}).events) {
            apply(event);
        }
    }
    serve_waiting();
}

void CoreTarget::serve_waiting() {
    while (const auto next = core::next_to_serve(state_)) {
        const auto past = past_.find(core::named_hold(*next).value_or(HoldId{}));
        const core::Decision decision =
            core::decide(state_, *next,
                         {.now = now_,
                          .fresh_id = next_id(*next, ++holds_placed_),
                          .past = past == past_.end() ? nullptr : &past->second});
        EXPECT_FALSE(decision.refusal.has_value());
        for (const Event& event : decision.events) {
            apply(event);
        }
    }
}

}  // namespace holdfast::testing
