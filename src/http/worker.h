// What everything on one io thread shares: its event loop, its scratch memory, and the way back for the
// engine's answers. Made by the server; used on its own thread only, but for what says otherwise.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <holdfast/clock.h>
#include <holdfast/service.h>
#include "http/admissions.h"
#include "http/courier.h"
#include "http/json.h"
#include "http/server.h"
#include "telemetry/metrics.h"

namespace holdfast::http {

class Session;

// One for all io threads.
struct Shared {
    Shared(Service& its_service, const Clock& its_clock, telemetry::Metrics& its_metrics,
           ServerOptions its_options)
        : service(its_service),
          clock(its_clock),
          metrics(its_metrics),
          options(std::move(its_options)) {}

    Service& service;
    const Clock& clock;
    telemetry::Metrics& metrics;
    const ServerOptions options;
    std::atomic<bool> draining = false;
    Admissions admissions{options.connections_max, options.connections_per_address_max};
    // For the few calls of the service that block.
    boost::asio::thread_pool blocking{2};
};

class Worker {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    explicit Worker(Shared& its_shared);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker();

    // Runs the event loop on the calling thread until stop() (any thread).
    void run();
    void stop() { context.stop(); }

    // Sessions come and go; the worker looks after their time limits.
    void join(Session& session);
    void leave(Session& session);
    // Closes the idle sessions, and lets the others finish their request; or closes all at once.
    void drain_sessions();
    void close_sessions();

    // The present, exact to a tick: good enough for time limits, and costs nothing.
    [[nodiscard]] TimePoint coarse_now() const { return coarse_now_; }
    // The Date field's value for now.
    [[nodiscard]] std::string_view date(Instant now);
    // Writes a new id over `to`.
    void next_request_id(std::string& to);
    void count(std::size_t route, int status, std::chrono::steady_clock::duration took);
    void count_problem(std::string_view code);

    Shared& shared;
    boost::asio::io_context context{1};
    const std::shared_ptr<Courier> courier =
        std::make_shared<Courier>(context, shared.service, shared.options.peers);
    JsonTree json;

private:
    void tick();

    boost::asio::steady_timer timer_{context};
    std::chrono::milliseconds tick_;
    TimePoint coarse_now_ = std::chrono::steady_clock::now();
    std::vector<Session*> sessions_;
    std::string date_;
    std::chrono::sys_seconds date_of_;
    std::uint64_t request_ids_;
    std::vector<telemetry::Metrics::Route> routes_;
    std::unordered_map<std::string_view, prometheus::Counter*> problems_;
};

}  // namespace holdfast::http
