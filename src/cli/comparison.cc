#include "cli/comparison.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <future>
#include <iostream>
#include <memory>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <pthread.h>

#include "cli/connection.h"
#include "cli/local_load.h"
#include "cli/terminal.h"
#include "strategies/strategies.h"
#include "telemetry/log.h"

namespace holdfast::cli {

namespace {

using std::chrono::steady_clock;
using strategies::Demand;
using strategies::ScratchSchema;
using strategies::Seller;
using strategies::Stock;

// Nobody buys out the first two.
constexpr std::int64_t plenty = 1'000'000'000;
constexpr Stock small_stock{.skus = 100, .units_each = 10};
constexpr timespec between_looks{.tv_sec = 0, .tv_nsec = 5'000'000};

std::string sku_name(std::uint32_t number) {
    return "bench-" + std::to_string(number);
}

// Holdfast in this process over the same server.
class HoldfastSeller : public Seller {
public:
    HoldfastSeller(ScratchSchema& schema, Concurrency concurrency, const Stock& stock,
                   unsigned clients)
        : schema_(schema), stock_(stock), clients_(clients) {
        service_ =
            open({.data = {}, .store = schema.url(), .concurrency = concurrency, .clock = nullptr});
        const auto connection = connect_local(*service_);
        std::vector<Command> commands;
        for (std::uint32_t sku = 0; sku < stock.skus; ++sku) {
            commands.emplace_back(DefineSku{.sku = sku_name(sku), .policy = {}});
            commands.emplace_back(
                ReceiveStock{.sku = sku_name(sku), .quantity = stock.units_each, .reference = ""});
            if (constexpr std::size_t at_once = 1000;
                commands.size() >= at_once || sku + 1 == stock.skus) {
                for (auto& outcome : connection->submit_many(std::exchange(commands, {}), "")) {
                    required(std::move(outcome.result));
                }
            }
        }
    }

    std::vector<std::uint32_t> sell(Demand& demand) override {
        std::vector<std::uint32_t> latencies;
        std::string failure;
        const auto told = [&](const Result<HoldAnswer>& result, steady_clock::time_point asked) {
            if (result) {
                const auto took = steady_clock::now() - asked;
                latencies.push_back(static_cast<std::uint32_t>(
                    std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
            } else if (result.error().code == RefusalCode::insufficient_stock) {
                demand.sold_out(number_of(result.error().short_lines.front().sku));
            } else {
                failure = describe_refusal(result.error());
                demand.stop();
            }
        };
        LocalLoad(*service_, clients_, [&] { return next_hold(demand); }, told).run();
        if (!failure.empty()) {
            throw Failure(ExitStatus::unreachable, failure);
        }
        return latencies;
    }

    std::int64_t oversold() override {
        return schema_.ask(
            fmt::format("SELECT coalesce(sum(greatest(held - {}, 0)), 0)::bigint "
                        "FROM (SELECT sum(quantity) AS held FROM hold_line GROUP BY sku) AS skus",
                        stock_.units_each));
    }

private:
    static std::optional<PlaceHold> next_hold(Demand& demand) {
        const auto sku = demand.next();
        if (!sku) {
            return std::nullopt;
        }
        return PlaceHold{.cart = "cart",
                         .customer = "",
                         .region = "",
                         .lines = {{sku_name(*sku), 1, ""}},
                         .ttl = std::nullopt,
                         .heartbeat = std::nullopt};
    }

    static std::uint32_t number_of(const std::string& sku) {
        return static_cast<std::uint32_t>(std::stoul(sku.substr(sku.find('-') + 1)));
    }

    ScratchSchema& schema_;
    Stock stock_;
    unsigned clients_;
    std::unique_ptr<Service> service_;
};

// One row of the table, and how it is made for each of its figures.
struct Contender {
    Compared row;
    std::function<std::unique_ptr<Seller>(ScratchSchema&, const Stock&)> make;
    bool shows_pace = true;
};

std::vector<Contender> contenders(unsigned clients) {
    std::vector<Contender> all;
    for (const strategies::Strategy& strategy : strategies::usual_strategies()) {
        all.push_back({.row = {.name = std::string(strategy.name)},
                       .make =
                           [&strategy, clients](ScratchSchema& schema, const Stock& stock) {
                               return make_seller(strategy, schema, stock, clients);
                           },
                       .shows_pace = !strategy.oversells});
    }
    for (const auto& [name, concurrency] :
         {std::pair("Holdfast, auto", Concurrency::automatic),
          std::pair("Holdfast, pessimistic", Concurrency::pessimistic)}) {
        all.push_back({.row = {.name = name, .holdfast = true},
                       .make = [concurrency, clients](ScratchSchema& schema, const Stock& stock) {
                           return std::make_unique<HoldfastSeller>(schema, concurrency, stock,
                                                                   clients);
                       }});
    }
    return all;
}

// SIGINT and SIGTERM wait until somebody looks, so that what was made on the user's server is dropped.
class Interruption {
public:
    Interruption() {
        sigemptyset(&signals_);
        sigaddset(&signals_, SIGINT);
        sigaddset(&signals_, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    }

    // Waits until it is over, or for so long. Whoever interrupts once more ends the program.
    void wait(const Demand& demand, steady_clock::time_point until) {
        while (!demand.over() && steady_clock::now() < until && !interrupted_) {
            if (sigtimedwait(&signals_, nullptr, &between_looks) > 0) {
                interrupted_ = true;
                pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
            }
        }
    }
    void throw_if_interrupted() const {
        if (interrupted_) {
            throw Failure(ExitStatus::refused, "interrupted; the scratch schema is dropped");
        }
    }

private:
    sigset_t signals_{};
    bool interrupted_ = false;
};

class Measurement {
public:
    explicit Measurement(const Comparison& options) : options_(options) {}

    // What it refuses to run on is said before anything else takes time.
    void try_holdfast() const {
        ScratchSchema schema(options_.url);
        open({.data = {}, .store = schema.url(), .clock = nullptr});
    }

    Compared measure(const Contender& contender) {
        Compared row = contender.row;
        if (contender.shows_pace) {
            row.hot = pace(contender, {.skus = 1, .units_each = plenty}, "all want one SKU");
            row.wide = pace(contender, {.skus = options_.skus, .units_each = plenty},
                            "they want any of many");
        }
        ScratchSchema schema(options_.url);
        Demand demand(Demand::Order::one_after_another, small_stock.skus);
        const auto seller = contender.make(schema, small_stock);
        run(*seller, demand, row.name + ": they buy out a small stock");
        row.oversold = seller->oversold();
        return row;
    }

private:
    Pace pace(const Contender& contender, const Stock& stock, const std::string& what) {
        ScratchSchema schema(options_.url);
        Demand demand(Demand::Order::any, stock.skus);
        const auto seller = contender.make(schema, stock);
        return run(*seller, demand, contender.row.name + ": " + what);
    }

    // In a thread of its own, while this one looks at the time.
    Pace run(Seller& seller, Demand& demand, const std::string& what) {
        progress_.say(what);
        const auto start = steady_clock::now();
        auto selling = std::async(std::launch::async, [&] { return seller.sell(demand); });
        interruption_.wait(demand, start + std::chrono::duration_cast<steady_clock::duration>(
                                               std::chrono::duration<double>(options_.seconds)));
        demand.stop();
        std::vector<std::uint32_t> latencies = selling.get();
        const std::chrono::duration<double> took = steady_clock::now() - start;
        interruption_.throw_if_interrupted();
        std::ranges::sort(latencies);
        const auto percentile = [&](double share) {
            const auto last = static_cast<double>(latencies.size()) - 1;
            return latencies.empty() ? 0
                                     : latencies[static_cast<std::size_t>(share * last)] / 1000.0;
        };
        return {.holds_per_second = static_cast<double>(latencies.size()) / took.count(),
                .p50_ms = percentile(0.5),
                .p99_ms = percentile(0.99)};
    }

    const Comparison& options_;
    Interruption interruption_;
    Progress progress_{""};
};

boost::json::value as_json(const std::optional<Pace>& pace) {
    if (!pace) {
        return nullptr;
    }
    return boost::json::object{{"holds_per_second", pace->holds_per_second},
                               {"p50_ms", pace->p50_ms},
                               {"p99_ms", pace->p99_ms}};
}

void print_json(const std::vector<Compared>& all, const Comparison& options) {
    boost::json::array rows;
    for (const Compared& row : all) {
        rows.push_back(boost::json::object{{"strategy", row.name},
                                           {"hot", as_json(row.hot)},
                                           {"wide", as_json(row.wide)},
                                           {"oversold", row.oversold}});
    }
    std::cout << boost::json::serialize(
                     boost::json::object{{"clients", options.clients},
                                         {"skus", options.skus},
                                         {"seconds", options.seconds},
                                         {"strategies", std::move(rows)},
                                         {"recommendation", recommendation(all, options.skus)}})
              << '\n';
}

}  // namespace

void print_table(std::ostream& out, const std::vector<Compared>& all, const Comparison& options) {
    Table table({"", "hot/s", "p50 ms", "p99 ms", "wide/s", "p50 ms", "p99 ms", "oversold"});
    for (const Compared& row : all) {
        std::vector<std::string> cells{row.name};
        for (const auto& pace : {row.hot, row.wide}) {
            cells.push_back(pace ? thousands(static_cast<std::int64_t>(pace->holds_per_second))
                                 : "-");
            cells.push_back(pace ? fmt::format("{:.2f}", pace->p50_ms) : "-");
            cells.push_back(pace ? fmt::format("{:.2f}", pace->p99_ms) : "-");
        }
        cells.push_back(thousands(row.oversold));
        table.add(std::move(cells));
    }
    table.print(out);
    out << fmt::format(
        "\n{} clients, {:.3g} s a figure. hot: all want one SKU. wide: any of {} SKUs.\n"
        "oversold: units held beyond a stock of {} SKUs of {} units that all bought out.\n"
        "Latencies are of granted holds, with all attempts that they took. Holdfast was asked in "
        "process;\nauto and pessimistic are the --concurrency of `holdfast serve`.\n\n{}",
        options.clients, options.seconds, thousands(options.skus), small_stock.skus,
        small_stock.units_each, recommendation(all, options.skus));
}

ExitStatus compare(const Comparison& comparison) {
    std::vector<Compared> all;
    {
        Measurement measurement(comparison);
        measurement.try_holdfast();
        telemetry::log_only_warnings();
        for (const Contender& contender : contenders(comparison.clients)) {
            all.push_back(measurement.measure(contender));
        }
    }
    comparison.json ? print_json(all, comparison) : print_table(std::cout, all, comparison);
    return ExitStatus::ok;
}

}  // namespace holdfast::cli
