#include "core/watch.h"

#include <algorithm>
#include <array>
#include <utility>

#include <holdfast/fault.h>
#include <holdfast/limits.h>
#include "core/alerts.h"

namespace holdfast::core {
namespace {

constexpr std::array counted_kinds = {AlertKind::low_stock, AlertKind::out_of_stock,
                                      AlertKind::reorder, AlertKind::shortfall};

std::chrono::seconds settling() {
    return HF_FAULT(alert_flaps) ? std::chrono::seconds(0) : limits::alert_settling;
}

}  // namespace

Watch::Watch(const State& state, Instant now) : rates_(state, now) {
    review(state, now);
}

void Watch::review(const State& state, Instant now) {
    for (const auto& [id, sku] : state.alerts) {
        const Alert& alert = *state.find_alert(id);
        std::vector<Event> none;
        weigh(state, {sku, alert.kind}, cause(state.skus[sku], alert.kind), now, none);
    }
}

bool Watch::concerns(const SkuState& sku) {
    const Policy& policy = *sku.policy;
    return sku.alerts || sku.level != StockLevel::in || policy.reorder_point > 0 ||
           sku.stock.size() != 1 || sku.stock.front().counters.available <= policy.low_stock;
}

std::vector<Event> Watch::look(const State& state, std::vector<SkuIndex> changed, Instant now) {
    // In one order, and each once, however they were found.
    std::ranges::sort(changed);
    const auto rest = std::ranges::unique(changed);
    changed.erase(rest.begin(), rest.end());
    std::vector<Event> events;
    for (const SkuIndex index : changed) {
        const SkuState& sku = state.skus[index];
        const StockLevel level = level_now(sku);
        const auto announce = [&](StockLevel to) {
            events.emplace_back(
                StockLevelChanged{.sku = sku.sku, .level = to, .available = sku.available()});
        };
        if (sku.level == StockLevel::out && level == StockLevel::low) {
            announce(StockLevel::in);
        }
        if (level != sku.level) {
            announce(level);
        }
        for (const AlertKind kind : counted_kinds) {
            weigh(state, {index, kind}, cause(sku, kind), now, events);
        }
        if (sku.find_alert(AlertKind::back_in_stock) != nullptr) {
            weigh(state, {index, AlertKind::back_in_stock}, cause(sku, AlertKind::back_in_stock),
                  now, events);
        }
    }
    return events;
}

void Watch::weigh(const State& state, Key key, std::optional<Alert> cause, Instant now,
                  std::vector<Event>& events) {
    const bool stands = state.skus[key.sku].find_alert(key.kind) != nullptr;
    if (cause && !stands) {
        cause->raised_at = now;
        events.emplace_back(AlertRaised{.alert = *std::move(cause)});
    } else if (stands && !cause && gone_.try_emplace(key, now).second) {
        by_time_.emplace(now, key);
    } else if (const auto gone = gone_.find(key); stands && cause && gone != gone_.end()) {
        by_time_.erase({gone->second, key});
        gone_.erase(gone);
    }
}

std::vector<Event> Watch::pass(const State& state, Instant now) {
    std::vector<Event> events;
    for (Rates::Finding& found : rates_.pass(state, now)) {
        weigh(state, {found.sku, found.kind}, std::move(found.cause), now, events);
    }
    while (!by_time_.empty() && by_time_.begin()->first + settling() <= now &&
           events.size() < limits::round_expiries_max) {
        const Key key = by_time_.begin()->second;
        by_time_.erase(by_time_.begin());
        gone_.erase(key);
        // Where stores are shared another node may have resolved it.
        if (key.sku < state.skus.size() && state.skus[key.sku].find_alert(key.kind) != nullptr) {
            resolve(state, key, now, events);
        }
    }
    return events;
}

void Watch::resolve(const State& state, Key key, Instant now, std::vector<Event>& events) {
    const SkuState& sku = state.skus[key.sku];
    events.emplace_back(
        AlertResolved{.alert = sku.find_alert(key.kind)->id, .kind = key.kind, .sku = sku.sku});
    const Key back{key.sku, AlertKind::back_in_stock};
    if (key.kind == AlertKind::out_of_stock && sku.find_alert(back.kind) == nullptr) {
        weigh(state, back, cause(sku, back.kind), now, events);
    }
}

Instant Watch::next() const {
    return by_time_.empty() ? rates_.next()
                            : std::min(rates_.next(), by_time_.begin()->first + settling());
}

}  // namespace holdfast::core
