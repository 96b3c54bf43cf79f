// What the stories in tests/scenarios/alerts_*.scenario cannot tell: levels, and causes that lie in hours of
// traffic.
#include <algorithm>

#include <gtest/gtest.h>

#include "testing/core_target.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

class AlertsTest : public ::testing::Test {
protected:
    void define(Policy policy = {}) { submit(DefineSku{.sku = "mug", .policy = policy}); }
    void receive(Quantity units) { submit(ReceiveStock{.sku = "mug", .quantity = units}); }
    HoldId hold(Quantity units = 1) {
        const Outcome<Answer> placed =
            shop_.submit({PlaceHold{.cart = "c", .lines = {{"mug", units, ""}}}, {}});
        return std::get<HoldAnswer>(placed.result.value()).hold.id;
    }
    void buy(int times) {
        for (int i = 0; i < times; ++i) {
            submit(PlaceHold{.cart = "c", .lines = {{"mug", 1, ""}}, .confirm = true});
        }
    }
    void submit(Command command) {
        const Outcome<Answer> outcome = shop_.submit({std::move(command), {}});
        ASSERT_TRUE(outcome.result.has_value()) << outcome.result.error().detail;
    }
    std::optional<Alert> alert(AlertKind kind) {
        for (const Alert& standing : shop_.alerts("mug")) {
            if (standing.kind == kind) {
                return standing;
            }
        }
        return std::nullopt;
    }
    // Names of all that happened to levels and alerts, in order.
    std::vector<std::string> told() {
        std::vector<std::string> names;
        for (const testing::TimedEvent& timed : shop_.events()) {
            const std::string name(type_name(timed.event));
            const bool level = std::holds_alternative<StockLevelChanged>(timed.event);
            if (level || name.starts_with("alert.")) {
                names.push_back(name);
            }
        }
        return names;
    }

    testing::CoreTarget shop_;
};

using Names = std::vector<std::string>;

TEST_F(AlertsTest, LevelsAreAnnouncedAsTheyAreCrossed) {
    define({.low_stock = 2});
    receive(5);
    EXPECT_EQ(told(), Names{}) << "what comes in for the first time needs no announcement";
    const HoldId first = hold(3);
    EXPECT_EQ(told(), (Names{"stock.low", "alert.raised"}));
    const HoldId second = hold(2);
    submit(ReleaseHold{.id = second});
    submit(ReleaseHold{.id = first});
    EXPECT_EQ(told(), (Names{"stock.low", "alert.raised",  // 2 left
                             "stock.out", "alert.raised",  // 0 left
                             "stock.back", "stock.low",    // 2 left
                             "stock.back"}));              // 5 left
}

TEST_F(AlertsTest, WhatWasNeverOnSaleDoesNotRunOut) {
    define({.selling = Selling::backorder});
    buy(3);
    receive(2);
    EXPECT_EQ(told(), Names{}) << "both units went to orders that waited";
    receive(2);
    EXPECT_EQ(told(), (Names{"stock.back"}));
    buy(1);
    EXPECT_EQ(told(), (Names{"stock.back", "stock.out", "alert.raised"}));
}

TEST_F(AlertsTest, WhatComesAndGoesIsRaisedOnce) {
    define();
    receive(1);
    for (int i = 0; i < 100; ++i) {
        submit(ReleaseHold{.id = hold()});
        shop_.advance(299s);
    }
    EXPECT_EQ(std::ranges::count(told(), "alert.raised"), 1);
    EXPECT_EQ(std::ranges::count(told(), "alert.resolved"), 0);
    shop_.advance(1s);
    EXPECT_EQ(std::ranges::count(told(), "alert.resolved"), 1);
    EXPECT_TRUE(alert(AlertKind::back_in_stock));
}

TEST_F(AlertsTest, ARateFarAboveTheUsualIsUnusual) {
    define();
    receive(1'000'000);
    for (int minute = 0; minute < 40; ++minute) {
        buy(5);
        shop_.advance(1min);
        EXPECT_FALSE(alert(AlertKind::velocity)) << "in minute " << minute;
    }
    for (int minute = 0; minute < 30; ++minute) {
        buy(200);
        shop_.advance(1min);
        const auto raised = alert(AlertKind::velocity);
        ASSERT_TRUE(raised) << "in minute " << minute;
        EXPECT_EQ(raised->measure, Measure::holds);
        EXPECT_EQ(raised->figure, 200);
        EXPECT_LE(raised->bound, 3) << "as it was when the alert was raised";
    }
    for (int minute = 0; minute < 6; ++minute) {
        buy(5);
        shop_.advance(1min);
    }
    EXPECT_FALSE(alert(AlertKind::velocity)) << "the crowd is gone";
}

TEST_F(AlertsTest, NothingIsUnusualForANewSku) {
    define();
    receive(1'000'000);
    for (int minute = 0; minute < 90; ++minute) {
        buy(500);
        shop_.advance(1min);
        EXPECT_FALSE(alert(AlertKind::velocity)) << "in minute " << minute;
    }
}

TEST_F(AlertsTest, ADayOfQuietIsNotForgotten) {
    define();
    receive(1'000'000);
    for (int minute = 0; minute < 60; ++minute) {
        buy(100);
        shop_.advance(1min);
    }
    shop_.advance(8h);
    buy(100);
    shop_.advance(1min);
    EXPECT_TRUE(alert(AlertKind::velocity));
}

TEST_F(AlertsTest, HoldsThatSuddenlyExpireAreABrokenCheckout) {
    define({.hold_ttl = 60s});
    receive(1'000'000);
    for (int minute = 0; minute < 40; ++minute) {
        for (int i = 0; i < 50; ++i) {
            submit(ConfirmHold{.id = hold()});
        }
        shop_.advance(1min);
    }
    EXPECT_FALSE(alert(AlertKind::velocity));
    for (int i = 0; i < 50; ++i) {
        hold();
    }
    shop_.advance(1min);  // they expire
    shop_.advance(1min);  // and are counted
    ASSERT_TRUE(alert(AlertKind::velocity));
    EXPECT_EQ(alert(AlertKind::velocity)->measure, Measure::expiries);
}

TEST_F(AlertsTest, ABusySkuThatNobodyWantsAnyMoreIsUnusualUnlessItIsSoldOut) {
    constexpr int minutes = 600;
    for (const bool sold_out : {true, false}) {
        define();
        receive(minutes * 150 + (sold_out ? 0 : 1));
        for (int minute = 0; minute < minutes; ++minute) {
            buy(150);
            shop_.advance(1min);
        }
        EXPECT_FALSE(alert(AlertKind::velocity));
        shop_.advance(1min);
        EXPECT_EQ(alert(AlertKind::velocity).has_value(), !sold_out);
    }
}

TEST_F(AlertsTest, HoldsThatExpireOneAfterAnotherAreGhosts) {
    define();
    receive(1);
    for (int i = 0; i < 5; ++i) {
        EXPECT_FALSE(alert(AlertKind::ghost_holds)) << i;
        hold();
        shop_.advance(10min);
    }
    const HoldId last = hold();
    shop_.advance(1min);
    ASSERT_TRUE(alert(AlertKind::ghost_holds));
    EXPECT_EQ(alert(AlertKind::ghost_holds)->bound, 0) << "nobody has paid";
    submit(ConfirmHold{.id = last});
    shop_.advance(1min);
    shop_.advance(5min);
    EXPECT_FALSE(alert(AlertKind::ghost_holds)) << "it is sold, not haunted";
}

TEST_F(AlertsTest, HoldsThatArePaidLeaveNoGhosts) {
    define();
    receive(10);
    for (int i = 0; i < 9; ++i) {
        submit(ConfirmHold{.id = hold(1)});
        hold(9 - i);
        shop_.advance(10min);
    }
    hold();
    shop_.advance(1min);
    EXPECT_FALSE(alert(AlertKind::ghost_holds));
}

}  // namespace
}  // namespace holdfast::core
