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

}  // namespace
}  // namespace holdfast::store::postgres
