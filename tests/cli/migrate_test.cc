// `holdfast migrate` with a database, as people type it: to it, within it, out of it, and what it says when that
// cannot be.
#include <gmock/gmock.h>

#include "testing/postgres_server.h"
#include "tests/cli/program.h"

namespace holdfast::cli {
namespace {

using holdfast::testing::PostgresServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class MigrateTest : public ShopTest {
protected:
    void SetUp() override {
        if (const auto why = PostgresServer::missing()) {
            GTEST_SKIP() << *why;
        }
    }

    static std::string command(const std::string& from, const std::string& to,
                               const std::string& rest = "") {
        return "holdfast migrate --from '" + from + "' --to '" + to + "' " + rest;
    }
    static std::string new_schema() { return PostgresServer::shared().url_of_new_schema(); }
    // A database of its own in the same server, whose schema has the usual name.
    static std::string new_database(const std::string& name) {
        PostgresServer& server = PostgresServer::shared();
        server.ask("CREATE DATABASE " + name);
        return server.url(name) + "&accept_risk=fsync";
    }
    // In the shop at this directory: hold, and say what the stock is.
    void hold(const std::string& shop) const {
        expect(0, "holdfast hold place --data " + shop + " --cart c-1 mug=2");
    }
    [[nodiscard]] std::string stock(const std::string& shop) const {
        return expect(0, "holdfast stock show --data " + shop + " mug");
    }
};

TEST_F(MigrateTest, GoesIntoADatabaseThroughAnotherSchemaAndDatabaseAndOutAgain) {
    hold("shop");
    const std::string before = stock("shop");
    const std::string first = new_schema();
    const std::string second = new_schema();
    const std::string third = new_database("migrate_end_to_end");
    EXPECT_THAT(expect(0, command("shop", first)),
                AllOf(HasSubstr("moved "), HasSubstr("both audits are clean"),
                      HasSubstr("takes no more changes: serve "), Not(HasSubstr("Cursors"))));
    EXPECT_THAT(expect(0, command(first, second, "--partitions 8")),
                AllOf(HasSubstr("in 8 partitions"), HasSubstr("Changes had to wait for"),
                      HasSubstr("Cursors of the feed are new")));
    EXPECT_THAT(expect(0, command(second, third)), HasSubstr("in 8 partitions"));
    EXPECT_THAT(expect(0, command(third, "again", "--partitions 1")), HasSubstr("in 1 partition,"));
    EXPECT_THAT(expect(0, command(third, "again")), HasSubstr("was moved to"));
    EXPECT_EQ(stock("again"), before);
    expect(0, "holdfast audit --data again");
    expect(0, "holdfast hold place --data again --cart c-2 tea=1");
    EXPECT_THAT(expect(3, "holdfast audit --data shop"), HasSubstr("was moved to"));
}

TEST_F(MigrateTest, SaysWhatIsWrongAndWhatToDo) {
    const std::string database = new_schema();
    EXPECT_THAT(expect(1, command("shop", "shop")),
                HasSubstr("a store cannot be moved to itself: name another target"));
    EXPECT_THAT(expect(3, command("nowhere", database)),
                HasSubstr("there is no data directory nowhere to move from"));
    EXPECT_THAT(expect(3, command("shop", "postgres://nobody@127.0.0.1:1/shop")),
                HasSubstr("cannot reach PostgreSQL"));
    EXPECT_THAT(expect(3, command(PostgresServer::shared().url("no_such_database"), "new")),
                HasSubstr("no_such_database"));
    EXPECT_THAT(expect(2, command("shop", database, "--partitions 0")), HasSubstr("--partitions"));
    // A source that is not there is not made.
    EXPECT_THAT(expect(3, command(database, "new")), HasSubstr("there is no store at"));
    EXPECT_EQ(PostgresServer::shared().ask("SELECT count(*) FROM pg_namespace WHERE nspname = '" +
                                           database.substr(database.rfind('=') + 1) + "'"),
              "0");
    expect(0, command("shop", database));
    // The same store by other names of its server.
    std::string by_port = PostgresServer::shared().tcp_url();
    by_port += "?accept_risk=fsync&schema=" + database.substr(database.rfind('=') + 1);
    EXPECT_THAT(expect(1, command(database, by_port)), HasSubstr("are the same store"));
    EXPECT_THAT(expect(1, command(database, "shop", "--partitions 4")),
                AllOf(HasSubstr("is to have 4 partitions"), HasSubstr("has 1 already")));
    // Somebody else's shop.
    expect(0,
           "holdfast import --data other --locations locations.csv --skus catalogue.csv --stock "
           "stock.csv");
    EXPECT_THAT(expect(1, command("other", database)),
                AllOf(HasSubstr("has a shop of its own"), HasSubstr("not there yet")));
    expect(0, command(database, "shop"));
    expect(0, "holdfast audit --data shop");
}

TEST_F(MigrateTest, TheServerOfADirectoryMustBeStopped) {
    serve();
    EXPECT_THAT(expect(3, command("shop", new_schema())), HasSubstr("in use"));
}

}  // namespace
}  // namespace holdfast::cli
