// What a person should look at: raised once when its cause appears, standing until the cause has been gone
// for limits::alert_settling. One of a kind stands for a SKU at a time. Plain values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <holdfast/types.h>

namespace holdfast {

enum class AlertKind : std::uint8_t {
    low_stock,     // at or below the policy's low_stock, and not sold out
    out_of_stock,  // was on sale, and nothing is available
    back_in_stock,  // was sold out, and has been available again for a while; until it is acknowledged
    reorder,        // what is there and on its way is below the policy's reorder_point
    shortfall,      // more is sold than there is, at some location
    velocity,       // its holds, releases or expiries a minute left their usual range
    ghost_holds     // sold out by holds that expire, one after another, and are hardly ever paid
};
std::string_view to_string(AlertKind kind);

// What a velocity alert counts.
enum class Measure : std::uint8_t { nothing, holds, releases, expiries };
std::string_view to_string(Measure measure);

// The version of its SKU's partition at which it was raised, and the SKU's routing token.
struct AlertId {
    Version version = 0;
    std::uint16_t token = 0;

    auto operator<=>(const AlertId&) const = default;
};
// "alert_" and 20 lower-case hex digits.
std::string to_string(AlertId id);
// Nothing when `text` is not exactly what to_string makes.
std::optional<AlertId> parse_alert_id(std::string_view text);

struct Alert {
    AlertId id;
    AlertKind kind = AlertKind::low_stock;
    std::string sku;
    // As it was when the alert was raised. Units: available (the first three), available and on the way
    // (reorder), sold and not there (shortfall). Holds: in that minute (velocity), expired in the last hour
    // or so (ghost_holds).
    Quantity figure = 0;
    // What the figure is measured by: low_stock, reorder_point, the usual number a minute. 0 where there is none.
    Quantity bound = 0;
    Quantity order = 0;  // reorder: units to order
    Measure measure = Measure::nothing;
    Instant raised_at;
    std::string acknowledged_by;  // a person; empty: nobody yet
    std::optional<Instant> acknowledged_at;

    bool operator==(const Alert&) const = default;
};

// Where a SKU stands for those who sell it. What was never on sale is not announced.
enum class StockLevel : std::uint8_t { never, in, low, out };

}  // namespace holdfast
