#include "http/server.h"

#include <thread>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "http/problem.h"
#include "http/session.h"
#include "http/worker.h"
#include "telemetry/log.h"

namespace holdfast::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;

constexpr auto use_awaitable_tuple = asio::as_tuple(asio::use_awaitable_t<Executor>());

}  // namespace

class Server::Body {
public:
    Body(Service& service, const Clock& clock, telemetry::Metrics& metrics, ServerOptions options)
        : shared_(service, clock, metrics, std::move(options)) {
        for (unsigned i = 0; i < std::max(1U, shared_.options.threads); ++i) {
            workers_.push_back(std::make_unique<Worker>(shared_));
        }
        acceptor_.emplace(workers_[0]->context);
        listen();
        asio::co_spawn(workers_[0]->context, accept(), asio::detached);
        for (const std::unique_ptr<Worker>& worker : workers_) {
            threads_.emplace_back([&worker = *worker] { worker.run(); });
            ::pthread_setname_np(threads_.back().native_handle(), "hf-http");
        }
    }

    [[nodiscard]] std::uint16_t port() const { return port_; }

    void drain() {
        if (threads_.empty()) {
            return;
        }
        shared_.draining = true;
        // Load balancers ask for readiness in their own time; connections still come in meanwhile.
        std::this_thread::sleep_for(shared_.options.drain_notice);  // real time is what they use
        asio::post(workers_[0]->context, [this] {
            error_code ignored;
            acceptor_->close(ignored);
            for (const std::unique_ptr<Worker>& worker : workers_) {
                asio::post(worker->context, [&worker = *worker] { worker.drain_sessions(); });
            }
        });
        if (!shared_.admissions.wait_until_empty(shared_.options.drain_time_max)) {
            telemetry::log_warning(fmt::format("{} connections are closed before their answers",
                                               shared_.admissions.in_all()));
            for (const std::unique_ptr<Worker>& worker : workers_) {
                asio::post(worker->context, [&worker = *worker] { worker.close_sessions(); });
            }
            shared_.admissions.wait_until_empty();
        }
        for (const std::unique_ptr<Worker>& worker : workers_) {
            worker->stop();
        }
        threads_.clear();
        shared_.blocking.join();
    }

private:
    void listen() {
        error_code error;
        const ServerOptions& options = shared_.options;
        const auto address = asio::ip::make_address(options.address, error);
        const auto check = [&](std::string_view what) {
            if (error) {
                throw ListenError(fmt::format(
                    "cannot listen on {}:{} ({}: {}): choose another address or port, or stop what "
                    "has it",
                    options.address, options.port, what, error.message()));
            }
        };
        check("address");
        const tcp::endpoint endpoint(address, options.port);
        acceptor_->open(endpoint.protocol(), error);
        check("open");
        acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
        check("reuse address");
        acceptor_->bind(endpoint, error);
        check("bind");
        acceptor_->listen(asio::socket_base::max_listen_connections, error);
        check("listen");
        port_ = acceptor_->local_endpoint().port();
    }

    // One acceptor that deals connections out in turn: the kernel's own way of sharing a port leaves some
    // threads with twice the connections of others.
    asio::awaitable<void, Executor> accept() {
        for (std::size_t turn = 0; acceptor_->is_open(); ++turn) {
            Worker& worker = *workers_[turn % workers_.size()];
            tcp::endpoint peer;
            auto [error, socket] =
                co_await acceptor_->async_accept(worker.context, peer, use_awaitable_tuple);
            if (error == asio::error::operation_aborted) {
                co_return;
            }
            if (!error) {
                admit(worker, std::move(socket), peer);
            } else if (error != asio::error::connection_aborted) {
                telemetry::log_warning(
                    fmt::format("cannot accept a connection: {}; trying again", error.message()));
                // Most likely there are no descriptors left: only time brings some back.
                asio::basic_waitable_timer<std::chrono::steady_clock,
                                           asio::wait_traits<std::chrono::steady_clock>, Executor>
                    pause(workers_[0]->context, std::chrono::milliseconds(100));
                co_await pause.async_wait(use_awaitable_tuple);
            }
        }
    }

    void admit(Worker& worker, Socket socket, const tcp::endpoint& peer) {
        auto ticket = shared_.admissions.enter(peer.address());
        if (!ticket) {
            shared_.metrics.connections_refused.Increment();
            Exchange refused(*workers_[0]);
            refused.begin_refused(problem(HttpFault::too_many_connections,
                                          "there are too many connections: try again later, or use "
                                          "those you have"));
            error_code ignored;
            socket.non_blocking(true, ignored);
            socket.write_some(refused.response(true), ignored);
            socket.shutdown(tcp::socket::shutdown_send, ignored);
            return;
        }
        asio::post(worker.context, [&worker, socket = std::move(socket),
                                    ticket = std::move(*ticket)]() mutable {
            std::make_shared<Session>(worker, std::move(socket), std::move(ticket))->start();
        });
    }

    Shared shared_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::optional<Acceptor> acceptor_;
    std::uint16_t port_ = 0;
    std::vector<std::jthread> threads_;
};

Server::Server(Service& service, const Clock& clock, telemetry::Metrics& metrics,
               ServerOptions options)
    : body_(std::make_unique<Body>(service, clock, metrics, std::move(options))) {}

Server::~Server() {
    drain();
}

std::uint16_t Server::port() const {
    return body_->port();
}

void Server::drain() {
    body_->drain();
}

}  // namespace holdfast::http
