// Rebuilds what the sequencer keeps in memory from the rows of a store. Throws StoreError when the
// rows contradict each other. Also what the audit compares the events with.
#pragma once

#include "core/state.h"
#include "sequencer/idempotency.h"
#include "store/store.h"

namespace holdfast::sequencer {

core::State load_state(store::Store& store);
Idempotency load_idempotency(store::Store& store);

}  // namespace holdfast::sequencer
