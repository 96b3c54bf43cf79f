#include "cli/simulation.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>
#include <unordered_map>

#include <boost/container_hash/hash.hpp>

namespace holdfast::cli {

namespace {

// Honest shoppers pay within the policy's ten minutes; those who leave are given a short hold, so
// that what they took is back on sale after so many other carts.
constexpr Seconds abandoned_ttl{60};
// Carts arrive a second apart on the run's own clock.
constexpr Seconds between_carts{1};
constexpr std::size_t setup_commands = 500;

// Units of one SKU that one hold shipped to a customer and that have not come back.
struct Shipment {
    HoldId hold;
    Quantity left = 0;
};

class Simulation {
public:
    Simulation(const OrderBook& book, const SimulationOptions& options,
               const SimulationWorld& world)
        : book_(book), options_(options), world_(world) {}

    SimulationReport run(const std::map<std::string, Quantity>& stock);

private:
    using Units = std::map<std::string, Quantity>;
    // Orders that must follow each other: those of one customer.
    using Chain = std::vector<const Order*>;

    void set_up(const std::map<std::string, Quantity>& stock);
    void run_day(std::chrono::sys_days day, const std::vector<Chain>& chains);
    void run_chains(const std::vector<Chain>& chains, std::atomic<std::size_t>& next);
    void run_order(Connection& connection, const Order& order);
    void sell(Connection& connection, const Order& order);
    std::optional<Hold> place(Connection& connection, const Order& order, bool abandoned,
                              bool& partial);
    bool pay_and_ship(Connection& connection, const Order& order, const Hold& hold);
    void take_back(Connection& connection, const Order& order);
    const char* take_back_line(Connection& connection, const Order& order, std::size_t index);
    void book_sale(const Order& order, Units granted, bool abandoned);
    void book_refusal(const Refusal& refusal);
    [[nodiscard]] bool leaves(const Order& order) const;
    [[nodiscard]] Request request(const Order& order, const std::string& step) const;
    void check_books(Connection& connection);

    const OrderBook& book_;
    const SimulationOptions& options_;
    const SimulationWorld& world_;
    std::map<std::string, Counters> before_;

    std::mutex mutex_;  // guards all below
    SimulationReport report_;
    // By customer, then by SKU; oldest first.
    std::unordered_map<std::string, std::unordered_map<std::string, std::vector<Shipment>>>
        shipped_;
    std::uint64_t orders_done_ = 0;
    std::exception_ptr failure_;
};

std::map<std::string, Quantity> sum_by_sku(const std::vector<OrderLine>& lines) {
    std::map<std::string, Quantity> units;
    for (const OrderLine& line : lines) {
        units[line.sku] += line.quantity;
    }
    return units;
}

std::vector<LineRequest> line_requests(const std::map<std::string, Quantity>& units) {
    std::vector<LineRequest> lines;
    lines.reserve(units.size());
    for (const auto& [sku, quantity] : units) {
        lines.push_back({.sku = sku, .quantity = quantity, .location = ""});
    }
    return lines;
}

std::map<std::string, Quantity> granted_units(const Hold& hold) {
    std::map<std::string, Quantity> units;
    for (const HoldLine& line : hold.lines) {
        units[line.sku] += line.quantity;
    }
    return units;
}

void require_all(const std::vector<Outcome<Answer>>& outcomes) {
    for (const Outcome<Answer>& outcome : outcomes) {
        if (!outcome.result) {
            throw Failure(ExitStatus::refused,
                          "setting up the stock: " + describe_refusal(outcome.result.error()));
        }
    }
}

// Every SKU that is asked for is defined, unless the engine knows it already, and gets its stock.
void Simulation::set_up(const std::map<std::string, Quantity>& stock) {
    const auto connection = world_.connect();
    std::vector<Command> commands;
    const auto flush = [&] {
        require_all(connection->submit_many(std::exchange(commands, {}), ""));
    };
    for (const auto& [sku, asked] : demand(book_)) {
        if (!connection->sku(sku)) {
            commands.emplace_back(DefineSku{.sku = sku, .policy = {}});
        }
        const auto units = stock.find(sku);
        if (units != stock.end() && units->second > 0) {
            commands.emplace_back(ReceiveStock{
                .sku = sku, .quantity = units->second, .reference = "simulation " + options_.run});
        }
        if (commands.size() >= setup_commands) {
            flush();
        }
    }
    if (!commands.empty()) {
        flush();
    }
    for (const auto& [sku, asked] : demand(book_)) {
        const Counters counters = required(connection->stock(sku)).total;
        before_[sku] = counters;
        report_.skus[sku].stock = std::max<Quantity>(0, counters.available);
    }
}

SimulationReport Simulation::run(const std::map<std::string, Quantity>& stock) {
    report_.lines.read = book_.lines_read;
    report_.lines.skipped = book_.skipped;
    if (!book_.orders.empty() && world_.advance_to) {
        world_.advance_to(book_.orders.front().day);
    }
    set_up(stock);
    const auto started = std::chrono::steady_clock::now();
    for (auto first = book_.orders.begin(); first != book_.orders.end();) {
        const auto day = first->day;
        std::vector<Chain> chains;
        std::unordered_map<std::string, std::size_t> by_customer;
        for (; first != book_.orders.end() && first->day == day; ++first) {
            const auto [chain, fresh] = by_customer.try_emplace(first->customer, chains.size());
            if (fresh || first->customer.empty()) {
                chain->second = chains.size();
                chains.emplace_back();
            }
            chains[chain->second].push_back(&*first);
        }
        run_day(day, chains);
    }
    report_.took = std::chrono::steady_clock::now() - started;
    if (!book_.orders.empty() && world_.advance_to) {
        // A day after the last order everything that was left behind is back.
        world_.advance_to(book_.orders.back().day + std::chrono::days(2));
    }
    const auto connection = world_.connect();
    check_books(*connection);
    report_.audit = required(connection->audit());
    return std::move(report_);
}

// A day is a crowd: its carts come as fast as the clients can bring them.
void Simulation::run_day(std::chrono::sys_days day, const std::vector<Chain>& chains) {
    if (world_.advance_to) {
        world_.advance_to(day);
    }
    std::atomic<std::size_t> next = 0;
    std::vector<std::jthread> threads;
    const auto count =
        std::min<std::size_t>(static_cast<std::size_t>(options_.concurrency), chains.size());
    threads.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        threads.emplace_back([&] { run_chains(chains, next); });
    }
    threads.clear();
    if (failure_) {
        std::rethrow_exception(failure_);
    }
}

void Simulation::run_chains(const std::vector<Chain>& chains, std::atomic<std::size_t>& next) {
    try {
        const auto connection = world_.connect();
        for (std::size_t at = next++; at < chains.size(); at = next++) {
            for (const Order* order : chains[at]) {
                run_order(*connection, *order);
            }
        }
    } catch (...) {
        const std::scoped_lock lock(mutex_);
        failure_ = failure_ ? failure_ : std::current_exception();
        next = chains.size();
    }
}

void Simulation::run_order(Connection& connection, const Order& order) {
    if (order.cancellation) {
        take_back(connection, order);
    } else {
        sell(connection, order);
    }
    if (world_.advance_by) {
        world_.advance_by(between_carts);
    }
    const std::scoped_lock lock(mutex_);
    ++orders_done_;
    if (world_.progress) {
        world_.progress(orders_done_, book_.orders.size());
    }
}

// Decided by the invoice alone, so that the same shoppers leave in every run.
bool Simulation::leaves(const Order& order) const {
    constexpr std::size_t steps = 1'000'000;
    const std::size_t draw = boost::hash<std::string>()(order.invoice) % steps;
    return static_cast<double>(draw) < options_.abandon * static_cast<double>(steps);
}

Request Simulation::request(const Order& order, const std::string& step) const {
    return {.idempotency_key = options_.run + "/" + order.invoice + "/" + step,
            .fingerprint = 0,
            .deadline = std::nullopt};
}

void Simulation::book_refusal(const Refusal& refusal) {
    const std::scoped_lock lock(mutex_);
    ++report_.refusals[std::string(to_string(refusal.code))];
}

// The whole cart first; when that is refused for want of stock, what there is of it.
std::optional<Hold> Simulation::place(Connection& connection, const Order& order, bool abandoned,
                                      bool& partial) {
    PlaceHold command{.cart = options_.run + "-" + order.invoice,
                      .customer = order.customer,
                      .region = "",
                      .lines = line_requests(sum_by_sku(order.lines)),
                      .ttl = std::nullopt,
                      .heartbeat = std::nullopt};
    if (abandoned) {
        command.ttl = abandoned_ttl;
    }
    for (const bool retry : {false, true}) {
        command.partial = partial = retry;
        auto answer = connection.submit(command, request(order, retry ? "partial" : "hold")).result;
        if (answer) {
            return std::move(answer->hold);
        }
        book_refusal(answer.error());
        if (answer.error().code != RefusalCode::insufficient_stock) {
            break;
        }
    }
    return std::nullopt;
}

bool Simulation::pay_and_ship(Connection& connection, const Order& order, const Hold& hold) {
    const auto confirmed = connection
                               .submit(ConfirmHold{.id = hold.id, .fence = hold.fence, .lines = {}},
                                       request(order, "confirm"))
                               .result;
    if (!confirmed) {
        book_refusal(confirmed.error());
        return false;
    }
    required(connection
                 .submit(FulfilHold{.id = hold.id,
                                    .fence = confirmed->hold.fence,
                                    .lines = {},
                                    .reference = order.invoice},
                         request(order, "fulfil"))
                 .result);
    return true;
}

void Simulation::sell(Connection& connection, const Order& order) {
    const bool abandoned = leaves(order);
    bool partial = false;
    const std::optional<Hold> hold = place(connection, order, abandoned, partial);
    const bool sold = hold && !abandoned && pay_and_ship(connection, order, *hold);
    Units granted;
    if (hold && (sold || abandoned)) {
        granted = granted_units(*hold);
    }
    const std::scoped_lock lock(mutex_);
    ++report_.carts;
    ++report_.days[order.day].carts;
    std::uint64_t& outcome = granted.empty() ? report_.carts_refused
                             : abandoned     ? report_.carts_abandoned
                             : partial       ? report_.carts_partial
                                             : report_.carts_whole;
    ++outcome;
    if (sold && !order.customer.empty()) {
        for (const auto& [sku, quantity] : granted) {
            if (quantity > 0) {
                shipped_[order.customer][sku].push_back({hold->id, quantity});
            }
        }
    }
    book_sale(order, std::move(granted), abandoned);
}

// Needs the lock. What was granted of a SKU goes to the invoice's lines in their order.
void Simulation::book_sale(const Order& order, Units granted, bool abandoned) {
    DayTally& day = report_.days[order.day];
    for (const OrderLine& line : order.lines) {
        Quantity& left = granted[line.sku];
        const Quantity given = std::min(left, line.quantity);
        left -= given;
        for (Tally* tally : {&report_.units, static_cast<Tally*>(&day),
                             static_cast<Tally*>(&report_.skus[line.sku])}) {
            tally->asked += line.quantity;
            (abandoned ? tally->abandoned : tally->granted) += given;
            tally->refused += line.quantity - given;
        }
        LineTally& lines = report_.lines;
        if (given == 0) {
            ++lines.refused;
        } else if (abandoned) {
            ++lines.abandoned;
        } else if (given < line.quantity) {
            ++lines.granted_in_part;
        } else {
            ++lines.granted;
        }
    }
    for (const auto& [sku, left] : granted) {
        if (left > 0) {
            throw Failure(ExitStatus::refused, "the engine granted " + std::to_string(left) +
                                                   " units of " + sku + " more than invoice " +
                                                   order.invoice + " asked for");
        }
    }
}

void Simulation::take_back(Connection& connection, const Order& order) {
    for (std::size_t index = 0; index < order.lines.size(); ++index) {
        const char* skipped = take_back_line(connection, order, index);
        const OrderLine& line = order.lines[index];
        const std::scoped_lock lock(mutex_);
        if (skipped != nullptr) {
            ++report_.lines.skipped[skipped];
            continue;
        }
        ++report_.lines.returned;
        report_.units.returned += line.quantity;
        report_.days[order.day].returned += line.quantity;
        report_.skus[line.sku].returned += line.quantity;
    }
}

// Against the customer's latest purchases of the SKU, the whole line or nothing of it. Why it was
// skipped, or nullptr.
const char* Simulation::take_back_line(Connection& connection, const Order& order,
                                       std::size_t index) {
    if (order.customer.empty()) {
        return "return_without_customer";
    }
    const OrderLine& line = order.lines[index];
    // The orders of one customer follow each other, so nobody else changes these shipments.
    std::vector<Shipment>* shipments = nullptr;
    {
        const std::scoped_lock lock(mutex_);
        shipments = &shipped_[order.customer][line.sku];
    }
    const Quantity left =
        std::accumulate(shipments->begin(), shipments->end(), Quantity{0},
                        [](Quantity sum, const Shipment& it) { return sum + it.left; });
    if (left < line.quantity) {
        return "return_without_sale";
    }
    Quantity due = line.quantity;
    for (auto shipment = shipments->rbegin(); due > 0; ++shipment) {
        const Quantity units = std::min(due, shipment->left);
        if (units == 0) {
            continue;
        }
        required(connection
                     .submit(ReturnUnits{.id = shipment->hold,
                                         .fence = std::nullopt,
                                         .lines = {{line.sku, units, ""}}},
                             request(order, "return-" + std::to_string(index) + "-" +
                                                to_string(shipment->hold)))
                     .result);
        shipment->left -= units;
        due -= units;
    }
    return nullptr;
}

// From the answers alone: what was sold can never be more than what was ever there, and the engine's
// counters must be what its answers add up to.
void Simulation::check_books(Connection& connection) {
    for (const auto& [sku, tally] : report_.skus) {
        report_.oversold += std::max<Quantity>(0, tally.granted - tally.stock);
        const Counters after = required(connection.stock(sku)).total;
        const Counters& start = before_[sku];
        const auto compare = [&](const char* counter, Quantity kept, Quantity answered) {
            if (kept != answered) {
                report_.books.push_back({.what = "stock " + sku + " " + counter,
                                         .kept = std::to_string(kept),
                                         .events = std::to_string(answered) + " by the answers"});
            }
        };
        compare("on_hand", after.on_hand, start.on_hand - tally.granted + tally.returned);
        compare("committed", after.committed, start.committed);
        compare("returned", after.returned, start.returned + tally.returned);
        compare("available and held", after.available + after.held,
                start.available + start.held - tally.granted);
        if (world_.advance_to) {
            compare("held", after.held, start.held);
        }
    }
}

}  // namespace

std::uint64_t LineTally::accounted() const {
    return std::accumulate(skipped.begin(), skipped.end(),
                           granted + granted_in_part + refused + abandoned + returned,
                           [](std::uint64_t sum, const auto& it) { return sum + it.second; });
}

std::map<std::string, Quantity> demand(const OrderBook& book) {
    std::map<std::string, Quantity> units;
    for (const Order& order : book.orders) {
        if (!order.cancellation) {
            for (const OrderLine& line : order.lines) {
                units[line.sku] += line.quantity;
            }
        }
    }
    return units;
}

SimulationReport run_simulation(const OrderBook& book, const std::map<std::string, Quantity>& stock,
                                const SimulationOptions& options, const SimulationWorld& world) {
    return Simulation(book, options, world).run(stock);
}

}  // namespace holdfast::cli
