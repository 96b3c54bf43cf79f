// What a shopper sees: statuses, dates, groups, caps, and the ETag that lets a page ask again for nothing.
#include <fmt/format.h>

#include "tests/http/fixture.h"

namespace holdfast::http {
namespace {

class AvailabilityTest : public HttpTest {
protected:
    AvailabilityTest() { serve(); }

    boost::json::value first(const std::string& query) {
        return expect(200, "GET", "/v1/availability?" + query).at("availability").at(0);
    }
    void define(const std::string& sku, const std::string& policy) { stock(sku, 0, policy); }
    void work(const std::string& sku, const std::string& body) {
        expect(200, "POST", "/v1/skus/" + sku + "/stock", body);
    }
    void place(const std::string& sku, int quantity) {
        expect(
            201, "POST", "/v1/holds",
            fmt::format(R"({{"cart":"c","lines":[{{"sku":"{}","quantity":{}}}]}})", sku, quantity));
    }
    std::string status(const std::string& sku) {
        return std::string(first("sku=" + sku).at("status").as_string());
    }
};

TEST_F(AvailabilityTest, every_status_has_its_cause) {
    define("mug", R"({"low_stock": 2})");
    EXPECT_EQ(status("mug"), "out_of_stock");
    work("mug", R"({"action": "receive", "quantity": 2})");
    EXPECT_EQ(status("mug"), "low_stock");
    work("mug", R"({"action": "receive", "quantity": 1})");
    EXPECT_EQ(status("mug"), "in_stock");
    define("wrench", R"({"selling": "backorder", "backorder_limit": 1})");
    EXPECT_EQ(status("wrench"), "backorder");
    place("wrench", 1);
    EXPECT_EQ(status("wrench"), "out_of_stock");
    define("game", R"({"selling": "preorder", "available_on": "2099-01-01T00:00:00Z"})");
    EXPECT_EQ(status("game"), "preorder");
    EXPECT_EQ(first("sku=game").at("restock_on"), "2099-01-01T00:00:00.000Z");
    define("shoe", R"({"waitlist": "fair"})");
    EXPECT_EQ(status("shoe"), "waitlist");
}

TEST_F(AvailabilityTest, what_others_wait_for_is_not_there) {
    define("shoe", R"({"waitlist": "fair"})");
    expect(201, "POST", "/v1/skus/shoe/waitlist", R"({"customer": "u", "quantity": 2})");
    work("shoe", R"({"action": "receive", "quantity": 1})");
    EXPECT_EQ(first("sku=shoe").at("available"), 0);
    EXPECT_EQ(status("shoe"), "waitlist");
}

TEST_F(AvailabilityTest, a_later_moment_counts_what_is_announced_less_what_is_promised) {
    define("mug", R"({"selling": "backorder"})");
    place("mug", 3);
    work(
        "mug",
        R"({"action": "expect", "quantity": 10, "expected_at": "2098-01-02T00:00:00Z", "reference": "b"})");
    work(
        "mug",
        R"({"action": "expect", "quantity": 5, "expected_at": "2098-01-01T00:00:00Z", "reference": "a"})");
    EXPECT_EQ(first("sku=mug").at("available"), 0);
    EXPECT_EQ(first("sku=mug").at("restock_on"), "2098-01-01T00:00:00.000Z");
    EXPECT_EQ(first("sku=mug&at=2098-01-01T00:00:00Z").at("available"), 2);
    EXPECT_EQ(first("sku=mug&at=2098-01-02T00:00:00Z").at("available"), 12);
    EXPECT_EQ(first("sku=mug&at=2098-01-02T00:00:00Z&cap=10").at("available"), "10+");
}

TEST_F(AvailabilityTest, by_location_and_by_region) {
    expect(200, "PUT", "/v1/locations/berlin", R"({"region": "eu"})");
    expect(200, "PUT", "/v1/locations/paris", R"({"region": "eu"})");
    define("mug", "{}");
    for (const char* place : {"main", "berlin", "paris"}) {
        work("mug",
             fmt::format(R"({{"action": "receive", "quantity": 2, "location": "{}"}})", place));
    }
    const auto places = first("sku=mug&by=location").at("by").as_array();
    ASSERT_EQ(places.size(), 3);
    EXPECT_EQ(places[0].at("name"), "berlin");
    const auto regions = first("sku=mug&by=region").at("by").as_array();
    ASSERT_EQ(regions.size(), 2);
    EXPECT_EQ(regions[1].at("name"), "eu");
    EXPECT_EQ(regions[1].at("available"), 4);
}

TEST_F(AvailabilityTest, bad_questions_are_refused_by_name) {
    define("mug", "{}");
    EXPECT_EQ(ask("GET", "/v1/availability").status, 422);
    for (const char* wrong :
         {"sku=mug&by=colour", "sku=mug&at=tomorrow", "sku=mug&cap=0", "sku=mug&cap=1&cap=2",
          "sku=mug&x=1", "sku=mug&consistency=eventual"}) {
        EXPECT_EQ(ask("GET", std::string("/v1/availability?") + wrong).status, 400) << wrong;
    }
    std::string many = "/v1/availability?";
    for (int i = 0; i < 501; ++i) {
        many += fmt::format("sku=m{}&", i);
    }
    many.pop_back();
    EXPECT_EQ(ask("GET", many).status, 422);
    EXPECT_EQ(expect(200, "GET", "/v1/availability?sku=cup").at("unknown").as_array().size(), 1);
}

TEST_F(AvailabilityTest, an_answer_that_is_still_true_is_not_sent_again) {
    define("mug", "{}");
    work("mug", R"({"action": "receive", "quantity": 100})");
    const std::string target = "/v1/availability?sku=mug&cap=10";
    const Reply before = ask("GET", target);
    const std::string tag(before.field("etag"));
    // Somebody else's hold is nothing that this shopper sees.
    place("mug", 1);
    const Reply again = ask("GET", target, "", {{"If-None-Match", tag}});
    EXPECT_EQ(again.status, 304);
    EXPECT_TRUE(again.body.empty());
    work("mug", R"({"action": "adjust", "delta": -95, "reason": "count"})");
    expect(200, "GET", target, "", {{"If-None-Match", tag}});
}

}  // namespace
}  // namespace holdfast::http
