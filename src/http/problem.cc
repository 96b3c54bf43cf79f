#include "http/problem.h"

#include <array>
#include <utility>

#include "http/answer_json.h"
#include "http/json.h"

namespace holdfast::http {

namespace {

struct CodeKind {
    RefusalCode code;
    int status;
    const char* title;
    bool retryable = false;
};

// In the order of the enumerators.
constexpr auto code_kinds = std::to_array<CodeKind>({
    {RefusalCode::invalid_request, 422, "Invalid request"},
    {RefusalCode::idempotency_key_reused, 422, "Idempotency key used before"},
    {RefusalCode::idempotency_key_in_use, 409, "Idempotency key in use", true},
    {RefusalCode::unknown_sku, 404, "Unknown SKU"},
    {RefusalCode::unknown_location, 404, "Unknown location"},
    {RefusalCode::unknown_hold, 404, "Unknown hold"},
    {RefusalCode::unknown_entry, 404, "Nobody waits there"},
    {RefusalCode::unknown_alert, 404, "Unknown alert"},
    {RefusalCode::insufficient_stock, 409, "Not enough stock"},
    {RefusalCode::customer_required, 422, "Customer required"},
    {RefusalCode::customer_limit_exceeded, 409, "Customer limit exceeded"},
    {RefusalCode::cart_limit_exceeded, 409, "Cart limit exceeded"},
    {RefusalCode::reserved_at_payment, 409, "Reserved at payment"},
    {RefusalCode::waitlist_off, 409, "No waiting line"},
    {RefusalCode::already_waiting, 409, "Waiting already"},
    {RefusalCode::ttl_too_long, 422, "Time to live too long"},
    {RefusalCode::max_extensions_reached, 409, "No more extensions"},
    {RefusalCode::max_life_reached, 409, "Longest life reached"},
    {RefusalCode::heartbeat_not_requested, 409, "Heartbeat not requested"},
    {RefusalCode::stale_fence, 412, "The hold has changed"},
    {RefusalCode::quantity_exceeds_hold, 409, "More than the hold has"},
    {RefusalCode::quantity_out_of_range, 422, "Quantity out of range"},
    {RefusalCode::too_many_locations, 409, "Too many locations"},
    {RefusalCode::too_many_receipts, 409, "Too many expected receipts"},
    {RefusalCode::hold_pending, 409, "The hold is pending"},
    {RefusalCode::hold_confirmed, 409, "The hold is confirmed"},
    {RefusalCode::hold_fulfilled, 409, "The hold is fulfilled"},
    {RefusalCode::hold_released, 409, "The hold was released"},
    {RefusalCode::hold_expired, 410, "The hold has expired"},
    {RefusalCode::hold_cancelled, 409, "The hold was cancelled"},
    {RefusalCode::hold_returned, 409, "The hold was returned"},
    {RefusalCode::hold_lost, 409, "The hold is lost"},
    {RefusalCode::overloaded, 503, "Overloaded", true},
    {RefusalCode::deadline_exceeded, 503, "Too late", true},
    {RefusalCode::stopping, 503, "Stopping", true},
    {RefusalCode::store_failed, 503, "The store has failed", true},
    {RefusalCode::outcome_unknown, 503, "Outcome unknown", true},
});
static_assert(code_kinds.size() == static_cast<std::size_t>(RefusalCode::outcome_unknown) + 1,
              "a new code needs a status");

}  // namespace

ProblemKind kind_of(RefusalCode code) {
    const CodeKind& kind = code_kinds[static_cast<std::size_t>(code)];
    return {to_string(code), kind.status, kind.title, kind.retryable};
}

ProblemKind kind_of(HttpFault fault) {
    switch (fault) {
        case HttpFault::bad_request:
            return {"bad_request", 400, "Bad request"};
        case HttpFault::invalid_json:
            return {"invalid_json", 400, "Invalid JSON"};
        case HttpFault::unknown_field:
            return {"unknown_field", 400, "Unknown field"};
        case HttpFault::invalid_idempotency_key:
            return {"invalid_idempotency_key", 400, "Invalid idempotency key"};
        case HttpFault::unknown_route:
            return {"unknown_route", 404, "No such resource"};
        case HttpFault::method_not_allowed:
            return {"method_not_allowed", 405, "Method not allowed"};
        case HttpFault::request_timeout:
            return {"request_timeout", 408, "The request came too slowly", true};
        case HttpFault::body_too_large:
            return {"body_too_large", 413, "Body too large"};
        case HttpFault::target_too_long:
            return {"target_too_long", 414, "Target too long"};
        case HttpFault::unsupported_media_type:
            return {"unsupported_media_type", 415, "Unsupported media type"};
        case HttpFault::expectation_failed:
            return {"expectation_failed", 417, "Expectation failed"};
        case HttpFault::headers_too_large:
            return {"headers_too_large", 431, "Header fields too large"};
        case HttpFault::too_many_connections:
            return {"too_many_connections", 503, "Too many connections", true};
        case HttpFault::backup_exists:
            return {"backup_exists", 409, "Backup exists"};
        case HttpFault::unknown_method:
            return {"unknown_method", 501, "Unknown method"};
        case HttpFault::internal_error:
            return {"internal_error", 500, "Internal error"};
    }
    std::unreachable();
}

Problem problem(HttpFault fault, std::string detail) {
    return {.kind = kind_of(fault),
            .detail = std::move(detail),
            .errors = {},
            .short_lines = {},
            .fence = {}};
}

Problem problem(Refusal refusal) {
    Problem made{.kind = kind_of(refusal.code),
                 .detail = std::move(refusal.detail),
                 .errors = {},
                 .short_lines = std::move(refusal.short_lines),
                 .fence = refusal.fence};
    if (!refusal.field.empty()) {
        made.errors.push_back({std::move(refusal.field), made.detail});
    }
    return made;
}

void write_problem(std::string& out, const Problem& problem, std::string_view request_id) {
    JsonWriter json(out);
    json.open_object();
    json.name("type");
    out += "\"urn:holdfast:problem:";
    out += problem.kind.code;
    json.plain("\"");
    json.field("title", problem.kind.title);
    json.field("status", problem.kind.status);
    json.field("detail", problem.detail);
    json.field("code", problem.kind.code);
    json.field("request_id", request_id);
    json.field("retryable", problem.kind.retryable);
    if (!problem.short_lines.empty()) {
        write_short(json, problem.short_lines);
    }
    if (!problem.errors.empty()) {
        json.name("errors");
        json.open_array();
        for (const FieldError& error : problem.errors) {
            json.open_object();
            json.field("pointer", error.pointer);
            json.field("detail", error.detail);
            json.close_object();
        }
        json.close_array();
    }
    if (problem.fence) {
        json.field("fence", *problem.fence);
    }
    json.close_object();
}

std::string shown(std::string_view text) {
    constexpr std::size_t bytes_max = 64;
    std::string safe;
    for (const char c : text.substr(0, bytes_max)) {
        safe += c >= ' ' && c <= '~' ? c : '?';
    }
    return text.size() > bytes_max ? safe + "..." : safe;
}

}  // namespace holdfast::http
