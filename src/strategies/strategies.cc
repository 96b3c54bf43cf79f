#include "strategies/strategies.h"

#include <array>

namespace holdfast::strategies {

namespace {

using store::postgres::Connection;
using store::postgres::Parameters;
using store::postgres::Result;
using store::postgres::Statement;

const Statement lock_stock{"lock_stock", "SELECT available FROM stock WHERE sku = $1 FOR UPDATE"};
const Statement look_at_stock{"look_at_stock", "SELECT available FROM stock WHERE sku = $1"};
const Statement write_stock{"write_stock", "UPDATE stock SET available = $2 WHERE sku = $1"};
const Statement insert_hold{"insert_hold",
                            "INSERT INTO hold (sku, cart, qty, expires_at) "
                            "VALUES ($1, 'cart', 1, now() + interval '10 minutes')"};

// Five ways to the server and back. What was read is written less one, as programs do.
Attempt read_then_write(Connection& connection, const Statement& read, std::int32_t sku) {
    connection.run("BEGIN");
    const Result stock = connection.query(read, Parameters().integer(sku));
    const std::int64_t available = stock.row(0).bigint();
    if (available < 1) {
        connection.run("ROLLBACK");
        return Attempt::sold_out;
    }
    connection.query(write_stock,
                     Parameters().integer(sku).bigint(static_cast<std::uint64_t>(available - 1)));
    connection.query(insert_hold, Parameters().integer(sku));
    connection.run("COMMIT");
    return Attempt::held;
}

Attempt row_lock(Connection& connection, std::int32_t sku) {
    return read_then_write(connection, lock_stock, sku);
}

Attempt no_lock(Connection& connection, std::int32_t sku) {
    return read_then_write(connection, look_at_stock, sku);
}

const Statement look_at_version{"look_at_version",
                                "SELECT available, version FROM stock WHERE sku = $1"};
const Statement take_version{"take_version", R"(
WITH taken AS (
    UPDATE stock SET available = available - 1, version = version + 1
    WHERE sku = $1 AND version = $2 AND available >= 1 RETURNING sku)
INSERT INTO hold (sku, cart, qty, expires_at)
SELECT sku, 'cart', 1, now() + interval '10 minutes' FROM taken RETURNING id)"};

Attempt optimistic_version(Connection& connection, std::int32_t sku) {
    const Result stock = connection.query(look_at_version, Parameters().integer(sku));
    auto row = stock.row(0);
    if (row.bigint() < 1) {
        return Attempt::sold_out;
    }
    const std::uint64_t version = row.number();
    const Result held = connection.query(take_version, Parameters().integer(sku).bigint(version));
    return held.rows() == 1 ? Attempt::held : Attempt::lost;
}

const Statement take_unit{"take_unit", R"(
WITH taken AS (
    UPDATE stock SET available = available - 1 WHERE sku = $1 AND available >= 1 RETURNING sku)
INSERT INTO hold (sku, cart, qty, expires_at)
SELECT sku, 'cart', 1, now() + interval '10 minutes' FROM taken RETURNING id)"};

Attempt atomic_counter(Connection& connection, std::int32_t sku) {
    const Result held = connection.query(take_unit, Parameters().integer(sku));
    return held.rows() == 1 ? Attempt::held : Attempt::sold_out;
}

const Statement insert_if_fewer{"insert_if_fewer", R"(
INSERT INTO hold (sku, cart, qty, expires_at)
SELECT $1::integer, 'cart', 1, now() + interval '10 minutes'
WHERE (SELECT coalesce(sum(qty), 0) FROM hold WHERE sku = $1::integer)
    < (SELECT units FROM stock WHERE sku = $1::integer)
RETURNING id)"};

Attempt count_then_insert(Connection& connection, std::int32_t sku) {
    const Result held = connection.query(insert_if_fewer, Parameters().integer(sku));
    return held.rows() == 1 ? Attempt::held : Attempt::sold_out;
}

constexpr std::array strategies = {
    Strategy{.name = "row lock", .hold = row_lock},
    Strategy{.name = "optimistic version", .hold = optimistic_version},
    Strategy{.name = "atomic counter", .hold = atomic_counter},
    Strategy{.name = "count, then insert",
             .hold = count_then_insert,
             .serializable = true,
             .counts = true},
    Strategy{.name = "row lock without its lock", .hold = no_lock, .oversells = true},
    Strategy{.name = "count without SERIALIZABLE",
             .hold = count_then_insert,
             .counts = true,
             .oversells = true},
};

}  // namespace

std::span<const Strategy> usual_strategies() {
    return strategies;
}

}  // namespace holdfast::strategies
