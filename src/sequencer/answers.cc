#include "sequencer/answers.h"

#include <algorithm>

namespace holdfast::sequencer {
namespace {

Counters& operator+=(Counters& sum, const Counters& c) {
    sum.on_hand += c.on_hand;
    sum.available += c.available;
    sum.held += c.held;
    sum.committed += c.committed;
    sum.safety_stock += c.safety_stock;
    sum.returned += c.returned;
    sum.repair += c.repair;
    sum.damaged += c.damaged;
    return sum;
}

}  // namespace

SkuAnswer sku_answer(const core::State& state, const core::SkuState& sku) {
    return {.sku = sku.sku,
            .policy = *sku.policy,
            .version = state.versions[state.home(sku)],
            .defined_at = sku.defined_at};
}

StockAnswer stock_answer(const core::State& state, const core::SkuState& sku, Instant now) {
    StockAnswer answer{.sku = sku.sku, .version = state.versions[state.home(sku)], .as_of = now};
    for (const core::SkuStock& row : sku.stock) {
        answer.locations.push_back({.location = state.locations[row.location].name,
                                    .counters = row.counters,
                                    .backordered = sku.backordered_at(row.location)});
        answer.total += row.counters;
        answer.backordered += answer.locations.back().backordered;
    }
    std::ranges::sort(answer.locations, {}, &StockRow::location);
    return answer;
}

LocationAnswer location_answer(const core::State& state, const core::LocationState& location) {
    return {.location = location.name,
            .region = location.region,
            .priority = location.priority,
            .version = state.versions[0]};
}

}  // namespace holdfast::sequencer
