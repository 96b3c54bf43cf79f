#include <csignal>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <regex>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/host_name.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/format.h>
#include <pthread.h>

#include <holdfast/version.h>
#include "app/membership.h"
#include "cli/command.h"
#include "cli/own_server.h"
#include "cluster/cluster.h"
#include "telemetry/log.h"

namespace holdfast::cli {

namespace {

// How often the server looks whether its engine still serves.
constexpr timespec between_looks{.tv_sec = 0, .tv_nsec = 200'000'000};

// A clock that was set back by less than this is nobody's worry.
constexpr std::chrono::milliseconds clock_behind_max{1000};

struct ServeOptions {
    std::string listen = "127.0.0.1:8080";
    std::string data;
    std::string store;
    Concurrency concurrency = Concurrency::automatic;
    std::string node_address;
    bool alone = false;
    std::optional<std::uint32_t> partitions;
    bool accept_loss = false;
    ServerSettings settings;
};

void parse_listen(const std::string& text, ServerSettings& settings) {
    static const std::regex pattern(R"((\[[0-9A-Fa-f:.]+\]|[^:\[\]]+):(\d{1,5}))");
    std::smatch match;
    if (!std::regex_match(text, match, pattern) || std::stoul(match[2]) > UINT16_MAX) {
        throw Failure(ExitStatus::usage,
                      "\"" + text +
                          "\" is no address to listen on; write ADDRESS:PORT, for "
                          "example 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080");
    }
    settings.address = match[1];
    if (settings.address.starts_with('[')) {
        settings.address = settings.address.substr(1, settings.address.size() - 2);
    }
    settings.port = static_cast<std::uint16_t>(std::stoul(match[2]));
}

// Without the password that it may hold.
std::string shown_store(const std::string& url) {
    static const std::regex password(R"(^(\w+://[^/@:]*):[^@/]*@)");
    return std::regex_replace(url, password, "$1@");
}

// Waits for SIGTERM or SIGINT, or until the engine stops serving by itself; then says why.
std::string wait_for_end(Service& service, const sigset_t& signals) {
    bool warned = false;
    while (true) {
        if (sigtimedwait(&signals, nullptr, &between_looks) > 0) {
            return "";
        }
        const Statistics now = service.statistics();
        if (!now.serving) {
            return now.failure.empty() ? "the engine was closed" : now.failure;
        }
        if (now.clock_behind >= clock_behind_max && !warned) {
            warned = true;
            telemetry::log_warning(fmt::format(
                "the clock is {} ms behind the last event's time: it was set back, or was wrong "
                "before. Holds last as long as they should, but all times given out are ahead by "
                "as much: see the clock in docs/operations.md",
                now.clock_behind.count()));
        }
    }
}

// Null when the store is nobody else's, or the node is to do everything itself.
std::unique_ptr<cluster::Cluster> join_cluster(Service& service, const Options& store,
                                               const ServeOptions& options) {
    auto membership = options.alone ? nullptr : app::join(store);
    if (!membership) {
        return nullptr;
    }
    cluster::ClusterOptions wanted{.listen = options.settings.address, .port = 0, .host = {}};
    if (!options.node_address.empty()) {
        ServerSettings named;
        parse_listen(options.node_address, named);
        wanted.host = named.address;
        wanted.port = named.port;
    } else if (boost::asio::ip::make_address(wanted.listen).is_unspecified()) {
        wanted.host = boost::asio::ip::host_name();
    }
    try {
        return std::make_unique<cluster::Cluster>(service, std::move(membership), wanted);
    } catch (const boost::system::system_error& error) {
        throw Failure(ExitStatus::unreachable,
                      fmt::format("cannot listen for the other nodes on {}:{}: {}; name another "
                                  "port with --node-address",
                                  wanted.listen, wanted.port, error.code().message()));
    }
}

ExitStatus run(ServeOptions& options) {
    parse_listen(options.listen, options.settings);
    // Blocked before the first thread starts, so that all of them leave the signals to this one.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    const Options store{.data = options.data,
                        .store = options.store,
                        .partitions = options.partitions,
                        .concurrency = options.concurrency,
                        .accept_loss = options.accept_loss,
                        .clock = nullptr};
    const auto service = open(store);
    const std::unique_ptr<cluster::Cluster> cluster = join_cluster(*service, store, options);
    options.settings.peers = cluster.get();
    OwnServer server(*service, options.settings);
    std::cout << "holdfast " << version_text << " serves " << server.url() << " from "
              << (options.store.empty() ? options.data : shown_store(options.store)) << std::endl;
    const std::string failure = wait_for_end(*service, signals);
    if (cluster) {
        cluster->leave();
    }
    server.drain();
    service->close();
    if (!failure.empty()) {
        throw Failure(ExitStatus::unreachable, "stopped serving: " + failure);
    }
    return ExitStatus::ok;
}

std::string environment(const char* name, const char* otherwise) {
    const char* const value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : otherwise;
}

void define_store(CLI::App& command, const std::shared_ptr<ServeOptions>& options) {
    // Defaults, not CLI11's envname(): that counts as if the option had been written, and excludes the other.
    options->data = environment("HOLDFAST_DATA", "holdfast-data");
    CLI::Option* const data =
        command
            .add_option("--data", options->data,
                        "The data directory (default $HOLDFAST_DATA, or else holdfast-data); made "
                        "when it is not there.")
            ->option_text("DIR");
    command
        .add_option(
            "--store", options->store,
            "A PostgreSQL database instead, which any number of nodes may share: "
            "postgres://user@host/database?schema=holdfast. The tables are made when they "
            "are not there (default $HOLDFAST_STORE). A server that may lose what was acknowledged "
            "is refused, unless the URL accepts the risk by name: &accept_risk=fsync.")
        ->option_text("URL")
        ->excludes(data);
    command
        .add_option("--node-address", options->node_address,
                    "Where the other nodes of the same store reach this one (default: the address "
                    "of --listen, or this machine's name, and any free port).")
        ->option_text("HOST:PORT");
    command.add_flag("--no-affinity", options->alone,
                     "Carry out every command here instead of passing it to the node that serves "
                     "its partition. As right, and slower.");
    command
        .add_option("--concurrency", options->concurrency,
                    "How an append takes partitions that other nodes may append to: optimistic by "
                    "their versions, pessimistic by their locks, auto (default) by locks while "
                    "there are conflicts.")
        ->option_text("auto|optimistic|pessimistic")
        ->transform(CLI::CheckedTransformer(
            std::map<std::string, Concurrency>{{"auto", Concurrency::automatic},
                                               {"optimistic", Concurrency::optimistic},
                                               {"pessimistic", Concurrency::pessimistic}}));
    command
        .add_option(
            "--partitions", options->partitions,
            "How many partitions a new store gets (default 1, in a database 16); an existing "
            "one keeps its own.")
        ->option_text("COUNT")
        ->check(CLI::Range(1U, limits::partitions_max));
    options->store = environment("HOLDFAST_STORE", "");
    data->each([options](const std::string&) { options->store.clear(); });
}

}  // namespace

void define_serve(CLI::App& command, Action& action) {
    const auto options = std::make_shared<ServeOptions>();
    describe(command,
             {"runs the server",
              "Serves the HTTP API from a data directory, which is made when it is not there. Says "
              "on the first line of its output where it listens. SIGTERM and SIGINT end it: what "
              "was accepted is answered first. Ends with 3 when the store fails; nothing that was "
              "acknowledged is lost then.",
              "$ holdfast serve --listen 127.0.0.1:8080 --data shop"});
    command
        .add_option("--listen", options->listen,
                    "Where to listen (default 127.0.0.1:8080); port 0 is any free one.")
        ->option_text("ADDRESS:PORT");
    define_store(command, options);
    command
        .add_option("--backups", options->settings.backups,
                    "Where POST /v1/backups and `holdfast backup --server` put their directories; "
                    "without it there are none over HTTP.")
        ->option_text("DIR");
    command.add_flag("--accept-loss", options->accept_loss,
                     "Open a store that has lost acknowledged changes, with what is still "
                     "readable; without this it is refused.");
    command
        .add_option("--threads", options->settings.threads,
                    "Threads that speak HTTP (default 1, good for some 100,000 requests a "
                    "second).")
        ->option_text("COUNT")
        ->check(CLI::Range(1U, 256U));
    command.callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace holdfast::cli
