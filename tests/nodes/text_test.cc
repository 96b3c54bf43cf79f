// What people write goes through PostgreSQL as it is, and what PostgreSQL could not keep is refused before it gets there:
// there it would spoil all that is appended with it.
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <holdfast/service.h>
#include "testing/postgres_server.h"

namespace holdfast::testing {
namespace {

using ::testing::UnorderedElementsAreArray;

Result<StockAnswer> mugs(Service& node) {
    std::promise<Result<StockAnswer>> promise;
    node.read_stock(
        "mug", [&](Outcome<StockAnswer> outcome) { promise.set_value(std::move(outcome.result)); });
    return promise.get_future().get();
}

TEST(TextTest, IsKeptAsItWasWrittenOrRefused) {
    if (const auto why = PostgresServer::missing()) {
        GTEST_SKIP() << *why;
    }
    const std::string url =
        PostgresServer::shared(PostgresServer::Flush::never).url_of_new_schema();
    const auto node = open({.store = url});
    ASSERT_TRUE(node->submit(DefineSku{.sku = "mug"}));
    const std::vector<std::string> texts = {"\"{}\\,'\\x00%s$1", "\xc2\xa0", "\xed\x9f\xbf",
                                            "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"};
    const std::vector<std::string> others = {"M\xfcller", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                             std::string("a\0b", 3)};
    std::vector<Submission> submissions;
    submissions.reserve(texts.size() + others.size());
    for (const std::string& text : texts) {
        submissions.push_back({ExpectStock{.sku = "mug", .quantity = 1, .reference = text}, {}});
    }
    for (const std::string& text : others) {
        submissions.push_back({ExpectStock{.sku = "mug", .quantity = 1, .reference = text}, {}});
    }
    std::promise<std::vector<Outcome<Answer>>> promise;
    node->submit_many(std::move(submissions), [&](std::vector<Outcome<Answer>> outcomes) {
        promise.set_value(std::move(outcomes));
    });
    const std::vector<Outcome<Answer>> outcomes = promise.get_future().get();
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        EXPECT_EQ(outcomes[i].result.has_value(), i < texts.size()) << i;
        EXPECT_TRUE(outcomes[i].result || outcomes[i].result.error().field == "/reference");
    }
    const auto other_node = open({.store = url});
    const Result<StockAnswer> stock = mugs(*other_node);
    ASSERT_TRUE(stock);
    std::vector<std::string> kept;
    for (const ExpectedReceipt& receipt : stock->expected) {
        kept.push_back(receipt.reference);
    }
    EXPECT_THAT(kept, UnorderedElementsAreArray(texts));
    EXPECT_TRUE(other_node->audit().clean());
}

// Nothing is called so; and the database is not asked, which would say that it cannot be.
TEST(TextTest, HoldsOfWhatIsNoNameAreNotSought) {
    if (const auto why = PostgresServer::missing()) {
        GTEST_SKIP() << *why;
    }
    const auto node =
        open({.store = PostgresServer::shared(PostgresServer::Flush::never).url_of_new_schema()});
    for (const std::string& name : {std::string("M\xfcller"), std::string("a\0b", 3)}) {
        for (const HoldFilter& filter : {HoldFilter{.cart = name}, HoldFilter{.customer = name}}) {
            std::promise<Result<Page<Hold>>> promise;
            node->find_holds(filter, [&](Outcome<Page<Hold>> outcome) {
                promise.set_value(std::move(outcome.result));
            });
            const auto found = promise.get_future().get();
            ASSERT_TRUE(found) << found.error().detail;
            EXPECT_TRUE(found->items.empty());
        }
    }
}

}  // namespace
}  // namespace holdfast::testing
