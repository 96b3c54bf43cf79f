// What is answered when an append goes wrong, and what is there when the store is opened again.
#include <gtest/gtest.h>

#include "service/engine.h"
#include "testing/faulty_store.h"
#include "testing/manual_clock.h"
#include "testing/memory_store.h"

namespace holdfast::service {
namespace {

using testing::Fault;
using testing::FaultyStore;

class FailStopTest : public ::testing::Test {
protected:
    void SetUp() override {
        reopen();
        ASSERT_TRUE(engine_->submit(DefineSku{.sku = "mug"}));
        ASSERT_TRUE(engine_->submit(ReceiveStock{.sku = "mug", .quantity = 10}));
    }
    void reopen() {
        engine_.reset();
        auto store = std::make_unique<FaultyStore>(kept_);
        faults_ = store.get();
        engine_ = std::make_unique<Engine>(std::move(store), std::make_shared<testing::ManualClock>(
                                                                 Instant(std::chrono::days(1))));
    }
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

    testing::MemoryStore kept_;
    FaultyStore* faults_ = nullptr;  // owned by the engine
    std::unique_ptr<Engine> engine_;
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
