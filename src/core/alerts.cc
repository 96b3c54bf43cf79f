#include "core/alerts.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/hold.h"

namespace holdfast::core {

StockLevel level_now(const SkuState& sku) {
    const Quantity available = sku.available();
    if (available == 0) {
        return sku.level == StockLevel::never ? StockLevel::never : StockLevel::out;
    }
    return available <= sku.policy->low_stock ? StockLevel::low : StockLevel::in;
}

Quantity missing_units(const SkuStock& row) {
    const Counters& c = row.counters;
    return std::max<Quantity>(c.committed - (c.on_hand - c.returned - c.repair - c.damaged), 0);
}

Quantity missing_units(const SkuState& sku) {
    Quantity missing = 0;
    for (const SkuStock& row : sku.stock) {
        missing += missing_units(row);
    }
    return missing;
}

namespace {

// What there will be once all that is on its way is there and all that was promised is given out.
Quantity position(const SkuState& sku) {
    Quantity units = sku.queues ? -sku.queues->backordered() : 0;
    for (const SkuStock& row : sku.stock) {
        units += row.counters.available;
    }
    for (std::size_t i = 0; sku.incoming && i < sku.incoming->size(); ++i) {
        units += (*sku.incoming)[i].quantity;
    }
    return units;
}

bool is_new(const SkuState& sku, AlertKind kind) {
    const Alert* const alert = sku.find_alert(kind);
    return alert == nullptr || !alert->acknowledged_at;
}

}  // namespace

std::optional<Alert> cause(const SkuState& sku, AlertKind kind) {
    const Policy& policy = *sku.policy;
    Alert alert{.kind = kind, .sku = sku.sku};
    bool there = false;
    switch (kind) {
        case AlertKind::low_stock:
            there = level_now(sku) == StockLevel::low;
            alert.figure = sku.available();
            alert.bound = policy.low_stock;
            break;
        case AlertKind::out_of_stock:
            there = level_now(sku) == StockLevel::out;
            break;
        case AlertKind::back_in_stock:
            alert.figure = sku.available();
            there = alert.figure > 0 && is_new(sku, kind);
            break;
        case AlertKind::reorder:
            alert.figure = position(sku);
            alert.bound = policy.reorder_point;
            alert.order = policy.reorder_quantity;
            there = policy.reorder_point > 0 && alert.figure < policy.reorder_point;
            break;
        case AlertKind::shortfall:
            alert.figure = missing_units(sku);
            there = alert.figure > 0;
            break;
        case AlertKind::velocity:
        case AlertKind::ghost_holds:
            break;
    }
    return there ? std::optional(std::move(alert)) : std::nullopt;
}

Decision acknowledge_alert(const State& state, const AcknowledgeAlert& command) {
    const Alert* const alert = state.find_alert(command.alert);
    if (alert == nullptr) {
        return refuse({.code = RefusalCode::unknown_alert,
                       .detail = fmt::format("no alert '{}' stands: its cause is gone, or it was "
                                             "never raised; see GET /v1/alerts",
                                             to_string(command.alert))});
    }
    Decision decision;
    if (!alert->acknowledged_at) {
        decision.events.emplace_back(AlertAcknowledged{
            .alert = alert->id, .kind = alert->kind, .sku = alert->sku, .person = command.person});
    }
    return decision;
}

}  // namespace holdfast::core
