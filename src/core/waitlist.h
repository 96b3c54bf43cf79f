// The rules of waiting lines: who may stand in one, and who is offered what comes free. Pure.
// Called by decide() only.
#pragma once

#include "core/decide.h"

namespace holdfast::core {

Decision join_waitlist(const State& state, const JoinWaitlist& command, const Given& given);
Decision leave_waitlist(const State& state, const LeaveWaitlist& command);
Decision offer_units(const State& state, const OfferUnits& command, const Given& given);
// The first shopper of the SKU for whom there are units, or who may not have them.
std::optional<OfferUnits> next_offer(const State& state, const SkuState& sku);

}  // namespace holdfast::core
