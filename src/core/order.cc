#include <algorithm>

#include <fmt/format.h>

#include <holdfast/assert.h>
#include <holdfast/fault.h>
#include "core/allocation.h"
#include "core/evolve.h"
#include "core/hold.h"
#include "core/line_index.h"

namespace holdfast::core {
namespace {

// Units of an allocation that a command may still take: those that are there, and those that wait.
struct Units {
    Quantity there = 0;
    Quantity waiting = 0;
};
using Left = Units (*)(const Allocation&);

Units to_ship(const Allocation& a) {
    return {.there = a.quantity - a.fulfilled - a.cancelled};
}
Units to_cancel(const Allocation& a) {
    return {.there = to_ship(a).there, .waiting = a.backordered};
}
Units to_return(const Allocation& a) {
    return {.there = a.fulfilled - a.returned};
}
Units all_of(const Allocation& a) {
    return {.there = a.quantity, .waiting = a.backordered};
}

// Which units are taken when not all of them: those that are there, or those that wait for stock.
enum class First : std::uint8_t { there, waiting };

struct Picked {
    std::vector<Part> parts;         // by allocation, in the order of the hold's lines
    std::vector<std::size_t> lines;  // of each part
    std::optional<Refusal> refusal;
};

Part part_of(const HoldLine& line, const Allocation& allocation, Units units) {
    return {.sku = line.sku,
            .location = allocation.location,
            .quantity = units.there,
            .limited = line.limited,
            .windowed = line.windowed,
            .backordered = units.waiting,
            .place = units.waiting > 0 ? allocation.place : 0};
}

Refusal exceeds(const LineRequest& line, Quantity possible, std::string_view verb) {
    return {.code = RefusalCode::quantity_exceeds_hold,
            .detail = fmt::format("{} of SKU '{}' cannot be {}: the hold has {} left",
                                  line.quantity, line.sku, verb, possible),
            .short_lines = {{.sku = line.sku,
                             .location = line.location,
                             .wanted = line.quantity,
                             .available = possible}}};
}

// Picks the units of `lines` (all that is left when empty) from the hold's allocations.
Picked pick(const Hold& hold, const std::vector<LineRequest>& lines, Left left,
            std::string_view verb, First first = First::there) {
    Picked picked;
    std::vector<Units> taken;              // by allocation
    std::vector<std::size_t> first_taken;  // of a line
    first_taken.reserve(hold.lines.size());
    for (const HoldLine& line : hold.lines) {
        first_taken.push_back(taken.size());
        taken.resize(taken.size() + line.allocations.size());
    }
    const LineIndex index(hold.lines);
    for (const LineRequest& request : lines) {
        Quantity missing = request.quantity;
        const auto take = [&](Quantity Units::* kind) {
            for (const std::uint32_t i : index.of(request.sku)) {
                std::size_t at = first_taken[i];
                for (const Allocation& allocation : hold.lines[i].allocations) {
                    Quantity& already = taken[at++].*kind;
                    if (request.location.empty() || allocation.location == request.location) {
                        const Quantity part = std::min(missing, left(allocation).*kind - already);
                        already += part;
                        missing -= part;
                    }
                }
            }
        };
        take(first == First::there ? &Units::there : &Units::waiting);
        take(first == First::there ? &Units::waiting : &Units::there);
        if (missing > 0) {
            picked.refusal = exceeds(request, request.quantity - missing, verb);
            return picked;
        }
    }
    auto already = taken.begin();
    for (std::size_t i = 0; i < hold.lines.size(); ++i) {
        for (const Allocation& allocation : hold.lines[i].allocations) {
            const Units units = lines.empty() ? left(allocation) : *already;
            ++already;
            if (units.there + units.waiting > 0) {
                picked.parts.push_back(part_of(hold.lines[i], allocation, units));
                picked.lines.push_back(i);
            }
        }
    }
    return picked;
}

// The hold with its soft lines as if they had what they wish for, so that it can be picked from.
Hold with_wishes(Hold hold) {
    for (HoldLine& line : hold.lines) {
        if (line.soft && line.quantity > 0) {
            line.allocations = {{.location = line.location, .quantity = line.quantity}};
        }
    }
    return hold;
}

// After a shrinkage less may be on hand than was sold: what is not there cannot have been shipped.
std::optional<Refusal> check_on_hand(const State& state, const std::vector<Part>& parts) {
    for (const Part& part : parts) {
        const Counters& row = *state.find_sku(part.sku)->at(*state.find_location(part.location));
        if (row.on_hand >= row.committed) {
            continue;
        }
        Quantity shipped = 0;
        for (const Part& other : parts) {
            const bool same = other.sku == part.sku && other.location == part.location;
            shipped += same ? other.quantity : 0;
        }
        if (row.on_hand < shipped) {
            return Refusal{
                .code = RefusalCode::quantity_out_of_range,
                .detail = fmt::format("{} of SKU '{}' cannot be fulfilled from '{}': {} on hand, "
                                      "correct the count first",
                                      shipped, part.sku, part.location, row.on_hand)};
        }
    }
    return std::nullopt;
}

// Finishes a decision about a sold hold: the event carries the status that it leads to.
template <class Change>
Decision changed(Hold hold, Change change) {
    Hold after = hold;
    evolve(after, Event(change));
    change.status = status_of(after);
    after.status = change.status;
    Decision decision;
    decision.events.emplace_back(std::move(change));
    decision.hold = std::move(after);
    return decision;
}

// Takes the soft lines' part of a payment from what is available, all of it or nothing.
Result<std::vector<Part>> take_wishes(const State& state, const Hold& hold, const Picked& picked,
                                      const Given& given) {
    std::vector<LineRequest> wanted;
    for (std::size_t i = 0; i < picked.parts.size(); ++i) {
        if (const HoldLine& line = hold.lines[picked.lines[i]]; line.soft) {
            wanted.push_back(
                {.sku = line.sku, .quantity = picked.parts[i].quantity, .location = line.location});
        }
    }
    if (wanted.empty()) {
        return {};
    }
    auto taken = allocate(state, {.lines = wanted,
                                  .now = given.now,
                                  .customer = hold.customer,
                                  .region = hold.region,
                                  .partial = false,
                                  .own = nullptr,
                                  .stage = Stage::payment});
    if (!taken) {
        return std::unexpected(std::move(taken.error()));
    }
    return all_parts(*taken);
}

// Somebody else was faster: nothing of the hold is sold, and the shop is told to refund.
Decision lose(const State& state, const Hold& hold, Refusal refusal) {
    Decision decision;
    decision.events.emplace_back(HoldLost{.id = hold.id,
                                          .fence = next_fence(state, hold.id),
                                          .customer = hold.customer,
                                          .released = all_parts(hold.lines),
                                          .short_lines = refusal.short_lines});
    refusal.code = RefusalCode::hold_lost;
    refusal.detail += ": the hold was soft and is lost, refund the shopper";
    decision.refusal = std::move(refusal);
    return decision;
}

Decision sold(const State& state, Hold hold, HoldConfirmed event) {
    Decision decision;
    decision.events.emplace_back(std::move(event));
    evolve(hold, decision.events.front());
    decision.hold = std::move(hold);
    fulfil_at_once(state, decision, decision.hold->fence + 1);
    return decision;
}

// What the firm lines have besides what was picked: it goes back on sale. Lines of the same SKU may have units at
// one location, so the line is compared too.
std::vector<Part> left_over(const Hold& hold, const Picked& picked) {
    std::vector<Part> rest;
    std::size_t next = 0;
    for (std::size_t i = 0; i < hold.lines.size(); ++i) {
        while (hold.lines[i].soft && next < picked.parts.size() && picked.lines[next] == i) {
            ++next;
        }
        for (const Allocation& allocation : hold.lines[i].allocations) {
            Units units = all_of(allocation);
            if (next < picked.parts.size() && picked.lines[next] == i &&
                picked.parts[next].location == allocation.location) {
                units.there -= picked.parts[next].quantity;
                units.waiting -= picked.parts[next].backordered;
                ++next;
            }
            if (units.there + units.waiting > 0) {
                rest.push_back(part_of(hold.lines[i], allocation, units));
            }
        }
    }
    return rest;
}

Decision confirm_pending(const State& state, Hold hold, const ConfirmHold& command,
                         const Given& given) {
    const bool firm = hold.firm();
    Picked picked = pick(firm ? hold : with_wishes(hold), command.lines, all_of, "confirmed");
    if (picked.refusal) {
        return refuse(std::move(*picked.refusal));
    }
    HoldConfirmed event{.id = hold.id,
                        .fence = next_fence(state, hold.id),
                        .customer = hold.customer,
                        .confirmed = {},
                        .released = {}};
    if (!firm) {
        auto taken = take_wishes(state, hold, picked, given);
        if (!taken && state.holds.any_due(given.now) && about_units(taken.error())) {
            return expire_first(state, given);
        }
        if (!taken && taken.error().code == RefusalCode::insufficient_stock) {
            return lose(state, hold, std::move(taken.error()));
        }
        if (!taken) {
            return refuse(std::move(taken.error()));
        }
        event.taken = std::move(*taken);
    }
    if (!command.lines.empty() && !HF_FAULT(rest_not_released)) {
        event.released = left_over(hold, picked);
    }
    for (std::size_t i = 0; i < picked.parts.size(); ++i) {
        if (!hold.lines[picked.lines[i]].soft) {
            event.confirmed.push_back(std::move(picked.parts[i]));
        }
    }
    return sold(state, std::move(hold), std::move(event));
}

// The payment came after the deadline: the units are taken again if the policy lets them and they
// are still free, whole or not at all.
Decision confirm_late(const State& state, Hold hold, const ConfirmHold& command,
                      const Given& given) {
    if (terms_of(state, hold).late_confirm == LateConfirm::refuse) {
        return refuse(wrong_status(hold, "confirmed"));
    }
    std::vector<LineRequest> lines = command.lines;
    if (lines.empty()) {
        for (const HoldLine& line : hold.lines) {
            if (line.quantity > 0) {
                lines.push_back(
                    {.sku = line.sku, .quantity = line.quantity, .location = line.location});
            }
        }
    } else if (Picked had = pick(with_wishes(hold), lines, all_of, "confirmed"); had.refusal) {
        return refuse(std::move(*had.refusal));
    }
    auto taken = allocate(state, {.lines = lines,
                                  .now = given.now,
                                  .customer = hold.customer,
                                  .region = hold.region,
                                  .partial = false,
                                  .own = nullptr,
                                  .stage = Stage::payment,
                                  .late = true});
    if (!taken) {
        return refuse_short(state, std::move(taken.error()), given);
    }
    HoldConfirmed event{.id = hold.id,
                        .fence = next_fence(state, hold.id),
                        .customer = hold.customer,
                        .confirmed = all_parts(*taken),
                        .released = {},
                        .late = true};
    return sold(state, std::move(hold), std::move(event));
}

// What an order waits for, when that is all that is left of it.
LineRequest waiting_units(const Hold& hold) {
    for (const HoldLine& line : hold.lines) {
        for (const Allocation& allocation : line.allocations) {
            if (allocation.backordered > 0) {
                return {.sku = line.sku, .quantity = allocation.backordered, .location = {}};
            }
        }
    }
    HF_ASSERT(!"a confirmed hold with nothing left");
}

Decision return_shipped(const State& state, const Hold& hold, const ReturnUnits& command) {
    // A line's location says where its units came back to, not which of them they are.
    const std::vector<LineRequest>& lines = command.lines;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (!lines[i].location.empty() && !state.find_location(lines[i].location)) {
            return refuse(
                unknown_location(lines[i].location, fmt::format("/lines/{}/location", i)));
        }
    }
    HoldReturned event{.id = hold.id,
                       .fence = next_fence(state, hold.id),
                       .customer = hold.customer,
                       .returned = {},
                       .shipped_from = {}};
    if (lines.empty()) {
        event.returned = pick(hold, lines, to_return, "returned").parts;
        for (const Part& part : event.returned) {
            event.shipped_from.push_back(part.location);
        }
    }
    Hold rest = hold;
    const LineIndex index(rest.lines);
    for (const LineRequest& request : lines) {
        Quantity missing = request.quantity;
        for (const std::uint32_t i : index.of(request.sku)) {
            for (Allocation& allocation : rest.lines[i].allocations) {
                const Quantity units = std::min(missing, to_return(allocation).there);
                if (units == 0) {
                    continue;
                }
                Part& part = event.returned.emplace_back(
                    part_of(rest.lines[i], allocation, {.there = units}));
                event.shipped_from.push_back(allocation.location);
                if (!request.location.empty()) {
                    part.location = request.location;
                }
                allocation.returned += units;
                missing -= units;
            }
        }
        if (missing > 0) {
            return refuse(exceeds({.sku = request.sku, .quantity = request.quantity},
                                  request.quantity - missing, "returned"));
        }
    }
    if (event.returned.empty()) {
        return refuse(wrong_status(hold, "returned"));
    }
    return changed(hold, std::move(event));
}

}  // namespace

Decision confirm_hold(const State& state, const ConfirmHold& command, const Given& given) {
    Named named = name_hold(state, command.id, given);
    if (named.settled) {
        return std::move(*named.settled);
    }
    Hold& hold = *named.hold;
    const bool done = hold.status == HoldStatus::confirmed || hold.status == HoldStatus::fulfilled;
    if (done) {
        return unchanged(std::move(hold));
    }
    if (hold.status != HoldStatus::pending && hold.status != HoldStatus::expired) {
        return refuse(wrong_status(hold, "confirmed"));
    }
    if (auto stale = check_fence(hold, command.fence)) {
        return refuse(std::move(*stale));
    }
    return hold.status == HoldStatus::pending
               ? confirm_pending(state, std::move(hold), command, given)
               : confirm_late(state, std::move(hold), command, given);
}

Decision fulfil_hold(const State& state, const FulfilHold& command, const Given& given) {
    Named named = name_hold(state, command.id, given);
    if (named.settled) {
        return std::move(*named.settled);
    }
    Hold& hold = *named.hold;
    const bool done = hold.status == HoldStatus::fulfilled || hold.status == HoldStatus::returned;
    if (done && command.lines.empty()) {
        return unchanged(std::move(hold));
    }
    if (!done && hold.status != HoldStatus::confirmed) {
        return refuse(wrong_status(hold, "fulfilled"));
    }
    if (auto stale = check_fence(hold, command.fence)) {
        return refuse(std::move(*stale));
    }
    Picked picked = pick(hold, command.lines, to_ship, "fulfilled");
    if (picked.refusal) {
        return refuse(std::move(*picked.refusal));
    }
    if (picked.parts.empty()) {
        return refuse(exceeds(waiting_units(hold), 0, "fulfilled"));
    }
    if (auto missing = check_on_hand(state, picked.parts)) {
        return refuse(std::move(*missing));
    }
    return changed(hold, HoldFulfilled{.id = hold.id,
                                       .fence = next_fence(state, hold.id),
                                       .fulfilled = std::move(picked.parts),
                                       .reference = command.reference});
}

Decision cancel_hold(const State& state, const CancelHold& command, const Given& given) {
    Named named = name_hold(state, command.id, given);
    if (named.settled) {
        return std::move(*named.settled);
    }
    Hold& hold = *named.hold;
    if (hold.status == HoldStatus::cancelled && command.lines.empty()) {
        return unchanged(std::move(hold));
    }
    if (hold.status != HoldStatus::confirmed) {
        return refuse(wrong_status(hold, "cancelled"));
    }
    if (auto stale = check_fence(hold, command.fence)) {
        return refuse(std::move(*stale));
    }
    // Who gives something up gives up first what was not there anyway.
    Picked picked = pick(hold, command.lines, to_cancel, "cancelled", First::waiting);
    if (picked.refusal) {
        return refuse(std::move(*picked.refusal));
    }
    return changed(hold, HoldCancelled{.id = hold.id,
                                       .fence = next_fence(state, hold.id),
                                       .customer = hold.customer,
                                       .cancelled = std::move(picked.parts)});
}

Decision return_units(const State& state, const ReturnUnits& command, const Given& given) {
    Named named = name_hold(state, command.id, given);
    if (named.settled) {
        return std::move(*named.settled);
    }
    Hold& hold = *named.hold;
    if (hold.status == HoldStatus::returned && command.lines.empty()) {
        return unchanged(std::move(hold));
    }
    const bool shipped = hold.status == HoldStatus::confirmed ||
                         hold.status == HoldStatus::fulfilled ||
                         hold.status == HoldStatus::returned;
    if (!shipped) {
        return refuse(wrong_status(hold, "returned"));
    }
    if (auto stale = check_fence(hold, command.fence)) {
        return refuse(std::move(*stale));
    }
    return return_shipped(state, hold, command);
}

}  // namespace holdfast::core
