// An HTTP server in this process, on a service that is open here. Called by serve, simulate and bench.
// Made and drained on one thread; the service must outlive it. A port that cannot be had is a Failure.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include <holdfast/service.h>
#include "http/peers.h"

namespace holdfast::cli {

struct ServerSettings {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  // any free one
    unsigned threads = 1;
    std::filesystem::path backups;       // empty: none over HTTP
    http::Peers* peers = nullptr;        // must live longer than the server
    std::shared_ptr<const Clock> clock;  // empty: the service's
};

class OwnServer {
public:
    OwnServer(Service& service, const ServerSettings& settings);
    ~OwnServer();
    OwnServer(const OwnServer&) = delete;
    OwnServer& operator=(const OwnServer&) = delete;

    // Where it listens: "http://127.0.0.1:43210".
    [[nodiscard]] std::string url() const;
    // Answers what was asked, then closes.
    void drain();

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace holdfast::cli
