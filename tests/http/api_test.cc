// Every route, every status: what is asked and what is answered, over a real socket.
#include <filesystem>
#include <set>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <holdfast/version.h>
#include "http/problem.h"
#include "http/routes.h"
#include "tests/http/fixture.h"

namespace holdfast::http {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

class ApiTest : public HttpTest {
protected:
    ApiTest() { serve(); }

    json::value counters(std::string_view sku = "mug") {
        return expect(200, "GET", fmt::format("/v1/skus/{}/stock", sku)).at("total");
    }
    static int number(const json::value& from, std::string_view name) {
        return from.at({name.data(), name.size()}).to_number<int>();
    }
    static std::string text(const json::value& from, std::string_view name) {
        return std::string(from.at({name.data(), name.size()}).as_string());
    }
    std::string path(const std::string& id, std::string_view verb) {
        return fmt::format("/v1/holds/{}/{}", id, verb);
    }
};

TEST_F(ApiTest, skus_are_defined_read_and_listed) {
    const auto put =
        expect(200, "PUT", "/v1/skus/mug", R"({"policy":{"hold_ttl":60,"split":true}})");
    EXPECT_EQ(number(put.at("policy"), "hold_ttl"), 60);
    EXPECT_EQ(number(put.at("policy"), "max_ttl"), 3600);
    EXPECT_TRUE(put.at("policy").at("max_per_customer").is_null());
    EXPECT_TRUE(put.at("policy").at("customer_window").is_null());

    const Reply got = ask("GET", "/v1/skus/mug");
    EXPECT_EQ(got.json().at("policy"), put.at("policy"));
    EXPECT_EQ(got.field("etag"), fmt::format("\"{}\"", number(put, "defined_at")));

    // What was read can be sent back.
    expect(200, "PUT", "/v1/skus/mug",
           json::serialize(json::object{{"policy", got.json().at("policy")}}));
    const auto limited = expect(
        200, "PUT", "/v1/skus/mug",
        R"({"policy":{"max_per_customer":2,"customer_window":31622400,"max_per_cart":null}})");
    EXPECT_EQ(number(limited.at("policy"), "customer_window"), 31'622'400);
    expect(200, "PUT", "/v1/skus/a%2Fb%25");
    expect(200, "PUT", "/v1/skus/tea");
    const auto page = expect(200, "GET", "/v1/skus?limit=2");
    EXPECT_EQ(text(page.at("skus").at(0), "sku"), "a/b%");
    EXPECT_EQ(text(page, "next"), "mug");
    const auto rest = expect(200, "GET", "/v1/skus?limit=2&after=mug");
    EXPECT_EQ(rest.at("skus").as_array().size(), 1);
    EXPECT_TRUE(rest.at("next").is_null());
    expect_problem(404, "unknown_sku", "GET", "/v1/skus/cup");
}

TEST_F(ApiTest, a_policy_is_judged_field_by_field_and_as_a_whole) {
    const auto several = expect_problem(
        422, "invalid_request", "PUT", "/v1/skus/mug",
        R"({"policy":{"hold_ttl":0,"late_confirm":"maybe","allocation":7,"split":"yes"}})");
    EXPECT_EQ(several.at("errors").as_array().size(), 4);
    EXPECT_EQ(text(several.at("errors").at(0), "pointer"), "/policy/hold_ttl");
    const auto whole = expect_problem(422, "invalid_request", "PUT", "/v1/skus/mug",
                                      R"({"policy":{"max_ttl":60}})");
    EXPECT_EQ(text(whole.at("errors").at(0), "pointer"), "/policy/hold_ttl");
    const auto alone = expect_problem(422, "invalid_request", "PUT", "/v1/skus/mug",
                                      R"({"policy":{"customer_window":60}})");
    EXPECT_EQ(text(alone.at("errors").at(0), "pointer"), "/policy/customer_window");
    expect_problem(422, "invalid_request", "PUT", "/v1/skus/mug",
                   R"({"policy":{"max_per_customer":1,"customer_window":59}})");
}

TEST_F(ApiTest, locations_are_named_and_listed) {
    expect(200, "PUT", "/v1/locations/berlin", R"({"region":"eu","priority":-5})");
    expect(200, "PUT", "/v1/locations/main");
    const auto list = expect(200, "GET", "/v1/locations");
    EXPECT_EQ(text(list.at("locations").at(0), "location"), "berlin");
    EXPECT_EQ(number(list.at("locations").at(0), "priority"), -5);
}

TEST_F(ApiTest, stock_is_told_of_a_past_moment) {
    stock("mug", 10);
    const std::string target = "/v1/skus/mug/stock?at=";
    const auto then = expect(200, "GET", target + to_rfc3339(start));
    EXPECT_EQ(then.at("total").at("on_hand").to_number<int>(), 10);
    expect_problem(404, "unknown_sku", "GET", target + "2020-01-01T00:00:00Z");
    expect_problem(400, "bad_request", "GET", target + "yesterday");
    expect_problem(400, "bad_request", "GET", "/v1/skus/mug/stock?before=now");
}

TEST_F(ApiTest, stock_is_received_adjusted_moved_and_transferred) {
    stock("mug", 10);
    const std::string target = "/v1/skus/mug/stock";
    expect(200, "PUT", "/v1/locations/berlin");
    expect(200, "POST", target,
           R"({"action":"transfer","from":"main","to":"berlin","quantity":4,"reference":"T-1"})");
    expect(200, "POST", target, R"({"action":"adjust","delta":-1,"reason":"broken in store"})");
    const auto moved = expect(
        200, "POST", target,
        R"({"action":"move","from":"available","to":"damaged","quantity":2,"location":"berlin"})");
    EXPECT_EQ(number(moved.at("total"), "on_hand"), 9);
    EXPECT_EQ(number(moved.at("total"), "available"), 7);
    EXPECT_EQ(number(moved.at("total"), "damaged"), 2);
    EXPECT_EQ(moved.at("locations").as_array().size(), 2);
    EXPECT_EQ(text(moved, "as_of"), "2027-01-15T08:00:00.000Z");
    expect_problem(404, "unknown_location", "POST", target,
                   R"({"action":"transfer","from":"main","to":"paris","quantity":1})");
    expect_problem(409, "insufficient_stock", "POST", target,
                   R"({"action":"transfer","from":"main","to":"berlin","quantity":100})");
    expect_problem(422, "quantity_out_of_range", "POST", target,
                   R"({"action":"receive","quantity":1000000000000})");
    expect_problem(422, "invalid_request", "POST", target, R"({"action":"expect","quantity":1})");
    expect_problem(422, "invalid_request", "POST", target, R"({"action":"adjust","delta":0})");
    expect_problem(404, "unknown_sku", "GET", "/v1/skus/cup/stock");
}

TEST_F(ApiTest, a_hold_is_placed_read_and_lives_to_its_end) {
    stock("mug", 10);
    const Reply placed = ask("POST", "/v1/holds",
                             R"({"cart":"c-81","customer":"u-9","ttl":600,
                                 "lines":[{"sku":"mug","quantity":2},{"sku":"mug","quantity":1}]})");
    ASSERT_EQ(placed.status, 201) << placed.body;
    const auto body = placed.json();
    const std::string id = text(body, "id");
    EXPECT_EQ(placed.field("location"), "/v1/holds/" + id);
    EXPECT_EQ(placed.field("etag"), fmt::format("\"{}\"", number(body, "fence")));
    EXPECT_EQ(text(body, "status"), "pending");
    EXPECT_TRUE(body.at("firm").as_bool());
    EXPECT_EQ(text(body, "created_at"), "2027-01-15T08:00:00.000Z");
    EXPECT_EQ(text(body, "expires_at"), "2027-01-15T08:10:00.000Z");
    EXPECT_EQ(number(counters(), "held"), 3);

    EXPECT_EQ(expect(200, "GET", "/v1/holds/" + id).at("lines"), body.at("lines"));
    expect(200, "POST", path(id, "confirm"));
    EXPECT_EQ(number(counters(), "committed"), 3);
    expect(200, "POST", path(id, "fulfil"),
           R"({"lines":[{"sku":"mug","quantity":2}],"reference":"DHL 1"})");
    expect(200, "POST", path(id, "cancel"));
    const auto back =
        expect(200, "POST", path(id, "return"), R"({"lines":[{"sku":"mug","quantity":1}]})");
    EXPECT_EQ(text(back, "status"), "fulfilled");
    EXPECT_EQ(number(counters(), "returned"), 1);
    EXPECT_EQ(number(counters(), "on_hand"), 9);
    expect_problem(404, "unknown_hold", "GET", "/v1/holds/hold_00000000000000000000000000000000");
    expect_problem(404, "unknown_hold", "POST", "/v1/holds/mine/confirm");
}

TEST_F(ApiTest, a_hold_is_amended_extended_kept_alive_secured_and_released) {
    stock("mug", 10);
    const std::string id = hold(2, R"(,"heartbeat":30)");
    const auto amended =
        expect(200, "PATCH", "/v1/holds/" + id, R"({"lines":[{"sku":"mug","quantity":5}]})");
    EXPECT_EQ(number(amended.at("lines").at(0), "quantity"), 5);
    EXPECT_EQ(number(expect(200, "POST", path(id, "extend"), R"({"ttl":900})"), "extensions"), 1);
    pass(20s);
    EXPECT_EQ(text(expect(200, "POST", path(id, "heartbeat")), "beats_until"),
              "2027-01-15T08:00:50.000Z");
    EXPECT_TRUE(expect(200, "POST", path(id, "secure"), "{}").at("secured").as_bool());
    EXPECT_EQ(text(expect(200, "POST", path(id, "release")), "status"), "released");
    EXPECT_EQ(number(counters(), "available"), 10);
}

TEST_F(ApiTest, a_region_is_kept_and_shown_where_it_was_named) {
    stock("mug", 10);
    EXPECT_FALSE(expect(200, "GET", "/v1/holds/" + hold(1)).as_object().contains("region"));
    const std::string id = hold(2, R"(,"region":"eu")");
    EXPECT_EQ(text(expect(200, "GET", "/v1/holds/" + id), "region"), "eu");
    const auto amend = [&](const std::string& more) {
        return text(expect(200, "PATCH", "/v1/holds/" + id,
                           R"({"lines":[{"sku":"mug","quantity":5}])" + more + "}"),
                    "region");
    };
    EXPECT_EQ(amend(""), "eu");
    EXPECT_EQ(amend(R"(,"region":"uk")"), "uk");
    EXPECT_EQ(text(expect(200, "POST", path(id, "confirm")), "region"), "uk");
    expect(200, "PUT", "/v1/skus/shoe", R"({"policy":{"waitlist":"open"}})");
    const auto entry = expect(201, "POST", "/v1/skus/shoe/waitlist",
                              R"({"customer":"u","quantity":1,"region":"eu"})");
    EXPECT_EQ(text(entry, "region"), "eu");
    expect_problem(422, "invalid_request", "POST", "/v1/skus/shoe/waitlist",
                   R"({"customer":"v","region":"no spaces"})");
}

TEST_F(ApiTest, partial_grants_what_there_is_and_confirm_buys_at_once) {
    stock("mug", 3);
    const auto part = expect(
        201, "POST", "/v1/holds",
        R"({"cart":"c","partial":true,"confirm":true,"lines":[{"sku":"mug","quantity":5}]})");
    EXPECT_EQ(text(part, "status"), "confirmed");
    EXPECT_EQ(number(part.at("lines").at(0), "wanted"), 5);
    EXPECT_EQ(number(part.at("lines").at(0), "quantity"), 3);
    EXPECT_EQ(number(part.at("lines").at(0).at("allocations").at(0), "fulfilled"), 0);
}

TEST_F(ApiTest, every_short_line_is_named) {
    stock("mug", 1);
    stock("tea", 0);
    const auto refused = expect_problem(
        409, "insufficient_stock", "POST", "/v1/holds",
        R"({"cart":"c","lines":[{"sku":"mug","quantity":2},{"sku":"tea","quantity":1}]})");
    EXPECT_EQ(refused.at("short"), json::parse(R"([{"sku":"mug","wanted":2,"available":1},
                              {"sku":"tea","wanted":1,"available":0}])"));
    EXPECT_FALSE(refused.at("retryable").as_bool());
    EXPECT_EQ(number(counters(), "held"), 0);
}

TEST_F(ApiTest, refusals_by_the_shops_rules) {
    stock("mug", 100, R"({"max_per_customer":2,"max_ttl":900,"max_life":1000,"max_extensions":1})");
    const auto place = [](std::string_view more, int quantity = 1) {
        return fmt::format(R"({{"cart":"c","lines":[{{"sku":"mug","quantity":{}}}]{}}})", quantity,
                           more);
    };
    expect_problem(422, "customer_required", "POST", "/v1/holds", place(""));
    expect_problem(409, "customer_limit_exceeded", "POST", "/v1/holds",
                   place(R"(,"customer":"u")", 3));
    expect_problem(422, "ttl_too_long", "POST", "/v1/holds", place(R"(,"customer":"u","ttl":901)"));
    const std::string id = hold(2, R"(,"customer":"u")");
    expect_problem(409, "heartbeat_not_requested", "POST", path(id, "heartbeat"));
    expect_problem(409, "quantity_exceeds_hold", "POST", path(id, "confirm"),
                   R"({"lines":[{"sku":"mug","quantity":3}]})");
    expect_problem(409, "hold_pending", "POST", path(id, "fulfil"));
    pass(1s);
    expect(200, "POST", path(id, "extend"));
    pass(1s);
    expect_problem(409, "max_extensions_reached", "POST", path(id, "extend"));
}

TEST_F(ApiTest, a_fence_refuses_changes_that_were_not_seen) {
    stock("mug", 10);
    const std::string id = hold();
    const auto extended = ask("POST", path(id, "extend"));
    const int fence = number(extended.json(), "fence");
    const auto stale = expect_problem(412, "stale_fence", "POST", path(id, "confirm"),
                                      fmt::format(R"({{"fence":{}}})", fence - 1));
    EXPECT_EQ(number(stale, "fence"), fence);
    expect_problem(412, "stale_fence", "POST", path(id, "confirm"), "",
                   {{"If-Match", fmt::format("\"{}\"", fence - 1)}});
    expect_problem(422, "invalid_request", "POST", path(id, "confirm"),
                   fmt::format(R"({{"fence":{}}})", fence),
                   {{"If-Match", fmt::format("\"{}\"", fence - 1)}});
    expect_problem(400, "bad_request", "POST", path(id, "confirm"), "", {{"If-Match", "17"}});
    expect_problem(400, "bad_request", "PUT", "/v1/skus/mug", "", {{"If-Match", "\"1\""}});
    expect(200, "POST", path(id, "extend"), "", {{"If-Match", "*"}});
    const int now = number(expect(200, "GET", "/v1/holds/" + id), "fence");
    expect(200, "POST", path(id, "confirm"), "", {{"If-Match", fmt::format("\"{}\"", now)}});
}

TEST_F(ApiTest, holds_are_found_by_cart_customer_and_status) {
    stock("mug", 10);
    const std::string first = hold(1, R"(,"customer":"u")");
    const std::string second = hold(1, R"(,"customer":"u")");
    const std::string third = hold();
    expect(200, "POST", path(second, "confirm"));
    const auto by_customer = expect(200, "GET", "/v1/holds?customer=u");
    EXPECT_EQ(by_customer.at("holds").as_array().size(), 2);
    const auto confirmed = expect(200, "GET", "/v1/holds?cart=c-1&status=confirmed");
    EXPECT_EQ(text(confirmed.at("holds").at(0), "id"), second);
    const auto page = expect(200, "GET", "/v1/holds?cart=c-1&limit=2");
    EXPECT_EQ(text(page, "next"), second);
    const auto rest = expect(200, "GET", "/v1/holds?cart=c-1&limit=2&after=" + second);
    EXPECT_EQ(text(rest.at("holds").at(0), "id"), third);
    EXPECT_EQ(expect(200, "GET", "/v1/holds?cart=nobody").at("holds").as_array().size(), 0);
    for (const char* query : {"?status=forgotten", "?limit=0", "?limit=1001", "?limit=ten",
                              "?color=red", "?cart=a&cart=b", "?cart=%00", "?cart=%zz"}) {
        expect_problem(400, "bad_request", "GET", std::string("/v1/holds") + query);
    }
    expect_problem(422, "invalid_request", "GET", "/v1/holds?after=yesterday");
}

TEST_F(ApiTest, a_batch_has_a_result_for_each_command) {
    stock("mug", 3);
    const std::string id = hold();
    const auto results = expect(200, "POST", "/v1/batch",
                                fmt::format(R"({{"commands":[
                   {{"do":"hold","cart":"a","lines":[{{"sku":"mug","quantity":2}}]}},
                   {{"do":"hold","cart":"b","lines":[{{"sku":"mug","quantity":2}}]}},
                   {{"do":"confirm","id":"{0}"}},
                   {{"do":"fulfil","id":"{0}","reference":"R"}},
                   {{"do":"define_sku","sku":"tea","policy":{{"hold_ttl":60}}}},
                   {{"do":"receive","sku":"tea","quantity":5}},
                   {{"do":"define_location","location":"paris","priority":9}},
                   {{"do":"transfer","sku":"tea","from":"main","to":"paris","quantity":1}},
                   {{"do":"adjust","sku":"tea","delta":-1,"reason":"count"}},
                   {{"do":"move","sku":"tea","from":"available","to":"repair","quantity":1}}]}})",
                                            id))
                             .at("results");
    const std::vector<int> expected{201, 409, 200, 200, 200, 200, 200, 200, 200, 200};
    ASSERT_EQ(results.as_array().size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(number(results.at(i), "status"), expected[i]) << i;
    }
    EXPECT_EQ(text(results.at(1).at("body"), "code"), "insufficient_stock");
    EXPECT_EQ(text(results.at(3).at("body"), "status"), "fulfilled");
    EXPECT_EQ(number(results.at(9).at("body").at("total"), "repair"), 1);
}

TEST_F(ApiTest, a_batch_at_fault_does_nothing) {
    stock("mug", 3);
    const auto refused =
        expect_problem(422, "invalid_request", "POST", "/v1/batch", R"({"commands":[
        {"do":"hold","cart":"a","lines":[{"sku":"mug","quantity":1}]},
        {"do":"hold","cart":"a","lines":[{"sku":"mug","quantity":0}]},
        {"do":"steal","sku":"mug"},
        {"do":"confirm","id":"mine"}]})");
    EXPECT_EQ(text(refused.at("errors").at(0), "pointer"), "/commands/1/lines/0/quantity");
    EXPECT_EQ(text(refused.at("errors").at(1), "pointer"), "/commands/2/do");
    EXPECT_EQ(text(refused.at("errors").at(2), "pointer"), "/commands/3/id");
    expect_problem(422, "invalid_request", "POST", "/v1/batch", R"({"commands":[]})");
    expect_problem(422, "invalid_request", "POST", "/v1/batch", R"({"commands":[7]})");
    EXPECT_EQ(number(counters(), "held"), 0);
}

TEST_F(ApiTest, a_batch_that_is_repeated_completes_what_is_missing) {
    stock("mug", 1);
    const std::string batch = R"({"commands":[
        {"do":"hold","cart":"a","lines":[{"sku":"mug","quantity":1}]},
        {"do":"hold","cart":"b","lines":[{"sku":"mug","quantity":1}]}]})";
    const FieldList key{{"Idempotency-Key", "batch-1"}};
    const auto first = expect(200, "POST", "/v1/batch", batch, key).at("results");
    EXPECT_EQ(number(first.at(1), "status"), 409);
    expect(200, "POST", "/v1/skus/mug/stock", R"({"action":"receive","quantity":1})");
    const auto again = expect(200, "POST", "/v1/batch", batch, key).at("results");
    EXPECT_TRUE(again.at(0).at("replayed").as_bool());
    EXPECT_EQ(again.at(0).at("body"), first.at(0).at("body"));
    EXPECT_EQ(number(again.at(1), "status"), 201);
    EXPECT_EQ(number(counters(), "held"), 2);
    expect_problem(400, "invalid_idempotency_key", "POST", "/v1/batch", batch,
                   {{"Idempotency-Key", std::string(255, 'k')}});
}

TEST_F(ApiTest, events_are_read_page_by_page) {
    stock("mug", 5);
    const std::string id = hold();
    expect(200, "POST", path(id, "confirm"));
    std::string after;
    std::vector<std::string> types;
    for (int page = 0; page < 4; ++page) {
        const auto read = expect(200, "GET", "/v1/events?limit=2&after=" + after);
        for (const json::value& event : read.at("events").as_array()) {
            types.push_back(text(event, "type"));
        }
        after = text(read, "next");
    }
    EXPECT_EQ(types, (std::vector<std::string>{"sku.defined", "stock.received", "hold.placed",
                                               "hold.confirmed"}));
    expect_problem(422, "invalid_request", "GET", "/v1/events?after=x");
}

TEST_F(ApiTest, operators_see_health_limits_metrics_and_the_document) {
    EXPECT_EQ(text(expect(200, "GET", "/healthz"), "status"), "ok");
    EXPECT_EQ(text(expect(200, "GET", "/readyz"), "status"), "ready");
    const auto meta = expect(200, "GET", "/v1/meta");
    EXPECT_EQ(text(meta, "version"), version_text);
    EXPECT_EQ(number(meta.at("idempotency"), "life_seconds"), 86'400);
    EXPECT_TRUE(expect(200, "GET", "/v1/audit").at("clean").as_bool());
    EXPECT_EQ(text(expect(200, "GET", "/openapi.json"), "openapi"), "3.1.0");
    stock("mug", 1);
    hold();
    const Reply metrics_reply = ask("GET", "/metrics");
    EXPECT_EQ(metrics_reply.status, 200);
    for (const char* line :
         {"holdfast_serving 1", "holdfast_pending_holds 1", "holdfast_http_connections 1",
          "holdfast_skus 1",
          R"(holdfast_http_requests_total{method="POST",route="/v1/holds",status="2xx"} 1)"}) {
        EXPECT_NE(metrics_reply.body.find(line), std::string::npos) << line << "\nis not in\n"
                                                                    << metrics_reply.body;
    }
}

TEST_F(ApiTest, head_is_get_without_its_body) {
    client_->send(
        "HEAD /healthz HTTP/1.1\r\nHost: t\r\n\r\nGET /readyz HTTP/1.1\r\nHost: t\r\n\r\n");
    // The length is announced and nothing follows but the next answer.
    const int head_bytes = 15;
    std::string seen;
    while (seen.find("ready") == std::string::npos) {
        std::array<char, 512> piece;
        const auto bytes = client_->socket().read_some(boost::asio::buffer(piece));
        seen.append(piece.data(), bytes);
    }
    EXPECT_NE(seen.find(fmt::format("Content-Length: {}", head_bytes)), std::string::npos) << seen;
    EXPECT_EQ(seen.find("\"ok\""), std::string::npos) << seen;
}

TEST_F(ApiTest, every_answer_says_when_and_which) {
    const Reply first = ask("GET", "/healthz");
    EXPECT_EQ(first.field("date"), "Fri, 15 Jan 2027 08:00:00 GMT");
    clock.advance(1s);
    const Reply second = ask("GET", "/v1/skus/none");
    EXPECT_EQ(second.field("date"), "Fri, 15 Jan 2027 08:00:01 GMT");
    EXPECT_NE(first.field("request-id"), second.field("request-id"));
    EXPECT_EQ(text(second.json(), "request_id"), second.field("request-id"));
}

class BackupTest : public HttpTest {};

TEST_F(BackupTest, backups_go_beside_the_data_under_their_name) {
    options.backups =
        std::filesystem::temp_directory_path() / fmt::format("holdfast-{}", ::getpid());
    serve_stub();
    const auto made = expect(201, "POST", "/v1/backups", R"({"name":"monday"})");
    EXPECT_EQ(made.at("directory").as_string(), (options.backups / "monday").string());
    for (const char* name : {"..", ".hidden", "a/b", "", "a b"}) {
        expect_problem(422, "invalid_request", "POST", "/v1/backups",
                       fmt::format(R"({{"name":"{}"}})", name));
    }
    std::filesystem::create_directories(options.backups / "monday");
    expect_problem(409, "backup_exists", "POST", "/v1/backups", R"({"name":"monday"})");
    std::filesystem::remove_all(options.backups);
}

TEST_F(BackupTest, without_a_place_there_are_none) {
    serve_stub();
    expect_problem(404, "unknown_route", "POST", "/v1/backups", R"({"name":"monday"})");
}

class StubTest : public HttpTest {
protected:
    static constexpr std::string_view place =
        R"({"cart":"c","lines":[{"sku":"mug","quantity":1}]})";
};

TEST_F(StubTest, every_refusal_has_its_status) {
    serve_stub();
    const std::map<RefusalCode, int> statuses{{RefusalCode::invalid_request, 422},
                                              {RefusalCode::idempotency_key_reused, 422},
                                              {RefusalCode::idempotency_key_in_use, 409},
                                              {RefusalCode::unknown_sku, 404},
                                              {RefusalCode::unknown_location, 404},
                                              {RefusalCode::unknown_hold, 404},
                                              {RefusalCode::insufficient_stock, 409},
                                              {RefusalCode::customer_required, 422},
                                              {RefusalCode::customer_limit_exceeded, 409},
                                              {RefusalCode::ttl_too_long, 422},
                                              {RefusalCode::max_extensions_reached, 409},
                                              {RefusalCode::max_life_reached, 409},
                                              {RefusalCode::heartbeat_not_requested, 409},
                                              {RefusalCode::stale_fence, 412},
                                              {RefusalCode::quantity_exceeds_hold, 409},
                                              {RefusalCode::quantity_out_of_range, 422},
                                              {RefusalCode::too_many_locations, 409},
                                              {RefusalCode::hold_pending, 409},
                                              {RefusalCode::hold_confirmed, 409},
                                              {RefusalCode::hold_fulfilled, 409},
                                              {RefusalCode::hold_released, 409},
                                              {RefusalCode::hold_expired, 410},
                                              {RefusalCode::hold_cancelled, 409},
                                              {RefusalCode::hold_returned, 409},
                                              {RefusalCode::hold_lost, 409},
                                              {RefusalCode::too_many_receipts, 409},
                                              {RefusalCode::unknown_entry, 404},
                                              {RefusalCode::unknown_alert, 404},
                                              {RefusalCode::waitlist_off, 409},
                                              {RefusalCode::already_waiting, 409},
                                              {RefusalCode::cart_limit_exceeded, 409},
                                              {RefusalCode::reserved_at_payment, 409},
                                              {RefusalCode::overloaded, 503},
                                              {RefusalCode::deadline_exceeded, 503},
                                              {RefusalCode::stopping, 503},
                                              {RefusalCode::store_failed, 503},
                                              {RefusalCode::outcome_unknown, 503}};
    EXPECT_EQ(statuses.size(), static_cast<std::size_t>(RefusalCode::outcome_unknown) + 1);
    for (const auto& [code, status] : statuses) {
        stub.answer = [code](const Submission&) -> Outcome<Answer> {
            return {std::unexpected(refusal_of(code))};
        };
        const Reply reply = ask("POST", "/v1/holds", place);
        EXPECT_EQ(reply.status, status) << reply.body;
        EXPECT_EQ(reply.code(), to_string(code));
        const bool retryable = status == 503 || code == RefusalCode::idempotency_key_in_use;
        EXPECT_EQ(reply.field("retry-after"), retryable ? "1" : "") << to_string(code);
        EXPECT_EQ(reply.json().at("retryable").as_bool(), retryable);
    }
}

TEST_F(StubTest, the_deadline_and_the_key_reach_the_service) {
    serve_stub();
    std::vector<Request> seen;
    stub.answer = [&seen](const Submission& submission) -> Outcome<Answer> {
        seen.push_back(submission.request);
        return {std::unexpected(refusal_of(RefusalCode::unknown_sku))};
    };
    ask("POST", "/v1/holds", place);
    ask("POST", "/v1/holds", place, {{"Request-Timeout", "0.25"}, {"Idempotency-Key", "k-1"}});
    ask("POST", "/v1/holds", place, {{"Idempotency-Key", R"("k-1")"}});
    ask("POST", "/v1/holds", std::string(place) + ' ', {{"Idempotency-Key", "k-1"}});
    EXPECT_EQ(seen[0].deadline, start + 10s);
    EXPECT_EQ(seen[0].idempotency_key, "");
    EXPECT_EQ(seen[1].deadline, start + 250ms);
    EXPECT_EQ(seen[1].idempotency_key, "k-1");
    EXPECT_EQ(seen[2].idempotency_key, "k-1");
    EXPECT_EQ(seen[2].fingerprint, seen[1].fingerprint);
    EXPECT_NE(seen[3].fingerprint, seen[1].fingerprint);
    for (const char* timeout : {"0", "-1", "301", "soon", "1s", "nan", "inf"}) {
        expect_problem(400, "bad_request", "POST", "/v1/holds", place,
                       {{"Request-Timeout", timeout}});
    }
}

TEST_F(StubTest, readiness_is_red_when_the_engine_does_not_serve) {
    stub.its_statistics = {.serving = false, .failure = "the disk is full"};
    serve_stub();
    const auto red = expect_problem(503, "store_failed", "GET", "/readyz");
    EXPECT_EQ(red.at("detail").as_string(), "the disk is full");
    expect(200, "GET", "/healthz");
}

TEST_F(StubTest, what_throws_is_answered_and_the_server_lives) {
    serve_stub();
    expect_problem(503, "store_failed", "GET", "/v1/events");
    stub.answer = [](const Submission&) -> Outcome<Answer> { throw std::logic_error("a bug"); };
    expect_problem(500, "internal_error", "POST", "/v1/holds", place);
    expect(200, "GET", "/healthz");
}

TEST_F(StubTest, a_silent_engine_leaves_the_outcome_unknown) {
    options.request_time = 1ms;
    options.answer_grace = 4ms;
    serve_stub();
    stub.hold_back();
    expect_problem(503, "outcome_unknown", "POST", "/v1/holds", place);
    // What it says at last is heard by nobody.
    stub.let_go();
    expect(200, "GET", "/healthz");
}

}  // namespace
}  // namespace holdfast::http
