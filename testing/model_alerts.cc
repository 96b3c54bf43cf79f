// The naive model's half that tells people: looks at every SKU after every step.
#include <algorithm>

#include "testing/model.h"
#include "testing/model_terms.h"

namespace holdfast::testing {

namespace {

constexpr auto kinds = {AlertKind::low_stock, AlertKind::out_of_stock, AlertKind::back_in_stock,
                        AlertKind::reorder, AlertKind::shortfall};
constexpr auto settling = std::chrono::minutes(5);

}  // namespace

std::optional<Alert> Model::cause(const std::string& sku, AlertKind kind) const {
    const Policy& policy = policies_.at(sku);
    Quantity shown = 0;
    Quantity owned = 0;
    Quantity missing = 0;
    for (const auto& [place, shelf] : shelves_) {
        if (place.first == sku) {
            const Counters c = counters(place);
            shown += std::max<Quantity>(c.available, 0);
            owned += c.available - waiting(sku, place.second, nullptr);
            // Who sold what is on no shelf, and not even set aside, has sold too much.
            missing +=
                std::max<Quantity>(0, c.committed + c.returned + c.repair + c.damaged - c.on_hand);
        }
    }
    if (const auto announced = expected_.find(sku); announced != expected_.end()) {
        for (const auto& [key, receipt] : announced->second) {
            owned += receipt.quantity;
        }
    }
    Alert alert{.kind = kind, .sku = sku};
    switch (kind) {
        case AlertKind::low_stock:
            alert.figure = shown;
            alert.bound = policy.low_stock;
            return shown > 0 && shown <= policy.low_stock ? std::optional(alert) : std::nullopt;
        case AlertKind::out_of_stock:
            return shown == 0 && was_on_sale_.contains(sku) ? std::optional(alert) : std::nullopt;
        case AlertKind::back_in_stock:
            alert.figure = shown;
            return shown > 0 ? std::optional(alert) : std::nullopt;
        case AlertKind::reorder:
            alert.figure = owned;
            alert.bound = policy.reorder_point;
            alert.order = policy.reorder_quantity;
            return policy.reorder_point > 0 && owned < policy.reorder_point ? std::optional(alert)
                                                                            : std::nullopt;
        default:
            alert.figure = missing;
            return missing > 0 ? std::optional(alert) : std::nullopt;
    }
}

void Model::watch() {
    for (const auto& [sku, policy] : policies_) {
        bool is_back = false;
        const bool said_so = standing_.contains({sku, AlertKind::back_in_stock});
        for (const AlertKind kind : kinds) {
            const auto it = standing_.find({sku, kind});
            if (it != standing_.end() && it->second.gone && *it->second.gone + settling <= now_) {
                is_back |= kind == AlertKind::out_of_stock && !said_so;
                standing_.erase(it);
            }
        }
        if (cause(sku, AlertKind::back_in_stock)) {
            was_on_sale_.insert(sku);
        }
        for (const AlertKind kind : kinds) {
            auto raised = cause(sku, kind);
            const auto it = standing_.find({sku, kind});
            if (it != standing_.end()) {
                const bool seen =
                    kind == AlertKind::back_in_stock && it->second.alert.acknowledged_at;
                const bool gone = !raised || seen;
                it->second.gone = gone ? it->second.gone.value_or(now_) : std::optional<Instant>();
            } else if (raised && (kind != AlertKind::back_in_stock || is_back)) {
                raised->id = {.version = ++raised_};
                standing_[{sku, kind}] = {.alert = *raised, .gone = {}};
            }
        }
    }
}

void Model::acknowledge(const AcknowledgeAlert& seen) {
    for (auto& [key, standing] : standing_) {
        if (standing.alert.id == seen.alert) {
            if (!standing.alert.acknowledged_at) {
                standing.alert.acknowledged_at = now_;
                standing.alert.acknowledged_by = seen.person;
            }
            return;
        }
    }
    require(false, Code::unknown_alert);
}

std::vector<Alert> Model::alerts(const std::string& sku) {
    std::vector<Alert> found;
    for (const auto& [key, standing] : standing_) {
        if (key.first == sku) {
            found.push_back(standing.alert);
        }
    }
    return found;
}

}  // namespace holdfast::testing
