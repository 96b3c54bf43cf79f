// What any store must do for who follows its partitions.
#include <algorithm>
#include <iterator>
#include <map>

#include <gmock/gmock.h>

#include "tests/contract/contract_test.h"

namespace holdfast::store {
namespace {

using holdfast::testing::BatchMaker;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TailContract : public ContractTest {};

TEST_P(TailContract, TheTailIsPagedByBytes) {
    for (std::uint64_t i = 0; i < 10; ++i) {
        std::vector<Event> events(i % 3 + 1, received(std::string(100, 'x'), 1));
        const Version expected = version(0);
        ASSERT_EQ(append(BatchMaker(i + 1).add(0, expected, events)), AppendOutcome::appended);
    }
    const Version last = version(0);
    std::vector<std::size_t> pages;
    Version after = 0;
    while (after < last) {
        const auto blobs = store().tail(0, after, 300);
        ASSERT_FALSE(blobs.empty());
        pages.push_back(blobs.size());
        for (const EventBlob& blob : blobs) {
            EXPECT_EQ(blob.first, after + 1);
            after = blob.last;
            (void)decode_blob(0, blob);
        }
    }
    EXPECT_EQ(after, last);
    EXPECT_GT(pages.size(), 2U);
    EXPECT_THAT(store().tail(0, last, 300), IsEmpty());
    // From the middle of a blob: the whole blob. One at least, however little was asked for.
    EXPECT_EQ(store().tail(0, 4, 0).size(), 1U);
    EXPECT_EQ(store().tail(0, 4, 0)[0].first, 4U);
    EXPECT_EQ(store().tail(0, 0, 1 << 20).size(), 10U);
}

TEST_P(TailContract, SeveralTailsComeTogether) {
    for (std::uint64_t i = 1; i <= 20; ++i) {
        const auto partition = static_cast<PartitionId>(i % 3);
        ASSERT_EQ(append(BatchMaker(i).add(partition, version(partition), {received("a", 1)})),
                  AppendOutcome::appended);
    }
    const std::vector<Since> from = {{.partition = 0, .after = 2},
                                     {.partition = 1, .after = version(1)},
                                     {.partition = 2, .after = 0}};
    const auto bytes = [](const std::vector<EventBlob>& blobs) {
        std::vector<std::string> all;
        std::ranges::transform(blobs, std::back_inserter(all), &EventBlob::bytes);
        return all;
    };
    const auto tails = store().tails(from, 1 << 20);
    ASSERT_EQ(tails.size(), from.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
        const auto alone = store().tail(from[i].partition, from[i].after, 1 << 20);
        EXPECT_EQ(bytes(tails[i]), bytes(alone));
        ASSERT_EQ(tails[i].empty(), i == 1);
        if (!tails[i].empty()) {
            EXPECT_EQ(tails[i].front().first, from[i].after + 1);
            EXPECT_EQ(tails[i].back().last, version(from[i].partition));
        }
    }
    // Each has its first blob, however little was asked for.
    const auto least = store().tails(from, 0);
    EXPECT_EQ(least[0].size(), 1U);
    EXPECT_EQ(least[2].size(), 1U);
    EXPECT_TRUE(store().tails({}, 0).empty());
}

TEST_P(TailContract, NewsAreHeadsTailsAndFirstAnswersAfterAVersion) {
    constexpr Version many = 5'000;  // more than a store reads at once
    const auto value = [](PartitionId partition, Version at) {
        return std::to_string(partition) + " " + std::to_string(at);
    };
    BatchMaker batch(1);
    for (PartitionId partition = 0; partition < partitions; ++partition) {
        const Version last = partition == 1 ? many : 5;
        batch.add(partition, 0, std::vector<Event>(last, received("a", 1)));
        // Rows past the head are nobody's yet.
        for (Version at = 1; at <= last + 2; ++at) {
            batch.put(RowKind::answers, partition, encode_version_key(at), value(partition, at));
        }
    }
    ASSERT_EQ(append(batch), AppendOutcome::appended);
    std::vector<Version> after(partitions, 5);
    after[1] = 1;
    after[2] = 3;
    std::map<PartitionId, std::vector<Version>> found;
    const News news =
        store().news(after, 0, [&](PartitionId partition, Version version, std::string_view row) {
            EXPECT_EQ(row, value(partition, version));
            found[partition].push_back(version);
        });
    EXPECT_EQ(news.heads, store().heads());
    ASSERT_EQ(news.tails.size(), partitions);
    for (PartitionId partition = 0; partition < partitions; ++partition) {
        EXPECT_EQ(news.tails[partition].size(), partition == 1 || partition == 2 ? 1U : 0U);
    }
    EXPECT_EQ(news.tails[2].front().last, 5U);
    EXPECT_EQ(found.size(), 2U);
    EXPECT_THAT(found[2], ElementsAre(4, 5));
    ASSERT_EQ(found[1].size(), many - 1);
    EXPECT_EQ(found[1].front(), 2U);
    EXPECT_TRUE(std::ranges::is_sorted(found[1]));
}

INSTANTIATE_TEST_SUITE_P(Stores, TailContract, ::testing::ValuesIn(kinds()),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace holdfast::store
