#include "cluster/link.h"

#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/endian/conversion.hpp>

#include "cluster/wire.h"

namespace holdfast::cluster {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds connects_within{1'000};
// A node that is slower than this is as good as gone.
constexpr std::chrono::milliseconds answers_within{3'000};
constexpr std::chrono::milliseconds rests_for{1'000};
constexpr std::chrono::milliseconds looks_every{100};

}  // namespace

std::string encode(const MessageHead& head) {
    std::string bytes(MessageHead::bytes, '\0');
    auto* const to = reinterpret_cast<unsigned char*>(bytes.data());
    boost::endian::store_big_u32(to, head.length);
    boost::endian::store_big_u64(to + sizeof head.length, head.number);
    return bytes;
}

MessageHead decode_head(const char* bytes) {
    const auto* const from = reinterpret_cast<const unsigned char*>(bytes);
    return {.length = boost::endian::load_big_u32(from),
            .number = boost::endian::load_big_u64(from + sizeof(std::uint32_t))};
}

Link::Link(asio::io_context& context, std::string address, std::string greeting)
    : context_(context),
      address_(std::move(address)),
      greeting_(std::move(greeting)),
      resolver_(context),
      socket_(context),
      timer_(context) {}

bool Link::resting() const {
    return Steady::now().time_since_epoch().count() < rests_until_;
}

void Link::send(std::vector<Submission> submissions, Delivered delivered) {
    if (resting()) {
        delivered(Fate::not_sent, std::move(submissions), {});
        return;
    }
    std::string text = encode(std::span<const Submission>(submissions));
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = waiting_.empty();
        waiting_.push_back({.text = std::move(text),
                            .submissions = std::move(submissions),
                            .delivered = std::move(delivered),
                            .sent = {}});
    }
    if (first) {
        asio::post(context_, [self = shared_from_this()] { self->pump(); });
    }
}

void Link::close() {
    asio::post(context_, [self = shared_from_this()] { self->fail(); });
}

void Link::pump() {
    if (state_ == State::closed) {
        connect();
    } else if (state_ == State::open && !writing_) {
        write();
    }
}

void Link::connect() {
    state_ = State::connecting;
    connect_by_ = Steady::now() + connects_within;
    watch();
    const auto colon = address_.rfind(':');
    const std::string host = address_.substr(0, colon);
    const std::string port = colon == std::string::npos ? "" : address_.substr(colon + 1);
    const std::uint64_t connection = ++connection_;
    resolver_.async_resolve(
        host, port, [self = shared_from_this(), connection](error_code error, const auto& found) {
            if (error || connection != self->connection_) {
                return connection == self->connection_ ? self->fail() : void();
            }
            asio::async_connect(self->socket_, found,
                                [self, connection](error_code failed, const auto&) {
                                    if (connection == self->connection_) {
                                        failed ? self->fail() : self->greet();
                                    }
                                });
        });
}

void Link::greet() {
    error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    const std::uint64_t connection = connection_;
    written_ = greeting_;
    asio::async_write(socket_, asio::buffer(written_),
                      [self = shared_from_this(), connection](error_code error, std::size_t) {
                          if (error && connection == self->connection_) {
                              self->fail();
                          }
                      });
    received_.assign(greeting_.size(), '\0');
    asio::async_read(socket_, asio::buffer(received_),
                     [self = shared_from_this(), connection](error_code error, std::size_t) {
                         if (connection != self->connection_) {
                             return;
                         }
                         if (error || self->received_ != self->greeting_) {
                             return self->fail();
                         }
                         self->state_ = State::open;
                         self->read_head();
                         self->pump();
                     });
}

void Link::write() {
    std::vector<Message> messages;
    {
        const std::lock_guard lock(mutex_);
        messages.swap(waiting_);
    }
    if (messages.empty()) {
        return;
    }
    written_.clear();
    for (Message& message : messages) {
        const MessageHead head{.length = static_cast<std::uint32_t>(message.text.size()),
                               .number = ++last_number_};
        written_ += encode(head);
        written_ += message.text;
        message.text = {};
        message.sent = Steady::now();
        sent_.emplace(head.number, std::move(message));
    }
    writing_ = true;
    asio::async_write(
        socket_, asio::buffer(written_),
        [self = shared_from_this(), connection = connection_](error_code error, std::size_t) {
            if (connection == self->connection_) {
                self->writing_ = false;
                error ? self->fail() : self->pump();
            }
        });
}

void Link::read_head() {
    received_.resize(MessageHead::bytes);
    asio::async_read(
        socket_, asio::buffer(received_),
        [self = shared_from_this(), connection = connection_](error_code error, std::size_t) {
            if (connection != self->connection_) {
                return;
            }
            const MessageHead head = decode_head(self->received_.data());
            if (error || head.length > MessageHead::length_max) {
                return self->fail();
            }
            self->read_text(head);
        });
}

void Link::read_text(MessageHead head) {
    received_.resize(head.length);
    asio::async_read(
        socket_, asio::buffer(received_),
        [self = shared_from_this(), connection = connection_, head](error_code error, std::size_t) {
            if (connection != self->connection_) {
                return;
            }
            if (error) {
                return self->fail();
            }
            self->deliver(head.number);
        });
}

void Link::deliver(std::uint64_t number) {
    const auto message = sent_.extract(number);
    std::vector<Outcome<Answer>> outcomes;
    try {
        outcomes = decode_outcomes(received_);
    } catch (const StoreError&) {
        outcomes.clear();
    }
    if (message && outcomes.size() == message.mapped().submissions.size()) {
        message.mapped().delivered(Fate::answered, {}, std::move(outcomes));
        read_head();
        return;
    }
    if (message) {
        sent_.emplace(number, std::move(message.mapped()));
    }
    fail();
}

// Looks whether the node takes too long, as long as something is expected of it.
void Link::watch() {
    timer_.expires_after(looks_every);
    timer_.async_wait([self = shared_from_this()](error_code error) {
        if (error || self->state_ == State::closed) {
            return;
        }
        const auto now = Steady::now();
        const bool late =
            self->state_ == State::connecting
                ? now > self->connect_by_
                : !self->sent_.empty() && now > self->sent_.begin()->second.sent + answers_within;
        late ? self->fail() : self->watch();
    });
}

void Link::fail() {
    ++connection_;
    state_ = State::closed;
    writing_ = false;
    error_code ignored;
    socket_.close(ignored);
    resolver_.cancel();
    timer_.cancel();
    rests_until_ = (Steady::now() + rests_for).time_since_epoch().count();
    std::vector<Message> waiting;
    {
        const std::lock_guard lock(mutex_);
        waiting.swap(waiting_);
    }
    for (auto& [number, message] : std::exchange(sent_, {})) {
        message.delivered(Fate::lost, std::move(message.submissions), {});
    }
    for (Message& message : waiting) {
        message.delivered(Fate::not_sent, std::move(message.submissions), {});
    }
}

}  // namespace holdfast::cluster
