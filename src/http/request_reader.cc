#include "http/request_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <fmt/format.h>

#include <holdfast/assert.h>

namespace holdfast::http {

namespace beast = boost::beast;
using beast::error_code;
using beast::http::field;

namespace {

// Most requests fit; a larger one doubles it. A connection keeps no more than the second between
// requests.
constexpr std::size_t buffer_bytes_min = 4'096;
constexpr std::size_t buffer_bytes_kept = 65'536;

std::string_view view(beast::string_view text) {
    return {text.data(), text.size()};
}

}  // namespace

// Takes what we need out of Beast's parser without storing fields. Beast accepts a little more than
// we do: folded lines are refused before it sees them, lists of lengths and codings here.
class RequestReader::Parser final : public beast::http::basic_parser<true> {
public:
    Parser(Head& head, std::string& chunks, std::size_t chunk_line_bytes_max)
        : head_(head), chunks_(chunks), chunk_line_bytes_left_(chunk_line_bytes_max) {
        head_ = {};
        header_limit(UINT32_MAX);
        body_limit(boost::none);
    }

    [[nodiscard]] std::string detail(const error_code& error) const {
        return detail_.empty() ? "the request is not HTTP: " + error.message() : detail_;
    }

private:
    enum Once : std::uint8_t { host, length, coding, type, match, timeout };

    void on_request_impl(beast::http::verb method, beast::string_view method_text,
                         beast::string_view target, int version, error_code&) override {
        head_.method = method;
        head_.method_text = view(method_text);
        head_.target = view(target);
        head_.http11 = version == 11;
    }

    void on_response_impl(int, beast::string_view, int, error_code&) override {}

    void on_field_impl(field name, beast::string_view name_text, beast::string_view value_text,
                       error_code& error) override {
        // Fields after a chunked body come too late to matter, and must not overrule the head.
        if (trailer_) {
            return spend(name_text.size() + value_text.size(), error);
        }
        const std::string_view value = view(value_text);
        switch (name) {
            case field::host:
                return once(Once::host, "Host", error);
            case field::content_length:
                return check_length(value, error);
            case field::transfer_encoding:
                return check_coding(value, error);
            case field::content_type:
                head_.content_type = value;
                return once(Once::type, "Content-Type", error);
            case field::content_encoding:
                head_.content_encoding = value;
                return;
            case field::if_match:
                head_.if_match = value;
                return once(Once::match, "If-Match", error);
            case field::if_none_match:
                head_.if_none_match = value;
                return;
            case field::expect:
                (beast::iequals(value_text, "100-continue") ? head_.expects_continue
                                                            : head_.expects_other) = true;
                return;
            case field::unknown:
                break;
            default:
                return;
        }
        if (beast::iequals(name_text, "Idempotency-Key")) {
            head_.idempotency_key = value;
            ++head_.idempotency_keys;
        } else if (beast::iequals(name_text, "Request-Timeout")) {
            head_.request_timeout = value;
            once(Once::timeout, "Request-Timeout", error);
        }
    }

    void on_header_impl(error_code& error) override {
        trailer_ = true;
        if (head_.http11 && (seen_ & (1U << Once::host)) == 0) {
            refuse("the Host field is missing: HTTP/1.1 requires it", error);
        }
    }

    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(beast::string_view body, error_code&) override { return body.size(); }
    void on_chunk_header_impl(std::uint64_t, beast::string_view extensions,
                              error_code& error) override {
        // Beast lets anything stand in quotes, line ends too.
        if (!std::ranges::all_of(extensions, [](char c) { return c >= ' ' && c <= '~'; })) {
            return refuse("a chunk's extension is not printable ASCII", error);
        }
        spend(extensions.size(), error);
    }
    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, error_code&) override {
        chunks_.append(body.data(), body.size());
        return body.size();
    }
    void on_finish_impl(error_code&) override {}

    void check_length(std::string_view value, error_code& error) {
        once(Once::length, "Content-Length", error);
        if (!std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; })) {
            refuse(fmt::format("Content-Length '{}' is not one number", shown(value)), error);
        }
    }
    void check_coding(std::string_view value, error_code& error) {
        once(Once::coding, "Transfer-Encoding", error);
        if (!beast::iequals(beast::string_view(value.data(), value.size()), "chunked") ||
            !head_.http11) {
            refuse(fmt::format("Transfer-Encoding '{}' is not understood here: use chunked with "
                               "HTTP/1.1, or Content-Length",
                               shown(value)),
                   error);
        }
    }
    void once(Once which, std::string_view name, error_code& error) {
        if ((seen_ & (1U << which)) != 0) {
            refuse(fmt::format("the {} field is given twice: give it once", name), error);
        }
        seen_ |= 1U << which;
    }
    // Nobody reads extensions and trailers: what they may cost is bounded over the whole body.
    void spend(std::size_t bytes, error_code& error) {
        if (bytes > chunk_line_bytes_left_) {
            return refuse("the chunks' extensions and the trailer are too long: leave them out",
                          error);
        }
        chunk_line_bytes_left_ -= bytes;
    }
    void refuse(std::string detail, error_code& error) {
        detail_ = std::move(detail);
        error = beast::http::error::bad_field;
    }

    Head& head_;
    std::string& chunks_;
    std::size_t chunk_line_bytes_left_;
    std::string detail_;
    unsigned seen_ = 0;
    bool trailer_ = false;
};

RequestReader::RequestReader(const ReadLimits& limits)
    : limits_(limits),
      parser_(std::make_unique<Parser>(head_, chunks_, limits_.chunk_line_bytes_max)) {}

RequestReader::~RequestReader() = default;

std::span<char> RequestReader::space() {
    if (begin_ == end_) {
        begin_ = end_ = scanned_ = 0;
    }
    if (buffer_.size() - end_ < buffer_bytes_min / 2) {
        compact();
        // Grows with what has come, never with what the client says will come.
        if (buffer_.size() - end_ < buffer_bytes_min / 2) {
            buffer_.resize(std::max(buffer_bytes_min, 2 * buffer_.size()));
        }
    }
    return std::span(buffer_).subspan(end_);
}

void RequestReader::compact() {
    if (begin_ == 0) {
        return;
    }
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    scanned_ -= begin_;
    end_ -= begin_;
    begin_ = 0;
    parsed_at_ = nullptr;
}

void RequestReader::arrived(std::size_t bytes) {
    HF_ASSERT(bytes <= buffer_.size() - end_);
    end_ += bytes;
}

RequestReader::Step RequestReader::next() {
    switch (state_) {
        case State::head:
            return read_head();
        case State::head_done:
            return Step::head;
        case State::body:
            return chunked_ ? read_chunks() : read_body();
        case State::complete:
            return Step::complete;
        case State::refused:
            return Step::refused;
    }
    std::unreachable();
}

RequestReader::Step RequestReader::refuse(HttpFault fault, std::string detail) {
    state_ = State::refused;
    fault_ = problem(fault, std::move(detail));
    return Step::refused;
}

// Looks at whole lines only, so that Beast gets the head in one piece and its views stay together.
RequestReader::Step RequestReader::read_head() {
    for (;;) {
        const std::string_view rest(buffer_.data() + scanned_, end_ - scanned_);
        const std::size_t found = rest.find('\n');
        if (found == std::string_view::npos) {
            break;
        }
        const std::size_t line_end = scanned_ + found;
        const std::size_t line_begin = scanned_;
        if (line_end == line_begin || buffer_[line_end - 1] != '\r') {
            return refuse(HttpFault::bad_request, "a line ends with LF alone: end it with CR LF");
        }
        scanned_ = line_end + 1;
        const bool empty = line_end - 1 == line_begin;
        if (empty && lines_ == 0) {
            begin_ = scanned_;  // RFC 9112 2.2: an empty line before the request is skipped
            continue;
        }
        if (empty) {
            return parse_head();
        }
        if (check_line(line_begin, line_end) == Step::refused) {
            return Step::refused;
        }
        ++lines_;
    }
    const std::size_t bytes = end_ - begin_;
    if (lines_ == 0 && bytes > limits_.target_bytes_max + 64) {
        return refuse(HttpFault::target_too_long,
                      fmt::format("the request line has over {} bytes", limits_.target_bytes_max));
    }
    if (bytes > limits_.head_bytes_max) {
        return refuse(HttpFault::headers_too_large,
                      fmt::format("the head has over {} bytes", limits_.head_bytes_max));
    }
    return Step::need_more;
}

RequestReader::Step RequestReader::check_line(std::size_t line_begin, std::size_t line_end) {
    const char first = buffer_[line_begin];
    if (first == ' ' || first == '\t') {
        return refuse(HttpFault::bad_request,
                      "a line of the head begins with a space: folded fields are not accepted");
    }
    if (lines_ == 0 && line_end - line_begin > limits_.target_bytes_max + 64) {
        return refuse(HttpFault::target_too_long,
                      fmt::format("the request line has over {} bytes", limits_.target_bytes_max));
    }
    if (lines_ > limits_.fields_max) {
        return refuse(HttpFault::headers_too_large,
                      fmt::format("there are over {} fields", limits_.fields_max));
    }
    return Step::need_more;
}

RequestReader::Step RequestReader::parse_head() {
    head_bytes_ = scanned_ - begin_;
    if (head_bytes_ > limits_.head_bytes_max) {
        return refuse(HttpFault::headers_too_large,
                      fmt::format("the head has {} bytes: use at most {}", head_bytes_,
                                  limits_.head_bytes_max));
    }
    std::destroy_at(parser_.get());
    std::construct_at(parser_.get(), head_, chunks_, limits_.chunk_line_bytes_max);
    error_code error;
    parsed_at_ = buffer_.data() + begin_;
    const std::size_t used = parser_->put({parsed_at_, head_bytes_}, error);
    if (error) {
        return refuse(HttpFault::bad_request, parser_->detail(error));
    }
    HF_ASSERT(used == head_bytes_ && parser_->is_header_done());
    if (head_.target.size() > limits_.target_bytes_max) {
        return refuse(HttpFault::target_too_long,
                      fmt::format("the target has {} bytes: use at most {}", head_.target.size(),
                                  limits_.target_bytes_max));
    }
    chunked_ = parser_->chunked();
    head_.keep_alive = parser_->keep_alive();
    head_.content_length = parser_->content_length().value_or(0);
    head_.has_body = chunked_ || head_.content_length > 0;
    // A second look after the buffer has moved, when the body is being read already, ends here.
    if (state_ == State::head) {
        state_ = State::head_done;
    }
    return Step::head;
}

void RequestReader::allow_body(std::size_t bytes_max) {
    HF_ASSERT(state_ == State::head_done);
    body_bytes_max_ = bytes_max;
    state_ = State::body;
    if (head_.content_length > bytes_max) {
        refuse(HttpFault::body_too_large, fmt::format("the body has {} bytes: send at most {}",
                                                      head_.content_length, bytes_max));
    }
}

RequestReader::Step RequestReader::read_body() {
    const std::size_t bytes = head_bytes_ + head_.content_length;
    if (end_ - begin_ < bytes) {
        return Step::need_more;
    }
    if (parsed_at_ != buffer_.data() + begin_) {
        parse_head();
    }
    body_ = {buffer_.data() + begin_ + head_bytes_, head_.content_length};
    scanned_ = begin_ + bytes;
    state_ = State::complete;
    return Step::complete;
}

// Decoded bytes go to chunks_, and what is left of the coding moves up to the head, which stays.
RequestReader::Step RequestReader::read_chunks() {
    const std::size_t coded = begin_ + head_bytes_;
    parser_->eager(true);
    error_code error;
    const std::size_t used = parser_->put({buffer_.data() + coded, end_ - coded}, error);
    if (error && error != beast::http::error::need_more) {
        return refuse(HttpFault::bad_request, parser_->detail(error));
    }
    std::memmove(buffer_.data() + coded, buffer_.data() + coded + used, end_ - coded - used);
    end_ -= used;
    if (chunks_.size() > body_bytes_max_) {
        return refuse(HttpFault::body_too_large,
                      fmt::format("the body has over {} bytes", body_bytes_max_));
    }
    if (!parser_->is_done()) {
        // What is left is a line that has not ended, where Beast would wait for CR LF for ever.
        const std::string_view line(buffer_.data() + coded, end_ - coded);
        if (const std::size_t end = line.find('\n');
            end != std::string_view::npos && (end == 0 || line[end - 1] != '\r')) {
            return refuse(HttpFault::bad_request,
                          "a line of the chunked body ends with LF alone: end it with CR LF");
        }
        if (line.size() > limits_.chunk_line_bytes_max) {
            return refuse(HttpFault::bad_request,
                          fmt::format("a chunk's line or the trailer has over {} bytes",
                                      limits_.chunk_line_bytes_max));
        }
        return Step::need_more;
    }
    parse_head();
    body_ = chunks_;
    scanned_ = coded;
    state_ = State::complete;
    return Step::complete;
}

std::size_t RequestReader::body_bytes() const {
    return chunked_ ? chunks_.size() : end_ - begin_ - std::min(head_bytes_, end_ - begin_);
}

void RequestReader::finish() {
    HF_ASSERT(state_ == State::complete);
    begin_ = scanned_;
    lines_ = 0;
    chunked_ = false;
    state_ = State::head;
    if (buffer_.size() > buffer_bytes_kept && begin_ == end_) {
        buffer_ = {};
        begin_ = end_ = scanned_ = 0;
    }
    chunks_.clear();
    if (chunks_.capacity() > buffer_bytes_kept) {
        chunks_ = {};
    }
    body_ = {};
}

}  // namespace holdfast::http
