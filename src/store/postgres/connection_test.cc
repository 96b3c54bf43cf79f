#include "store/postgres/connection.h"

#include <gtest/gtest.h>

#include "testing/postgres_server.h"

namespace holdfast::store::postgres {
namespace {

using holdfast::testing::PostgresServer;

// The server sends the rows first, and finds only then that it cannot commit.
TEST(ConnectionTest, AStatementWhoseCommitFailsHasFailed) {
    if (const auto why = PostgresServer::missing()) {
        GTEST_SKIP() << *why;
    }
    Connection connection(parse_url(PostgresServer::shared().url()));
    connection.run(
        "CREATE TEMPORARY TABLE once (number integer, UNIQUE (number) DEFERRABLE INITIALLY "
        "DEFERRED)");
    const Statement insert{.name = "insert", .sql = "INSERT INTO once VALUES (1) RETURNING number"};
    EXPECT_EQ(connection.query(insert, {}).rows(), 1);
    try {
        connection.query(insert, {});
        FAIL() << "a second row was taken for kept";
    } catch (const DatabaseError& error) {
        EXPECT_EQ(error.failure().state, "23505");
        EXPECT_FALSE(error.failure().lost);
    }
}

TEST(ConnectionTest, SeveralQuestionsAreAnsweredTogetherOrNone) {
    if (const auto why = PostgresServer::missing()) {
        GTEST_SKIP() << *why;
    }
    Connection connection(parse_url(PostgresServer::shared().url()));
    const Statement count{.name = "count", .sql = "SELECT generate_series(1, $1::integer)"};
    const Statement divide{.name = "divide", .sql = "SELECT 1 / $1::integer"};
    const auto with = [](const Statement& statement, std::int32_t number) {
        return Command{.statement = &statement, .parameters = Parameters().integer(number)};
    };
    const auto results = connection.query({with(count, 2), with(count, 0), with(divide, 1)});
    ASSERT_EQ(results.size(), 3U);
    EXPECT_EQ(results[0].rows(), 2);
    EXPECT_EQ(results[1].rows(), 0);
    EXPECT_EQ(results[2].row(0).integer(), 1);
    try {
        connection.query({with(count, 2), with(divide, 0), with(count, 1)});
        FAIL() << "a question that failed was taken for answered";
    } catch (const DatabaseError& error) {
        EXPECT_EQ(error.failure().state, "22012");
        EXPECT_FALSE(error.failure().lost);
    }
    EXPECT_EQ(connection.query(count, Parameters().integer(3)).rows(), 3) << "it goes on";
}

}  // namespace
}  // namespace holdfast::store::postgres
