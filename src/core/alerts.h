// What alerts are about: each kind's cause, read from the state. When they are raised and resolved: watch.h.
// Pure.
#pragma once

#include <optional>

#include "core/decide.h"
#include "core/state.h"

namespace holdfast::core {

// Where the SKU stands now, by its counters.
StockLevel level_now(const SkuState& sku);

// Units sold at some location and neither shipped nor there: 0 when all are.
Quantity missing_units(const SkuStock& row);
Quantity missing_units(const SkuState& sku);

// The alert of this kind that the SKU's counters call for; nothing when its cause is not there. The causes of
// velocity and ghost_holds do not lie in the counters: never.
std::optional<Alert> cause(const SkuState& sku, AlertKind kind);

Decision acknowledge_alert(const State& state, const AcknowledgeAlert& command);

}  // namespace holdfast::core
