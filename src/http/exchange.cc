#include "http/exchange.h"

#include <algorithm>
#include <charconv>

#include <boost/beast/core/string.hpp>
#include <fmt/format.h>
#include <xxhash.h>

#include <holdfast/assert.h>
#include <holdfast/limits.h>
#include "telemetry/log.h"

namespace holdfast::http {

namespace {

using boost::beast::http::verb;

bool iequals(std::string_view a, std::string_view b) {
    return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

bool is_json(std::string_view content_type) {
    const std::string_view type = content_type.substr(0, content_type.find(';'));
    if (!iequals(type, "application/json") && !iequals(type, "application/json ")) {
        return false;
    }
    std::string_view parameter =
        content_type.substr(std::min(type.size() + 1, content_type.size()));
    parameter.remove_prefix(std::min(parameter.find_first_not_of(' '), parameter.size()));
    return parameter.empty() || iequals(parameter, "charset=utf-8") ||
           iequals(parameter, "charset=\"utf-8\"");
}

std::string_view reason(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 304:
            return "Not Modified";
        case 400:
            return "Bad Request";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 410:
            return "Gone";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 417:
            return "Expectation Failed";
        case 422:
            return "Unprocessable Content";
        case 431:
            return "Request Header Fields Too Large";
        case 501:
            return "Not Implemented";
        case 503:
            return "Service Unavailable";
        default:
            return "Internal Server Error";
    }
}

// A structured-field string without its quotes, or the bare text. Nothing when it is neither.
std::optional<std::string> unquoted_key(std::string_view text) {
    if (!text.starts_with('"')) {
        return std::string(text);
    }
    std::string key;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') {
            return i + 1 == text.size() ? std::optional(key) : std::nullopt;
        }
        if (text[i] == '\\') {
            ++i;
        }
        key += i < text.size() ? text[i] : ' ';
    }
    return std::nullopt;
}

}  // namespace

void Exchange::reset() {
    route_ = nullptr;
    parameters_ = {};
    query_ = {};
    allow_.clear();
    if_match_.reset();
    if_none_match_.clear();
    idempotency_key_.clear();
    answer_by_.reset();
    outcome_.reset();
    render_ = nullptr;
    status_ = 0;
    answered_ = false;
    worker_->next_request_id(request_id_);
    fields_.clear();
    body_.clear();
}

bool Exchange::begin(const Head& head) {
    reset();
    started_ = std::chrono::steady_clock::now();
    method_ = head.method_text;
    target_ = head.target;
    http11_ = head.http11;
    head_only_ = head.method == verb::head;
    if (const auto wrong = judge(head)) {
        refuse(*wrong);
        return false;
    }
    return true;
}

void Exchange::begin_refused(const Problem& problem) {
    reset();
    started_ = std::chrono::steady_clock::now();
    http11_ = true;
    head_only_ = false;
    refuse(problem);
}

std::optional<Problem> Exchange::judge(const Head& head) {
    if (auto wrong = judge_target(head)) {
        return wrong;
    }
    if (auto wrong = judge_fields(head)) {
        return wrong;
    }
    return judge_body(head);
}

std::optional<Problem> Exchange::judge_target(const Head& head) {
    if (head.method == verb::unknown) {
        return problem(HttpFault::unknown_method,
                       fmt::format("the method '{}' is not known", shown(head.method_text)));
    }
    auto target = split_target(head.target);
    if (!target) {
        return std::move(target.error());
    }
    Match match = find_route(head.method, *target);
    if (match.route == nullptr) {
        if (match.allow.empty()) {
            return problem(
                HttpFault::unknown_route,
                fmt::format("there is nothing at '{}': see /openapi.json", shown(head.target)));
        }
        allow_ = std::move(match.allow);
        return problem(HttpFault::method_not_allowed,
                       fmt::format("'{}' has no {}: it has {}", shown(head.target),
                                   shown(head.method_text), allow_));
    }
    route_ = match.route;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        auto parameter = decode(match.parameters[i]);
        if (!parameter) {
            return std::move(parameter.error());
        }
        parameters_[i] = std::move(*parameter);
    }
    if (!target->query.empty()) {
        if (route_->extra != Extra::query) {
            return problem(HttpFault::bad_request,
                           fmt::format("{} takes no query: leave '?{}' out", route_->pattern,
                                       shown(target->query)));
        }
        auto query = Query::parse(target->query);
        if (!query) {
            return std::move(query.error());
        }
        query_ = std::move(*query);
    }
    return std::nullopt;
}

std::optional<Problem> Exchange::judge_fields(const Head& head) {
    if (head.expects_other) {
        return problem(HttpFault::expectation_failed,
                       "the Expect field asks for more than 100-continue: leave it out");
    }
    timeout_ = shared().options.request_time;
    if (!head.request_timeout.empty()) {
        double seconds = 0;
        const char* end = head.request_timeout.data() + head.request_timeout.size();
        const auto [stop, error] = std::from_chars(head.request_timeout.data(), end, seconds);
        const double seconds_max =
            std::chrono::duration<double>(shared().options.request_time_max).count();
        if (error != std::errc{} || stop != end || !(seconds > 0 && seconds <= seconds_max)) {
            return problem(HttpFault::bad_request,
                           fmt::format("Request-Timeout '{}' is not a number of seconds above 0 "
                                       "and up to {}",
                                       shown(head.request_timeout), seconds_max));
        }
        timeout_ =
            std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
    }
    if_none_match_ = head.if_none_match;
    if (!head.if_match.empty()) {
        if (route_->extra != Extra::fence) {
            return problem(HttpFault::bad_request,
                           "If-Match has no meaning here: only commands on a hold look at it");
        }
        std::uint64_t fence = 0;
        const std::string_view text = head.if_match;
        const bool quoted = text.size() > 2 && text.starts_with('"') && text.ends_with('"');
        const char* end = text.data() + text.size() - 1;
        const auto [stop, error] = std::from_chars(text.data() + 1, end, fence);
        if (text != "*" && (!quoted || error != std::errc{} || stop != end)) {
            return problem(HttpFault::bad_request,
                           fmt::format("If-Match '{}' is not an ETag of a hold: use its fence in "
                                       "quotes, \"17\"",
                                       shown(text)));
        }
        if (text != "*") {
            if_match_ = fence;
        }
    }
    return judge_key(head);
}

std::optional<Problem> Exchange::judge_key(const Head& head) {
    if (head.idempotency_keys == 0) {
        return std::nullopt;
    }
    constexpr auto fault = HttpFault::invalid_idempotency_key;
    if (head.idempotency_keys > 1) {
        return problem(fault, "the Idempotency-Key field is given twice: give it once");
    }
    auto key = unquoted_key(head.idempotency_key);
    if (!key || key->empty() || key->size() > limits::idempotency_key_bytes_max ||
        !std::ranges::all_of(*key, [](char c) { return c > ' ' && c <= '~'; })) {
        return problem(fault,
                       fmt::format("Idempotency-Key '{}' is not acceptable: use 1 to {} "
                                   "visible ASCII characters, bare or in quotes",
                                   shown(head.idempotency_key), limits::idempotency_key_bytes_max));
    }
    idempotency_key_ = std::move(*key);
    return std::nullopt;
}

std::optional<Problem> Exchange::judge_body(const Head& head) const {
    if (!head.has_body) {
        return std::nullopt;
    }
    if (head.content_length > body_bytes_max()) {
        return problem(HttpFault::body_too_large,
                       fmt::format("the body has {} bytes: {} takes at most {}",
                                   head.content_length, route_->pattern, body_bytes_max()));
    }
    if (!head.content_encoding.empty() && !iequals(head.content_encoding, "identity")) {
        return problem(HttpFault::unsupported_media_type,
                       fmt::format("Content-Encoding '{}' is not accepted: send the body as it is",
                                   shown(head.content_encoding)));
    }
    if (!is_json(head.content_type)) {
        return problem(HttpFault::unsupported_media_type,
                       fmt::format("Content-Type '{}' is not accepted: use application/json in "
                                   "UTF-8",
                                   shown(head.content_type)));
    }
    return std::nullopt;
}

std::size_t Exchange::body_bytes_max() const {
    switch (route_ == nullptr ? BodyRule::none : route_->body) {
        case BodyRule::none:
            return 0;
        case BodyRule::large:
            return worker_->shared.options.batch_bytes_max;
        case BodyRule::optional:
        case BodyRule::required:
            break;
    }
    return worker_->shared.options.body_bytes_max;
}

void Exchange::run(std::string_view body) {
    request_body_ = body;
    answer_by_ = worker_->coarse_now() + timeout_ + shared().options.answer_grace;
    if (body.empty() && (route_->body == BodyRule::required || route_->body == BodyRule::large)) {
        refuse(problem(HttpFault::invalid_json, "the body is empty: send a JSON object"));
        return;
    }
    try {
        route_->handler(*this);
    } catch (const std::exception& error) {
        telemetry::log_error(fmt::format("{} {} failed: {}", method_, target_, error.what()));
        refuse(problem(HttpFault::internal_error,
                       "the server failed at this request: its log says why"));
    }
}

Request Exchange::request() {
    Request request;
    request.deadline = shared().clock.now() + timeout_;
    if (!idempotency_key_.empty()) {
        const std::string asked = fmt::format("{} {}", method_, target_);
        request.fingerprint = XXH3_64bits_withSeed(request_body_.data(), request_body_.size(),
                                                   XXH3_64bits(asked.data(), asked.size()));
        request.idempotency_key = std::move(idempotency_key_);
    }
    return request;
}

void Exchange::submit(Command command, Render render) {
    render_ = render;
    courier_->submit({std::move(command), request()}, shared_from_this());
}

void Exchange::complete() {
    if (abandoned_) {
        return;
    }
    try {
        finish();
    } catch (const std::exception& error) {
        telemetry::log_error(fmt::format("writing an answer failed: {}", error.what()));
        return fail();
    }
    HF_ASSERT(answered_);
    resume();
}

void Exchange::fail() {
    if (!abandoned_) {
        refuse(problem(HttpFault::internal_error,
                       "the server failed at this request: its log says why"));
        resume();
    }
}

void Exchange::resume() {
    // Empty when the answer came before the session began to wait.
    if (auto waiter = std::exchange(waiter_, nullptr)) {
        waiter();
    }
}

void Exchange::finish() {
    if (late_) {
        std::exchange(late_, nullptr)();
        return;
    }
    if (!outcome_->result) {
        refuse(std::move(outcome_->result.error()));
        return;
    }
    if (outcome_->replayed) {
        header("Idempotent-Replayed", "true");
    }
    render_(*this, *outcome_->result);
}

void Exchange::give_up() {
    abandoned_ = true;
    refuse(Refusal{.code = RefusalCode::outcome_unknown,
                   .detail = "the engine has not answered in time: ask again with the same "
                             "Idempotency-Key to learn the outcome",
                   .field = {},
                   .short_lines = {},
                   .fence = {}});
    resume();
}

void Exchange::etag(std::uint64_t number) {
    fields_ += "ETag: \"";
    append_number(fields_, number);
    fields_ += "\"\r\n";
}

void Exchange::header(std::string_view name, std::string_view value) {
    fields_ += name;
    fields_ += ": ";
    fields_ += value;
    fields_ += "\r\n";
}

void Exchange::answer(int status, std::string_view content_type) {
    HF_ASSERT(!answered_);
    status_ = status;
    header("Content-Type", content_type);
    answered_ = true;
}

void Exchange::refuse(const Problem& problem) {
    body_.clear();
    fields_.clear();
    write(problem);
    if (problem.kind.retryable) {
        header("Retry-After", "1");
    }
    if (!allow_.empty()) {
        header("Allow", allow_);
    }
    answered_ = false;
    answer(problem.kind.status, "application/problem+json");
}

void Exchange::write(const Problem& problem) {
    write_problem(body_, problem, request_id_);
    worker_->count_problem(problem.kind.code);
}

std::array<boost::asio::const_buffer, 2> Exchange::response(bool close) {
    HF_ASSERT(answered_);
    head_.assign("HTTP/1.1 ");
    append_number(head_, std::int64_t{status_});
    head_ += ' ';
    head_ += reason(status_);
    head_ += "\r\nDate: ";
    head_ += worker_->date(shared().clock.now());
    if (status_ != 304) {
        head_ += "\r\nContent-Length: ";
        append_number(head_, std::uint64_t{body_.size()});
    }
    head_ += "\r\nRequest-Id: ";
    head_ += request_id_;
    head_ += "\r\n";
    head_ += fields_;
    if (close) {
        head_ += "Connection: close\r\n";
    } else if (!http11_) {
        head_ += "Connection: keep-alive\r\n";
    }
    head_ += "\r\n";
    const std::size_t route =
        route_ == nullptr ? routes().size() : static_cast<std::size_t>(route_ - routes().data());
    worker_->count(route, status_, std::chrono::steady_clock::now() - started_);
    return {boost::asio::buffer(head_),
            head_only_ ? boost::asio::const_buffer() : boost::asio::buffer(body_)};
}

}  // namespace holdfast::http
