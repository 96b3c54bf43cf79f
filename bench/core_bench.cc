// What one command costs without a disk, a thread or a queue: the rules (decide and evolve) and the
// stored format (encode). The floor under every other figure.
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <holdfast/assert.h>
#include "core/decide.h"
#include "core/evolve.h"
#include "store/codec.h"

namespace {

using holdfast::HoldId;
using holdfast::Instant;
using holdfast::PlaceHold;
using holdfast::core::Decision;
using holdfast::core::State;

// A shop at a standing instant: nothing lapses meanwhile.
class Shop {
public:
    explicit Shop(std::uint32_t skus) : sku_(0, skus - 1), skus_(skus) {
        for (std::uint32_t sku = 0; sku < skus; ++sku) {
            const auto name = fmt::format("sku-{}", sku);
            run(holdfast::DefineSku{.sku = name, .policy = {}});
            run(holdfast::ReceiveStock{
                .sku = name, .location = "main", .quantity = 1'000'000'000, .reference = {}});
        }
    }

    PlaceHold cart(std::size_t lines) {
        PlaceHold command;
        command.cart = fmt::format("cart-{}", ++carts_);
        auto sku = sku_(random_);
        for (std::size_t i = 0; i < lines; ++i) {
            command.lines.push_back(
                {.sku = fmt::format("sku-{}", sku), .quantity = 1, .location = {}});
            sku = (sku + 7'919) % skus_;
        }
        return command;
    }

    HoldId fresh_id(const PlaceHold& command) {
        const auto milliseconds = static_cast<std::uint64_t>(now_.time_since_epoch().count());
        return {.high = (milliseconds << 16U) + ++ids_,
                .low = (random_() << 16U) | holdfast::routing_token(command.lines.front().sku)};
    }

    Decision decide(const holdfast::Command& command, HoldId id = {}) {
        Decision decision =
            holdfast::core::decide(state_, command, {.now = now_, .fresh_id = id, .past = nullptr});
        HF_ASSERT(!decision.refusal);
        return decision;
    }

    Decision run(const holdfast::Command& command, HoldId id = {}) {
        Decision decision = decide(command, id);
        for (const auto& event : decision.events) {
            holdfast::core::evolve(state_, event, now_);
        }
        return decision;
    }

private:
    State state_;
    std::mt19937_64 random_{20'101'201};
    std::uniform_int_distribution<std::uint32_t> sku_;
    std::uint32_t skus_;
    std::uint64_t carts_ = 0;
    std::uint64_t ids_ = 0;
    Instant now_ = std::chrono::sys_days{std::chrono::January / 1 / 2026};
};

void make_cart(benchmark::State& bench) {
    Shop shop(100'000);
    for (auto _ : bench) {
        benchmark::DoNotOptimize(shop.cart(static_cast<std::size_t>(bench.range(0))));
    }
}

// Includes making the cart, which make_cart measures alone.
void place(benchmark::State& bench) {
    Shop shop(static_cast<std::uint32_t>(bench.range(0)));
    for (auto _ : bench) {
        const auto command = shop.cart(static_cast<std::size_t>(bench.range(1)));
        benchmark::DoNotOptimize(shop.run(command, shop.fresh_id(command)));
    }
}

// With a million holds pending: what it costs when they no longer fit into the caches.
void place_and_release(benchmark::State& bench) {
    Shop shop(100'000);
    std::vector<HoldId> pending;
    const auto place_one = [&] {
        const auto command = shop.cart(1);
        const auto id = shop.fresh_id(command);
        shop.run(command, id);
        return id;
    };
    for (int i = 0; i < 1'000'000; ++i) {
        pending.push_back(place_one());
    }
    std::size_t oldest = 0;
    for (auto _ : bench) {
        shop.run(holdfast::ReleaseHold{.id = pending[oldest], .fence = {}});
        pending[oldest] = place_one();
        oldest = (oldest + 1) % pending.size();
    }
}

void encode_event(benchmark::State& bench) {
    Shop shop(100'000);
    const auto command = shop.cart(static_cast<std::size_t>(bench.range(0)));
    const auto decision = shop.decide(command, shop.fresh_id(command));
    std::string out;
    for (auto _ : bench) {
        out.clear();
        holdfast::store::encode(out, 0, decision.events.front());
        benchmark::DoNotOptimize(out);
    }
    bench.counters["bytes"] = static_cast<double>(out.size());
}

void encode_hold(benchmark::State& bench) {
    Shop shop(100'000);
    const auto command = shop.cart(static_cast<std::size_t>(bench.range(0)));
    const auto decision = shop.decide(command, shop.fresh_id(command));
    const auto& hold = std::get<holdfast::HoldPlaced>(decision.events.front()).hold;
    std::string out;
    for (auto _ : bench) {
        out.clear();
        holdfast::store::encode(out, hold);
        benchmark::DoNotOptimize(out);
    }
    bench.counters["bytes"] = static_cast<double>(out.size());
}

void decode_hold(benchmark::State& bench) {
    Shop shop(100'000);
    const auto command = shop.cart(static_cast<std::size_t>(bench.range(0)));
    const auto decision = shop.decide(command, shop.fresh_id(command));
    std::string bytes;
    holdfast::store::encode(bytes, std::get<holdfast::HoldPlaced>(decision.events.front()).hold);
    for (auto _ : bench) {
        benchmark::DoNotOptimize(holdfast::store::decode_hold(bytes));
    }
}

}  // namespace

BENCHMARK(make_cart)->Arg(1)->Arg(20);
BENCHMARK(place)
    ->ArgNames({"skus", "lines"})
    ->Args({1, 1})
    ->Args({100'000, 1})
    ->Args({100'000, 20});
BENCHMARK(place_and_release);
BENCHMARK(encode_event)->ArgName("lines")->Arg(1)->Arg(20);
BENCHMARK(encode_hold)->ArgName("lines")->Arg(1)->Arg(20);
BENCHMARK(decode_hold)->ArgName("lines")->Arg(1)->Arg(20);
BENCHMARK_MAIN();
