#include "cli/own_server.h"

#include "cli/command.h"
#include "http/server.h"
#include "telemetry/metrics.h"

namespace holdfast::cli {

namespace {

http::ServerOptions server_options(const ServerSettings& settings) {
    http::ServerOptions options{.address = settings.address,
                                .port = settings.port,
                                .threads = settings.threads,
                                .peers = settings.peers,
                                .backups = settings.backups};
    if (settings.clock) {
        constexpr std::chrono::hours year(24 * 365);
        // Time that somebody moves is no waiting time: no request is late for it.
        options.request_time = options.request_time_max = year;
    }
    return options;
}

}  // namespace

struct OwnServer::Parts {
    std::string address;
    std::shared_ptr<const Clock> clock;
    telemetry::Metrics metrics;
    http::Server server;

    Parts(Service& service, const ServerSettings& settings)
        : address(settings.address),
          clock(settings.clock),
          server(service, clock ? *clock : service.clock(), metrics, server_options(settings)) {}
};

OwnServer::OwnServer(Service& service, const ServerSettings& settings) try
    : parts_(std::make_unique<Parts>(service, settings)) {
} catch (const http::ListenError& error) {
    throw Failure(ExitStatus::unreachable, error.what());
}

OwnServer::~OwnServer() = default;

std::string OwnServer::url() const {
    const bool v6 = parts_->address.find(':') != std::string::npos;
    return "http://" + (v6 ? "[" + parts_->address + "]" : parts_->address) + ":" +
           std::to_string(parts_->server.port());
}

void OwnServer::drain() {
    parts_->server.drain();
}

}  // namespace holdfast::cli
