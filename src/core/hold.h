// The rules of a hold's life, one function a command. Each gets the state, the command and what was
// given with it, and returns what happens. Pure. Called by decide() only.
#pragma once

#include "core/decide.h"

namespace holdfast::core {

// While the hold competes for stock: hold.cc.
Decision place_hold(const State& state, const PlaceHold& command, const Given& given);
Decision amend_hold(const State& state, const AmendHold& command, const Given& given);
Decision extend_hold(const State& state, const ExtendHold& command, const Given& given);
Decision beat_hold(const State& state, const BeatHold& command, const Given& given);
Decision secure_hold(const State& state, const SecureHold& command, const Given& given);
Decision release_hold(const State& state, const ReleaseHold& command, const Given& given);
Decision expire_holds(const State& state, const Given& given);
Decision allocate_backorder(const State& state, const AllocateBackorder& command,
                            const Given& given);

// The sale and what comes after it: order.cc.
Decision confirm_hold(const State& state, const ConfirmHold& command, const Given& given);
Decision fulfil_hold(const State& state, const FulfilHold& command, const Given& given);
Decision cancel_hold(const State& state, const CancelHold& command, const Given& given);
Decision return_units(const State& state, const ReturnUnits& command, const Given& given);

// What these files share with those of stock work, waiting lines and allocation.

// The terms of a whole cart: of each SKU's, the strictest.
struct Terms {
    Seconds hold_ttl{};
    Seconds checkout_ttl{};
    Seconds max_ttl{};
    Seconds max_life{};
    int max_extensions = 0;
    LateConfirm late_confirm = LateConfirm::retake;
};
// Nothing when a SKU is not known.
std::optional<Terms> terms_of(const State& state, const std::vector<LineRequest>& lines);
Terms terms_of(const State& state, const Hold& hold);

// The hold that a command names, pending or past, unless that settles the matter already.
struct Named {
    std::optional<Hold> hold;
    // Set when there is nothing to decide: no such hold, or it lapsed and must be expired first.
    std::optional<Decision> settled;
};
Named name_hold(const State& state, HoldId id, const Given& given);

// The fence of the next event that changes the hold.
Fence next_fence(const State& state, HoldId id);
// Refuses a fence that is not the hold's.
std::optional<Refusal> check_fence(const Hold& hold, std::optional<Fence> fence);
// hold_<status>, with what may be done instead.
Refusal wrong_status(const Hold& hold, std::string_view verb);
Refusal unknown_hold(HoldId id);
Refusal unknown_sku(std::string_view sku, std::string field = {});
Refusal unknown_location(std::string_view location, std::string field);
Decision refuse(Refusal refusal);
// One event is all there is to it.
Decision happened(Event event);
// Nothing changes: the hold as it is.
Decision unchanged(Hold hold);
// Lets lapsed holds that are still to be expired go; then the same command is decided again.
Decision expire_first(const State& state, const Given& given);
// Whether more units, or fewer of others, would make it go away.
bool about_units(const Refusal& refusal);
// The refusal, unless lapsed holds stand in the way: then they are expired first.
Decision refuse_short(const State& state, Refusal refusal, const Given& given);
// All units of a cart, line by line.
std::vector<Part> all_parts(const std::vector<HoldLine>& lines);
// The status of a sold hold from what became of its units.
HoldStatus status_of(const Hold& hold);
// `decision` ends with the sale of its hold: what policies ship at the sale is fulfilled with it.
void fulfil_at_once(const State& state, Decision& decision, Fence fence);

}  // namespace holdfast::core
