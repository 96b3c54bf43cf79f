// How shops hold stock in PostgreSQL without Holdfast: the usual strategies, and two of them with the mistake
// that is usually made. bench/peers/postgres has the same ones for pgbench.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "strategies/scratch_schema.h"
#include "strategies/seller.h"

namespace holdfast::strategies {

enum class Attempt : std::uint8_t { held, sold_out, lost };

struct Strategy {
    std::string_view name;
    // One unit, in a transaction. What others make it lose by an error is thrown.
    Attempt (*hold)(store::postgres::Connection& connection, std::int32_t sku);
    bool serializable = false;
    bool counts = false;  // the holds of an SKU, each time
    // Whether it oversells, by design of its mistake.
    bool oversells = false;
};

std::span<const Strategy> usual_strategies();

// With tables in the schema and as many connections as clients, all of them open.
// Throws StoreError.
std::unique_ptr<Seller> make_seller(const Strategy& strategy, ScratchSchema& schema,
                                    const Stock& stock, unsigned clients);

}  // namespace holdfast::strategies
