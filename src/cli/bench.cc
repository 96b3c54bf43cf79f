#include <algorithm>
#include <atomic>
#include <future>
#include <iostream>

#include <boost/json/serialize.hpp>

#include "cli/command.h"
#include "cli/comparison.h"
#include "cli/connection.h"
#include "cli/local_load.h"
#include "cli/temporary_directory.h"
#include "cli/terminal.h"

namespace holdfast::cli {

namespace {

using std::chrono::steady_clock;

constexpr Quantity units_each = 1'000'000'000;
constexpr std::size_t setup_commands = 500;
// They must not lapse while the load runs, and be gone soon afterwards.
constexpr Seconds bench_ttl{60};

struct BenchOptions {
    Target target;
    bool to_server = false;
    std::string store;
    unsigned clients = 64;
    std::optional<double> said_seconds;
    std::optional<unsigned> said_skus;
    double seconds = 5;
    unsigned skus = 1;
    bool json = false;
};

// Latencies of what was granted, in microseconds, and how many were refused.
struct Load {
    std::vector<std::uint32_t> latencies;
    std::uint64_t refused = 0;
    std::string refusal;

    void add(const Result<HoldAnswer>& result, steady_clock::time_point asked) {
        if (!result) {
            ++refused;
            refusal = describe_refusal(result.error());
            return;
        }
        const auto took = steady_clock::now() - asked;
        latencies.push_back(static_cast<std::uint32_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
    }
};

std::string sku_name(std::uint64_t number) {
    return "bench-" + std::to_string(number);
}

PlaceHold next_hold(const BenchOptions& options, std::uint64_t number) {
    return {.cart = "bench-" + std::to_string(number),
            .customer = "",
            .region = "",
            .lines = {{sku_name(number % options.skus), 1, ""}},
            .ttl = bench_ttl,
            .heartbeat = std::nullopt};
}

void set_up(Connection& connection, const BenchOptions& options) {
    std::vector<Command> commands;
    for (unsigned sku = 0; sku < options.skus; ++sku) {
        if (!connection.sku(sku_name(sku))) {
            commands.emplace_back(DefineSku{.sku = sku_name(sku), .policy = {}});
        }
        commands.emplace_back(
            ReceiveStock{.sku = sku_name(sku), .quantity = units_each, .reference = ""});
        if (commands.size() >= setup_commands || sku + 1 == options.skus) {
            for (const auto& outcome : connection.submit_many(std::exchange(commands, {}), "")) {
                if (!outcome.result) {
                    throw Failure(ExitStatus::refused, describe_refusal(outcome.result.error()));
                }
            }
        }
    }
}

// Each client waits for its answer before it asks again.
Load load_over_connections(BenchOptions& options, steady_clock::time_point end) {
    std::atomic<std::uint64_t> number = 0;
    std::vector<std::future<Load>> clients;
    clients.reserve(options.clients);
    for (unsigned client = 0; client < options.clients; ++client) {
        clients.push_back(std::async(std::launch::async, [&] {
            Load load;
            const auto connection = options.target.connect();
            while (steady_clock::now() < end) {
                const auto asked = steady_clock::now();
                load.add(connection->submit(next_hold(options, number++)).result, asked);
            }
            return load;
        }));
    }
    Load all;
    for (auto& client : clients) {
        Load load = client.get();
        std::ranges::move(load.latencies, std::back_inserter(all.latencies));
        all.refused += load.refused;
        all.refusal = load.refusal.empty() ? all.refusal : load.refusal;
    }
    return all;
}

Load load_in_process(Service& service, const BenchOptions& options, steady_clock::time_point end) {
    Load all;
    std::atomic<std::uint64_t> number = 0;
    LocalLoad(
        service, options.clients,
        [&]() -> std::optional<PlaceHold> {
            if (steady_clock::now() >= end) {
                return std::nullopt;
            }
            return next_hold(options, number++);
        },
        [&](const Result<HoldAnswer>& result, steady_clock::time_point asked) {
            all.add(result, asked);
        })
        .run();
    return all;
}

void print(const BenchOptions& options, Load load, double seconds, const std::string& against) {
    std::ranges::sort(load.latencies);
    const auto percentile = [&](double share) {
        if (load.latencies.empty()) {
            return 0.0;
        }
        const auto at =
            static_cast<std::size_t>(share * static_cast<double>(load.latencies.size() - 1));
        return static_cast<double>(load.latencies[at]) / 1000;
    };
    const double rate = static_cast<double>(load.latencies.size()) / seconds;
    if (options.json) {
        std::cout << boost::json::serialize(boost::json::object{{"against", against},
                                                                {"clients", options.clients},
                                                                {"skus", options.skus},
                                                                {"holds", load.latencies.size()},
                                                                {"refused", load.refused},
                                                                {"seconds", seconds},
                                                                {"holds_per_second", rate},
                                                                {"p50_ms", percentile(0.5)},
                                                                {"p99_ms", percentile(0.99)}})
                  << '\n';
        return;
    }
    std::cout << options.clients << " clients, " << options.skus << " SKUs, " << against << ":\n"
              << thousands(static_cast<std::int64_t>(rate)) << " holds/s, p50 " << percentile(0.5)
              << " ms, p99 " << percentile(0.99) << " ms ("
              << thousands(static_cast<std::int64_t>(load.latencies.size())) << " holds, "
              << load.refused << " refused)\n";
}

ExitStatus run_comparison(const BenchOptions& options) {
    Comparison comparison{.url = options.store, .clients = options.clients, .json = options.json};
    comparison.seconds = options.said_seconds.value_or(comparison.seconds);
    comparison.skus = options.said_skus.value_or(comparison.skus);
    return compare(comparison);
}

ExitStatus run(BenchOptions& options) {
    options.seconds = options.said_seconds.value_or(options.seconds);
    options.skus = options.said_skus.value_or(options.skus);
    std::optional<TemporaryDirectory> directory;
    std::unique_ptr<Service> service;
    std::string against = options.target.name();
    if (options.target.local()) {
        service = open({.data = options.target.data(), .clock = nullptr});
    } else if (!options.to_server) {
        directory.emplace();
        service = open({.data = directory->path() / "data", .clock = nullptr});
        against = "in process, a new store in " + directory->path().parent_path().string();
    }
    set_up(service ? *connect_local(*service) : *options.target.connect(), options);
    Progress progress("");
    progress.say("placing holds for " + std::to_string(options.seconds).substr(0, 4) + " s");
    const auto start = steady_clock::now();
    const auto end = start + std::chrono::duration_cast<steady_clock::duration>(
                                 std::chrono::duration<double>(options.seconds));
    Load load =
        service ? load_in_process(*service, options, end) : load_over_connections(options, end);
    const std::chrono::duration<double> took = steady_clock::now() - start;
    const std::string refusal = load.refusal;
    print(options, std::move(load), took.count(), against);
    if (!refusal.empty()) {
        std::cerr << "refused: " << refusal << '\n';
    }
    return refusal.empty() ? ExitStatus::ok : ExitStatus::refused;
}

}  // namespace

void define_bench(CLI::App& command, Action& action) {
    const auto options = std::make_shared<BenchOptions>();
    describe(
        command,
        {"measures how many holds a second this machine grants",
         "Clients place holds of one unit, each as soon as its last one was answered, durable "
         "like any other. By default in process on a new store in the temporary directory: "
         "set TMPDIR to a disk worth measuring. With --data or --server the SKUs bench-0, "
         "bench-1, ... are added there; the holds lapse after a minute.\n"
         "\n"
         "With --store it compares, on a PostgreSQL server of yours, what shops usually do there "
         "with Holdfast over the same server: row lock, optimistic version, atomic counter, and "
         "count, then insert. All clients want one SKU (hot), or any of many (wide); then they "
         "buy out a small stock, and what was held beyond it is counted (oversold), also for two "
         "strategies without their lock. It ends with a recommendation. It works in schemas of "
         "its own, holdfast_bench_..., which are dropped at the end, and touches nothing else. "
         "The user needs CREATE on the database.",
         "$ holdfast bench --seconds 1\n"
         "$ holdfast bench --seconds 1 --clients 1024 --skus 1000 --json\n"
         "\n"
         "Which strategy does for this server:\n"
         "    holdfast bench --store postgres://shop@db.example/shop"});
    options->target.add_options(command);
    command.get_option("--server")->each([options](const std::string&) {
        options->to_server = true;
    });
    command
        .add_option("--store", options->store,
                    "Compare strategies on this PostgreSQL server: postgres://user@host/database.")
        ->option_text("URL")
        ->excludes("--server")
        ->excludes("--data");
    command
        .add_option("--clients", options->clients,
                    "How many at once (default 64); with --store as many connections.")
        ->option_text("COUNT")
        ->check(CLI::Range(1U, 65'536U));
    command
        .add_option("--seconds", options->said_seconds,
                    "For how long (default 5; with --store 3 for each figure).")
        ->option_text("SECONDS")
        ->check(CLI::Range(0.1, 3600.0));
    command
        .add_option("--skus", options->said_skus,
                    "Over how many SKUs (default 1: all want the same; with --store what is "
                    "wide, 10000).")
        ->option_text("COUNT")
        ->check(CLI::Range(1U, 1'000'000U));
    command.add_flag("--json", options->json, "Print one object of JSON.");
    command.callback([options, &action] {
        action = [options] {
            return options->store.empty() ? run(*options) : run_comparison(*options);
        };
    });
}

}  // namespace holdfast::cli
