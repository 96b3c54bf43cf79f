// Answers read from a state: the same shapes for commands and reads. Pure.
#pragma once

#include <holdfast/service.h>
#include "core/state.h"

namespace holdfast::sequencer {

SkuAnswer sku_answer(const core::State& state, const core::SkuState& sku);
// Locations by name, and their sum.
StockAnswer stock_answer(const core::State& state, const core::SkuState& sku, Instant now);
LocationAnswer location_answer(const core::State& state, const core::LocationState& location);

// Somebody who waits, and his place in the line.
EntryAnswer entry_answer(const core::State& state, const core::SkuState& sku,
                         const core::SkuQueues::Shopper& shopper, Instant now);

AlertAnswer alert_answer(const core::State& state, const Alert& alert, Instant now);

// Those who wait after `after`, in order.
Page<EntryAnswer> waitlist_page(const core::State& state, const core::SkuState& sku, EntryId after,
                                std::size_t limit, Instant now);

}  // namespace holdfast::sequencer
