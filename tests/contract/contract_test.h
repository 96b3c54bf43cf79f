// What the tests of the contract have in common: a store of one kind.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "testing/store_batches.h"
#include "tests/contract/store_kinds.h"

namespace holdfast::store {

class ContractTest : public ::testing::TestWithParam<Kind> {
protected:
    void SetUp() override {
        if (const auto why = GetParam().missing()) {
            GTEST_SKIP() << *why;
        }
        subject_ = GetParam().make();
    }

    Store& store() { return subject_->store(); }
    void reopen() { subject_->reopen(); }

    AppendOutcome append(holdfast::testing::BatchMaker& batch) {
        return holdfast::testing::append_and_wait(store(), batch.take()).outcome;
    }
    AppendOutcome append(holdfast::testing::BatchMaker&& batch) { return append(batch); }
    Version version(PartitionId partition) { return store().heads().at(partition).version; }

    std::unique_ptr<Subject> subject_;
};

inline Event received(const std::string& sku, Quantity quantity) {
    return StockReceived{.sku = sku, .location = "main", .quantity = quantity, .reference = ""};
}

}  // namespace holdfast::store
