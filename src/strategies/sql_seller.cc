#include <chrono>
#include <future>
#include <iterator>

#include <fmt/format.h>

#include "strategies/strategies.h"

namespace holdfast::strategies {

namespace {

using std::chrono::steady_clock;
using store::postgres::Connection;
using store::postgres::DatabaseError;

// What a shop would write: a row of stock a product, a row a hold, an index for the job that ends what is due,
// and one for who counts. `units` is what came in. The hold of nothing makes the first plans of an index know
// that there are rows.
constexpr std::string_view make_tables = R"(
CREATE TABLE stock (
    sku integer PRIMARY KEY, units bigint NOT NULL, available bigint NOT NULL CHECK (available >= 0),
    version bigint NOT NULL DEFAULT 0);
CREATE TABLE hold (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sku integer NOT NULL, cart text NOT NULL,
    qty integer NOT NULL, status text NOT NULL DEFAULT 'pending', expires_at timestamptz NOT NULL);
CREATE INDEX ON hold (expires_at);
INSERT INTO stock (sku, units, available) SELECT sku, {1}, {1} FROM generate_series(0, {0} - 1) sku)";
constexpr std::string_view make_counting_cheap = R"(
CREATE INDEX ON hold (sku);
INSERT INTO hold (sku, cart, qty, expires_at) SELECT sku, 'cart', 0, now() FROM stock)";
constexpr const char* count_oversold = R"(
SELECT coalesce(sum(greatest(held - units, 0)), 0)::bigint
FROM stock JOIN (SELECT sku, sum(qty) AS held FROM hold GROUP BY sku) AS held USING (sku))";

// Somebody else was faster, as the strategy or the server says; it is tried again.
bool lost_to_others(const store::postgres::Failure& failure) {
    return !failure.lost && (failure.state == "40001" || failure.state == "40P01" ||
                             failure.state == "53200");  // no memory for the locks of SERIALIZABLE
}

class SqlSeller : public Seller {
public:
    SqlSeller(const Strategy& strategy, ScratchSchema& schema, const Stock& stock, unsigned clients)
        : strategy_(strategy), schema_(schema) {
        schema.run(fmt::format(make_tables, stock.skus, stock.units_each));
        if (strategy.counts) {
            schema.run(std::string(make_counting_cheap));
        }
        schema.run("ANALYZE stock, hold");
        while (connections_.size() < clients) {
            connect(clients);
        }
    }

    std::vector<std::uint32_t> sell(Demand& demand) override {
        std::vector<std::future<std::vector<std::uint32_t>>> clients;
        clients.reserve(connections_.size());
        for (const auto& connection : connections_) {
            clients.push_back(std::async(std::launch::async, [&] {
                try {
                    return buy(*connection, demand);
                } catch (...) {
                    demand.stop();  // the others need not go on
                    throw;
                }
            }));
        }
        std::vector<std::uint32_t> all;
        for (auto& client : clients) {
            std::ranges::move(client.get(), std::back_inserter(all));
        }
        return all;
    }

    std::int64_t oversold() override { return schema_.ask(count_oversold); }

private:
    void connect(unsigned clients) {
        try {
            auto connection = std::make_unique<Connection>(schema_.address());
            if (strategy_.serializable) {
                connection->run("SET default_transaction_isolation = serializable");
            }
            // A client that a busy machine keeps waiting is not gone.
            connection->run("SET idle_in_transaction_session_timeout = 0");
            connections_.push_back(std::move(connection));
        } catch (const DatabaseError& error) {
            throw StoreError(
                fmt::format("the server gave {} of {} connections: {}. Measure with "
                            "fewer clients, or raise its max_connections",
                            connections_.size(), clients, error.what()));
        }
    }

    std::vector<std::uint32_t> buy(Connection& connection, Demand& demand) const {
        std::vector<std::uint32_t> latencies;
        while (const auto sku = demand.next()) {
            const auto asked = steady_clock::now();
            Attempt attempt = Attempt::lost;
            while (attempt == Attempt::lost && !demand.over()) {
                attempt = try_once(connection, static_cast<std::int32_t>(*sku));
            }
            if (attempt == Attempt::sold_out) {
                demand.sold_out(*sku);
            }
            if (attempt == Attempt::held) {
                const auto took = steady_clock::now() - asked;
                latencies.push_back(static_cast<std::uint32_t>(
                    std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
            }
        }
        return latencies;
    }

    Attempt try_once(Connection& connection, std::int32_t sku) const {
        try {
            return strategy_.hold(connection, sku);
        } catch (const DatabaseError& error) {
            if (!lost_to_others(error.failure())) {
                throw;
            }
            connection.run("ROLLBACK");
            return Attempt::lost;
        }
    }

    const Strategy& strategy_;
    ScratchSchema& schema_;
    std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace

std::unique_ptr<Seller> make_seller(const Strategy& strategy, ScratchSchema& schema,
                                    const Stock& stock, unsigned clients) {
    return std::make_unique<SqlSeller>(strategy, schema, stock, clients);
}

}  // namespace holdfast::strategies
