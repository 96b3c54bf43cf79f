#include "store/rocksdb/hold_index.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include "testing/scratch_directory.h"
#include "testing/store_batches.h"

namespace holdfast::store {
namespace {

// A log that always has one more hold of the cart than was read.
std::vector<EventBlob> endless(PartitionId, Version after, std::size_t) {
    const Version version = after + 1;
    const Hold hold = testing::hold_number(version, "cart");
    EventBlob blob{.first = version, .last = version, .bytes = {}};
    encode_blob_header(blob.bytes, version, hold.created_at);
    encode(blob.bytes, 0, Event(HoldPlaced{.hold = hold}));
    return {blob};
}

TEST(HoldIndexTest, AQueryCatchesUpWithWhatWasDurableAndNoFurther) {
    const testing::ScratchDirectory directory;
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* opened = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(options, (directory.path() / "data").string(), &opened).ok());
    const std::unique_ptr<rocksdb::DB> database(opened);
    std::vector<LiveHead> heads(1);
    heads[0].version = 5;
    HoldIndexer indexer(*database, heads, endless, [] { return 0U; });
    EXPECT_GE(indexer.holds_of(HoldIndex::cart, "cart", {}, 100, {}).size(), 5U);
}

}  // namespace
}  // namespace holdfast::store
