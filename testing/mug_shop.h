// An engine with mugs in stock, over a store that outlives it and whose appends can be held back or go wrong.
#pragma once

#include <memory>

#include <gtest/gtest.h>

#include "service/engine.h"
#include "testing/faulty_store.h"
#include "testing/manual_clock.h"
#include "testing/memory_store.h"

namespace holdfast::testing {

class MugShop : public ::testing::Test {
protected:
    static constexpr Instant opening{std::chrono::days(100)};

    explicit MugShop(Quantity mugs = 100) : mugs_(mugs) {}

    void SetUp() override {
        reopen();
        ASSERT_TRUE(engine_->submit(DefineSku{.sku = "mug"}));
        ASSERT_TRUE(engine_->submit(ReceiveStock{.sku = "mug", .quantity = mugs_}));
    }
    void reopen() {
        engine_.reset();
        auto store = std::make_unique<FaultyStore>(kept_);
        faults_ = store.get();
        engine_ = std::make_unique<service::Engine>(std::move(store), clock_);
    }

    MemoryStore kept_;
    FaultyStore* faults_ = nullptr;  // owned by the engine
    std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>(opening);
    std::unique_ptr<service::Engine> engine_;

private:
    Quantity mugs_;
};

}  // namespace holdfast::testing
