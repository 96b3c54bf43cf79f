// From bytes to requests, without touching a socket: framing is judged here, strictly, because what two
// parsers read differently can be used to smuggle a request past one of them.
// Called by a session on its thread. Every fault is a value; after one the connection must be closed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/beast/http/verb.hpp>

#include "http/problem.h"

namespace holdfast::http {

struct ReadLimits {
    std::size_t target_bytes_max = 8'192;
    std::size_t head_bytes_max = 16'384;
    std::size_t fields_max = 100;
    // Of a chunked body: all extensions and the trailer; and any line of them while it comes in.
    std::size_t chunk_line_bytes_max = 4'096;
};

// The parts of a request's head that somebody reacts to. Views point into the reader's buffer.
struct Head {
    boost::beast::http::verb method = boost::beast::http::verb::unknown;
    std::string_view method_text;
    std::string_view target;
    bool http11 = false;
    bool keep_alive = false;
    bool has_body = false;
    bool expects_continue = false;
    bool expects_other = false;
    std::uint64_t content_length = 0;  // 0 as well for a chunked body
    std::string_view content_type;
    std::string_view content_encoding;
    std::string_view if_match;
    std::string_view if_none_match;
    std::string_view request_timeout;
    std::string_view idempotency_key;
    std::uint32_t idempotency_keys = 0;  // how many such fields there are
};

class RequestReader {
public:
    enum class Step : std::uint8_t {
        need_more,  // read into space(), then call arrived()
        head,       // the head is complete and waits for allow_body()
        complete,   // head and body may be used until finish()
        refused     // fault() says why; there is no way to go on
    };

    explicit RequestReader(const ReadLimits& limits = {});
    RequestReader(const RequestReader&) = delete;
    RequestReader& operator=(const RequestReader&) = delete;
    ~RequestReader();

    [[nodiscard]] std::span<char> space();
    void arrived(std::size_t bytes);
    Step next();

    [[nodiscard]] const Head& head() const { return head_; }
    // Says how long the body may be. Called once, after Step::head.
    void allow_body(std::size_t bytes_max);
    [[nodiscard]] std::string_view body() const { return body_; }
    [[nodiscard]] const Problem& fault() const { return fault_; }

    // Forgets the request; what came after it stays.
    void finish();
    // No byte of a request has come.
    [[nodiscard]] bool idle() const { return state_ == State::head && begin_ == end_; }
    [[nodiscard]] bool in_body() const { return state_ == State::body; }
    // Bytes of the body that have come.
    [[nodiscard]] std::size_t body_bytes() const;

private:
    enum class State : std::uint8_t { head, head_done, body, complete, refused };
    class Parser;

    Step read_head();
    Step parse_head();
    Step read_body();
    Step read_chunks();
    Step refuse(HttpFault fault, std::string detail);
    Step check_line(std::size_t line_begin, std::size_t line_end);
    void compact();

    const ReadLimits limits_;
    std::vector<char> buffer_;
    // The request begins at begin_, what has come ends at end_; lines before scanned_ are checked.
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t scanned_ = 0;
    std::size_t lines_ = 0;
    std::size_t head_bytes_ = 0;
    std::size_t body_bytes_max_ = 0;
    State state_ = State::head;
    bool chunked_ = false;
    // Where the head stood when it was parsed: its views are dead when the buffer has moved since.
    const char* parsed_at_ = nullptr;
    std::unique_ptr<Parser> parser_;
    Head head_;
    std::string chunks_;
    std::string_view body_;
    Problem fault_;
};

}  // namespace holdfast::http
