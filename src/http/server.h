// The HTTP server: listens, serves the routes with a few io threads, drains. Knows the service only by its
// public header. Made and ended by the program or a test, on one thread; a port that cannot be had is a
// ListenError, everything that a client does is answered.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include <holdfast/clock.h>
#include <holdfast/service.h>
#include "http/peers.h"
#include "http/request_reader.h"
#include "telemetry/metrics.h"

namespace holdfast::http {

struct ServerOptions {
    std::string address = "127.0.0.1";
    // 0: any free one, see Server::port().
    std::uint16_t port = 0;
    // Each with its own event loop. One serves some 100,000 requests a second and leaves the other cores
    // to the engine.
    unsigned threads = 1;

    std::size_t connections_max = 10'000;
    std::size_t connections_per_address_max = 10'000;
    ReadLimits read;
    std::size_t body_bytes_max = std::size_t{1} << 20;
    std::size_t batch_bytes_max = std::size_t{8} << 20;

    std::chrono::milliseconds head_time_max{10'000};
    // A body may take this long, and a second more for every so many bytes.
    std::chrono::milliseconds body_time_min{10'000};
    std::size_t body_bytes_per_second_min = 1024;
    std::chrono::milliseconds idle_time_max{60'000};
    std::chrono::milliseconds write_time_max{30'000};
    // After an answer that came before the whole request: how long the rest of it is thrown away.
    std::chrono::milliseconds linger_time_max{2'000};

    // A command that is not decided by then is refused; a request may ask for another time.
    std::chrono::milliseconds request_time{10'000};
    std::chrono::milliseconds request_time_max{300'000};
    // Then, if the engine is still silent, the outcome is unknown.
    std::chrono::milliseconds answer_grace{5'000};

    // How long readiness is red before the port is closed, so that load balancers turn away first.
    std::chrono::milliseconds drain_notice{0};
    std::chrono::milliseconds drain_time_max{30'000};

    // The other nodes that serve the same store; null: there are none. Must live longer.
    Peers* peers = nullptr;

    // Where POST /v1/backups puts its directories. Empty: there are no backups over HTTP.
    std::filesystem::path backups;
};

class ListenError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class Server {
public:
    // Serves when it returns. The service, the clock and the metrics must live longer.
    Server(Service& service, const Clock& clock, telemetry::Metrics& metrics,
           ServerOptions options);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    // Drains.
    ~Server();

    [[nodiscard]] std::uint16_t port() const;
    // Turns readiness red, accepts nothing more, answers what was asked, and closes; after
    // drain_time_max it closes what is left. Returns when nothing runs any more.
    void drain();

private:
    class Body;
    std::unique_ptr<Body> body_;
};

}  // namespace holdfast::http
