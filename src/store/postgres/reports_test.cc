// What docs/stores.md shows in SQL: the privileges are enough, and the reports answer.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/codec.h"
#include "store/postgres/postgres_store.h"
#include "testing/postgres_server.h"
#include "testing/store_batches.h"

namespace holdfast::store {
namespace {

using holdfast::testing::append_and_wait;
using holdfast::testing::BatchMaker;
using holdfast::testing::hold_number;
using holdfast::testing::PostgresServer;
using holdfast::testing::PostgresSession;
using ::testing::StartsWith;

std::vector<std::string> sql_blocks(const char* document) {
    std::ifstream file(document);
    std::vector<std::string> blocks;
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
        if (line == "```sql") {
            inside = true;
            blocks.emplace_back();
        } else if (line == "```") {
            inside = false;
        } else if (inside) {
            blocks.back() += line + '\n';
        }
    }
    return blocks;
}

TEST(PostgresReports, OfTheDocumentationAnswer) {
    if (const auto why = PostgresServer::missing()) {
        GTEST_SKIP() << *why;
    }
    const std::vector<std::string> blocks = sql_blocks("docs/stores.md");
    ASSERT_EQ(blocks.size(), 4U) << "privileges, those of reports, two reports";
    PostgresServer server;
    server.ask("CREATE DATABASE shop");
    const PostgresSession administrator(server.url("shop"));
    const auto url_of = [&](const std::string& user) {
        std::string url = server.url("shop");
        return url.replace(url.find("postgres@"), 8, user);
    };
    administrator.ask(blocks[0]);
    const auto store = open_postgres({.url = url_of("holdfast"), .partitions = 2});
    administrator.ask(blocks[1]);

    const Hold hold = hold_number(1, "c-81", "u-9");
    ASSERT_EQ(append_and_wait(*store, BatchMaker(1, hold.created_at)
                                          .add(0, 0, {HoldPlaced{hold}})
                                          .add(1, 0, {HoldPlaced{hold}})
                                          .put_hold(RowKind::live_hold, 0, hold)
                                          .take())
                  .error,
              "");
    const PostgresSession reports(url_of("reports"));
    EXPECT_EQ(reports.ask(blocks[2]), "mug");
    EXPECT_THAT(reports.ask(blocks[3]), StartsWith("2026-11-"));
    const std::string days = blocks[3].substr(0, blocks[3].rfind(';'));
    EXPECT_EQ(reports.ask("SELECT placed || ' ' || confirmed FROM (" + days + ") AS days"), "1 0");
    EXPECT_THROW(reports.ask("DELETE FROM holdfast.event"), std::runtime_error);
}

}  // namespace
}  // namespace holdfast::store
