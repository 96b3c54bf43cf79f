// What the clients of a measurement want next: any SKU until they are told to stop, or one SKU after
// another until the last is sold out. Any thread. Cannot fail.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

namespace holdfast::strategies {

class Demand {
public:
    enum class Order : std::uint8_t { any, one_after_another };

    Demand(Order order, std::uint32_t skus) : order_(order), skus_(skus) {}

    // The number of an SKU, from 0; nothing when it is over.
    std::optional<std::uint32_t> next();
    void sold_out(std::uint32_t sku);
    void stop() { over_ = true; }
    [[nodiscard]] bool over() const { return over_; }

private:
    Order order_;
    std::uint32_t skus_;
    std::atomic<std::uint64_t> asked_ = 0;
    std::atomic<std::uint32_t> current_ = 0;  // that everybody wants, when one after another
    std::atomic<bool> over_ = false;
};

}  // namespace holdfast::strategies
