// Everything that can go wrong, as HTTP says it: the one table from a code to its status, and the body
// (RFC 9457, application/problem+json). Called by routes and sessions. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/refusal.h>

namespace holdfast::http {

// Faults that HTTP finds before the service is asked; the service's own are RefusalCode.
enum class HttpFault : std::uint8_t {
    bad_request,
    invalid_json,
    unknown_field,
    invalid_idempotency_key,
    unknown_route,
    method_not_allowed,
    request_timeout,
    body_too_large,
    target_too_long,
    unsupported_media_type,
    expectation_failed,
    headers_too_large,
    too_many_connections,
    backup_exists,
    unknown_method,
    internal_error
};

struct ProblemKind {
    std::string_view code;
    int status = 500;
    std::string_view title;
    // Whether the same request may succeed later; with the same Idempotency-Key it is safe to send
    // again.
    bool retryable = false;
};

ProblemKind kind_of(RefusalCode code);
ProblemKind kind_of(HttpFault fault);

// One thing wrong with one place in the request.
struct FieldError {
    std::string pointer;  // JSON pointer into the body
    std::string detail;
};

struct Problem {
    ProblemKind kind;
    std::string detail;
    std::vector<FieldError> errors;
    std::vector<ShortLine> short_lines;
    std::optional<Fence> fence;
};

Problem problem(HttpFault fault, std::string detail);
Problem problem(Refusal refusal);

void write_problem(std::string& out, const Problem& problem, std::string_view request_id);

// A piece of a request as it may stand in a message: one short line of printable ASCII.
std::string shown(std::string_view text);

}  // namespace holdfast::http
