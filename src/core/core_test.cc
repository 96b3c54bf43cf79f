#include <gtest/gtest.h>

#include <holdfast/limits.h>
#include "core/decide.h"
#include "core/evolve.h"
#include "core/refusal_meter.h"
#include "core/validate.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

class CoreTest : public ::testing::Test {
protected:
    Decision run(const Command& command) {
        const auto named = named_hold(command);
        for (;;) {
            const auto past = named ? past_.find(*named) : past_.end();
            Decision decision = decide(state_, command,
                                       {.now = now_,
                                        .fresh_id = {++serial_, routing_token("mug")},
                                        .past = past == past_.end() ? nullptr : &past->second});
            for (const Event& event : decision.events) {
                evolve(state_, event, now_);
            }
            if (decision.hold) {
                past_[decision.hold->id] = *decision.hold;
            }
            if (!decision.again) {
                return decision;
            }
        }
    }
    HoldId place(Quantity quantity) {
        const Decision decision =
            run(PlaceHold{.cart = "c", .lines = {{.sku = "mug", .quantity = quantity}}});
        EXPECT_FALSE(decision.refusal) << decision.refusal->detail;
        return std::get<HoldPlaced>(decision.events.back()).hold.id;
    }
    void SetUp() override {
        run(DefineSku{.sku = "mug"});
        run(ReceiveStock{.sku = "mug", .quantity = 10});
    }

    State state_;
    Instant now_{1'000'000s};
    std::uint64_t serial_ = 0;
    std::map<HoldId, Hold> past_;
};

TEST_F(CoreTest, HoldLivesItsWholeLife) {
    const HoldId id = place(3);
    EXPECT_EQ(state_.find_sku("mug")->at(0)->held, 3);
    EXPECT_FALSE(run(ConfirmHold{.id = id}).refusal);
    EXPECT_EQ(state_.find_sku("mug")->at(0)->committed, 3);
    EXPECT_FALSE(run(FulfilHold{.id = id}).refusal);
    EXPECT_EQ(state_.find_sku("mug")->at(0)->on_hand, 7);
    EXPECT_FALSE(run(ReturnUnits{.id = id, .lines = {{.sku = "mug", .quantity = 1}}}).refusal);
    EXPECT_EQ(state_.find_sku("mug")->at(0)->returned, 1);
    EXPECT_EQ(past_[id].status, HoldStatus::fulfilled);
}

TEST_F(CoreTest, LapsedHoldStandsInNobodysWay) {
    place(10);
    const PlaceHold next{.cart = "d", .lines = {{.sku = "mug", .quantity = 1}}};
    EXPECT_EQ(run(next).refusal->code, RefusalCode::insufficient_stock);
    now_ += 600s;
    EXPECT_FALSE(run(next).refusal);
    EXPECT_EQ(state_.find_sku("mug")->at(0)->available, 9);
}

TEST_F(CoreTest, AHeartbeatMayBeAsLongAsTheLongestLife) {
    const Policy month{.hold_ttl = limits::hold_life_max,
                       .max_ttl = limits::hold_life_max,
                       .max_life = limits::hold_life_max};
    run(DefineSku{.sku = "mug", .policy = month});
    const Decision placed = run(PlaceHold{
        .cart = "c", .lines = {{.sku = "mug", .quantity = 1}}, .heartbeat = limits::hold_life_max});
    const Hold& hold = std::get<HoldPlaced>(placed.events.back()).hold;
    now_ += 25 * 24h;
    EXPECT_FALSE(run(BeatHold{.id = hold.id}).refusal);
    EXPECT_EQ(state_.holds.find(hold.id)->deadline(), hold.expires_at);
}

TEST_F(CoreTest, LinesOfOneSkuAreSummed) {
    const PlaceHold cart{.cart = "d",
                         .lines = {{.sku = "mug", .quantity = 6}, {.sku = "mug", .quantity = 5}}};
    const Decision decision = run(cart);
    ASSERT_TRUE(decision.refusal);
    EXPECT_EQ(decision.refusal->short_lines,
              (std::vector<ShortLine>{{.sku = "mug", .wanted = 11, .available = 10}}));
}

// A shop may refuse each SKU of a large catalogue once, and none of them often enough to be counted.
TEST(RefusalMeter, ForgetsWhatIsOver) {
    RefusalMeter meter;
    Instant now{1'000'000s};
    for (int sku = 0; sku < 100; ++sku) {
        const Refusal refusal{.code = RefusalCode::insufficient_stock,
                              .short_lines = {{.sku = std::to_string(sku), .wanted = 1}}};
        EXPECT_TRUE(meter.note(refusal, "c", "", now));
        EXPECT_TRUE(meter.note(refusal, "c", "", now + 999ms));
        EXPECT_EQ(meter.sku_count(), 1);
        now += 1s;
    }
    // What was counted is kept until it is flushed.
    const Refusal refusal{.code = RefusalCode::insufficient_stock,
                          .short_lines = {{.sku = "mug", .wanted = 1}}};
    for (std::uint32_t i = 0; i <= limits::refusals_per_second_max; ++i) {
        meter.note(refusal, "c", "", now);
    }
    meter.note({.code = RefusalCode::insufficient_stock, .short_lines = {{.sku = "tea"}}}, "c", "",
               now + 1s);
    EXPECT_EQ(meter.sku_count(), 2);
    EXPECT_EQ(meter.flush(now + 1s).size(), 1);
    EXPECT_EQ(meter.sku_count(), 1);
}

// What is kept of a customer is as long as his limit, not as his history.
TEST_F(CoreTest, PurchasesWhoseWindowIsOverAreForgotten) {
    run(DefineSku{.sku = "mug", .policy = {.max_per_customer = 2, .customer_window = 60s}});
    run(ReceiveStock{.sku = "mug", .quantity = 1'000});
    const PlaceHold one{.cart = "c",
                        .customer = "u",
                        .lines = {{.sku = "mug", .quantity = 1}},
                        .ttl = Seconds(3'600)};
    EXPECT_FALSE(run(one).refusal);  // stays open
    PlaceHold bought = one;
    bought.confirm = true;
    for (int i = 0; i < 50; ++i) {
        ASSERT_FALSE(run(bought).refusal);
        const auto refusal = run(bought).refusal;
        ASSERT_TRUE(refusal);
        EXPECT_EQ(refusal->code, RefusalCode::customer_limit_exceeded);
        now_ += 60s;
    }
    const CustomerUnits& customers = *state_.find_sku("mug")->customers;
    EXPECT_EQ(customers.windowed.find("u")->second.size(), 2U);
    EXPECT_TRUE(customers.for_good.empty());
}

TEST_F(CoreTest, AWindowNeedsALimitAndHasItsRange) {
    const auto fault = [](const Policy& policy) {
        const auto refusal = validate(DefineSku{.sku = "mug", .policy = policy});
        return refusal ? refusal->field : "none";
    };
    EXPECT_EQ(fault({.max_per_customer = 1, .customer_window = 60s}), "none");
    EXPECT_EQ(fault({.max_per_customer = 1, .customer_window = 366 * 24h}), "none");
    for (const Policy& policy :
         {Policy{.customer_window = 60s}, Policy{.max_per_customer = 1, .customer_window = 59s},
          Policy{.max_per_customer = 1, .customer_window = 366 * 24h + 1s}}) {
        EXPECT_EQ(fault(policy), "/policy/customer_window");
    }
}

// From the first to the last character of each length, and around what is none.
TEST_F(CoreTest, TextIsUtf8WithoutControlCharacters) {
    const auto fault = [](const std::string& reason) {
        const auto refusal =
            validate(AdjustStock{.sku = "mug", .delta = 1, .reason = "a" + reason + "z"});
        return refusal ? refusal->field : "none";
    };
    for (const char* const text :
         {" ", "~", "\xc2\xa0", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
          "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
        EXPECT_EQ(fault(text), "none") << ::testing::PrintToString(text);
    }
    for (const char* const bytes : {"\n",
                                    "\x1b",
                                    "\x7f",
                                    "\xc2\x80",
                                    "\xc2\x9f",  // control characters
                                    "\x80",
                                    "\xbf",
                                    "\xff",
                                    "\xfe",
                                    "M\xfcller",  // no UTF-8: what Latin-1 looks like
                                    "\xc3",
                                    "\xe2\x82",
                                    "\xf0\x9f\x9b",  // cut off
                                    "\xc0\xaf",
                                    "\xc1\xbf",
                                    "\xe0\x9f\xbf",
                                    "\xf0\x8f\xbf\xbf",  // too long
                                    "\xed\xa0\x80",
                                    "\xed\xbf\xbf",
                                    "\xf4\x90\x80\x80",
                                    "\xf5\x80\x80\x80"}) {
        EXPECT_EQ(fault(bytes), "/reason") << ::testing::PrintToString(bytes);
    }
    EXPECT_EQ(fault(std::string(1, '\0')), "/reason");
    EXPECT_EQ(fault(std::string(limits::text_bytes_max - 2, 'x')), "none");
    EXPECT_EQ(fault(std::string(limits::text_bytes_max - 1, 'x')), "/reason");
}

// Of all that may be asked, wherever there is text.
TEST_F(CoreTest, WhatIsNoTextIsRefusedByTheNameOfItsField) {
    const std::string bytes = "M\xfcller";
    const std::vector<std::pair<Command, std::string>> commands = {
        {FulfilHold{.id = {}, .lines = {}, .reference = bytes}, "/reference"},
        {ReceiveStock{.sku = "mug", .quantity = 1, .reference = bytes}, "/reference"},
        {ExpectStock{.sku = "mug", .quantity = 1, .reference = bytes}, "/reference"},
        {AcknowledgeAlert{.person = bytes}, "/by"},
        {AdjustStock{.sku = "mug", .delta = 1, .reason = bytes}, "/reason"},
        {AdjustStock{.sku = "mug", .delta = 1, .reason = "r", .reference = bytes}, "/reference"},
        {MoveStock{.sku = "mug", .quantity = 1, .to = StockState::damaged, .reference = bytes},
         "/reference"},
        {TransferStock{.sku = "mug", .from = "a", .to = "b", .quantity = 1, .reference = bytes},
         "/reference"},
        {PlaceHold{.cart = bytes, .lines = {{"mug", 1, ""}}}, "/cart"},
        {PlaceHold{.cart = "c", .lines = {{bytes, 1, ""}}}, "/lines/0/sku"},
        {PlaceHold{.cart = "c", .customer = bytes, .lines = {{"mug", 1, ""}}}, "/customer"},
        {JoinWaitlist{.sku = "mug", .customer = bytes}, "/customer"},
        {DefineSku{.sku = bytes}, "/sku"},
        {DefineLocation{.location = bytes}, "/location"}};
    for (const auto& [command, field] : commands) {
        const auto refusal = validate(command);
        ASSERT_TRUE(refusal) << field;
        EXPECT_EQ(refusal->code, RefusalCode::invalid_request);
        EXPECT_EQ(refusal->field, field) << refusal->detail;
    }
}

}  // namespace
}  // namespace holdfast::core
