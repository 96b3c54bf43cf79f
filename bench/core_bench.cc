// What one command costs without a disk, a thread or a queue: the rules (decide and evolve) and the
// stored format (encode). The floor under every other figure.
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <holdfast/assert.h>
#include "core/decide.h"
#include "core/evolve.h"
#include "core/undo.h"
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

    HoldId fresh_id(const holdfast::Command& command) {
        const auto milliseconds = static_cast<std::uint64_t>(now_.time_since_epoch().count());
        const auto sku = *holdfast::core::sku_of_fresh_id(command);
        return {.high = (milliseconds << 16U) + ++ids_,
                .low = (random_() << 16U) | holdfast::routing_token(sku)};
    }

    Decision decide(const holdfast::Command& command, HoldId id = {},
                    const holdfast::Hold* past = nullptr) {
        Decision decision =
            holdfast::core::decide(state_, command, {.now = now_, .fresh_id = id, .past = past});
        HF_ASSERT(!decision.refusal);
        return decision;
    }

    // Gives what came free to those who wait. `past` is the hold that waits, when it is sold.
    void serve(const holdfast::Hold* past = nullptr) {
        while (const auto next = holdfast::core::next_to_serve(state_)) {
            const bool offer = std::holds_alternative<holdfast::OfferUnits>(*next);
            run(*next, offer ? fresh_id(*next) : HoldId{}, past);
        }
    }

    [[nodiscard]] const State& state() const { return state_; }

    Decision run(const holdfast::Command& command, HoldId id = {},
                 const holdfast::Hold* past = nullptr) {
        Decision decision = decide(command, id, past);
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
    constexpr std::size_t many = 1'000'000;
    pending.reserve(many);
    for (std::size_t i = 0; i < many; ++i) {
        pending.push_back(place_one());
    }
    std::size_t oldest = 0;
    for (auto _ : bench) {
        shop.run(holdfast::ReleaseHold{.id = pending[oldest], .fence = {}});
        pending[oldest] = place_one();
        oldest = (oldest + 1) % pending.size();
    }
}

// In a fair line of this length: one unit comes in and is offered to the first, one shopper joins at the end
// and is told his place.
void offer_and_join(benchmark::State& bench) {
    Shop shop(1);
    shop.run(
        holdfast::DefineSku{.sku = "lined-up", .policy = {.waitlist = holdfast::Waitlist::fair}});
    std::uint64_t shoppers = 0;
    const auto join = [&] {
        const holdfast::JoinWaitlist command{.sku = "lined-up",
                                             .customer = fmt::format("shopper-{}", ++shoppers),
                                             .quantity = 1,
                                             .location = {},
                                             .cart = {}};
        const auto id = shop.fresh_id(command);
        shop.run(command, id);
        shop.serve();
        return holdfast::EntryId{.high = id.high, .low = id.low};
    };
    for (std::int64_t i = 0; i < bench.range(0); ++i) {
        join();
    }
    for (auto _ : bench) {
        shop.run(holdfast::ReceiveStock{
            .sku = "lined-up", .location = "main", .quantity = 1, .reference = {}});
        shop.serve();
        benchmark::DoNotOptimize(shop.state().find_sku("lined-up")->queues->place(join()));
    }
}

// With so many orders waiting: one unit comes in and goes to the oldest, one order joins at the end.
void allocate_and_order(benchmark::State& bench) {
    Shop shop(1);
    shop.run(
        holdfast::DefineSku{.sku = "to-come", .policy = {.selling = holdfast::Selling::backorder}});
    std::deque<holdfast::Hold> orders;
    const auto order = [&] {
        PlaceHold command = shop.cart(1);
        command.lines.front().sku = "to-come";
        command.confirm = true;
        auto placed = shop.run(command, shop.fresh_id(command));
        orders.push_back(std::move(std::get<holdfast::HoldPlaced>(placed.events.front()).hold));
        shop.serve();
    };
    for (std::int64_t i = 0; i < bench.range(0); ++i) {
        order();
    }
    for (auto _ : bench) {
        shop.run(holdfast::ReceiveStock{
            .sku = "to-come", .location = "main", .quantity = 1, .reference = {}});
        shop.serve(&orders.front());
        orders.pop_front();
        order();
    }
}

// What being able to take back a round of so many carts costs, the finding of their SKUs included, which evolve() would
// do otherwise.
void remember(benchmark::State& bench) {
    Shop shop(100'000);
    std::vector<holdfast::Event> events;
    for (std::int64_t i = 0; i < 100 * bench.range(0); ++i) {
        const auto command = shop.cart(static_cast<std::size_t>(bench.range(1)));
        events.push_back(shop.decide(command, shop.fresh_id(command)).events.front());
    }
    std::size_t next = 0;
    for (auto _ : bench) {
        holdfast::core::Undo undo(shop.state());
        for (std::int64_t i = 0; i < bench.range(0); ++i) {
            undo.before(shop.state(), events[next++ % events.size()]);
        }
        benchmark::DoNotOptimize(undo);
    }
    bench.SetItemsProcessed(bench.iterations() * bench.range(0));
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
BENCHMARK(offer_and_join)->ArgName("waiting")->Arg(100)->Arg(100'000);
BENCHMARK(allocate_and_order)->ArgName("waiting")->Arg(100)->Arg(1'000'000);
BENCHMARK(remember)->ArgNames({"carts", "lines"})->Args({1, 1})->Args({64, 1})->Args({64, 20});
BENCHMARK(encode_event)->ArgName("lines")->Arg(1)->Arg(20);
BENCHMARK(encode_hold)->ArgName("lines")->Arg(1)->Arg(20);
BENCHMARK(decode_hold)->ArgName("lines")->Arg(1)->Arg(20);
BENCHMARK_MAIN();
