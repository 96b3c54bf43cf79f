// Answers read from a state: the same shapes for commands and reads. Pure.
#pragma once

#include <holdfast/answers.h>
#include "core/state.h"

namespace holdfast::sequencer {

SkuAnswer sku_answer(const core::State& state, const core::SkuState& sku);
// Locations by name, and their sum.
StockAnswer stock_answer(const core::State& state, const core::SkuState& sku, Instant now);
LocationAnswer location_answer(const core::State& state, const core::LocationState& location);

}  // namespace holdfast::sequencer
