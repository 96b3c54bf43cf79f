// Bad input and what it must come to, by the project's numbered list of threats: never a 500, never a changed
// stock figure. Numbers that are missing here concern other layers (authentication, tenants, stores, feeds).
// Framing (1 to 17) is in hostile_framing_test.cc.
#include <atomic>
#include <set>
#include <thread>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "tests/http/fixture.h"

namespace holdfast::http {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

class HostileInput : public HttpTest {
protected:
    HostileInput() {
        serve();
        stock("mug", 10);
        before_ = totals();
    }
    // Whatever was refused has changed nothing.
    void expect_nothing_changed() { EXPECT_EQ(totals(), before_); }
    json::value totals() { return expect(200, "GET", "/v1/skus/mug/stock").at("total"); }

    void expect_hold_refused(int status, std::string_view code, std::string_view body) {
        SCOPED_TRACE(body.substr(0, 200));
        expect_problem(status, code, "POST", "/v1/holds", body);
    }
    static std::string cart_of(std::string_view quantity) {
        return fmt::format(R"({{"cart":"c","lines":[{{"sku":"mug","quantity":{}}}]}})", quantity);
    }
    int status_of(std::string_view method, std::string_view target, std::string_view body = {},
                  const FieldList& fields = {}) {
        return ask(method, target, body, fields).status;
    }

private:
    json::value before_;
};

TEST_F(HostileInput, case_17_what_is_not_json) {
    const std::string deep = std::string(10'000, '[') + std::string(10'000, ']');
    const std::string number = "{\"cart\":" + std::string(1'000'000, '1') + "}";
    for (const std::string& body : {
             std::string("{\"cart\":\"\xff\xfe\"}"),
             std::string("{\"cart\":\"\xc0\xaf\"}"),
             std::string(R"({"cart":"\ud800"})"),
             std::string(R"({"cart":"\udc00\ud800"})"),
             deep,
             "{\"a\":" + deep + "}",
             number,
             std::string("{\"cart\":1" + std::string(200, '0') + "}"),
             std::string("{"),
             std::string("{}{}"),
             std::string("{} x"),
             std::string("{'cart':1}"),
             std::string("{\"cart\":01}"),
             std::string("{\"cart\":+1}"),
             std::string("{\"cart\":NaN}"),
             std::string("{\"cart\":\"a\nb\"}"),
             std::string("{\"cart\":1,}"),
             std::string("// comment\n{}"),
             std::string("\xef\xbb\xbf{}"),
             std::string("{\"cart\":\"\0\"}", 12),
         }) {
        expect_hold_refused(400, "invalid_json", body);
    }
    expect_hold_refused(422, "invalid_request", R"("a string")");
    expect_hold_refused(422, "invalid_request", "[]");
    expect_hold_refused(422, "invalid_request", "null");
    EXPECT_EQ(ask("POST", "/v1/holds").code(), "invalid_json") << "no body at all";
    expect_nothing_changed();
}

TEST_F(HostileInput, case_17_depth_is_counted) {
    const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    expect_hold_refused(422, "invalid_request", nested(32));
    expect_hold_refused(400, "invalid_json", nested(33));
}

TEST_F(HostileInput, case_18_a_name_twice) {
    const auto refused = expect_problem(
        400, "unknown_field", "POST", "/v1/holds",
        R"({"cart":"a","cart":"b","lines":[{"sku":"mug","quantity":1,"quantity":1}]})");
    EXPECT_EQ(refused.at("errors").as_array().size(), 2);
    EXPECT_EQ(refused.at("errors").at(0).at("pointer"), "/cart");
    EXPECT_EQ(refused.at("errors").at(1).at("pointer"), "/lines/0/quantity");
    expect_hold_refused(400, "unknown_field", R"({"x":1,"x":2})");
    // The same name, spelled with an escape.
    expect_hold_refused(400, "unknown_field", R"({"cart":"a","c\u0061rt":"b","lines":[]})");
    expect_nothing_changed();
}

TEST_F(HostileInput, case_19_names_that_do_not_belong) {
    const auto pointer_of = [&](std::string_view method, std::string_view target,
                                std::string_view body) {
        const auto refused = expect_problem(400, "unknown_field", method, target, body);
        return std::string(refused.at("errors").at(0).at("pointer").as_string());
    };
    const std::string_view lines = R"("lines":[{"sku":"mug","quantity":1}])";
    EXPECT_EQ(pointer_of("POST", "/v1/holds", fmt::format(R"({{"cart":"c",{},"color":1}})", lines)),
              "/color");
    EXPECT_EQ(
        pointer_of("POST", "/v1/holds", fmt::format(R"({{"cart":"c",{},"status":"x"}})", lines)),
        "/status");
    EXPECT_EQ(pointer_of("POST", "/v1/holds", fmt::format(R"({{"cart":"c",{},"TTL":60}})", lines)),
              "/TTL");
    EXPECT_EQ(pointer_of("POST", "/v1/holds",
                         R"({"cart":"c","lines":[{"sku":"mug","quantity":1,"price":2}]})"),
              "/lines/0/price");
    EXPECT_EQ(
        pointer_of("POST", "/v1/holds", fmt::format(R"({{"cart":"c",{},"a/b~c\n":1}})", lines)),
        "/a~1b~0c\n");
    EXPECT_EQ(pointer_of("PUT", "/v1/skus/mug", R"({"policy":{"holdTtl":60}})"), "/policy/holdTtl");
    EXPECT_EQ(pointer_of("PUT", "/v1/skus/mug", R"({"sku":"mug"})"), "/sku");
    EXPECT_EQ(pointer_of("PUT", "/v1/locations/main", R"({"version":1})"), "/version");
    EXPECT_EQ(
        pointer_of("POST", "/v1/skus/mug/stock", R"({"action":"receive","quantity":1,"delta":1})"),
        "/delta");
    const std::string id = hold();
    EXPECT_EQ(pointer_of("POST", "/v1/holds/" + id + "/confirm", R"({"id":"x"})"), "/id");
}

TEST_F(HostileInput, case_19_a_thousand_faults_are_not_echoed) {
    std::string body = "{";
    for (int i = 0; i < 1000; ++i) {
        body += fmt::format("\"f{}\":1,", i);
    }
    const auto refused =
        expect_problem(400, "unknown_field", "POST", "/v1/holds", body + "\"cart\":\"c\"}");
    EXPECT_EQ(refused.at("errors").as_array().size(), 100);
}

TEST_F(HostileInput, case_20_quantities) {
    for (const char* quantity :
         {"0", "-1", "-0", "1.5", "1.0", "1e3", "1E0", "\"3\"", "9223372036854775808",
          "18446744073709551616", "1000000000001", "null", "true", "[]", "{}", "0.1e1"}) {
        expect_hold_refused(422, "invalid_request", cart_of(quantity));
        expect_problem(422, "invalid_request", "POST", "/v1/skus/mug/stock",
                       fmt::format(R"({{"action":"receive","quantity":{}}})", quantity));
    }
    const auto refused =
        expect_problem(422, "invalid_request", "POST", "/v1/holds", cart_of("1e3"));
    EXPECT_EQ(refused.at("errors").at(0).at("pointer"), "/lines/0/quantity");
    expect_hold_refused(422, "invalid_request", R"({"cart":"c","lines":[{"sku":"mug"}]})");
    expect_nothing_changed();
}

TEST_F(HostileInput, case_21_sums_and_repeated_lines) {
    const std::string_view max = R"({"sku":"mug","quantity":1000000000000})";
    expect_hold_refused(422, "invalid_request",
                        fmt::format(R"({{"cart":"c","lines":[{0},{0},{0}]}})", max));
    // Lines of one SKU are summed before they are judged.
    const std::string_view six = R"({"sku":"mug","quantity":6})";
    expect_hold_refused(409, "insufficient_stock",
                        fmt::format(R"({{"cart":"c","lines":[{0},{0}]}})", six));
    std::string many = R"({"cart":"c","lines":[)";
    for (int i = 0; i < 2001; ++i) {
        many += R"({"sku":"mug","quantity":1},)";
    }
    many.back() = ']';
    expect_hold_refused(422, "invalid_request", many + "}");
    expect_hold_refused(422, "invalid_request", R"({"cart":"c","lines":[]})");
    expect_nothing_changed();
}

TEST_F(HostileInput, case_22_times_to_live) {
    for (const char* ttl : {"0", "-1", "31536000", "2592001", "1.5", "1e2", "\"60\"", "null",
                            "\"2020-01-01T00:00:00Z\"", "9223372036854775807"}) {
        for (const char* field : {"ttl", "heartbeat"}) {
            expect_hold_refused(
                422, "invalid_request",
                fmt::format(R"({{"cart":"c","lines":[{{"sku":"mug","quantity":1}}],"{}":{}}})",
                            field, ttl));
        }
    }
    // Within the month, but longer than the policy allows.
    expect_hold_refused(422, "ttl_too_long",
                        R"({"cart":"c","lines":[{"sku":"mug","quantity":1}],"ttl":3601})");
    const std::string id = hold();
    for (const char* ttl : {"0", "-1", "31536000"}) {
        expect_problem(422, "invalid_request", "POST", "/v1/holds/" + id + "/extend",
                       fmt::format(R"({{"ttl":{}}})", ttl));
    }
}

TEST_F(HostileInput, case_23_ids) {
    const std::string long_id(300, 'a');
    for (const std::string& id :
         {std::string(), long_id, std::string("m\u00fcg"), std::string("m ug"),
          std::string("\\u0000"), std::string("a\\nb"), std::string("\\u007f"),
          std::string("m\u0443g"), std::string("\u200bmug"), std::string("\\u202emug")}) {
        expect_hold_refused(
            422, "invalid_request",
            fmt::format(R"({{"cart":"c","lines":[{{"sku":"{}","quantity":1}}]}})", id));
        expect_hold_refused(
            422, "invalid_request",
            fmt::format(R"({{"cart":"{}","lines":[{{"sku":"mug","quantity":1}}]}})", id));
    }
    expect_problem(422, "invalid_request", "PUT", "/v1/skus/" + long_id);
    expect_problem(422, "invalid_request", "PUT", "/v1/locations/" + long_id);
    expect_problem(404, "unknown_sku", "GET", "/v1/skus/" + long_id);
    for (const char* target : {"/v1/skus/%20", "/v1/skus/m%c3%bcg", "/v1/skus/a%0d%0ab"}) {
        expect_problem(400, "bad_request", "PUT", target);
    }
    expect_nothing_changed();
}

TEST_F(HostileInput, case_24_what_other_layers_might_run) {
    for (const char* text :
         {"';DROP/**/TABLE/**/hold;--", "{$gt:}", "%s%n%x", "${jndi:ldap://x}", "../../etc/passwd",
          "<script>alert(1)</script>", "\\\\\\\"", "{0}{}"}) {
        SCOPED_TRACE(text);
        const std::string body = fmt::format(
            R"({{"cart":"{0}","customer":"{0}","lines":[{{"sku":"mug","quantity":1}}]}})", text);
        const auto placed = expect(201, "POST", "/v1/holds", body);
        // Stored to the letter.
        EXPECT_EQ(placed.at("cart"), json::parse(body).at("cart"));
        const std::string id(placed.at("id").as_string());
        expect(200, "POST", "/v1/holds/" + id + "/release");
        const auto adjusted =
            expect(200, "POST", "/v1/skus/mug/stock",
                   fmt::format(R"({{"action":"receive","quantity":1,"reference":"{}"}})", text));
        EXPECT_TRUE(adjusted.is_object());
    }
    // A line break of Redis' protocol is a control character.
    expect_problem(422, "invalid_request", "POST", "/v1/skus/mug/stock",
                   R"({"action":"receive","quantity":1,"reference":"a\r\nSET x 1"})");
    expect_problem(422, "invalid_request", "POST", "/v1/skus/mug/stock",
                   fmt::format(R"({{"action":"receive","quantity":1,"reference":"{}"}})",
                               std::string(257, 'x')));
}

TEST_F(HostileInput, case_25_media_types) {
    const std::string body = cart_of("1");
    const auto post = [&](std::string_view fields) {
        client_->send(
            fmt::format("POST /v1/holds HTTP/1.1\r\nHost: t\r\n{}Content-Length: {}\r\n\r\n{}",
                        fields, body.size(), body));
        const auto reply = client_->receive();
        check("POST", "/v1/holds", *reply);
        EXPECT_EQ(reply->field("connection"), "") << "the body was read: no need to close";
        return reply->status;
    };
    EXPECT_EQ(post("Content-Type: text/plain\r\n"), 415);
    EXPECT_EQ(post("Content-Type: application/x-www-form-urlencoded\r\n"), 415);
    EXPECT_EQ(post("Content-Type: application/json; charset=utf-16\r\n"), 415);
    EXPECT_EQ(post("Content-Type: application/jsonx\r\n"), 415);
    EXPECT_EQ(post(""), 415);
    EXPECT_EQ(post("Content-Type: application/json\r\nContent-Encoding: gzip\r\n"), 415);
    expect_nothing_changed();
    EXPECT_EQ(post("Content-Type: Application/JSON;charset=UTF-8\r\n"), 201);
    EXPECT_EQ(post("Content-Type: application/json ; charset=\"utf-8\"\r\n"), 201);
    EXPECT_EQ(post("Content-Type: application/json\r\nContent-Encoding: identity\r\n"), 201);
}

TEST_F(HostileInput, case_30_idempotency_keys) {
    const std::string body = cart_of("1");
    const auto refused = [&](const FieldList& fields) {
        expect_problem(400, "invalid_idempotency_key", "POST", "/v1/holds", body, fields);
    };
    refused({{"Idempotency-Key", ""}});
    refused({{"Idempotency-Key", "\"\""}});
    refused({{"Idempotency-Key", std::string(256, 'k')}});
    refused({{"Idempotency-Key", "a b"}});
    refused({{"Idempotency-Key", "a\tb"}});
    refused({{"Idempotency-Key", "k\u00e9y"}});
    refused({{"Idempotency-Key", "\"open"}});
    refused({{"Idempotency-Key", "\"a\"b"}});
    refused({{"Idempotency-Key", "a"}, {"Idempotency-Key", "b"}});
    refused({{"Idempotency-Key", "a"}, {"idempotency-key", "a"}});
    expect_nothing_changed();
    expect(201, "POST", "/v1/holds", body, {{"Idempotency-Key", std::string(255, 'k')}});
}

TEST_F(HostileInput, case_31_a_key_used_for_something_else) {
    const FieldList key{{"Idempotency-Key", "k"}};
    expect(201, "POST", "/v1/holds", cart_of("1"), key);
    expect_problem(422, "idempotency_key_reused", "POST", "/v1/holds", cart_of("2"), key);
    expect_problem(422, "idempotency_key_reused", "PUT", "/v1/skus/tea", "", key);
    EXPECT_EQ(totals().at("held"), 1);
}

TEST_F(HostileInput, case_32_one_key_fifty_times_at_once) {
    std::vector<Reply> replies(50);
    {
        std::vector<std::jthread> clients;
        for (Reply& reply : replies) {
            clients.emplace_back([&] {
                Client client(port());
                reply = client.ask("POST", "/v1/holds", cart_of("1"), {{"Idempotency-Key", "k"}});
            });
        }
    }
    std::set<std::string> first_answers;
    for (const Reply& reply : replies) {
        check("POST", "/v1/holds", reply);
        if (reply.status == 201) {
            first_answers.insert(reply.body);
        } else {
            EXPECT_EQ(reply.code(), "idempotency_key_in_use") << reply.body;
        }
    }
    EXPECT_EQ(first_answers.size(), 1);
    EXPECT_EQ(totals().at("held"), 1);
}

TEST_F(HostileInput, case_33_the_first_answer_again) {
    const FieldList key{{"Idempotency-Key", "k"}};
    const Reply first = ask("POST", "/v1/holds", cart_of("1"), key);
    pass(5s);
    const Reply again = ask("POST", "/v1/holds", cart_of("1"), key);
    EXPECT_EQ(again.status, 201);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.field("location"), first.field("location"));
    EXPECT_EQ(again.field("etag"), first.field("etag"));
    EXPECT_EQ(first.field("idempotent-replayed"), "");
    EXPECT_EQ(again.field("idempotent-replayed"), "true");
    EXPECT_EQ(totals().at("held"), 1);
    // A refusal changed nothing: asked again, it is a new question.
    expect_problem(409, "insufficient_stock", "POST", "/v1/holds", cart_of("11"),
                   {{"Idempotency-Key", "r"}});
    stock("mug", 5);
    expect(201, "POST", "/v1/holds", cart_of("11"), {{"Idempotency-Key", "r"}});
}

TEST_F(HostileInput, case_34_confirm_twice_after_release_and_after_expiry) {
    const std::string twice = hold();
    const auto first = expect(200, "POST", "/v1/holds/" + twice + "/confirm");
    EXPECT_EQ(expect(200, "POST", "/v1/holds/" + twice + "/confirm").at("lines"),
              first.at("lines"));
    const std::string released = hold();
    expect(200, "POST", "/v1/holds/" + released + "/release");
    expect_problem(409, "hold_released", "POST", "/v1/holds/" + released + "/confirm");
    stock("tea", 1, R"({"late_confirm":"refuse"})");
    const auto lapsed = expect(201, "POST", "/v1/holds",
                               R"({"cart":"c","lines":[{"sku":"tea","quantity":1}],"ttl":60})");
    pass(60s);
    const std::string id(lapsed.at("id").as_string());
    expect_problem(410, "hold_expired", "POST", "/v1/holds/" + id + "/confirm");
    EXPECT_EQ(expect(200, "GET", "/v1/holds/" + id).at("status"), "expired");
}

TEST_F(HostileInput, case_35_confirm_in_the_tick_of_expiry) {
    stock("tea", 1, R"({"late_confirm":"refuse"})");
    const auto placed = expect(201, "POST", "/v1/holds",
                               R"({"cart":"c","lines":[{"sku":"tea","quantity":1}],"ttl":60})");
    const std::string id(placed.at("id").as_string());
    clock.advance(60s);  // no tick: the confirmation finds the lapsed hold
    const Reply reply = ask("POST", "/v1/holds/" + id + "/confirm");
    EXPECT_EQ(reply.status, 410) << reply.body;
    const auto tea = expect(200, "GET", "/v1/skus/tea/stock").at("total");
    EXPECT_EQ(tea.at("available"), 1);
    EXPECT_EQ(tea.at("committed"), 0);
}

TEST_F(HostileInput, case_36_a_part_and_then_the_rest) {
    const std::string id = hold(5);
    const std::string_view two = R"({"lines":[{"sku":"mug","quantity":2}]})";
    expect(200, "POST", "/v1/holds/" + id + "/confirm", two);
    EXPECT_EQ(totals().at("committed"), 2);
    EXPECT_EQ(totals().at("available"), 8);
    const Reply again = ask("POST", "/v1/holds/" + id + "/confirm");
    EXPECT_TRUE(again.status == 200 || again.status == 409) << again.body;
    EXPECT_EQ(totals().at("committed"), 2);
}

TEST_F(HostileInput, case_37_many_clients_and_one_unit) {
    stock("last", 1);
    std::atomic<int> granted = 0;
    std::atomic<int> refused = 0;
    {
        std::vector<std::jthread> clients;
        for (int i = 0; i < 50; ++i) {
            clients.emplace_back([&] {
                Client client(port());
                for (int n = 0; n < 20; ++n) {
                    const Reply reply =
                        client.ask("POST", "/v1/holds",
                                   R"({"cart":"c","lines":[{"sku":"last","quantity":1}]})");
                    (reply.status == 201 ? granted : refused) += 1;
                    EXPECT_TRUE(reply.status == 201 || reply.code() == "insufficient_stock");
                }
            });
        }
    }
    EXPECT_EQ(granted, 1);
    EXPECT_EQ(refused, 999);
}

TEST_F(HostileInput, case_38_a_long_cart_with_one_short_line) {
    std::string body = R"({"cart":"c","lines":[)";
    for (int i = 0; i < 29; ++i) {
        stock(fmt::format("s{}", i), 5);
        body += fmt::format(R"({{"sku":"s{}","quantity":1}},)", i);
    }
    const auto refused = expect_problem(409, "insufficient_stock", "POST", "/v1/holds",
                                        body + R"({"sku":"mug","quantity":11}]})");
    EXPECT_EQ(refused.at("short"), json::parse(R"([{"sku":"mug","wanted":11,"available":10}])"));
    for (int i = 0; i < 29; ++i) {
        const auto total = expect(200, "GET", fmt::format("/v1/skus/s{}/stock", i)).at("total");
        EXPECT_EQ(total.at("held"), 0);
    }
    expect_nothing_changed();
}

TEST_F(HostileInput, case_39_two_carts_with_lines_in_opposite_order) {
    stock("a", 1000);
    stock("b", 1000);
    std::vector<std::jthread> clients;
    for (const char* order : {R"({"sku":"a","quantity":1},{"sku":"b","quantity":1})",
                              R"({"sku":"b","quantity":1},{"sku":"a","quantity":1})"}) {
        clients.emplace_back([this, order] {
            Client client(port());
            for (int i = 0; i < 100; ++i) {
                const Reply reply = client.ask(
                    "POST", "/v1/holds", fmt::format(R"({{"cart":"c","lines":[{}]}})", order));
                EXPECT_EQ(reply.status, 201) << reply.body;
            }
        });
    }
    clients.clear();
    EXPECT_EQ(expect(200, "GET", "/v1/skus/a/stock").at("total").at("held"), 200);
}

TEST_F(HostileInput, case_40_stock_counted_below_what_is_held) {
    hold(8);
    const auto counted = expect(200, "POST", "/v1/skus/mug/stock",
                                R"({"action":"adjust","delta":-5,"reason":"flood"})");
    // A count is a fact: what is short is shown, and nothing more is sold.
    EXPECT_EQ(counted.at("total").at("available"), -3);
    EXPECT_EQ(counted.at("total").at("held"), 8);
    expect_hold_refused(409, "insufficient_stock", cart_of("1"));
}

TEST_F(HostileInput, case_42_one_customer_takes_all) {
    stock("rare", 10, R"({"max_per_customer":1,"max_extensions":1})");
    const std::string_view body =
        R"({"cart":"c","customer":"u","lines":[{"sku":"rare","quantity":1}]})";
    expect(201, "POST", "/v1/holds", body);
    expect_problem(409, "customer_limit_exceeded", "POST", "/v1/holds", body);
}

TEST_F(HostileInput, case_55_another_origin_gets_no_leave) {
    const Reply preflight =
        ask("OPTIONS", "/v1/holds", "",
            {{"Origin", "https://evil.example"}, {"Access-Control-Request-Method", "POST"}});
    EXPECT_EQ(preflight.status, 405);
    for (const auto& [name, value] : preflight.fields) {
        EXPECT_FALSE(name.starts_with("access-control")) << name;
    }
}

}  // namespace
}  // namespace holdfast::http
