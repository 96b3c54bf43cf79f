// What a move asks of both stores besides the seam: many appends in one step.
#include "store/movable_store.h"

#include <gtest/gtest.h>

#include "testing/store_batches.h"
#include "tests/migration/movable_shop.h"

namespace holdfast::store {
namespace {

using holdfast::testing::append_and_wait;
using holdfast::testing::BatchMaker;
using holdfast::testing::hold_number;
using holdfast::testing::open_to_move;

Event received(Quantity quantity) {
    return StockReceived{.sku = "mug", .location = "main", .quantity = quantity};
}

class MovableStoreTest : public holdfast::testing::MigrationTest,
                         public ::testing::WithParamInterface<bool> {
protected:
    std::unique_ptr<MovableStore> open() {
        return open_to_move(GetParam() ? places_->database : places_->directory);
    }
    // Two appends to one partition, with a past hold in the first that the second changes, and one to another.
    static std::vector<Batch> three() {
        Hold hold = hold_number(1, "c-1");
        hold.status = HoldStatus::confirmed;
        Hold later = hold;
        later.status = HoldStatus::fulfilled;
        std::vector<Batch> batches;
        batches.push_back(BatchMaker(5)
                              .add(0, 0, {received(1), received(2)})
                              .put_hold(RowKind::past_hold, 0, hold)
                              .take());
        batches.push_back(
            BatchMaker(7).add(0, 2, {received(3)}).put_hold(RowKind::past_hold, 0, later).take());
        batches.push_back(BatchMaker(9).add(2, 0, {received(4)}).take());
        return batches;
    }
};

TEST_P(MovableStoreTest, ManyAppendsInOneStepAreWhatTheyWouldBeOneByOne) {
    const std::string id = store::encode_id_key(hold_number(1, "").id);
    {
        const auto store = open();
        EXPECT_EQ(store->append_all(three()).outcome, AppendOutcome::appended);
        EXPECT_EQ(append_and_wait(*store, BatchMaker(11).add(0, 3, {received(5)}).take()).outcome,
                  AppendOutcome::appended);
    }
    const auto store = open();
    EXPECT_EQ(store->heads(), (std::vector<Head>{{4, 11}, {0, 0}, {1, 9}}));
    const auto blobs = store->tail(0, 0, 1'000);
    ASSERT_EQ(blobs.size(), 3U);
    EXPECT_EQ(blobs[1].first, 3U);
    EXPECT_EQ(blobs[1].last, 3U);
    EXPECT_EQ(decode_blob(0, blobs[1]).front().batch, 7U);
    EXPECT_EQ(decode_hold(store->find(0, RowKind::past_hold, id).value()).status,
              HoldStatus::fulfilled);
}

TEST_P(MovableStoreTest, WhenOneOfThemDoesNotFitNoneIsThere) {
    const auto store = open();
    std::vector<Batch> batches = three();
    batches[1].steps.front().expected = 1;
    batches[1].steps.front().next = 2;
    const AppendResult result = store->append_all(std::move(batches));
    EXPECT_EQ(result.outcome, AppendOutcome::conflict);
    EXPECT_FALSE(result.error.empty());
    EXPECT_EQ(store->heads(), std::vector<Head>(3));
    EXPECT_TRUE(store->tail(0, 0, 1'000).empty());
    EXPECT_EQ(store->append_all(three()).outcome, AppendOutcome::appended);
}

INSTANTIATE_TEST_SUITE_P(Stores, MovableStoreTest, ::testing::Bool(), [](const auto& of) {
    return std::string(of.param ? "database" : "directory");
});

}  // namespace
}  // namespace holdfast::store
