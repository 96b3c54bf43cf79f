// What is answered when an append goes wrong, and what is there when the store is opened again.
#include <future>
#include <thread>

#include <gtest/gtest.h>

#include "testing/mug_shop.h"

namespace holdfast::service {
namespace {

using testing::Fault;

class FailStopTest : public testing::MugShop {
protected:
    FailStopTest() : MugShop(10) {}

    // Buys a mug under a key, while the next append goes wrong.
    std::optional<RefusalCode> buy_with(Fault fault) {
        faults_->plan(0, fault);
        return buy(once_);
    }
    // Why it was refused; nothing when it was not.
    std::optional<RefusalCode> buy(const Request& request) {
        const auto answer = engine_->submit(buy_, request);
        return answer ? std::nullopt : std::optional(answer.error().code);
    }
    Quantity sold() {
        const auto stock = engine_->submit(ReceiveStock{.sku = "mug", .quantity = 1});
        return stock ? stock->total.committed : -1;
    }

    const PlaceHold buy_{.cart = "c", .lines = {{"mug", 1, ""}}, .confirm = true};
    const Request once_{.idempotency_key = "key", .fingerprint = 1, .deadline = std::nullopt};
};

TEST_F(FailStopTest, AFailedAppendIsNotDoneAndNothingElseIsFromThenOn) {
    EXPECT_EQ(buy_with(Fault::failed), RefusalCode::store_failed);
    EXPECT_EQ(buy({}), RefusalCode::store_failed);
    EXPECT_FALSE(engine_->statistics().serving);
    EXPECT_FALSE(engine_->statistics().failure.empty());
    reopen();
    EXPECT_EQ(buy(once_), std::nullopt);
    EXPECT_EQ(sold(), 1);
    EXPECT_TRUE(engine_->audit().clean());
}

TEST_F(FailStopTest, AConflictIsNotDone) {
    EXPECT_EQ(buy_with(Fault::conflict), RefusalCode::store_failed);
    reopen();
    EXPECT_EQ(buy(once_), std::nullopt);
    EXPECT_EQ(sold(), 1);
}

TEST_F(FailStopTest, AnUnknownOutcomeIsSaidToBeUnknownAndTheKeyTells) {
    for (const Fault fault : {Fault::unknown_written, Fault::unknown_not_written}) {
        const Quantity before = sold();
        Request once = once_;
        once.idempotency_key += std::to_string(before);
        faults_->plan(0, fault);
        EXPECT_EQ(buy(once), RefusalCode::outcome_unknown);
        reopen();
        EXPECT_EQ(buy(once), std::nullopt);
        EXPECT_EQ(sold(), before + 1);
        EXPECT_TRUE(engine_->audit().clean());
    }
}

// It has looked already, at what the append was to make durable.
TEST_F(FailStopTest, AReadThatWaitsForAFailedAppendIsRefused) {
    kept_.hold_back();
    faults_->plan(0, Fault::unknown_written);
    std::promise<bool> bought;
    engine_->submit_any({.command = buy_}, [&](const Outcome<Answer>& outcome) {
        bought.set_value(outcome.result.has_value());
    });
    kept_.wait_until_held_back(1);
    std::promise<Result<StockAnswer>> read;
    engine_->read_stock("mug",
                        [&](Outcome<StockAnswer> outcome) { read.set_value(outcome.result); });
    while (engine_->statistics().queue_length > 0) {
        std::this_thread::yield();
    }
    kept_.let_go();
    EXPECT_FALSE(bought.get_future().get());
    const auto stock = read.get_future().get();
    ASSERT_FALSE(stock);
    EXPECT_EQ(stock.error().code, RefusalCode::store_failed);
}

}  // namespace
}  // namespace holdfast::service
