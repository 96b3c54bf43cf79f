// Why a request was not carried out: a closed list of codes, each with the facts a client needs.
// Spelled as in the API (`code`), so that one grep finds the rule, its test, its document and metric.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/types.h>

namespace holdfast {

enum class RefusalCode : std::uint8_t {
    // The request itself.
    invalid_request,
    idempotency_key_reused,
    idempotency_key_in_use,
    // Things that are not there.
    unknown_sku,
    unknown_location,
    unknown_hold,
    unknown_entry,
    unknown_alert,
    // Rules of the shop.
    insufficient_stock,
    customer_required,
    customer_limit_exceeded,
    cart_limit_exceeded,
    reserved_at_payment,
    waitlist_off,
    already_waiting,
    ttl_too_long,
    max_extensions_reached,
    max_life_reached,
    heartbeat_not_requested,
    stale_fence,
    quantity_exceeds_hold,
    quantity_out_of_range,
    too_many_locations,
    too_many_receipts,
    // The state a hold is in, when it does not allow what was asked.
    hold_pending,
    hold_confirmed,
    hold_fulfilled,
    hold_released,
    hold_expired,
    hold_cancelled,
    hold_returned,
    hold_lost,
    // The service.
    overloaded,
    deadline_exceeded,
    stopping,
    store_failed,
    outcome_unknown
};

std::string_view to_string(RefusalCode code);

// One line that could not be granted. `available` is what the line could have had, never below 0.
struct ShortLine {
    std::string sku;
    std::string location;  // empty: any
    Quantity wanted = 0;
    Quantity available = 0;

    bool operator==(const ShortLine&) const = default;
};

struct Refusal {
    RefusalCode code = RefusalCode::invalid_request;
    // What was wrong, with which value, and what to do. Never empty.
    std::string detail;
    // Where in the request, as a JSON pointer; empty when it is not one field.
    std::string field;
    // insufficient_stock, hold_lost: every short line. The limits: what is still allowed.
    std::vector<ShortLine> short_lines;
    // stale_fence: the fence that the hold has now.
    std::optional<Fence> fence;

    bool operator==(const Refusal&) const = default;
};

}  // namespace holdfast
