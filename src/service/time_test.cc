// Time when somebody sets the clock: it goes on, it never runs backward, and holds last as long as they should.
#include <future>

#include <gtest/gtest.h>

#include "testing/mug_shop.h"

namespace holdfast::service {
namespace {

using namespace std::chrono_literals;

class TimeTest : public testing::MugShop {
protected:
    HoldAnswer hold() {
        auto answer = engine_->submit(
            PlaceHold{.cart = "c", .lines = {{"mug", 1, ""}}, .ttl = 600s, .heartbeat = {}});
        EXPECT_TRUE(answer.has_value());
        return answer.value_or(HoldAnswer{});
    }
    Quantity held() {
        std::promise<Quantity> promise;
        engine_->read_stock("mug", [&](const Outcome<StockAnswer>& outcome) {
            promise.set_value(outcome.result->total.held);
        });
        return promise.get_future().get();
    }
    // A hold that was just placed ends on time, and not before.
    void expect_an_end_in(std::chrono::seconds left) {
        clock_->advance(left - 1ms);
        engine_->tick();
        EXPECT_EQ(held(), 1);
        clock_->advance(1ms);
        engine_->tick();
        EXPECT_EQ(held(), 0);
    }
};

TEST_F(TimeTest, AClockThatIsSetBackStopsNoExpiry) {
    const HoldAnswer before = hold();
    clock_->step(-1h);
    expect_an_end_in(600s);
    const HoldAnswer after = hold();
    EXPECT_EQ(after.server_time - before.server_time, 600s);
    expect_an_end_in(600s);
    EXPECT_EQ(engine_->statistics().clock_behind, 1h);
}

TEST_F(TimeTest, AClockThatCatchesUpLeadsAgain) {
    hold();
    clock_->step(-1h);
    clock_->advance(1s);
    engine_->tick();
    clock_->step(30min);
    expect_an_end_in(599s);
    EXPECT_EQ(engine_->statistics().clock_behind, 30min);
    clock_->step(31min);
    EXPECT_EQ(hold().server_time, clock_->now());
    EXPECT_EQ(engine_->statistics().clock_behind, 0s);
}

TEST_F(TimeTest, AStartBehindTheLastEventGoesOnFromThere) {
    const HoldAnswer before = hold();
    clock_->step(-1h);
    clock_->advance(60s);
    reopen();
    // How long it was stopped nobody knows.
    expect_an_end_in(600s);
    EXPECT_EQ(hold().server_time - before.server_time, 600s);
}

TEST_F(TimeTest, AClockThatJumpsAheadIsFollowedAndComesBackUnnoticed) {
    hold();
    clock_->step(24h);
    engine_->tick();
    EXPECT_EQ(held(), 0);
    hold();
    clock_->step(-24h);
    expect_an_end_in(600s);
}

// Who asks looks at the clock, not at the time of Holdfast.
TEST_F(TimeTest, DeadlinesOfRequestsAreByTheClock) {
    hold();
    clock_->step(-1h);
    const auto ask = [&](Instant deadline) {
        return engine_->submit(PlaceHold{.cart = "c", .lines = {{"mug", 1, ""}}},
                               {.deadline = deadline});
    };
    EXPECT_TRUE(ask(clock_->now()).has_value());
    const auto late = ask(clock_->now() - 1ms);
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().code, RefusalCode::deadline_exceeded);
}

}  // namespace
}  // namespace holdfast::service
