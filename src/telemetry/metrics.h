// Every metric of the program by name, in one place. Knows prometheus-cpp's core, no product types: whoever
// has a figure sets it here. Any thread. Never fails.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace holdfast::telemetry {

class Metrics {
public:
    // The series of one route, found once and kept: references stay valid as long as Metrics.
    struct Route {
        std::array<prometheus::Counter*, 6> requests{};  // by the status's first digit
        prometheus::Histogram* seconds = nullptr;
    };

    Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    Route route(std::string_view method, std::string_view pattern);
    prometheus::Counter& problems(std::string_view code);

    // Figures that are read when somebody asks for the metrics.
    static void catch_up(prometheus::Counter& counter, double total);

    // All of them in Prometheus' text format.
    [[nodiscard]] std::string text() const;

private:
    prometheus::Registry registry_;
    prometheus::Family<prometheus::Counter>& requests_;
    prometheus::Family<prometheus::Histogram>& seconds_;
    prometheus::Family<prometheus::Counter>& problems_;

    prometheus::Gauge& gauge(const char* name, const char* help);
    prometheus::Counter& counter(const char* name, const char* help);

public:
    prometheus::Gauge& connections;
    prometheus::Counter& connections_refused;
    prometheus::Gauge& serving;
    prometheus::Gauge& stock_keeping_units;
    prometheus::Gauge& pending_holds;
    prometheus::Gauge& queue_length;
    prometheus::Counter& rounds;
    prometheus::Counter& commands;
    prometheus::Counter& events;
    prometheus::Counter& holds_expired;
    prometheus::Counter& conflicts;
    prometheus::Gauge& clock_behind;
};

}  // namespace holdfast::telemetry
