// Several engines over one store, each as a node of its own: what one decides on what another has changed
// meanwhile is decided again, what a shopper was told stays true, and nobody waits for anybody.
#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <thread>

#include <gtest/gtest.h>

#include <holdfast/limits.h>
#include "service/engine.h"
#include "testing/faulty_store.h"
#include "testing/manual_clock.h"
#include "testing/memory_store.h"

namespace holdfast::service {
namespace {

using testing::Fault;
using testing::FaultyStore;

class NodesTest : public ::testing::Test {
protected:
    static constexpr Instant opening{std::chrono::days(100)};

    void SetUp() override {
        for (std::uint16_t i = 0; i < 3; ++i) {
            open(i);
        }
        ASSERT_TRUE(node(0).submit(DefineSku{.sku = "mug"}));
        ASSERT_TRUE(node(0).submit(ReceiveStock{.sku = "mug", .quantity = 10}));
        follow();
    }
    void open(std::uint16_t i) {
        engines_[i].reset();
        auto store = std::make_unique<FaultyStore>(kept_, static_cast<std::uint16_t>(i + 1));
        faults_[i] = store.get();
        engines_[i] = std::make_unique<Engine>(std::move(store), clock_);
    }
    Engine& node(std::size_t i) { return *engines_[i]; }
    void follow() {
        for (const auto& engine : engines_) {
            engine->tick();
        }
    }
    static PlaceHold mugs(Quantity quantity = 1) {
        return {.cart = "c", .lines = {{"mug", quantity, ""}}};
    }
    static std::future<Outcome<Answer>> ask(Engine& node, Command command, Request request = {}) {
        auto promise = std::make_shared<std::promise<Outcome<Answer>>>();
        node.submit_any(
            {std::move(command), std::move(request)},
            [promise](Outcome<Answer> outcome) { promise->set_value(std::move(outcome)); });
        return promise->get_future();
    }
    static Counters stock(Engine& node) {
        std::promise<Counters> promise;
        node.read_stock("mug", [&](Outcome<StockAnswer> outcome) {
            promise.set_value(outcome.result.value().total);
        });
        return promise.get_future().get();
    }
    static Quantity available(Engine& node, bool strong) {
        std::promise<Quantity> promise;
        node.read_availability(
            {.skus = {"mug"}, .strong = strong}, [&](Outcome<AvailabilityAnswer> outcome) {
                promise.set_value(outcome.result.value().skus.at(0).total.available);
            });
        return promise.get_future().get();
    }
    // As a reader who goes from page to page.
    static std::vector<HoldId> found_by_page(Engine& node, HoldFilter filter) {
        std::vector<HoldId> ids;
        do {
            std::promise<Page<Hold>> promise;
            node.find_holds(filter, [&](Outcome<Page<Hold>> outcome) {
                promise.set_value(outcome.result.value());
            });
            const Page<Hold> page = promise.get_future().get();
            EXPECT_LE(page.items.size(), filter.limit);
            for (const Hold& hold : page.items) {
                ids.push_back(hold.id);
            }
            filter.after = page.next;
        } while (!filter.after.empty());
        return ids;
    }
    void expect_clean() {
        for (const auto& engine : engines_) {
            const AuditReport report = engine->audit();
            EXPECT_TRUE(report.clean()) << report.differences.front().what;
        }
    }

    testing::MemoryStore kept_{4};
    std::shared_ptr<testing::ManualClock> clock_ = std::make_shared<testing::ManualClock>(opening);
    FaultyStore* faults_[3] = {};
    std::unique_ptr<Engine> engines_[3];
};

TEST_F(NodesTest, WhatOneNodeHoldsTheOthersDoNotSell) {
    ASSERT_TRUE(node(0).submit(mugs(10)));
    for (const std::size_t i : {1, 2}) {
        const auto refused = node(i).submit(mugs());
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, RefusalCode::insufficient_stock);
    }
    expect_clean();
}

// Sold out, as far as this node knows; but another one has just released the units.
TEST_F(NodesTest, ARefusalIsTrueWhenItIsGiven) {
    const auto hold = node(0).submit(mugs(10));
    ASSERT_TRUE(hold);
    follow();
    ASSERT_FALSE(node(1).submit(mugs()));
    ASSERT_TRUE(node(0).submit(ReleaseHold{.id = hold->hold.id}));
    EXPECT_TRUE(node(1).submit(mugs(10)));
    expect_clean();
}

// Most refusals leave no event, whose append would find out that there is more than this node knows.
TEST_F(NodesTest, ARefusalThatIsNotRecordedIsTrueWhenItIsGiven) {
    const auto hold = node(0).submit(mugs(10));
    ASSERT_TRUE(hold);
    follow();
    for (std::uint32_t i = 0; i < limits::refusals_per_second_max; ++i) {
        ASSERT_FALSE(node(1).submit(mugs()));
    }
    const std::size_t appends = faults_[1]->appends();
    ASSERT_FALSE(node(1).submit(mugs()));
    EXPECT_EQ(faults_[1]->appends(), appends);
    ASSERT_TRUE(node(0).submit(ReleaseHold{.id = hold->hold.id}));
    EXPECT_TRUE(node(1).submit(mugs(10)));
    // Nor is a SKU unknown that another node has just been told of.
    ASSERT_TRUE(node(0).submit(DefineSku{.sku = "jar"}));
    EXPECT_TRUE(node(1).submit(ReceiveStock{.sku = "jar", .quantity = 1}));
    expect_clean();
}

TEST_F(NodesTest, AConflictIsDecidedAgainAndNobodyHearsOfIt) {
    const auto hold = node(0).submit(mugs(4));
    ASSERT_TRUE(hold);
    const auto other = node(1).submit(mugs(4));
    ASSERT_TRUE(other);
    EXPECT_EQ(node(1).statistics().conflicts, 1U);
    EXPECT_GT(other->version, hold->version);
    EXPECT_EQ(stock(node(2)).held, 8);
    expect_clean();
}

TEST_F(NodesTest, AnyNodeConfirmsFulfilsAndTakesBackWhatAnotherPlaced) {
    const auto hold = node(0).submit(mugs(3));
    ASSERT_TRUE(hold);
    const HoldId id = hold->hold.id;
    ASSERT_TRUE(node(1).submit(ConfirmHold{.id = id}));
    ASSERT_TRUE(node(2).submit(FulfilHold{.id = id, .lines = {{"mug", 2, ""}}}));
    ASSERT_TRUE(node(0).submit(CancelHold{.id = id}));
    const auto back = node(1).submit(ReturnUnits{.id = id});
    ASSERT_TRUE(back);
    EXPECT_EQ(back->hold.status, HoldStatus::returned);
    EXPECT_EQ(stock(node(2)).on_hand, 10);
    EXPECT_EQ(stock(node(2)).returned, 2);
    expect_clean();
}

TEST_F(NodesTest, ARepeatedKeyGetsTheFirstAnswerFromAnyNode) {
    const Request request{.idempotency_key = "k", .fingerprint = 1};
    const auto first = node(0).submit(mugs(), request);
    ASSERT_TRUE(first);
    follow();
    const std::size_t appends = faults_[1]->appends();
    const auto again = ask(node(1), mugs(), request).get();
    ASSERT_TRUE(again.result);
    EXPECT_TRUE(again.replayed);
    EXPECT_EQ(std::get<HoldAnswer>(*again.result).hold.id, first->hold.id);
    EXPECT_EQ(faults_[1]->appends(), appends + 1)
        << "as durable as the first: it waited for a write";
    EXPECT_EQ(
        ask(node(2), mugs(), {.idempotency_key = "k", .fingerprint = 2}).get().result.error().code,
        RefusalCode::idempotency_key_reused);
    EXPECT_EQ(stock(node(2)).held, 1);
}

// A confirm of what is confirmed changes nothing, and yet tells that it is.
TEST_F(NodesTest, WhatChangesNothingIsAsDurableAsWhatItTells) {
    const auto hold = node(0).submit(mugs());
    ASSERT_TRUE(node(0).submit(ConfirmHold{.id = hold->hold.id}));
    follow();
    const std::size_t appends = faults_[1]->appends();
    ASSERT_TRUE(node(1).submit(ConfirmHold{.id = hold->hold.id}));
    EXPECT_EQ(faults_[1]->appends(), appends + 1);
}

TEST_F(NodesTest, AnAppendThatWasLostIsRefusedAndTheNextOneIsTaken) {
    faults_[0]->plan(0, Fault::failed);
    const auto lost = node(0).submit(mugs());
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code, RefusalCode::store_failed);
    EXPECT_EQ(stock(node(0)).held, 0);
    EXPECT_TRUE(node(0).submit(mugs(10)));
    expect_clean();
}

TEST_F(NodesTest, AnUnknownOutcomeIsAnsweredAsUnknownAndFollowed) {
    faults_[0]->plan(0, Fault::unknown_written);
    faults_[0]->plan(1, Fault::unknown_not_written);
    const Request request{.idempotency_key = "k", .fingerprint = 1};
    for (const int held : {4, 4}) {
        const auto unknown = ask(node(0), mugs(4), held == 4 ? request : Request{}).get();
        if (!unknown.result) {
            EXPECT_EQ(unknown.result.error().code, RefusalCode::outcome_unknown);
        } else {
            EXPECT_TRUE(unknown.replayed);
        }
        EXPECT_EQ(stock(node(0)).held, held);
    }
    expect_clean();
}

// Without a key nobody could tell that it is asked for twice.
TEST_F(NodesTest, WhatMayBeThereIsNotDecidedAgain) {
    for (const Fault fault : {Fault::unknown_written, Fault::unknown_not_written}) {
        faults_[0]->plan(0, fault);
        const auto unknown = node(0).submit(mugs(4));
        ASSERT_FALSE(unknown);
        EXPECT_EQ(unknown.error().code, RefusalCode::outcome_unknown);
        EXPECT_EQ(stock(node(0)).held, 4);
    }
    expect_clean();
}

TEST_F(NodesTest, WhileTheStoreCannotBeReadCommandsAreRefusedAndAfterwardsTaken) {
    ASSERT_TRUE(node(0).submit(mugs(4)));
    faults_[1]->fail_reads(true);
    // Decided on what this node knows; the append says that it knows too little.
    const auto refused = node(1).submit(mugs(4));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, RefusalCode::store_failed);
    EXPECT_NE(node(1).statistics().failure, "");
    EXPECT_TRUE(node(1).statistics().serving);
    faults_[1]->fail_reads(false);
    EXPECT_TRUE(node(1).submit(mugs(4)));
    EXPECT_EQ(node(1).statistics().failure, "");
    expect_clean();
}

// A node that cannot read to the end what others did has not missed the first part of it when it can.
TEST_F(NodesTest, AKeyIsKnownThoughFollowingBrokeOff) {
    const Request request{.idempotency_key = "k", .fingerprint = 1};
    ASSERT_TRUE(node(0).submit(mugs(), request));
    for (const int reads : {1, 2, 3}) {
        std::function<void()> fail = [this] { faults_[1]->fail_reads(true); };
        for (int i = 1; i < reads; ++i) {
            fail = [this, fail] { faults_[1]->during_next_read(fail); };
        }
        faults_[1]->during_next_read(fail);
        ask(node(1), ReceiveStock{.sku = "mug", .quantity = 1}).wait();
        faults_[1]->during_next_read({});
        faults_[1]->fail_reads(false);
    }
    const auto again = ask(node(1), mugs(), request).get();
    ASSERT_TRUE(again.result);
    EXPECT_TRUE(again.replayed);
    EXPECT_EQ(stock(node(2)).held, 1);
    expect_clean();
}

TEST_F(NodesTest, AHoldThatCannotBeReadIsRefusedAndTheNodeServesOn) {
    const auto hold = node(0).submit(mugs());
    ASSERT_TRUE(hold);
    ASSERT_TRUE(node(0).submit(ReleaseHold{.id = hold->hold.id}));
    const auto read = [&] {
        std::promise<Result<HoldAnswer>> promise;
        node(1).read_hold(hold->hold.id, [&](Outcome<HoldAnswer> outcome) {
            promise.set_value(std::move(outcome.result));
        });
        return promise.get_future().get();
    };
    follow();
    // It has followed, and then the store is gone.
    faults_[1]->during_next_read([this] { faults_[1]->fail_reads(true); });
    const auto refused = read();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, RefusalCode::store_failed);
    EXPECT_TRUE(node(1).statistics().serving);
    faults_[1]->fail_reads(false);
    EXPECT_TRUE(read());
}

TEST_F(NodesTest, AvailabilityIsALittleOldUnlessItIsToBeExact) {
    EXPECT_EQ(available(node(1), false), 10);
    ASSERT_TRUE(node(0).submit(mugs(4)));
    EXPECT_EQ(available(node(1), false), 10);
    EXPECT_EQ(available(node(1), true), 6);
    ASSERT_TRUE(node(0).submit(mugs(1)));
    clock_->advance(limits::follow_every);
    node(1).tick();
    EXPECT_EQ(available(node(1), false), 5);
}

TEST_F(NodesTest, TheLastWidgetIsSoldOnce) {
    ASSERT_TRUE(node(0).submit(mugs(9)));
    std::vector<std::future<Outcome<Answer>>> answers;
    answers.reserve(1'000);
    for (std::size_t i = 0; i < 1'000; ++i) {
        answers.push_back(ask(node(i % 3), mugs()));
    }
    std::size_t sold = 0;
    for (auto& answer : answers) {
        const Outcome<Answer> outcome = answer.get();
        sold += outcome.result ? 1 : 0;
        EXPECT_TRUE(outcome.result ||
                    outcome.result.error().code == RefusalCode::insufficient_stock);
    }
    EXPECT_EQ(sold, 1U);
    expect_clean();
}

TEST_F(NodesTest, ACartOverManyPartitionsIsHeldWholeOrNotAtAll) {
    PlaceHold cart{.cart = "c"};
    for (int i = 0; i < 20; ++i) {
        const std::string sku = "sku-" + std::to_string(i);
        ASSERT_TRUE(node(0).submit(DefineSku{.sku = sku}));
        ASSERT_TRUE(node(0).submit(ReceiveStock{.sku = sku, .quantity = 50}));
        cart.lines.push_back({.sku = sku, .quantity = 1});
    }
    std::atomic<int> held = 0;
    std::vector<std::thread> clients;
    clients.reserve(3);
    for (std::size_t i = 0; i < 3; ++i) {
        clients.emplace_back([&, i] {
            for (int k = 0; k < 30; ++k) {
                PlaceHold mine = cart;
                std::ranges::rotate(mine.lines, mine.lines.begin() + k % 20);
                held += node(i).submit(mine) ? 1 : 0;
                (void)node(i).submit(PlaceHold{.cart = "d", .lines = {{"sku-0", 1, ""}}});
            }
        });
    }
    for (std::thread& client : clients) {
        client.join();
    }
    follow();
    std::promise<Page<Hold>> promise;
    node(1).find_holds({.cart = "c", .limit = 200}, [&](Outcome<Page<Hold>> outcome) {
        promise.set_value(outcome.result.value());
    });
    const Page<Hold> page = promise.get_future().get();
    EXPECT_EQ(page.items.size(), held);
    for (const Hold& hold : page.items) {
        EXPECT_EQ(hold.lines.size(), 20U);
    }
    EXPECT_LE(held, 50);
    EXPECT_GT(held, 0);
    expect_clean();
}

// Two nodes that both believe that a SKU is theirs: each gets its share.
TEST_F(NodesTest, NobodyStarves) {
    ASSERT_TRUE(node(0).submit(ReceiveStock{.sku = "mug", .quantity = 1'000'000}));
    std::atomic<bool> done = false;
    std::array<std::atomic<std::size_t>, 3> sold{};
    std::vector<std::thread> clients;
    clients.reserve(3);
    for (std::size_t i = 0; i < 3; ++i) {
        clients.emplace_back([&, i] {
            while (!done) {
                sold[i] += node(i).submit(mugs()) ? 1 : 0;
                done = done || std::ranges::all_of(sold, [](const auto& n) { return n > 100; });
            }
        });
    }
    for (std::thread& client : clients) {
        client.join();
    }
    EXPECT_EQ(stock(node(0)).held, static_cast<Quantity>(sold[0] + sold[1] + sold[2]));
    expect_clean();
}

// The node that served a partition last ends what lapses there; the others only when it does not.
TEST_F(NodesTest, ALapsedHoldIsLeftToItsNodeForAWhile) {
    ASSERT_TRUE(node(0).submit(mugs(10)));
    follow();
    engines_[0].reset();
    engines_[2].reset();
    const std::size_t appends = faults_[1]->appends();
    clock_->advance(std::chrono::minutes(10));
    EXPECT_EQ(stock(node(1)).held, 10);
    EXPECT_EQ(faults_[1]->appends(), appends);
    clock_->advance(std::chrono::milliseconds(400));
    EXPECT_EQ(stock(node(1)).available, 10);
    EXPECT_GT(faults_[1]->appends(), appends);
}

// Both are due at once; the units come back when the other node had its time, and the alert is to count them.
TEST_F(NodesTest, AnAlertWaitsForWhatIsLeftToAnotherNode) {
    ASSERT_TRUE(node(0).submit(DefineSku{.sku = "mug", .policy = {.low_stock = 5}}));
    ASSERT_TRUE(node(0).submit(mugs(10)));
    clock_->advance(std::chrono::minutes(5));
    follow();
    ASSERT_TRUE(node(0).submit(ReceiveStock{.sku = "mug", .quantity = 20}));
    follow();
    const auto back_in_stock = [this] {
        std::promise<Page<AlertAnswer>> promise;
        node(1).list_alerts({.limit = 10}, [&](Outcome<Page<AlertAnswer>> outcome) {
            promise.set_value(outcome.result.value());
        });
        std::vector<Quantity> figures;
        for (const AlertAnswer& answer : promise.get_future().get().items) {
            if (answer.alert.kind == AlertKind::back_in_stock) {
                figures.push_back(answer.alert.figure);
            }
        }
        return figures;
    };
    engines_[0].reset();
    engines_[2].reset();
    clock_->advance(std::chrono::minutes(5));
    EXPECT_EQ(stock(node(1)).held, 10);
    EXPECT_TRUE(back_in_stock().empty());
    clock_->advance(std::chrono::milliseconds(400));
    EXPECT_EQ(stock(node(1)).held, 0);
    EXPECT_EQ(back_in_stock(), std::vector<Quantity>{30});
}

// What is left to another node counts in no fence of what is ended here.
TEST_F(NodesTest, WhatLapsesBesideWhatIsLeftToAnotherNodeKeepsItsFence) {
    std::string other = "a";
    while (partition_of(routing_token(other), 4) == partition_of(routing_token("mug"), 4)) {
        other += 'a';
    }
    ASSERT_TRUE(node(0).submit(DefineSku{.sku = other}));
    ASSERT_TRUE(node(0).submit(ReceiveStock{.sku = other, .quantity = 10}));
    ASSERT_TRUE(node(0).submit(PlaceHold{.cart = "c", .lines = {{"mug", 1, ""}, {other, 1, ""}}}));
    ASSERT_TRUE(node(1).submit(PlaceHold{.cart = "c", .lines = {{other, 1, ""}}}));
    engines_[0].reset();
    engines_[2].reset();
    clock_->advance(std::chrono::minutes(10));
    EXPECT_EQ(stock(node(1)).held, 1);
    clock_->advance(std::chrono::milliseconds(400));
    EXPECT_EQ(stock(node(1)).held, 0);
    std::size_t expired = 0;
    const auto page = node(1).events("", 100);
    ASSERT_TRUE(page);
    for (const RecordedEvent& recorded : page->items) {
        if (const auto* const e = std::get_if<HoldExpired>(&recorded.event);
            e != nullptr && recorded.partition == partition_of(e->id.token(), 4)) {
            EXPECT_EQ(e->fence, recorded.version);
            ++expired;
        }
    }
    EXPECT_GE(expired, 1U);
}

// The store's index has those that ended, and memory the others; a page may have some of each.
TEST_F(NodesTest, HoldsAreFoundByNameOnWhicheverNodeThroughAllOfTheirLife) {
    std::vector<HoldId> placed;
    for (std::size_t i = 0; i < 9; ++i) {
        PlaceHold cart = mugs();
        cart.cart = i == 4 ? "other" : "c";
        cart.customer = i % 2 == 0 ? "ann" : "";
        const auto hold = node(i % 3).submit(cart);
        ASSERT_TRUE(hold);
        placed.push_back(hold->hold.id);
        if (i % 3 == 0) {
            ASSERT_TRUE(node(0).submit(ReleaseHold{.id = hold->hold.id}));
        }
    }
    const auto find = [&](const HoldFilter& filter) {
        auto found = found_by_page(node(0), filter);
        EXPECT_EQ(found_by_page(node(1), filter), found);
        EXPECT_EQ(found_by_page(node(2), filter), found);
        return found;
    };
    for (const std::size_t limit : {1, 2, 3, 100}) {
        EXPECT_EQ(find({.cart = "other", .limit = limit}), std::vector{placed[4]});
        EXPECT_EQ(find({.customer = "ann", .limit = limit}),
                  (std::vector{placed[0], placed[2], placed[4], placed[6], placed[8]}));
        EXPECT_EQ(find({.cart = "c", .customer = "ann", .limit = limit}),
                  (std::vector{placed[0], placed[2], placed[6], placed[8]}));
        EXPECT_EQ(find({.cart = "c", .status = HoldStatus::released, .limit = limit}),
                  (std::vector{placed[0], placed[3], placed[6]}));
        EXPECT_EQ(find({.cart = "c", .status = HoldStatus::pending, .limit = limit}),
                  (std::vector{placed[1], placed[2], placed[5], placed[7], placed[8]}));
    }
    // Another node has them from the rows that it begins with.
    open(1);
    EXPECT_EQ(find({.cart = "c", .limit = 3}).size(), 8U);
}

TEST_F(NodesTest, ALapsedHoldIsEndedOnceWhoeverSeesItFirst) {
    ASSERT_TRUE(node(0).submit(mugs(10)));
    follow();
    clock_->advance(std::chrono::hours(1));
    std::vector<std::thread> ticks;
    ticks.reserve(3);
    for (std::size_t i = 0; i < 3; ++i) {
        ticks.emplace_back([&, i] { node(i).tick(); });
    }
    for (std::thread& tick : ticks) {
        tick.join();
    }
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(stock(node(i)).available, 10);
    }
    expect_clean();
}

}  // namespace
}  // namespace holdfast::service
