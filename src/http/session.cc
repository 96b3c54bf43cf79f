#include "http/session.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <holdfast/assert.h>
#include "telemetry/log.h"

namespace holdfast::http {

namespace asio = boost::asio;
using boost::system::error_code;
using Step = RequestReader::Step;

namespace {

constexpr asio::use_awaitable_t<Executor> use_awaitable;
constexpr auto use_awaitable_tuple = asio::as_tuple(use_awaitable);

}  // namespace

Session::Session(Worker& worker, Socket socket, Admissions::Ticket ticket)
    : ticket_(std::move(ticket)),
      worker_(worker),
      socket_(std::move(socket)),
      reader_(worker.shared.options.read),
      exchange_(std::make_shared<Exchange>(worker)),
      since_(worker.coarse_now()) {
    error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket_.non_blocking(true, ignored);
    worker_.join(*this);
}

Session::~Session() {
    exchange_->abandon();
    worker_.leave(*this);
}

void Session::start() {
    asio::co_spawn(
        worker_.context, serve(), [self = shared_from_this()](const std::exception_ptr& thrown) {
            try {
                if (thrown) {
                    std::rethrow_exception(thrown);
                }
            } catch (const std::exception& error) {
                telemetry::log_error(fmt::format("a connection ended: {}", error.what()));
            }
        });
}

Session::Awaitable Session::serve() {
    while (open_) {
        switch (reader_.next()) {
            case Step::need_more: {
                enter(reader_.idle() ? Phase::idle : reader_.in_body() ? Phase::body : Phase::head);
                const std::span<char> space = reader_.space();
                const auto [error, bytes] = co_await socket_.async_read_some(
                    asio::buffer(space.data(), space.size()), use_awaitable_tuple);
                if (take_bytes(error, bytes)) {
                    continue;
                }
                break;
            }
            case Step::head:
                if (take_head()) {
                    continue;
                }
                break;
            case Step::complete:
                exchange_->run(reader_.body());
                if (!exchange_->answered()) {
                    enter(Phase::waiting);
                    co_await answered();
                }
                break;
            case Step::refused:
                refuse(reader_.fault());
                break;
        }
        if (open_ && !respond()) {
            co_await send_rest();
        }
    }
    if (unread_) {
        co_await linger();
    }
}

bool Session::take_bytes(error_code error, std::size_t bytes) {
    if (timed_out_) {
        refuse(problem(HttpFault::request_timeout, reader_.in_body() ? "the body came too slowly"
                                                                     : "the head came too slowly"));
        return false;
    }
    if (error) {
        open_ = false;
        return false;
    }
    reader_.arrived(bytes);
    return true;
}

bool Session::take_head() {
    const Head& head = reader_.head();
    last_ = last_ || !head.keep_alive;
    const bool wanted = exchange_->begin(head);
    const bool owes_continue = wanted && head.expects_continue && head.has_body;
    // A refused request that is here in full costs nobody the connection.
    reader_.allow_body(wanted ? exchange_->body_bytes_max()
                              : worker_.shared.options.body_bytes_max);
    if (!wanted) {
        unread_ = reader_.next() != Step::complete;
        last_ = last_ || unread_;
        return false;
    }
    if (owes_continue && reader_.next() == Step::need_more) {
        error_code ignored;
        socket_.write_some(asio::buffer("HTTP/1.1 100 Continue\r\n\r\n", 25), ignored);
    }
    return true;
}

void Session::refuse(const Problem& problem) {
    exchange_->begin_refused(problem);
    last_ = unread_ = true;
}

Session::Awaitable Session::answered() {
    co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(
        [this](auto handler) { exchange_->on_answer(std::move(handler)); }, use_awaitable);
}

bool Session::respond() {
    last_ = last_ || worker_.shared.draining;
    response_ = exchange_->response(last_);
    error_code error;
    sent_ = socket_.write_some(response_, error);
    if (error && error != asio::error::would_block) {
        open_ = unread_ = false;
        return true;
    }
    if (sent_ < asio::buffer_size(response_)) {
        return false;
    }
    next_request();
    return true;
}

Session::Awaitable Session::send_rest() {
    enter(Phase::writing);
    for (asio::const_buffer& part : response_) {
        const std::size_t skipped = std::min(sent_, part.size());
        part += skipped;
        sent_ -= skipped;
    }
    const auto [error, bytes] = co_await asio::async_write(socket_, response_, use_awaitable_tuple);
    if (error) {
        open_ = unread_ = false;
    } else {
        next_request();
    }
}

void Session::next_request() {
    if (!unread_) {
        reader_.finish();
    }
    if (last_) {
        error_code ignored;
        open_ = false;
        unread_ = unread_ || !reader_.idle() || socket_.available(ignored) > 0;
    }
    phase_ = Phase::idle;
    since_ = worker_.coarse_now();
}

// A socket that is closed while bytes come in is reset, and the client may lose the answer with it: so
// the rest is read and thrown away for a while.
Session::Awaitable Session::linger() {
    enter(Phase::lingering);
    error_code failed;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, failed);
    std::array<char, 4096> rest{};
    while (!failed) {
        const auto [error, bytes] =
            co_await socket_.async_read_some(asio::buffer(rest), use_awaitable_tuple);
        failed = error;
    }
}

void Session::enter(Phase phase) {
    if (phase_ != phase) {
        phase_ = phase;
        since_ = worker_.coarse_now();
    }
}

void Session::check_time(Worker::TimePoint now) {
    const ServerOptions& options = worker_.shared.options;
    const auto passed = now - since_;
    switch (phase_) {
        case Phase::idle:
            if (passed > options.idle_time_max) {
                close();
            }
            return;
        case Phase::head:
            timed_out_ = passed > options.head_time_max;
            break;
        case Phase::body:
            timed_out_ = passed > options.body_time_min +
                                      std::chrono::seconds(reader_.body_bytes() /
                                                           options.body_bytes_per_second_min);
            break;
        case Phase::waiting:
            if (exchange_->answer_by() && now > *exchange_->answer_by()) {
                last_ = true;
                exchange_->give_up();
            }
            return;
        case Phase::writing:
            if (passed > options.write_time_max) {
                close();
            }
            return;
        case Phase::lingering:
            if (passed > options.linger_time_max) {
                close();
            }
            return;
    }
    if (timed_out_) {
        error_code ignored;
        socket_.cancel(ignored);
    }
}

void Session::drain() {
    last_ = true;
    if (phase_ == Phase::idle) {
        close();
    }
}

void Session::close() {
    error_code ignored;
    socket_.close(ignored);
    open_ = unread_ = false;
    if (phase_ == Phase::waiting) {
        exchange_->give_up();
    }
}

}  // namespace holdfast::http
