// Folds an event into the state: the only code that changes it. Total: every event of a valid log
// applies; an event that does not is a broken invariant and aborts.
// Called by the sequencer and by the audit, each on the thread that owns its State.
#pragma once

#include <holdfast/events.h>
#include "core/state.h"

namespace holdfast::core {

// Also advances the version of every partition that the event touches.
void evolve(State& state, const Event& event, Instant at);

// What the event makes of a hold that it names and that is no longer pending (or just ceased to be).
void evolve(Hold& hold, const Event& event);

// The partitions in whose logs the event stands, ascending, the home partition of a hold included.
void touched_partitions(const State& state, const Event& event, std::vector<PartitionId>& out);

}  // namespace holdfast::core
