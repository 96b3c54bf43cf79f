// Decides which refusals are recorded as events: the first few of each SKU and second one by one, the
// rest as a number in a later one. Not part of the State, since a refusal changes nothing: what is
// still uncounted when the process dies is lost. Pure; the sequencer's thread.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <holdfast/commands.h>
#include <holdfast/events.h>
#include <holdfast/refusal.h>
#include "core/state.h"

namespace holdfast::core {

class RefusalMeter {
public:
    // A cart was refused for want of units. The event to record now, if any.
    std::optional<HoldRefused> note(const Refusal& refusal, std::string_view cart,
                                    std::string_view customer, Instant now);
    // The counted rests of the seconds that are over.
    std::vector<HoldRefused> flush(Instant now);
    // When flush() will next have something to say; Instant::max() when nothing waits.
    [[nodiscard]] Instant next_flush() const;
    // SKUs that it has in mind: of the latest second, and those that wait for a flush.
    [[nodiscard]] std::size_t sku_count() const { return by_sku_.size(); }

private:
    struct Second {
        std::chrono::sys_seconds second;
        std::uint32_t recorded = 0;
        Quantity others = 0;
        RefusalCode code = RefusalCode::insufficient_stock;
        ShortLine last;
    };
    TextMap<Second> by_sku_;
    std::chrono::sys_seconds latest_;
    // The earliest second with something counted.
    std::optional<std::chrono::sys_seconds> oldest_;
};

}  // namespace holdfast::core
