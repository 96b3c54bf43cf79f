// What people are told over HTTP: the list and its filters, who has seen an alert, the orders that a shortfall puts
// at risk, and what is said of a request that is at fault.
#include <fmt/format.h>

#include "tests/http/fixture.h"

namespace holdfast::http {
namespace {

using namespace std::chrono_literals;

class AlertsTest : public HttpTest {
protected:
    AlertsTest() { serve(); }

    boost::json::array alerts(const std::string& query = "") {
        return expect(200, "GET", "/v1/alerts" + query).at("alerts").as_array();
    }
    std::vector<std::string> kinds(const std::string& query = "") {
        std::vector<std::string> found;
        const boost::json::array listed = alerts(query);
        for (const boost::json::value& alert : listed) {
            found.emplace_back(alert.at("kind").as_string());
        }
        return found;
    }
    std::string buy(const std::string& cart, const std::string& sku, int quantity) {
        const auto bought = expect(
            201, "POST", "/v1/holds",
            fmt::format(R"({{"cart":"{}","confirm":true,"lines":[{{"sku":"{}","quantity":{}}}]}})",
                        cart, sku, quantity));
        return std::string(bought.at("id").as_string());
    }
    void adjust(const std::string& sku, int delta) {
        expect(200, "POST", "/v1/skus/" + sku + "/stock",
               fmt::format(R"({{"action":"adjust","delta":{},"reason":"count"}})", delta));
    }
};

using Kinds = std::vector<std::string>;

TEST_F(AlertsTest, are_listed_by_sku_kind_and_whether_they_were_seen) {
    stock("mug", 3, R"({"low_stock": 5, "reorder_point": 9, "reorder_quantity": 50})");
    stock("tea", 1);
    buy("c-1", "tea", 1);
    EXPECT_EQ(kinds(), (Kinds{"reorder", "low_stock", "out_of_stock"}));
    EXPECT_EQ(kinds("?sku=mug"), (Kinds{"reorder", "low_stock"}));
    EXPECT_EQ(kinds("?kind=out_of_stock"), Kinds{"out_of_stock"});
    EXPECT_EQ(kinds("?acknowledged=true"), Kinds{});
    EXPECT_EQ(kinds("?acknowledged=false&sku=tea"), Kinds{"out_of_stock"});
    const auto low = alerts("?kind=low_stock").at(0);
    EXPECT_EQ(low.at("available"), 3);
    EXPECT_EQ(low.at("low_stock"), 5);
    EXPECT_EQ(alerts("?kind=reorder").at(0).at("order"), 50);
}

TEST_F(AlertsTest, come_in_pages) {
    for (const char* const sku : {"a", "b", "c"}) {
        stock(sku, 1);
        buy("c-1", sku, 1);
    }
    const auto first = expect(200, "GET", "/v1/alerts?limit=2");
    EXPECT_EQ(first.at("alerts").as_array().size(), 2U);
    const auto rest =
        expect(200, "GET", "/v1/alerts?limit=2&after=" + std::string(first.at("next").as_string()));
    EXPECT_EQ(rest.at("alerts").at(0).at("sku"), "c");
    EXPECT_TRUE(rest.at("next").is_null());
    expect_problem(422, "invalid_request", "GET", "/v1/alerts?after=mug");
}

TEST_F(AlertsTest, are_acknowledged_by_the_first_who_has_seen_them) {
    stock("mug", 1);
    buy("c-1", "mug", 1);
    const std::string path =
        fmt::format("/v1/alerts/{}/acknowledge", alerts().at(0).at("id").as_string().c_str());
    const auto seen = expect(200, "POST", path, R"({"by": "anna"})");
    EXPECT_EQ(seen.at("acknowledged_by"), "anna");
    EXPECT_EQ(expect(200, "POST", path, R"({"by": "ben"})").at("acknowledged_by"), "anna");
    EXPECT_EQ(alerts("?acknowledged=true").at(0).at("acknowledged_by"), "anna");
    expect_problem(422, "invalid_request", "POST", path, R"({"by": ""})");
    expect_problem(422, "invalid_request", "POST", path, "{}");
    expect_problem(400, "unknown_field", "POST", path, R"({"by": "anna", "why": "x"})");
}

TEST_F(AlertsTest, that_do_not_stand_are_unknown) {
    expect_problem(404, "unknown_alert", "POST", "/v1/alerts/mug/acknowledge", R"({"by": "a"})");
    expect_problem(404, "unknown_alert", "POST",
                   "/v1/alerts/alert_00000000000000010000/acknowledge", R"({"by": "a"})");
    expect_problem(400, "bad_request", "GET", "/v1/alerts?kind=sold_out");
    expect_problem(400, "bad_request", "GET", "/v1/alerts?acknowledged=maybe");
}

TEST_F(AlertsTest, of_a_shortfall_name_the_orders_sold_last) {
    stock("mug", 10);
    stock("tea", 5);
    const std::string old = buy("c-old", "mug", 4);
    pass(240h);
    buy("c-tea", "tea", 1);
    const std::string newer = buy("c-newer", "mug", 2);
    const std::string shipped = buy("c-shipped", "mug", 1);
    expect(200, "POST", "/v1/holds/" + shipped + "/fulfil");
    pass(1h);
    const std::string newest = buy("c-newest", "mug", 1);
    adjust("mug", -4);  // of nine that are left seven are sold: two are missing
    const auto at_risk = [&] {
        std::vector<std::string> ids;
        const boost::json::array listed = alerts("?kind=shortfall");
        for (const boost::json::value& order : listed.at(0).at("orders").as_array()) {
            ids.emplace_back(order.at("id").as_string());
        }
        return ids;
    };
    EXPECT_EQ(alerts("?kind=shortfall").at(0).at("missing"), 2);
    EXPECT_EQ(at_risk(), (std::vector{newest, newer}));
    // The list is of now: once more is missing it goes further back.
    adjust("mug", -2);
    EXPECT_EQ(at_risk(), (std::vector{newest, newer, old}));
    // Who is told and gives up is at risk no more.
    expect(200, "POST", "/v1/holds/" + newest + "/cancel");
    EXPECT_EQ(at_risk(), (std::vector{newer, old}));
}

TEST_F(AlertsTest, bounds_that_contradict_each_other_are_refused) {
    for (const char* const policy :
         {R"({"policy": {"reorder_point": 5}})", R"({"policy": {"reorder_quantity": 5}})"}) {
        const auto problem = expect_problem(422, "invalid_request", "PUT", "/v1/skus/mug", policy);
        EXPECT_NE(problem.at("detail").as_string().find("belong together"), std::string::npos);
    }
}

}  // namespace
}  // namespace holdfast::http
