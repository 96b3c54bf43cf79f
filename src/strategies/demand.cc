#include "strategies/demand.h"

namespace holdfast::strategies {

namespace {

// SplitMix64: a number's place in a shuffled order, so that threads share no generator.
std::uint64_t shuffled(std::uint64_t number) {
    number += 0x9e3779b97f4a7c15;
    number = (number ^ (number >> 30U)) * 0xbf58476d1ce4e5b9;
    number = (number ^ (number >> 27U)) * 0x94d049bb133111eb;
    return number ^ (number >> 31U);
}

}  // namespace

std::optional<std::uint32_t> Demand::next() {
    if (over_) {
        return std::nullopt;
    }
    if (order_ == Order::one_after_another) {
        return current_;
    }
    return static_cast<std::uint32_t>(shuffled(asked_++) % skus_);
}

void Demand::sold_out(std::uint32_t sku) {
    if (sku + 1 < skus_ && order_ == Order::one_after_another) {
        // Others may have moved on already.
        current_.compare_exchange_strong(sku, sku + 1);
    } else {
        stop();
    }
}

}  // namespace holdfast::strategies
