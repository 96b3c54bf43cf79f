// What is answered when an append goes wrong, and what is there when the store is opened again.
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

}  // namespace
}  // namespace holdfast::service
