// What a shopper is told of a SKU: whether there is any for him, and when there will be. Pure; the thread
// that owns the state.
#pragma once

#include <optional>

#include <holdfast/answers.h>
#include "core/state.h"

namespace holdfast::core {

struct AvailabilityTerms {
    Instant now;
    // What is announced up to this moment counts as there, less what orders wait for. None: only what is.
    std::optional<Instant> by;
    GroupBy group = GroupBy::nothing;
};

SkuAvailability availability(const State& state, const SkuState& sku,
                             const AvailabilityTerms& terms);

}  // namespace holdfast::core
