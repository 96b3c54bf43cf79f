#include "core/refusal_meter.h"

#include <algorithm>

#include <holdfast/limits.h>

namespace holdfast::core {

std::optional<HoldRefused> RefusalMeter::note(const Refusal& refusal, std::string_view cart,
                                              std::string_view customer, Instant now) {
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    if (second != latest_) {
        // The map stays as small as the rush: what is over, and needs no flush, is taken out of it.
        latest_ = second;
        erase_if(by_sku_, [](const auto& entry) { return entry.second.others == 0; });
    }
    const ShortLine& line = refusal.short_lines.front();
    Second& seen = by_sku_[line.sku];
    if (seen.second != second && seen.others == 0) {
        seen = {.second = second};
    }
    if (seen.second == second && seen.recorded < limits::refusals_per_second_max) {
        ++seen.recorded;
        return HoldRefused{.code = refusal.code,
                           .cart = std::string(cart),
                           .customer = std::string(customer),
                           .short_lines = refusal.short_lines};
    }
    ++seen.others;
    oldest_ = oldest_ ? std::min(*oldest_, seen.second) : seen.second;
    seen.code = refusal.code;
    seen.last = line;
    return std::nullopt;
}

std::vector<HoldRefused> RefusalMeter::flush(Instant now) {
    std::vector<HoldRefused> flushed;
    if (next_flush() > now) {
        return flushed;
    }
    oldest_.reset();
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    erase_if(by_sku_, [&](const auto& entry) {
        const Second& seen = entry.second;
        if (seen.second >= second) {
            if (seen.others > 0) {
                oldest_ = second;
            }
            return false;
        }
        if (seen.others > 0) {
            flushed.push_back(
                {.code = seen.code, .short_lines = {seen.last}, .others = seen.others});
        }
        return true;
    });
    // A map's order is nobody's business: the log must not depend on it.
    std::ranges::sort(flushed, {}, [](const HoldRefused& e) { return e.short_lines.front().sku; });
    return flushed;
}

Instant RefusalMeter::next_flush() const {
    return oldest_ ? Instant(*oldest_ + std::chrono::seconds(1)) : Instant::max();
}

}  // namespace holdfast::core
