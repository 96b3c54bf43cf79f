// Runs a shop's past orders through the engine and keeps its own books from the answers alone, so
// that what the engine says can be compared with what it had promised. Called by simulate; starts
// threads of its own and joins them. Knows connections, not what is behind them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <holdfast/service.h>
#include "cli/connection.h"
#include "cli/orders.h"

namespace holdfast::cli {

struct SimulationOptions {
    int concurrency = 16;
    // Which share of the carts is left behind after it was held, 0 to 1.
    double abandon = 0;
    // Part of every cart id and Idempotency-Key: a second run on the same server is another run.
    std::string run;
};

// What the orders run against.
struct SimulationWorld {
    std::function<std::unique_ptr<Connection>()> connect;
    // Moves the engine's clock on, to an instant or by a step, and ends what is due. Empty with a
    // server that has a clock of its own.
    std::function<void(Instant)> advance_to;
    std::function<void(std::chrono::seconds)> advance_by;
    std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

// Units.
struct Tally {
    Quantity asked = 0;
    Quantity granted = 0;  // sold: held, confirmed, shipped
    Quantity refused = 0;
    Quantity abandoned = 0;  // held, left behind, back on sale
    Quantity returned = 0;
};

struct SkuTally : Tally {
    Quantity stock = 0;  // units that were ever there to be sold
};

struct DayTally : Tally {
    std::uint64_t carts = 0;
};

// Each line that was read stands in exactly one of these.
struct LineTally {
    std::uint64_t read = 0;
    std::uint64_t granted = 0;
    std::uint64_t granted_in_part = 0;
    std::uint64_t refused = 0;
    std::uint64_t abandoned = 0;
    std::uint64_t returned = 0;
    std::map<std::string, std::uint64_t> skipped;  // by reason
    [[nodiscard]] std::uint64_t accounted() const;
};

struct SimulationReport {
    std::uint64_t carts = 0;
    std::uint64_t carts_whole = 0;    // all that was asked
    std::uint64_t carts_partial = 0;  // some of it, after the whole cart was refused
    std::uint64_t carts_refused = 0;
    std::uint64_t carts_abandoned = 0;
    LineTally lines;
    Tally units;
    std::map<std::chrono::sys_days, DayTally> days;
    std::map<std::string, SkuTally> skus;
    std::map<std::string, std::uint64_t> refusals;  // answers by code
    Quantity oversold = 0;
    AuditReport audit;
    // Where the engine's counters are not what its answers add up to.
    std::vector<AuditDifference> books;
    std::chrono::duration<double> took{0};

    [[nodiscard]] bool clean() const {
        return oversold == 0 && audit.clean() && books.empty() && lines.accounted() == lines.read;
    }
};

// What the orders ask for in all, by SKU.
std::map<std::string, Quantity> demand(const OrderBook& book);

// `stock`: the units that each SKU gets before the first order; those it does not name get none.
SimulationReport run_simulation(const OrderBook& book, const std::map<std::string, Quantity>& stock,
                                const SimulationOptions& options, const SimulationWorld& world);

}  // namespace holdfast::cli
