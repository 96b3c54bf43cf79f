// One connection: reads requests, has them answered in order, one at a time, and closes. A client that
// pipelines waits in its own socket: nothing of a request is done before the one ahead is answered.
// Made by the server, on its worker's thread; lives until the connection ends. Errors end the connection.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "http/exchange.h"
#include "http/request_reader.h"
#include "http/worker.h"

namespace holdfast::http {

// No type-erased executor: a connection never leaves its io_context.
using Executor = boost::asio::io_context::executor_type;
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;

class Session : public std::enable_shared_from_this<Session> {
public:
    Session(Worker& worker, Socket socket, Admissions::Ticket ticket);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    // Serves the connection until it ends.
    void start();

    // Called by the worker at every tick: ends what takes too long.
    void check_time(Worker::TimePoint now);
    // Closes when idle, otherwise after the request in hand.
    void drain();
    void close();

    // Where the worker keeps it.
    std::size_t place = 0;

private:
    enum class Phase : std::uint8_t { idle, head, body, waiting, writing, lingering };
    using Awaitable = boost::asio::awaitable<void, Executor>;

    Awaitable serve();
    Awaitable answered();
    Awaitable send_rest();
    Awaitable linger();
    // Each says whether the request goes on being read; if not, its answer is there to be sent.
    bool take_bytes(boost::system::error_code error, std::size_t bytes);
    bool take_head();
    void refuse(const Problem& problem);
    // Whether all of the answer was sent at once.
    bool respond();
    void next_request();
    void enter(Phase phase);

    // The last to go: then the server may end.
    Admissions::Ticket ticket_;
    Worker& worker_;
    Socket socket_;
    RequestReader reader_;
    std::shared_ptr<Exchange> exchange_;
    Phase phase_ = Phase::idle;
    Worker::TimePoint since_;
    bool timed_out_ = false;
    // No further request is read.
    bool last_ = false;
    // The client has sent, or is sending, what will not be read.
    bool unread_ = false;
    bool open_ = true;
    std::array<boost::asio::const_buffer, 2> response_;
    std::size_t sent_ = 0;
};

}  // namespace holdfast::http
