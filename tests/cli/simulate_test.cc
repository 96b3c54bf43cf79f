// The simulation on a small shop whose every figure is known.
#include <cstdlib>

#include <boost/json/array.hpp>

#include "cli/orders.h"
#include "tests/cli/program.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;

std::int64_t number(const json::value& report, const char* pointer) {
    return report.at_pointer(pointer).to_number<std::int64_t>();
}

class SimulateTest : public ShopTest {
protected:
    static void expect_sound(const json::value& report) {
        EXPECT_EQ(number(report, "/oversold"), 0);
        EXPECT_EQ(report.at("audit"), "clean");
        EXPECT_EQ(number(report, "/lines/accounted"), number(report, "/lines/read"));
        EXPECT_EQ(number(report, "/units/asked"), number(report, "/units/granted") +
                                                      number(report, "/units/refused") +
                                                      number(report, "/units/abandoned"));
    }
};

TEST_F(SimulateTest, AmpleStockGrantsEverything) {
    const json::value report = expect_json(0, "holdfast simulate --orders orders.csv --json");
    expect_sound(report);
    EXPECT_EQ(number(report, "/lines/read"), 24);
    EXPECT_EQ(number(report, "/lines/granted"), 9);
    EXPECT_EQ(number(report, "/lines/granted_in_part"), 0);
    EXPECT_EQ(number(report, "/lines/refused"), 0);
    EXPECT_EQ(number(report, "/lines/returned"), 2);
    EXPECT_EQ(report.at_pointer("/lines/skipped"), (json::object{{"not_goods", 3},
                                                                 {"return_without_sale", 1},
                                                                 {"return_without_customer", 1},
                                                                 {"quantity_not_positive", 1},
                                                                 {"no_sku", 1},
                                                                 {"bad_quantity", 1},
                                                                 {"bad_date", 1},
                                                                 {"malformed_line", 1},
                                                                 {"cancellation_not_negative", 1},
                                                                 {"no_invoice", 1},
                                                                 {"bad_code", 1}}));
    EXPECT_EQ(number(report, "/units/asked"), 84);
    EXPECT_EQ(number(report, "/units/granted"), 84);
    EXPECT_EQ(number(report, "/units/returned"), 7);
    EXPECT_EQ(number(report, "/carts/whole"), 6);
    EXPECT_EQ(report.at("days").as_array().size(), 3);
}

TEST_F(SimulateTest, ShortStockIsSharedOutAndNeverOversold) {
    for (const char* more : {"", " --http"}) {
        const json::value report = expect_json(
            0,
            std::string("holdfast simulate --orders orders.csv --stock-share 0.5 --json") + more);
        expect_sound(report);
        // Half of 12 + 20 + 12 + 40, whoever gets it.
        EXPECT_EQ(number(report, "/units/granted"), 42);
        EXPECT_GT(number(report, "/lines/granted_in_part"), 0);
        EXPECT_GT(number(report, "/refusals/insufficient_stock"), 0);
        EXPECT_EQ(report.at_pointer("/most_refused/0/sku"), "C400");
    }
}

TEST_F(SimulateTest, StockFromAFile) {
    write_file(directory() / "stock.csv", "sku,quantity\nA100,1\nA100,2\nB300,100\n");
    const json::value report =
        expect_json(0, "holdfast simulate --orders orders.csv --stock stock.csv --json");
    expect_sound(report);
    EXPECT_EQ(number(report, "/units/granted"), 3 + 12);
}

TEST_F(SimulateTest, CartsThatAreLeftBehindComeBackOnSale) {
    // All are left behind, so that each cart finds what the ones before it left.
    const json::value report = expect_json(
        0, "holdfast simulate --orders orders.csv --stock-share 0.5 --abandon 1 --json");
    expect_sound(report);
    EXPECT_EQ(number(report, "/units/granted"), 0);
    EXPECT_GT(number(report, "/units/abandoned"), 0);
}

TEST_F(SimulateTest, AgainstARunningServerTwice) {
    serve();
    for (int run = 0; run < 2; ++run) {
        const json::value report = expect_json(
            0, "holdfast simulate --orders orders.csv --stock-share 0.5 --json " + at());
        expect_sound(report);
    }
}

TEST_F(SimulateTest, OtherLayoutsAreNamed) {
    write_file(directory() / "other.csv", "when;order\n");
    expect(1, "holdfast simulate --orders other.csv");
    write_file(directory() / "other.csv",
               "when,order,article,pieces,who\n3/1/2021 8:26,R7,A,2,x\n3/2/2021 8:26,7,A,3,x\n"
               "3/3/2021 8:26,R8,A,-1,x\n");
    const json::value report = expect_json(
        0,
        "gzip other.csv && holdfast simulate --orders other.csv.gz --col-date when "
        "--col-invoice order --col-sku article --col-quantity pieces --col-customer who "
        "--cancel-prefix R --not-goods X,Y --json");
    EXPECT_EQ(number(report, "/units/asked"), 3);
    EXPECT_EQ(number(report, "/lines/skipped/cancellation_not_negative"), 1);
    EXPECT_EQ(number(report, "/lines/returned"), 1);
}

TEST_F(SimulateTest, TellsPeopleToo) {
    const std::string text = expect(0, "holdfast simulate --orders orders.csv --stock-share 0.5");
    for (const char* part :
         {"2021-03-01", "Most refused:", "24 of 24 read", "oversold 0 units, audit clean"}) {
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    }
}

TEST_F(SimulateTest, FilesThatCannotBeRead) {
    EXPECT_NE(expect(3, "holdfast simulate --orders none.csv").find("none.csv"), std::string::npos);
    write_file(directory() / "torn.csv.gz", "\x1f\x8b\x08garbage");
    expect(3, "holdfast simulate --orders torn.csv.gz");
    write_file(directory() / "open.csv",
               "InvoiceNo,StockCode,Quantity,InvoiceDate,CustomerID\n1,\"A\n");
    EXPECT_NE(expect(1, "holdfast simulate --orders open.csv").find("open.csv:2"),
              std::string::npos);
    expect(2, "holdfast simulate --orders orders.csv --stock stock.csv --stock-share 0.5");
    expect(2, "holdfast simulate --orders orders.csv --abandon 2");
}

TEST(OrdersTest, Days) {
    using std::chrono::sys_days;
    const sys_days day = std::chrono::year(2010) / 12 / 1;
    EXPECT_EQ(parse_day("2010-12-01 08:26:00"), day);
    EXPECT_EQ(parse_day("2010-12-01T08:26"), day);
    EXPECT_EQ(parse_day("12/1/2010 8:26"), day);
    EXPECT_EQ(parse_day("31/12/2010 8:26"), std::nullopt);
    EXPECT_EQ(parse_day("2010-02-30"), std::nullopt);
    EXPECT_EQ(parse_day(""), std::nullopt);
    EXPECT_EQ(parse_day("soon"), std::nullopt);
}

}  // namespace
}  // namespace holdfast::cli
