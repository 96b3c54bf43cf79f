#include "sequencer/refusals.h"

#include <fmt/format.h>

#include <holdfast/limits.h>

namespace holdfast::sequencer {

Refusal overloaded() {
    return {.code = RefusalCode::overloaded,
            .detail = fmt::format("{} commands are waiting already: try again in a second",
                                  limits::queue_length_max)};
}

Refusal stopping() {
    return {.code = RefusalCode::stopping,
            .detail = "the server is shutting down: try again in a moment"};
}

Refusal too_late(Instant deadline, Instant now) {
    return {.code = RefusalCode::deadline_exceeded,
            .detail = fmt::format("the request was to be answered by {}, and its turn came at {}: "
                                  "nothing was changed; try again",
                                  to_rfc3339(deadline), to_rfc3339(now))};
}

Refusal key_in_use(std::string_view key) {
    return {.code = RefusalCode::idempotency_key_in_use,
            .detail = fmt::format("the first request with key '{}' is still running: repeat this "
                                  "one in a moment",
                                  key)};
}

Refusal key_reused(std::string_view key) {
    return {.code = RefusalCode::idempotency_key_reused,
            .detail = fmt::format("key '{}' was used for a different request: use a new key for a "
                                  "new request",
                                  key)};
}

Refusal store_refusal(const store::AppendResult& result) {
    if (result.outcome == store::AppendOutcome::unknown) {
        return {.code = RefusalCode::outcome_unknown,
                .detail = fmt::format("the store did not say whether the change was kept ({}): "
                                      "repeat the request with the same Idempotency-Key",
                                      result.error)};
    }
    return {.code = RefusalCode::store_failed,
            .detail = fmt::format("the store refused the change ({}): nothing was changed",
                                  result.error)};
}

Refusal unreachable(const std::string& why) {
    return {.code = RefusalCode::store_failed,
            .detail = fmt::format(
                "the store cannot be reached ({}): nothing was changed; try again", why)};
}

Refusal stopped(const std::string& why) {
    return {
        .code = RefusalCode::store_failed,
        .detail = fmt::format("the server has stopped, since its store failed ({}): nothing was "
                              "changed; its operator must look at it",
                              why)};
}

}  // namespace holdfast::sequencer
