#include "core/rates.h"

#include <algorithm>
#include <cmath>

#include <holdfast/limits.h>

namespace holdfast::core {
namespace {

using std::chrono::minutes;

// The weight of the latest minute: what is an hour old counts for a third.
constexpr double weight = 1.0 / 60;
// After so long a pause nothing is left of what was usual.
constexpr minutes forgotten{600};
// A SKU that is held so often a minute is missed when it is not.
constexpr double missed_from = 100;

constexpr std::size_t seen_max = 1'024;

std::int32_t number_of(std::chrono::sys_time<minutes> minute) {
    return static_cast<std::int32_t>(minute.time_since_epoch().count());
}

Quantity rounded(double value) {
    return static_cast<Quantity>(std::llround(value));
}

}  // namespace

// No rate is steadier than chance lets it be (Poisson).
double Rates::Usual::deviation() const {
    return std::sqrt(std::max(variance, mean));
}

bool Rates::Usual::exceeded_by(double rate) const {
    return rate > mean + limits::velocity_deviations * deviation() + limits::velocity_excess_min;
}

// Where the usual is known a crowd raises the mean alone, so that it stays unusual for the better part of an hour:
// its first minutes would make any rate look like chance.
void Rates::Usual::learn(double rate, bool known) {
    const double difference = rate - mean;
    if (!known || !exceeded_by(rate)) {
        variance = (1 - weight) * (variance + weight * difference * difference);
    }
    mean += weight * difference;
}

Rates::Rates(const State& state, Instant now) : minute_(std::chrono::floor<minutes>(now)) {
    know(state, minute_);
    for (const auto& [id, sku] : state.alerts) {
        awaited_.push_back(sku);
    }
}

void Rates::know(const State& state, Minute minute) {
    if (counts_.size() < state.skus.size()) {
        counts_.resize(state.skus.size(), Count{.in_minute = {}, .since = number_of(minute)});
    }
}

void Rates::see(const State& state, std::string_view sku, What what) {
    seen_.push_back({static_cast<SkuIndex>(state.find_sku(sku) - state.skus.data()), what});
    if (seen_.size() == seen_max) {
        add_up();
    }
}

void Rates::add_up() {
    constexpr std::size_t ahead = 8;
    for (std::size_t i = 0; i < seen_.size(); ++i) {
        if (i + ahead < seen_.size()) {
            __builtin_prefetch(&counts_[seen_[i + ahead].sku]);
        }
        auto& in_minute = counts_[seen_[i].sku].in_minute;
        if (in_minute == decltype(Count::in_minute){}) {
            busy_.push_back(seen_[i].sku);
        }
        ++in_minute[seen_[i].what];
    }
    seen_.clear();
}

void Rates::count(const State& state, const Event& event) {
    if (seen_.empty() && busy_.empty() && awaited_.empty()) {
        minute_ = std::chrono::floor<minutes>(state.time);
    }
    know(state, minute_);
    const auto all = [&](const auto& lines, What what) {
        for (const auto& line : lines) {
            see(state, line.sku, what);
        }
    };
    if (const auto* placed = std::get_if<HoldPlaced>(&event)) {
        all(placed->hold.lines, holds);
        if (placed->hold.status != HoldStatus::pending) {
            all(placed->hold.lines, payments);
        }
    } else if (const auto* released = std::get_if<HoldReleased>(&event)) {
        all(released->released, releases);
    } else if (const auto* expired = std::get_if<HoldExpired>(&event)) {
        all(expired->released, expiries);
    } else if (const auto* confirmed = std::get_if<HoldConfirmed>(&event)) {
        all(confirmed->confirmed, payments);
    }
}

// Minutes in which nothing was counted were quiet ones.
void Rates::catch_up(History& history, Minute minute) {
    if (minute - history.last > forgotten) {
        history = {.last = minute - minutes(1), .usual = {}};
    }
    for (; history.last + minutes(1) < minute; history.last += minutes(1)) {
        for (Usual& usual : history.usual) {
            usual.learn(0, true);
        }
    }
}

std::optional<Alert> Rates::velocity(const SkuState& sku, const Count& count,
                                     const History& history) {
    struct Judged {
        What what;
        Measure measure;
    };
    for (const auto& [what, measure] :
         {Judged{expiries, Measure::expiries}, Judged{releases, Measure::releases},
          Judged{holds, Measure::holds}}) {
        const Usual& usual = history.usual[what];
        const double rate = count.in_minute[what];
        const bool few = what == holds && sku.available() > 0 && usual.mean >= missed_from &&
                         rate < usual.mean - limits::velocity_deviations * usual.deviation();
        if (few || usual.exceeded_by(rate)) {
            return Alert{.kind = AlertKind::velocity,
                         .figure = rounded(rate),
                         .bound = rounded(usual.mean),
                         .measure = measure};
        }
    }
    return std::nullopt;
}

std::optional<Alert> Rates::ghosts(const SkuState& sku, const History& history) {
    const double expired = history.usual[expiries].mean / weight;
    const double paid = history.usual[payments].mean / weight;
    const bool held =
        std::ranges::any_of(sku.stock, [](const SkuStock& row) { return row.counters.held > 0; });
    if (sku.available() > 0 || !held || expired < limits::ghost_expiries_min ||
        expired < 4 * paid) {
        return std::nullopt;
    }
    return Alert{
        .kind = AlertKind::ghost_holds, .figure = rounded(expired), .bound = rounded(paid)};
}

std::vector<Rates::Finding> Rates::pass(const State& state, Instant now) {
    std::vector<Finding> found;
    if (now < next()) {
        return found;
    }
    add_up();
    know(state, minute_);
    std::vector<SkuIndex> looked_at = std::exchange(busy_, {});
    looked_at.insert(looked_at.end(), awaited_.begin(), awaited_.end());
    std::ranges::sort(looked_at);
    const auto rest = std::ranges::unique(looked_at);
    looked_at.erase(rest.begin(), rest.end());
    awaited_.clear();
    // Of a SKU whose definition was taken back there may be more than the state has.
    looked_at.erase(std::ranges::lower_bound(looked_at, state.skus.size()), looked_at.end());
    for (const SkuIndex index : looked_at) {
        const SkuState& sku = state.skus[index];
        Count& count = counts_[index];
        History& history =
            histories_.try_emplace(index, History{.last = minute_ - minutes(1), .usual = {}})
                .first->second;
        const bool known = minutes(number_of(minute_) - count.since) >= limits::velocity_history;
        catch_up(history, minute_);
        std::optional<Alert> unusual = known ? velocity(sku, count, history) : std::nullopt;
        for (std::size_t what = 0; what < whats; ++what) {
            history.usual[what].learn(count.in_minute[what], known);
        }
        history.last = minute_;
        std::optional<Alert> haunted = ghosts(sku, history);
        const bool stands = sku.find_alert(AlertKind::velocity) != nullptr ||
                            sku.find_alert(AlertKind::ghost_holds) != nullptr;
        if (unusual || haunted || stands || history.usual[holds].mean >= missed_from) {
            awaited_.push_back(index);
        }
        for (std::optional<Alert>* cause : {&unusual, &haunted}) {
            if (*cause) {
                (*cause)->sku = sku.sku;
            }
        }
        found.push_back({index, AlertKind::velocity, std::move(unusual)});
        found.push_back({index, AlertKind::ghost_holds, std::move(haunted)});
        count.in_minute = {};
    }
    minute_ = std::chrono::floor<minutes>(now);
    return found;
}

Instant Rates::next() const {
    return seen_.empty() && busy_.empty() && awaited_.empty() ? Instant::max()
                                                              : Instant(minute_ + minutes(1));
}

}  // namespace holdfast::core
