#include "core/hold.h"

#include <algorithm>
#include <map>
#include <span>

#include <fmt/format.h>

#include <holdfast/assert.h>
#include <holdfast/fault.h>
#include <holdfast/limits.h>
#include "core/allocation.h"
#include "core/evolve.h"

namespace holdfast::core {
namespace {

void tighten(Terms& terms, const Policy& policy) {
    terms.hold_ttl = std::min({terms.hold_ttl, policy.hold_ttl, policy.max_ttl});
    terms.checkout_ttl = std::min({terms.checkout_ttl, policy.checkout_ttl, policy.max_ttl});
    terms.max_ttl = std::min(terms.max_ttl, policy.max_ttl);
    terms.max_life = std::min(terms.max_life, policy.max_life);
    terms.max_extensions = std::min(terms.max_extensions, policy.max_extensions);
    if (policy.late_confirm == LateConfirm::refuse) {
        terms.late_confirm = LateConfirm::refuse;
    }
}

constexpr Terms loosest{.hold_ttl = limits::hold_life_max,
                        .checkout_ttl = limits::hold_life_max,
                        .max_ttl = limits::hold_life_max,
                        .max_life = limits::hold_life_max,
                        .max_extensions = limits::extensions_max};

template <class Lines>
std::optional<Terms> strictest(const State& state, const Lines& lines) {
    Terms terms = loosest;
    for (const auto& line : lines) {
        const SkuState* sku = state.find_sku(line.sku);
        if (sku == nullptr) {
            return std::nullopt;
        }
        tighten(terms, *sku->policy);
    }
    return terms;
}

Refusal ttl_too_long(Seconds asked, Seconds longest) {
    return {.code = RefusalCode::ttl_too_long,
            .detail = fmt::format("a ttl of {} s is longer than the policy's max_ttl: ask for at "
                                  "most {} s",
                                  asked.count(), longest.count()),
            .field = "/ttl"};
}

// A pending hold that a command wants to change, with its fence checked.
Named name_pending(const State& state, HoldId id, std::optional<Fence> fence, const Given& given,
                   std::string_view verb) {
    Named named = name_hold(state, id, given);
    if (named.settled) {
        return named;
    }
    if (named.hold->status != HoldStatus::pending) {
        named.settled = refuse(wrong_status(*named.hold, verb));
    } else if (auto stale = check_fence(*named.hold, fence)) {
        named.settled = refuse(std::move(*stale));
    }
    return named;
}

// Ends these holds, in this order, until enough lines are free again.
Decision expire(const State& state, std::span<const HoldId> ids) {
    Decision decision;
    std::vector<Version> versions = state.versions;
    std::vector<PartitionId> touched;
    std::size_t lines = 0;
    for (const HoldId id : ids) {
        const Hold hold = state.materialise(*state.holds.find(id));
        decision.events.emplace_back(HoldExpired{.id = id,
                                                 .fence = versions[state.home(id)] + 1,
                                                 .customer = hold.customer,
                                                 .released = all_parts(hold.lines)});
        touched_partitions(state, decision.events.back(), touched);
        for (const PartitionId partition : touched) {
            ++versions[partition];
        }
        lines += hold.lines.size();
        if (lines >= limits::round_expiries_max) {
            break;
        }
    }
    return decision;
}

// Takes the units of the lines that are soft until the checkout.
std::optional<Refusal> take_soft_lines(const State& state, const Hold& hold, const Given& given,
                                       HoldSecured& secured) {
    std::vector<LineRequest> wanted;
    for (const HoldLine& line : hold.lines) {
        if (line.soft && line.quantity > 0 &&
            state.find_sku(line.sku)->policy->reserve_at != ReserveAt::payment) {
            wanted.push_back(
                {.sku = line.sku, .quantity = line.quantity, .location = line.location});
        }
    }
    if (wanted.empty()) {
        return Refusal{.code = RefusalCode::reserved_at_payment,
                       .detail =
                           "the policies of the cart take units off sale only when it is "
                           "paid: confirm the hold"};
    }
    auto taken = allocate(state, {.lines = wanted,
                                  .now = given.now,
                                  .customer = hold.customer,
                                  .region = hold.region,
                                  .partial = false,
                                  .own = nullptr,
                                  .stage = Stage::checkout});
    if (!taken) {
        return std::move(taken.error());
    }
    secured.customer = hold.customer;
    secured.taken = all_parts(*taken);
    secured.lines = hold.lines;
    for (HoldLine& firm : *taken) {
        const auto line = std::ranges::find_if(secured.lines, [&firm](const HoldLine& other) {
            return other.soft && other.sku == firm.sku && other.location == firm.location;
        });
        firm.wanted = line->wanted;
        *line = std::move(firm);
    }
    return std::nullopt;
}

bool sold_at_once(const State& state, const Hold& hold) {
    return std::ranges::any_of(hold.lines, [&state](const HoldLine& line) {
        return state.find_sku(line.sku)->policy->fulfilment == Fulfilment::at_confirm;
    });
}

// Then the command is decided again.
Decision first(Decision expiry) {
    expiry.again = true;
    return expiry;
}

}  // namespace

std::optional<Terms> terms_of(const State& state, const std::vector<LineRequest>& lines) {
    return strictest(state, lines);
}

Terms terms_of(const State& state, const Hold& hold) {
    const auto terms = strictest(state, hold.lines);
    HF_ASSERT(terms.has_value());  // SKUs are never forgotten
    return *terms;
}

Named name_hold(const State& state, HoldId id, const Given& given) {
    if (const PendingHold* pending = state.holds.find(id)) {
        if (pending->deadline() <= given.now && !HF_FAULT(lapsed_hold_revived)) {
            return {.hold = {}, .settled = first(expire(state, {&id, 1}))};
        }
        return {.hold = state.materialise(*pending), .settled = {}};
    }
    if (given.past != nullptr) {
        return {.hold = *given.past, .settled = {}};
    }
    return {.hold = {}, .settled = refuse(unknown_hold(id))};
}

Fence next_fence(const State& state, HoldId id) {
    return state.versions[state.home(id)] + 1;
}

std::optional<Refusal> check_fence(const Hold& hold, std::optional<Fence> fence) {
    if (!fence || *fence == hold.fence || HF_FAULT(stale_fence_accepted)) {
        return std::nullopt;
    }
    return Refusal{.code = RefusalCode::stale_fence,
                   .detail = fmt::format("the hold's fence is {}, not {}: read the hold, then "
                                         "decide anew",
                                         hold.fence, *fence),
                   .field = "/fence",
                   .short_lines = {},
                   .fence = hold.fence};
}

Refusal wrong_status(const Hold& hold, std::string_view verb) {
    struct Row {
        RefusalCode code;
        std::string_view advice;
    };
    const auto row = [&]() -> Row {
        switch (hold.status) {
            case HoldStatus::pending:
                return {RefusalCode::hold_pending, "confirm or release it"};
            case HoldStatus::confirmed:
                return {RefusalCode::hold_confirmed, "cancel or fulfil it"};
            case HoldStatus::fulfilled:
                return {RefusalCode::hold_fulfilled, "return its units"};
            case HoldStatus::released:
                return {RefusalCode::hold_released, "place a new hold"};
            case HoldStatus::expired:
                return {RefusalCode::hold_expired, "place a new hold"};
            case HoldStatus::cancelled:
                return {RefusalCode::hold_cancelled, "place a new hold"};
            case HoldStatus::returned:
                return {RefusalCode::hold_returned, "place a new hold"};
            case HoldStatus::lost:
                return {RefusalCode::hold_lost, "refund the shopper"};
        }
        HF_ASSERT(!"a hold status without advice");
    }();
    return {.code = row.code,
            .detail = fmt::format("the hold is {}, so it cannot be {}: {}", to_string(hold.status),
                                  verb, row.advice)};
}

Refusal unknown_hold(HoldId id) {
    return {.code = RefusalCode::unknown_hold,
            .detail = fmt::format("there is no hold '{}': check the id", to_string(id))};
}

Decision refuse(Refusal refusal) {
    Decision decision;
    decision.refusal = std::move(refusal);
    return decision;
}

Decision happened(Event event) {
    Decision decision;
    decision.events.push_back(std::move(event));
    return decision;
}

Decision unchanged(Hold hold) {
    Decision decision;
    decision.hold = std::move(hold);
    return decision;
}

Decision expire_first(const State& state, const Given& given) {
    return first(expire_holds(state, given));
}

bool about_units(const Refusal& refusal) {
    return refusal.code == RefusalCode::insufficient_stock ||
           refusal.code == RefusalCode::customer_limit_exceeded;
}

Decision refuse_short(const State& state, Refusal refusal, const Given& given) {
    return about_units(refusal) && state.holds.any_due(given.now) ? expire_first(state, given)
                                                                  : refuse(std::move(refusal));
}

std::vector<Part> all_parts(const std::vector<HoldLine>& lines) {
    std::vector<Part> parts;
    parts.reserve(lines.size());
    for (const HoldLine& line : lines) {
        for (const Allocation& allocation : line.allocations) {
            parts.push_back({.sku = line.sku,
                             .location = allocation.location,
                             .quantity = allocation.quantity,
                             .limited = line.limited,
                             .windowed = line.windowed,
                             .backordered = allocation.backordered,
                             .place = allocation.place});
        }
    }
    return parts;
}

HoldStatus status_of(const Hold& hold) {
    Quantity open = 0;
    Quantity fulfilled = 0;
    Quantity out = 0;
    for (const HoldLine& line : hold.lines) {
        for (const Allocation& allocation : line.allocations) {
            open += allocation.quantity - allocation.fulfilled - allocation.cancelled +
                    allocation.backordered;
            fulfilled += allocation.fulfilled;
            out += allocation.fulfilled - allocation.returned;
        }
    }
    if (open > 0) {
        return HoldStatus::confirmed;
    }
    if (fulfilled == 0) {
        return HoldStatus::cancelled;
    }
    return out > 0 ? HoldStatus::fulfilled : HoldStatus::returned;
}

void fulfil_at_once(const State& state, Decision& decision, Fence fence) {
    Hold& hold = *decision.hold;
    HoldFulfilled fulfilled{.id = hold.id, .fence = fence, .fulfilled = {}, .reference = {}};
    std::map<const Counters*, Quantity> taken;
    for (const HoldLine& line : hold.lines) {
        const SkuState& sku = *state.find_sku(line.sku);
        if (sku.policy->fulfilment != Fulfilment::at_confirm) {
            continue;
        }
        for (const Allocation& allocation : line.allocations) {
            const Counters* const row = sku.at(*state.find_location(allocation.location));
            const Quantity left = allocation.quantity - allocation.fulfilled - allocation.cancelled;
            // After a shrinkage less may be there than was sold: the rest waits for a new count.
            const Quantity there = row == nullptr ? 0 : row->on_hand - taken[row];
            if (const Quantity units = std::min(left, there); units > 0) {
                taken[row] += units;
                fulfilled.fulfilled.push_back({.sku = line.sku,
                                               .location = allocation.location,
                                               .quantity = units,
                                               .limited = line.limited,
                                               .windowed = line.windowed});
            }
        }
    }
    if (fulfilled.fulfilled.empty()) {
        return;
    }
    evolve(hold, fulfilled);
    fulfilled.status = status_of(hold);
    hold.status = fulfilled.status;
    decision.events.emplace_back(std::move(fulfilled));
}

Decision place_hold(const State& state, const PlaceHold& command, const Given& given) {
    const auto terms = terms_of(state, command.lines);
    if (terms && command.ttl && *command.ttl > terms->max_ttl) {
        return refuse(ttl_too_long(*command.ttl, terms->max_ttl));
    }
    auto lines = allocate(state, {.lines = command.lines,
                                  .now = given.now,
                                  .customer = command.customer,
                                  .region = command.region,
                                  .partial = command.partial,
                                  .own = nullptr,
                                  .stage = command.confirm ? Stage::payment : Stage::cart});
    if (!lines) {
        return refuse_short(state, std::move(lines.error()), given);
    }
    const bool short_of_some = std::ranges::any_of(
        *lines, [](const HoldLine& line) { return line.quantity < line.wanted; });
    if (short_of_some && state.holds.any_due(given.now)) {
        return expire_first(state, given);
    }
    // Made where it will lie: a hold is large, and this is the command that shops send most.
    Decision decision;
    Hold& hold =
        std::get<HoldPlaced>(decision.events.emplace_back(std::in_place_type<HoldPlaced>)).hold;
    hold.id = given.fresh_id;
    hold.status = command.confirm ? HoldStatus::confirmed : HoldStatus::pending;
    hold.fence = next_fence(state, given.fresh_id);
    hold.cart = command.cart;
    hold.customer = command.customer;
    hold.region = command.region;
    hold.lines = std::move(*lines);
    hold.created_at = given.now;
    hold.expires_at = given.now + command.ttl.value_or(terms->hold_ttl);
    if (command.heartbeat) {
        hold.heartbeat = *command.heartbeat;
        hold.beats_until = given.now + *command.heartbeat;
    }
    if (command.confirm && sold_at_once(state, hold)) {
        decision.hold = hold;
        fulfil_at_once(state, decision, hold.fence + 1);
    }
    return decision;
}

Decision amend_hold(const State& state, const AmendHold& command, const Given& given) {
    Named named = name_pending(state, command.id, command.fence, given, "amended");
    if (named.settled) {
        return std::move(*named.settled);
    }
    const Hold& old = *named.hold;
    const std::string& region = command.region.empty() ? old.region : command.region;
    auto lines = allocate(state, {.lines = command.lines,
                                  .now = given.now,
                                  .customer = old.customer,
                                  .region = region,
                                  .partial = false,
                                  .own = &old,
                                  .stage = old.secured ? Stage::checkout : Stage::cart});
    if (!lines) {
        return refuse_short(state, std::move(lines.error()), given);
    }
    HoldAmended amended{.hold = old, .released = all_parts(old.lines)};
    amended.hold.fence = next_fence(state, command.id);
    amended.hold.region = region;
    amended.hold.lines = std::move(*lines);
    return happened(std::move(amended));
}

Decision extend_hold(const State& state, const ExtendHold& command, const Given& given) {
    Named named = name_pending(state, command.id, command.fence, given, "extended");
    if (named.settled) {
        return std::move(*named.settled);
    }
    Hold& hold = *named.hold;
    const Terms terms = terms_of(state, hold);
    if (command.ttl && *command.ttl > terms.max_ttl) {
        return refuse(ttl_too_long(*command.ttl, terms.max_ttl));
    }
    if (hold.extensions >= terms.max_extensions) {
        return refuse({.code = RefusalCode::max_extensions_reached,
                       .detail = fmt::format("the hold was extended {} times, the policy allows "
                                             "{}: confirm it or let it go",
                                             hold.extensions, terms.max_extensions)});
    }
    const Instant asked = given.now + command.ttl.value_or(terms.hold_ttl);
    const Instant end_of_life = hold.created_at + terms.max_life;
    const Instant deadline = std::min(asked, end_of_life);
    if (deadline <= hold.expires_at) {
        if (asked <= hold.expires_at) {
            return unchanged(std::move(hold));
        }
        return refuse({.code = RefusalCode::max_life_reached,
                       .detail = fmt::format("the hold may live until {}, and already does: "
                                             "confirm it or let it go",
                                             to_rfc3339(end_of_life))});
    }
    return happened(HoldExtended{.id = hold.id,
                                 .fence = next_fence(state, hold.id),
                                 .expires_at = deadline,
                                 .beats_until = hold.beats_until,
                                 .extensions = hold.extensions + 1});
}

Decision beat_hold(const State& state, const BeatHold& command, const Given& given) {
    Named named = name_pending(state, command.id, command.fence, given, "kept alive");
    if (named.settled) {
        return std::move(*named.settled);
    }
    const Hold& hold = *named.hold;
    // No hold lives longer, whatever its heartbeat: offsets from created_at stay inside 32 bits.
    const Instant end_of_life = hold.created_at + limits::hold_life_max;
    if (hold.heartbeat.count() == 0) {
        return refuse({.code = RefusalCode::heartbeat_not_requested,
                       .detail = "the hold was placed without a heartbeat: extend it instead"});
    }
    return happened(
        HoldExtended{.id = hold.id,
                     .fence = next_fence(state, hold.id),
                     .expires_at = hold.expires_at,
                     .beats_until = std::min<Instant>(given.now + hold.heartbeat, end_of_life),
                     .extensions = hold.extensions});
}

Decision secure_hold(const State& state, const SecureHold& command, const Given& given) {
    Named named = name_pending(state, command.id, command.fence, given, "secured");
    if (named.settled) {
        return std::move(*named.settled);
    }
    Hold& hold = *named.hold;
    if (hold.secured) {
        return unchanged(std::move(hold));
    }
    const Terms terms = terms_of(state, hold);
    const Instant deadline =
        std::min(given.now + terms.checkout_ttl, hold.created_at + terms.max_life);
    HoldSecured secured{.id = hold.id,
                        .fence = next_fence(state, hold.id),
                        .expires_at = std::max(hold.expires_at, deadline),
                        .customer = {},
                        .lines = {},
                        .taken = {}};
    if (!hold.firm()) {
        if (auto stopped = take_soft_lines(state, hold, given, secured)) {
            return refuse_short(state, std::move(*stopped), given);
        }
    }
    return happened(std::move(secured));
}

Decision release_hold(const State& state, const ReleaseHold& command, const Given& given) {
    Named named = name_hold(state, command.id, given);
    if (named.settled) {
        return std::move(*named.settled);
    }
    Hold& hold = *named.hold;
    if (hold.status == HoldStatus::released && !HF_FAULT(double_release)) {
        return unchanged(std::move(hold));
    }
    if (hold.status != HoldStatus::pending && !HF_FAULT(double_release)) {
        return refuse(wrong_status(hold, "released"));
    }
    if (auto stale = check_fence(hold, command.fence)) {
        return refuse(std::move(*stale));
    }
    HoldReleased released{.id = hold.id,
                          .fence = next_fence(state, hold.id),
                          .customer = hold.customer,
                          .released = all_parts(hold.lines)};
    Decision decision = happened(std::move(released));
    evolve(hold, decision.events.front());
    decision.hold = std::move(hold);
    return decision;
}

Decision allocate_backorder(const State& state, const AllocateBackorder& command,
                            const Given& given) {
    const SkuState& sku = *state.find_sku(command.sku);
    const LocationIndex location = *state.find_location(command.location);
    const StockQueue* const queue = sku.queues ? sku.queues->at(location) : nullptr;
    const Counters* const row = sku.at(location);
    if (queue == nullptr || queue->orders.begin()->second.hold != command.hold ||
        row->available <= 0) {
        return {};
    }
    Named named = name_hold(state, command.hold, given);
    if (named.settled) {
        return std::move(*named.settled);  // it had lapsed: the next one is first now
    }
    const auto& [place, waiter] = *queue->orders.begin();
    const Quantity units = std::min(waiter.quantity, row->available);
    const HoldStatus status = named.hold->status;
    Decision decision =
        happened(BackorderAllocated{.id = command.hold,
                                    .status = status,
                                    .allocated = {.sku = command.sku,
                                                  .location = command.location,
                                                  .quantity = units,
                                                  .backordered = waiter.quantity - units,
                                                  .place = place}});
    if (status != HoldStatus::pending) {
        evolve(*named.hold, decision.events.front());
        decision.hold = std::move(named.hold);
        fulfil_at_once(state, decision, decision.hold->fence);
    }
    return decision;
}

Decision expire_holds(const State& state, const Given& given) {
    return expire(state, state.holds.due(given.now, limits::round_expiries_max));
}

}  // namespace holdfast::core
