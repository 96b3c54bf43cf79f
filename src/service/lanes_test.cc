// A node over a store that takes several appends at once: what is on its way in one lane keeps nobody waiting in
// another, and whatever becomes of it, everybody is told what is true.
#include <algorithm>
#include <array>
#include <future>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "service/engine.h"
#include "testing/faulty_store.h"
#include "testing/manual_clock.h"
#include "testing/memory_store.h"

namespace holdfast::service {
namespace {

using testing::Fault;
using testing::FaultyStore;

class LanesTest : public ::testing::Test {
protected:
    static constexpr PartitionId partitions = 4;

    void SetUp() override {
        for (std::uint16_t i = 0; i < 2; ++i) {
            auto store = std::make_unique<FaultyStore>(kept_, static_cast<std::uint16_t>(i + 1));
            faults_[i] = store.get();
            engines_[i] = std::make_unique<Engine>(std::move(store), clock_);
        }
        for (PartitionId i = 0; i < partitions; ++i) {
            skus_[i] = sku_in(i);
            ASSERT_TRUE(node().submit(DefineSku{.sku = skus_[i]}));
            ASSERT_TRUE(node().submit(ReceiveStock{.sku = skus_[i], .quantity = 10}));
        }
        slow_down(std::chrono::minutes(1));
        other().tick();
        node().tick();
    }
    // Lanes are for slow appends, and for many commands.
    void slow_down(std::chrono::milliseconds append) {
        kept_.hold_back();
        const auto slow = ask(node(), ReceiveStock{.sku = skus_[0], .quantity = 1});
        kept_.wait_until_held_back(1);
        clock_->advance(append);
        kept_.let_go();
        slow.wait();
        ASSERT_TRUE(
            node().submit(AdjustStock{.sku = skus_[0], .delta = -1, .reason = "as before"}));
    }
    static std::string sku_in(PartitionId partition) {
        std::string sku = "a";
        while (partition_of(routing_token(sku), partitions) != partition) {
            ++sku.back();
        }
        return sku;
    }
    Engine& node() { return *engines_[0]; }
    Engine& other() { return *engines_[1]; }
    [[nodiscard]] PlaceHold one_of(std::initializer_list<std::size_t> lanes) const {
        PlaceHold cart{.cart = "c"};
        cart.lines.reserve(lanes.size());
        for (const std::size_t lane : lanes) {
            cart.lines.push_back({.sku = skus_[lane], .quantity = 1});
        }
        return cart;
    }
    static std::future<Outcome<Answer>> ask(Engine& node, Command command, Request request = {}) {
        auto promise = std::make_shared<std::promise<Outcome<Answer>>>();
        node.submit_any(
            {std::move(command), std::move(request)},
            [promise](Outcome<Answer> outcome) { promise->set_value(std::move(outcome)); });
        return promise->get_future();
    }
    std::future<Quantity> available(std::size_t lane) {
        auto promise = std::make_shared<std::promise<Quantity>>();
        node().read_availability(
            {.skus = {skus_[lane]}}, [promise](Outcome<AvailabilityAnswer> outcome) {
                promise->set_value(outcome.result.value().skus.at(0).total.available);
            });
        return promise->get_future();
    }
    Quantity held(Engine& node, std::size_t lane) {
        std::promise<Quantity> promise;
        node.read_stock(skus_[lane], [&](Outcome<StockAnswer> outcome) {
            promise.set_value(outcome.result.value().total.held);
        });
        return promise.get_future().get();
    }
    template <class T>
    static bool ready(const std::future<T>& future) {
        return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    }
    void expect_clean() {
        for (const auto& engine : engines_) {
            engine->tick();
            const AuditReport report = engine->audit();
            EXPECT_TRUE(report.clean()) << report.differences.front().what;
        }
    }

    testing::MemoryStore kept_{partitions};
    std::shared_ptr<testing::ManualClock> clock_ =
        std::make_shared<testing::ManualClock>(Instant(std::chrono::days(100)));
    std::array<std::string, partitions> skus_;
    std::array<FaultyStore*, 2> faults_{};
    std::array<std::unique_ptr<Engine>, 2> engines_;
};

TEST_F(LanesTest, RoundsOfDifferentPartitionsAreOnTheirWayAtOnce) {
    kept_.hold_back();
    const auto first = ask(node(), one_of({0}));
    kept_.wait_until_held_back(1);
    auto same = ask(node(), one_of({0}));
    const auto second = ask(node(), one_of({1}));
    const auto third = ask(node(), one_of({2}));
    kept_.wait_until_held_back(3);
    kept_.let_one_go();
    first.wait();
    EXPECT_FALSE(ready(second));
    kept_.wait_until_held_back(3);  // now that of the same partition too
    EXPECT_FALSE(ready(same));
    kept_.let_go();
    EXPECT_TRUE(same.get().result);
    third.wait();
    EXPECT_EQ(held(node(), 0), 2);
    expect_clean();
}

TEST_F(LanesTest, ACartOverSeveralWaitsForThemAndIsHeldWhole) {
    kept_.hold_back();
    auto first = ask(node(), one_of({0}));
    kept_.wait_until_held_back(1);
    auto cart = ask(node(), one_of({0, 1, 2}));
    auto later = ask(node(), one_of({3}));
    kept_.let_one_go();
    EXPECT_TRUE(first.get().result);
    kept_.wait_until_held_back(1);
    EXPECT_FALSE(ready(cart));
    kept_.let_go();
    EXPECT_TRUE(cart.get().result);
    EXPECT_TRUE(later.get().result);
    EXPECT_EQ(held(other(), 1), 1);
    expect_clean();
}

// Its lines are seen only when it is looked at: it is of more lanes than its id says.
TEST_F(LanesTest, AHoldOverSeveralIsReleasedWithoutAConflict) {
    for (int round = 0; round < 50; ++round) {
        const auto cart = node().submit(one_of({0, 1, 2}));
        ASSERT_TRUE(cart);
        for (int i = 0; i < 8; ++i) {  // until lanes are used again
            ASSERT_TRUE(node().submit(ReceiveStock{.sku = skus_[3], .quantity = 1}));
        }
        kept_.hold_back();
        std::vector<std::future<Outcome<Answer>>> answers;
        answers.push_back(ask(node(), ReceiveStock{.sku = skus_[0], .quantity = 1}));
        kept_.wait_until_held_back(1);
        answers.push_back(ask(node(), ReleaseHold{.id = cart->hold.id}));
        answers.push_back(ask(node(), ReceiveStock{.sku = skus_[1], .quantity = 1}));
        auto refused = ask(node(), ExtendHold{.id = cart->hold.id});
        kept_.let_one_go();
        answers.front().wait();
        kept_.wait_until_held_back(1);
        kept_.let_go();
        for (auto& answer : answers) {
            EXPECT_TRUE(answer.get().result);
        }
        EXPECT_FALSE(refused.get().result);
    }
    EXPECT_EQ(node().statistics().conflicts, 0U);
    EXPECT_EQ(held(other(), 1), 0);
    expect_clean();
}

TEST_F(LanesTest, WhatIsDurableOutlivesTheConflictOfAnotherLane) {
    const Request request{.idempotency_key = "k", .fingerprint = 1};
    kept_.hold_back();
    auto rival = ask(other(), one_of({0}));
    kept_.wait_until_held_back(1);
    auto kept = ask(node(), one_of({1}), request);
    kept_.wait_until_held_back(2);
    auto again = ask(node(), one_of({0}));
    kept_.wait_until_held_back(3);
    kept_.let_one_go();
    kept_.let_one_go();
    EXPECT_TRUE(rival.get().result);
    const auto held_there = kept.get();
    ASSERT_TRUE(held_there.result);
    kept_.let_go();  // a conflict: the other node was faster
    EXPECT_TRUE(again.get().result);
    EXPECT_EQ(node().statistics().conflicts, 1U);
    EXPECT_EQ(held(node(), 0), 2);
    EXPECT_EQ(held(node(), 1), 1);
    const auto replay = ask(node(), one_of({1}), request).get();
    ASSERT_TRUE(replay.result);
    EXPECT_TRUE(replay.replayed);
    EXPECT_EQ(held(node(), 1), 1);
    expect_clean();
}

TEST_F(LanesTest, AnUnknownOutcomeIsThatOfItsLaneOnly) {
    kept_.hold_back();
    faults_[0]->plan(1, Fault::unknown_not_written);
    auto kept = ask(node(), one_of({0}));
    kept_.wait_until_held_back(1);
    auto unknown = ask(node(), one_of({1}));
    auto waits = ask(node(), one_of({2}));
    kept_.let_go();
    EXPECT_TRUE(kept.get().result);
    const auto outcome = unknown.get();
    ASSERT_FALSE(outcome.result);
    EXPECT_EQ(outcome.result.error().code, RefusalCode::outcome_unknown);
    EXPECT_TRUE(waits.get().result);
    EXPECT_EQ(held(node(), 0), 1);
    EXPECT_EQ(held(node(), 1), 0);
    EXPECT_EQ(held(node(), 2), 1);
    expect_clean();
}

TEST_F(LanesTest, AReadIsAnsweredWhenAllThatItSawIsDurable) {
    kept_.hold_back();
    const auto first = ask(node(), one_of({0}));
    kept_.wait_until_held_back(1);
    auto seen = available(0);
    const auto second = ask(node(), one_of({1}));
    kept_.wait_until_held_back(2);
    EXPECT_FALSE(ready(seen));
    kept_.let_one_go();
    EXPECT_EQ(seen.get(), 9);
    first.wait();
    EXPECT_FALSE(ready(second));
    kept_.let_go();
    second.wait();
}

TEST_F(LanesTest, ABatchOverSeveralLanesIsAnsweredInItsOrder) {
    std::vector<Submission> batch;
    batch.reserve(7);
    for (const std::size_t lane : {3, 0, 2, 0, 1}) {
        batch.push_back({.command = one_of({lane})});
    }
    batch.push_back({.command = one_of({0, 1})});
    batch.push_back({.command = PlaceHold{.cart = "c", .lines = {{skus_[0], 8, ""}}}});
    std::promise<std::vector<Outcome<Answer>>> promise;
    node().submit_many(std::move(batch), [&](std::vector<Outcome<Answer>> outcomes) {
        promise.set_value(std::move(outcomes));
    });
    const auto outcomes = promise.get_future().get();
    ASSERT_EQ(outcomes.size(), 7U);
    for (std::size_t i = 0; i < 5; ++i) {
        ASSERT_TRUE(outcomes[i].result);
        constexpr std::array order{3, 0, 2, 0, 1};
        EXPECT_EQ(std::get<HoldAnswer>(*outcomes[i].result).hold.lines.front().sku,
                  skus_[order[i]]);
    }
    EXPECT_TRUE(outcomes[5].result);
    ASSERT_FALSE(outcomes[6].result);
    EXPECT_EQ(outcomes[6].result.error().code, RefusalCode::insufficient_stock);
    expect_clean();
}

TEST_F(LanesTest, FewCommandsAreOneAppendWhereAppendsAreFast) {
    slow_down(std::chrono::milliseconds(10));
    for (int i = 0; i < 300; ++i) {
        ASSERT_TRUE(node().submit(ReceiveStock{.sku = skus_[0], .quantity = 1}));
    }
    kept_.hold_back();
    std::vector<std::future<Outcome<Answer>>> answers;
    answers.push_back(ask(node(), one_of({0})));
    kept_.wait_until_held_back(1);
    const std::uint64_t rounds = node().statistics().rounds;
    for (const std::size_t lane : {1, 2, 3}) {
        answers.push_back(ask(node(), one_of({lane})));
    }
    while (node().statistics().queue_length > 0) {
        std::this_thread::yield();
    }
    kept_.let_go();
    for (auto& answer : answers) {
        EXPECT_TRUE(answer.get().result);
    }
    EXPECT_EQ(node().statistics().rounds, rounds + 2);
}

// What time brings about needs all partitions; it comes as soon as nothing is on its way.
TEST_F(LanesTest, WhatLapsesIsEndedInWhateverLane) {
    for (const std::size_t lane : {0, 1, 2, 3}) {
        ASSERT_TRUE(node().submit(one_of({lane})));
    }
    clock_->advance(std::chrono::minutes(10));
    node().tick();
    for (const std::size_t lane : {0, 1, 2, 3}) {
        EXPECT_EQ(held(node(), lane), 0);
    }
    expect_clean();
}

// Two nodes, carts of one and of several lines, releases and confirmations, with appends that take a while.
TEST_F(LanesTest, NothingIsLostOrSoldTwiceHoweverLanesAndNodesMix) {
    for (const std::string& sku : skus_) {
        ASSERT_TRUE(node().submit(ReceiveStock{.sku = sku, .quantity = 990}));
    }
    kept_.hold_back();
    std::atomic<bool> done = false;
    std::thread disk([&] {
        while (!done || kept_.held_back() > 0) {
            if (kept_.held_back() > 0) {
                kept_.let_one_go();
            }
            std::this_thread::yield();
        }
    });
    std::array<std::atomic<Quantity>, partitions> still_held{};
    std::vector<std::thread> clients;
    clients.reserve(8);
    for (unsigned seed = 0; seed < 8; ++seed) {
        clients.emplace_back([&, seed] {
            std::mt19937 random(seed);
            Engine& mine = seed % 2 == 0 ? node() : other();
            for (int i = 0; i < 60; ++i) {
                const std::size_t lane = random() % partitions;
                const bool wide = random() % 8 == 0;
                const auto hold =
                    mine.submit(wide ? one_of({lane, (lane + 1) % partitions}) : one_of({lane}));
                ASSERT_TRUE(hold) << hold.error().detail;
                if (random() % 2 == 0) {
                    ASSERT_TRUE(mine.submit(ReleaseHold{.id = hold->hold.id}));
                    continue;
                }
                ++still_held[lane];
                still_held[(lane + 1) % partitions] += wide ? 1 : 0;
            }
        });
    }
    for (std::thread& client : clients) {
        client.join();
    }
    done = true;
    disk.join();
    kept_.let_go();
    for (std::size_t lane = 0; lane < partitions; ++lane) {
        EXPECT_EQ(held(node(), lane), still_held[lane]);
        EXPECT_EQ(held(other(), lane), still_held[lane]);
    }
    expect_clean();
}

}  // namespace
}  // namespace holdfast::service
