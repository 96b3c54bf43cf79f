// `holdfast bench --store`, on a real server: what it prints, that it leaves nothing behind, and that the
// strategies are what their names say.
#include "cli/comparison.h"

#include <algorithm>
#include <future>
#include <sstream>

#include <boost/json/array.hpp>
#include <gmock/gmock.h>
#include <signal.h>

#include "strategies/strategies.h"
#include "testing/postgres_server.h"
#include "tests/cli/program.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;
using holdfast::testing::PostgresServer;
using strategies::Demand;
using ::testing::HasSubstr;

constexpr const char* schemas_left =
    "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'holdfast_bench_%' OR nspname = 'shop'";

void expect_nothing_left() {
    EXPECT_EQ(PostgresServer::shared().ask(schemas_left), "0");
}

class ComparisonTest : public ShopTest {
protected:
    void SetUp() override {
        if (const auto why = PostgresServer::missing()) {
            GTEST_SKIP() << *why;
        }
    }

    static std::string command(const std::string& rest) {
        // Also where the URL is that of a store.
        return "holdfast bench --store '" + PostgresServer::shared().url() + "&schema=shop' " +
               rest;
    }
};

TEST_F(ComparisonTest, MeasuresEachAndLeavesNothing) {
    const json::value report =
        expect_json(0, command("--seconds 0.1 --clients 8 --skus 20 --json"));
    const std::string said = read_file(directory() / ".err");
    EXPECT_LE(std::ranges::count(said, '\n'), 1) << "the same of every store: " << said;
    EXPECT_EQ(report.at("clients"), 8);
    EXPECT_THAT(std::string(report.at("recommendation").as_string()),
                HasSubstr("The best that this database does by itself"));
    std::string names;
    for (const json::value& row : report.at("strategies").as_array()) {
        const std::string_view name = row.at("strategy").as_string();
        names += std::string(name) + ". ";
        if (name.contains("without")) {
            EXPECT_TRUE(row.at("hot").is_null()) << name;
            continue;
        }
        EXPECT_EQ(row.at("oversold"), 0) << name;
        EXPECT_GT(row.at_pointer("/hot/holds_per_second").as_double(), 0) << name;
        EXPECT_GT(row.at_pointer("/wide/p99_ms").as_double(), 0) << name;
    }
    EXPECT_EQ(names,
              "row lock. optimistic version. atomic counter. count, then insert. row lock without "
              "its lock. count without SERIALIZABLE. Holdfast, auto. Holdfast, pessimistic. ");
    expect_nothing_left();
}

// Not for a time but until all is sold: that none of forty SKUs is oversold by any two of sixteen clients
// who do not look out for each other does not happen.
TEST_F(ComparisonTest, EachStrategyKeepsOrBreaksItsPromise) {
    for (const strategies::Strategy& strategy : strategies::usual_strategies()) {
        SCOPED_TRACE(strategy.name);
        strategies::ScratchSchema schema(PostgresServer::shared().url());
        // SERIALIZABLE is slow when many fight.
        const strategies::Stock stock{.skus = strategy.serializable ? 4U : 40U, .units_each = 3};
        Demand demand(Demand::Order::one_after_another, stock.skus);
        const auto seller = make_seller(strategy, schema, stock, 16);
        const auto held = static_cast<std::int64_t>(seller->sell(demand).size());
        EXPECT_TRUE(demand.over());
        const std::int64_t beyond = held - (stock.skus * stock.units_each);
        if (strategy.oversells) {
            EXPECT_GT(seller->oversold(), 0);
            EXPECT_GT(beyond, 0);
        } else {
            EXPECT_EQ(seller->oversold(), 0);
            EXPECT_EQ(beyond, 0);
        }
    }
    expect_nothing_left();
}

TEST_F(ComparisonTest, LeavesNothingWhenItIsInterrupted) {
    const PostgresServer& server = PostgresServer::shared();
    auto running = std::async(std::launch::async, [this] {
        return run("echo $$ > pid\nexec " + command("--seconds 600 --clients 2 --skus 20"));
    });
    server.wait_until(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%FOR UPDATE%' "
        "AND pid <> pg_backend_pid())");
    ::kill(std::stoi(read_file(directory() / "pid")), SIGTERM);
    const Ran ran = running.get();
    EXPECT_EQ(ran.status, 1);
    EXPECT_THAT(ran.err, HasSubstr("interrupted"));
    expect_nothing_left();
}

TEST_F(ComparisonTest, SaysWhatIsWrongWithAServer) {
    const std::string nobody =
        expect(3, "holdfast bench --store postgres://x:secret@127.0.0.1:1/shop");
    EXPECT_THAT(nobody, HasSubstr("cannot reach PostgreSQL at 127.0.0.1:1/shop"));
    EXPECT_EQ(nobody.find("secret"), std::string::npos);
    EXPECT_THAT(expect(3, "holdfast bench --store mysql://x"), HasSubstr("postgres://user@host"));
    expect(2, command("--data shop"));
    EXPECT_THAT(expect(3, command("--clients 200 --seconds 0.1 --skus 20")),
                HasSubstr("fewer clients"));
    const PostgresServer& server = PostgresServer::shared();
    server.ask("CREATE ROLE guest LOGIN");
    EXPECT_THAT(expect(3, "holdfast bench --store 'postgres://guest@127.0.0.1:" +
                              std::to_string(server.port()) + "/postgres'"),
                HasSubstr("needs CREATE"));
    expect_nothing_left();
}

std::vector<Compared> figures(Pace holdfast_hot, Pace holdfast_wide) {
    return {{.name = "row lock", .hot = Pace{1'000, 20, 160}, .wide = Pace{9'000, 5, 12}},
            {.name = "atomic counter", .hot = Pace{2'500, 15, 120}, .wide = Pace{30'000, 2, 5}},
            {.name = "broken", .oversold = 1'234},
            {.name = "Holdfast", .holdfast = true, .hot = holdfast_hot, .wide = holdfast_wide}};
}

TEST(RecommendationTest, StandsBelowTheTable) {
    std::ostringstream out;
    print_table(out, figures({50'000.4, 1, 2.5}, {60'000, 1.25, 3}), {.url = ""});
    const std::string text = std::move(out).str();
    EXPECT_TRUE(text.starts_with(
        "                 hot/s  p50 ms  p99 ms  wide/s  p50 ms  p99 ms  oversold\n"
        "row lock         1,000   20.00  160.00   9,000    5.00   12.00         0\n"
        "atomic counter   2,500   15.00  120.00  30,000    2.00    5.00         0\n"
        "broken               -       -       -       -       -       -     1,234\n"
        "Holdfast        50,000    1.00    2.50  60,000    1.25    3.00         0\n"))
        << text;
    EXPECT_THAT(text, HasSubstr("64 clients, 3 s a figure"));
    EXPECT_TRUE(text.ends_with("never use: broken (1,234 units).\n")) << text;
}

TEST(RecommendationTest, SaysHowFarTheDatabaseGoesByItself) {
    const std::string text = recommendation(figures({50'000, 1, 2.5}, {60'000, 1, 3}), 10'000);
    EXPECT_THAT(text, HasSubstr("\"atomic counter\": 2,500 holds a second of one SKU, 30,000 over "
                                "10,000 SKUs"));
    EXPECT_THAT(text, HasSubstr("at most 1,250 holds of any one SKU and 15,000 in all"));
    EXPECT_THAT(text, HasSubstr("take Holdfast: 20.0 times as many of one SKU (p99 2.5 ms "
                                "instead of 120.0 ms) and 2.0 times as many over 10,000 SKUs"));
    EXPECT_THAT(text, HasSubstr("never use: broken (1,234 units)"));
}

TEST(RecommendationTest, IsHonestWhenNothingIsGained) {
    const std::string text = recommendation(figures({3'000, 1, 2.5}, {20'000, 1, 3}), 10'000);
    EXPECT_THAT(text, HasSubstr("Stay with it: Holdfast grants 1.2 times as many"));
    EXPECT_EQ(text.find("good enough while"), std::string::npos);
}

TEST(RecommendationTest, RecommendsNothingThatOversold) {
    auto all = figures({50'000, 1, 2.5}, {60'000, 1, 3});
    all[1].oversold = 1;
    EXPECT_THAT(recommendation(all, 10), HasSubstr("strategy \"row lock\""));
    all[3].oversold = 1;
    EXPECT_THAT(recommendation(all, 10), HasSubstr("Nothing can be recommended"));
}

}  // namespace
}  // namespace holdfast::cli
