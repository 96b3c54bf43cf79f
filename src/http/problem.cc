#include "http/problem.h"

#include <utility>

#include "http/answer_json.h"
#include "http/json.h"

namespace holdfast::http {

// A new code without a row does not compile: the switch has no default, and -Wswitch is an error.
ProblemKind kind_of(RefusalCode code) {
    const std::string_view name = to_string(code);
    switch (code) {
        case RefusalCode::invalid_request:
            return {name, 422, "Invalid request"};
        case RefusalCode::idempotency_key_reused:
            return {name, 422, "Idempotency key used before"};
        case RefusalCode::idempotency_key_in_use:
            return {name, 409, "Idempotency key in use", true};
        case RefusalCode::unknown_sku:
            return {name, 404, "Unknown SKU"};
        case RefusalCode::unknown_location:
            return {name, 404, "Unknown location"};
        case RefusalCode::unknown_hold:
            return {name, 404, "Unknown hold"};
        case RefusalCode::insufficient_stock:
            return {name, 409, "Not enough stock"};
        case RefusalCode::customer_required:
            return {name, 422, "Customer required"};
        case RefusalCode::customer_limit_exceeded:
            return {name, 409, "Customer limit exceeded"};
        case RefusalCode::cart_limit_exceeded:
            return {name, 409, "Cart limit exceeded"};
        case RefusalCode::reserved_at_payment:
            return {name, 409, "Reserved at payment"};
        case RefusalCode::ttl_too_long:
            return {name, 422, "Time to live too long"};
        case RefusalCode::max_extensions_reached:
            return {name, 409, "No more extensions"};
        case RefusalCode::max_life_reached:
            return {name, 409, "Longest life reached"};
        case RefusalCode::heartbeat_not_requested:
            return {name, 409, "Heartbeat not requested"};
        case RefusalCode::stale_fence:
            return {name, 412, "The hold has changed"};
        case RefusalCode::quantity_exceeds_hold:
            return {name, 409, "More than the hold has"};
        case RefusalCode::quantity_out_of_range:
            return {name, 422, "Quantity out of range"};
        case RefusalCode::too_many_locations:
            return {name, 409, "Too many locations"};
        case RefusalCode::hold_pending:
            return {name, 409, "The hold is pending"};
        case RefusalCode::hold_confirmed:
            return {name, 409, "The hold is confirmed"};
        case RefusalCode::hold_fulfilled:
            return {name, 409, "The hold is fulfilled"};
        case RefusalCode::hold_released:
            return {name, 409, "The hold was released"};
        case RefusalCode::hold_expired:
            return {name, 410, "The hold has expired"};
        case RefusalCode::hold_cancelled:
            return {name, 409, "The hold was cancelled"};
        case RefusalCode::hold_returned:
            return {name, 409, "The hold was returned"};
        case RefusalCode::hold_lost:
            return {name, 409, "The hold is lost"};
        case RefusalCode::overloaded:
            return {name, 503, "Overloaded", true};
        case RefusalCode::deadline_exceeded:
            return {name, 503, "Too late", true};
        case RefusalCode::stopping:
            return {name, 503, "Stopping", true};
        case RefusalCode::store_failed:
            return {name, 503, "The store has failed", true};
        case RefusalCode::outcome_unknown:
            return {name, 503, "Outcome unknown", true};
    }
    std::unreachable();
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
        json.name("short");
        json.open_array();
        for (const ShortLine& line : problem.short_lines) {
            write(json, line);
        }
        json.close_array();
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
