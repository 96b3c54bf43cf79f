#include "telemetry/metrics.h"

#include <prometheus/text_serializer.h>

namespace holdfast::telemetry {
namespace {

// Seconds. A round with its sync takes 0.1 to 2 ms; the rest is waiting.
const prometheus::Histogram::BucketBoundaries request_buckets{
    0.000'1, 0.000'25, 0.000'5, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.1, 0.5, 2, 10};

constexpr std::array<const char*, 6> status_classes{"0xx", "1xx", "2xx", "3xx", "4xx", "5xx"};

}  // namespace

Metrics::Metrics()
    : requests_(prometheus::BuildCounter()
                    .Name("holdfast_http_requests_total")
                    .Help("Requests answered, by route and class of status")
                    .Register(registry_)),
      seconds_(prometheus::BuildHistogram()
                   .Name("holdfast_http_request_seconds")
                   .Help("Time from the last byte of a request's head to its answer, by route")
                   .Register(registry_)),
      problems_(prometheus::BuildCounter()
                    .Name("holdfast_http_problems_total")
                    .Help("Requests refused, by the problem's code")
                    .Register(registry_)),
      connections(gauge("holdfast_http_connections", "Open connections")),
      connections_refused(counter("holdfast_http_connections_refused_total",
                                  "Connections refused because there were too many")),
      serving(gauge("holdfast_serving", "1 while commands are accepted, otherwise 0")),
      stock_keeping_units(gauge("holdfast_skus", "SKUs that are defined")),
      pending_holds(gauge("holdfast_pending_holds", "Holds that are pending")),
      queue_length(gauge("holdfast_queue_length", "Commands that wait for their round")),
      rounds(counter("holdfast_rounds_total", "Appends to the store")),
      commands(counter("holdfast_commands_total", "Commands decided")),
      events(counter("holdfast_events_total", "Events appended")),
      holds_expired(counter("holdfast_holds_expired_total", "Holds that ended by their deadline")),
      conflicts(counter("holdfast_conflicts_total", "Appends that another node was faster with")),
      clock_behind(gauge("holdfast_clock_behind_seconds",
                         "How far the clock is behind the engine's time, since it was set back")) {}

prometheus::Gauge& Metrics::gauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry_).Add({});
}

prometheus::Counter& Metrics::counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add({});
}

Metrics::Route Metrics::route(std::string_view method, std::string_view pattern) {
    const prometheus::Labels labels{{"method", std::string(method)},
                                    {"route", std::string(pattern)}};
    Route route;
    route.seconds = &seconds_.Add(labels, request_buckets);
    for (std::size_t i = 0; i < status_classes.size(); ++i) {
        prometheus::Labels with_status = labels;
        with_status.emplace("status", status_classes[i]);
        route.requests[i] = &requests_.Add(with_status);
    }
    return route;
}

prometheus::Counter& Metrics::problems(std::string_view code) {
    return problems_.Add({{"code", std::string(code)}});
}

void Metrics::catch_up(prometheus::Counter& counter, double total) {
    if (total > counter.Value()) {
        counter.Increment(total - counter.Value());
    }
}

std::string Metrics::text() const {
    return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace holdfast::telemetry
