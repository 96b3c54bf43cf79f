// One way to hold units, with a stock of its own, as a comparison drives it. Called from one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "strategies/demand.h"

namespace holdfast::strategies {

// So many units of each of so many SKUs.
struct Stock {
    std::uint32_t skus = 1;
    std::int64_t units_each = 1;
};

class Seller {
public:
    Seller() = default;
    Seller(const Seller&) = delete;
    Seller& operator=(const Seller&) = delete;
    virtual ~Seller() = default;

    // All its clients ask at once, each for one unit, and for the next as soon as it was granted, until the
    // demand is over. Returns how long each hold took that was granted, in microseconds, with all attempts
    // that it needed. Throws StoreError.
    virtual std::vector<std::uint32_t> sell(Demand& demand) = 0;
    // Units that are held beyond the stock, by the rows of its tables.
    virtual std::int64_t oversold() = 0;
};

}  // namespace holdfast::strategies
