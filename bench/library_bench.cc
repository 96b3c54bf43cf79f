// Measures the embedded library: durable holds a second with a given number outstanding, memory and
// restart with many pending holds, and a store that is full of history. Each command works on a data
// directory, or in a database, of its own in a process of its own (bench/run starts them) and prints one JSON object.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <holdfast/service.h>
#include "bench/load.h"

namespace {

using holdfast::Answer;
using holdfast::HoldId;
using holdfast::Outcome;
using holdfast::Service;
using holdfast::bench::Load;
using holdfast::bench::processor_seconds;
using holdfast::bench::seconds_since;
using holdfast::bench::SteadyClock;

struct Settings {
    std::string data;
    std::string store;
    std::uint32_t skus = 1;
    std::uint64_t outstanding = 1'024;
    std::size_t lines = 1;
    std::uint64_t holds = 1'000'000;
    double seconds = 4;
};

std::unique_ptr<Service> open(const Settings& settings) {
    holdfast::Options options;
    options.data = settings.data;
    options.store = settings.store;
    return holdfast::open(options);
}

std::uint64_t resident_bytes() {
    std::uint64_t total = 0;
    std::uint64_t resident = 0;
    std::ifstream("/proc/self/statm") >> total >> resident;
    return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

// The carts of many shoppers: each line another SKU, drawn uniformly.
class Carts {
public:
    Carts(std::uint32_t skus, std::size_t lines) : sku_(0, skus - 1), skus_(skus), lines_(lines) {
        if (lines > skus) {
            throw std::invalid_argument(
                fmt::format("{} lines need as many SKUs, not {}", lines, skus));
        }
    }

    holdfast::PlaceHold next() {
        holdfast::PlaceHold command;
        command.cart = fmt::format("cart-{}", ++carts_);
        command.lines.reserve(lines_);
        auto sku = sku_(random_);
        for (std::size_t i = 0; i < lines_; ++i) {
            command.lines.push_back(
                {.sku = fmt::format("sku-{}", sku), .quantity = 1, .location = {}});
            // A prime far from both ends of the catalogue: the lines of a cart are not neighbours.
            sku = (sku + 7'919) % skus_;
        }
        return command;
    }

private:
    std::mt19937 random_{20'101'201};
    std::uniform_int_distribution<std::uint32_t> sku_;
    std::uint32_t skus_;
    std::size_t lines_;
    std::uint64_t carts_ = 0;
};

void seed(Service& service, std::uint32_t skus) {
    Load load(service, 4'096);
    for (std::uint32_t sku = 0; sku < skus; ++sku) {
        const auto name = fmt::format("sku-{}", sku);
        holdfast::Policy policy;
        // An hour, so that what is pending at the end of a measurement still is in the next one.
        policy.hold_ttl = holdfast::Seconds{3'600};
        load.submit({holdfast::DefineSku{.sku = name, .policy = policy}, {}});
        load.submit(
            {holdfast::ReceiveStock{
                 .sku = name, .location = "main", .quantity = 1'000'000'000, .reference = "bench"},
             {}});
    }
    load.drain();
    load.throw_if_refused();
}

void run_seed(const Settings& settings) {
    const auto service = open(settings);
    seed(*service, settings.skus);
    std::cout << fmt::format(R"({{"skus":{}}})"
                             "\n",
                             settings.skus);
}

void run_holds(const Settings& settings) {
    const auto service = open(settings);
    const auto before = service->statistics();
    Carts carts(settings.skus, settings.lines);
    Load load(*service, settings.outstanding);
    const auto keep_on = [&](double seconds) {
        const auto begin = SteadyClock::now();
        while (seconds_since(begin) < seconds) {
            // Looking at the clock for every hold would be a part of what is measured.
            for (int i = 0; i < 32; ++i) {
                load.submit({carts.next(), {}});
            }
        }
    };
    keep_on(0.3);
    load.forget_latencies();
    const auto warm = service->statistics();
    const auto answered_before = load.answered();
    const auto processor_before = processor_seconds();
    const auto begin = SteadyClock::now();
    keep_on(settings.seconds);
    const auto elapsed = seconds_since(begin);
    const auto answered = load.answered() - answered_before;
    const auto processor = processor_seconds() - processor_before;
    const auto after = service->statistics();
    load.drain();
    load.throw_if_refused();
    const auto pending = service->statistics().pending_holds - before.pending_holds;
    if (pending != load.answered()) {
        throw std::runtime_error(
            fmt::format("{} holds were granted, {} are pending", load.answered(), pending));
    }
    std::cout << fmt::format(
        R"({{"rate":{:.0f},"p50_ms":{:.3f},"p99_ms":{:.3f},"holds_per_append":{:.0f},"cores":{:.2f}}})"
        "\n",
        static_cast<double>(answered) / elapsed, load.percentile_ms(0.5), load.percentile_ms(0.99),
        static_cast<double>(answered) /
            static_cast<double>(std::max<std::uint64_t>(after.rounds - warm.rounds, 1)),
        processor / elapsed);
}

// Fills an empty store with pending holds and says what each takes in memory.
void run_pending(const Settings& settings) {
    const auto service = open(settings);
    const auto empty = resident_bytes();
    Carts carts(settings.skus, 1);
    Load load(*service, settings.outstanding);
    for (std::uint64_t i = 0; i < settings.holds; ++i) {
        load.submit({carts.next(), {}});
    }
    load.drain();
    load.throw_if_refused();
    const auto full = resident_bytes();
    std::cout << fmt::format(
        R"({{"pending_holds":{},"empty_bytes":{},"full_bytes":{},"bytes_per_hold":{:.1f}}})"
        "\n",
        service->statistics().pending_holds, empty, full,
        (static_cast<double>(full) - static_cast<double>(empty)) /
            static_cast<double>(settings.holds));
}

void run_reopen(const Settings& settings) {
    const auto begin = SteadyClock::now();
    const auto service = open(settings);
    const auto elapsed = seconds_since(begin);
    std::cout << fmt::format(R"({{"seconds":{:.3f},"pending_holds":{},"resident_bytes":{}}})"
                             "\n",
                             elapsed, service->statistics().pending_holds, resident_bytes());
}

// Fills a store with holds that compete no longer: half of them bought, half held and released.
void run_history(const Settings& settings) {
    const auto service = open(settings);
    Carts carts(settings.skus, 1);
    constexpr std::uint64_t chunk = 16'384;
    std::uint64_t made = 0;
    std::vector<HoldId> held;
    while (made < settings.holds) {
        const auto count = std::min(chunk, settings.holds - made);
        held.clear();
        std::mutex mutex;
        std::uint64_t answered = 0;
        std::condition_variable all_answered;
        for (std::uint64_t i = 0; i < count; ++i) {
            auto command = carts.next();
            command.confirm = i % 2 == 0;
            service->submit_any({std::move(command), {}}, [&, i](Outcome<Answer> outcome) {
                const std::lock_guard lock(mutex);
                if (outcome.result && i % 2 == 1) {
                    held.push_back(std::get<holdfast::HoldAnswer>(*outcome.result).hold.id);
                }
                if (++answered == count) {
                    all_answered.notify_one();
                }
            });
        }
        {
            std::unique_lock lock(mutex);
            all_answered.wait(lock, [&] { return answered == count; });
        }
        Load load(*service, chunk);
        for (const auto& id : held) {
            load.submit({holdfast::ReleaseHold{.id = id, .fence = std::nullopt}, {}});
        }
        load.drain();
        load.throw_if_refused();
        if (held.size() != count / 2) {
            throw std::runtime_error(
                fmt::format("{} holds of {} were granted", held.size(), count / 2));
        }
        made += count;
    }
    std::cout << fmt::format(R"({{"finished_holds":{},"pending_holds":{}}})"
                             "\n",
                             made, service->statistics().pending_holds);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Measures the embedded library on a data directory."};
    Settings settings;
    app.require_subcommand(1);
    const auto command = [&](const char* name, const char* what, void (*run)(const Settings&)) {
        auto* const sub = app.add_subcommand(name, what);
        auto* const where = sub->add_option_group("where")->require_option(1);
        where->add_option("--data", settings.data, "data directory");
        where->add_option("--store", settings.store, "or a database");
        sub->add_option("--skus", settings.skus, "sku-0 to sku-(N-1), drawn uniformly")
            ->check(CLI::PositiveNumber);
        sub->add_option("--outstanding", settings.outstanding)->check(CLI::PositiveNumber);
        sub->add_option("--lines", settings.lines)->check(CLI::PositiveNumber);
        sub->add_option("--holds", settings.holds)->check(CLI::PositiveNumber);
        sub->add_option("--seconds", settings.seconds)->check(CLI::PositiveNumber);
        sub->callback([run, &settings] { run(settings); });
    };
    command("seed", "define SKUs and give them stock", run_seed);
    command("holds", "holds a second", run_holds);
    command("pending", "memory of pending holds", run_pending);
    command("reopen", "time of opening", run_reopen);
    command("history", "fill with finished holds", run_history);
    try {
        CLI11_PARSE(app, argc, argv);
    } catch (const std::exception& error) {
        std::cerr << "library_bench: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
