// Bytes that are not, or not quite, HTTP: cases 1 to 17 of the project's numbered list of threats, and what each
// must come to. Sent raw; "close" means that the connection ends after the answer.
#include <fmt/format.h>

#include "tests/http/fixture.h"

namespace holdfast::http {
namespace {

using namespace std::chrono_literals;

class HostileFraming : public HttpTest {
protected:
    HostileFraming() { serve_stub(); }

    // Sent on a connection of its own, refused with this status, then closed. Nothing was executed.
    void expect_refused(int status, std::string_view raw, std::string_view code = "bad_request") {
        SCOPED_TRACE(::testing::PrintToString(std::string(raw.substr(0, 300))));
        Client client(port());
        client.send(raw);
        const auto reply = client.receive();
        ASSERT_TRUE(reply.has_value());
        EXPECT_EQ(reply->status, status) << reply->body;
        EXPECT_EQ(reply->code(), code) << reply->body;
        EXPECT_EQ(reply->field("connection"), "close");
        check("GET", "/healthz", *reply);
        EXPECT_TRUE(client.is_closed());
        EXPECT_EQ(stub.commands, 0);
    }
    static std::string post(std::string_view fields, std::string_view rest) {
        return fmt::format(
            "POST /v1/holds HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
            "{}\r\n{}",
            fields, rest);
    }
    static std::string get(std::string_view fields) {
        return fmt::format("GET /healthz HTTP/1.1\r\n{}\r\n", fields);
    }
};

constexpr std::string_view cart = R"({"cart":"c","lines":[{"sku":"mug","quantity":1}]})";

TEST_F(HostileFraming, case_1_length_and_coding) {
    expect_refused(400, post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"));
    expect_refused(400, post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"));
}

TEST_F(HostileFraming, case_2_lengths) {
    for (const char* fields :
         {"Content-Length: 5\r\nContent-Length: 6\r\n",
          "Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: +5\r\n",
          "Content-Length: 5,5\r\n", "Content-Length: -5\r\n", "Content-Length: 0x5\r\n",
          "Content-Length: 5 5\r\n", "Content-Length: \r\n",
          "Content-Length: 99999999999999999999\r\n", "Content-Length: five\r\n"}) {
        expect_refused(400, post(fields, "hello"));
    }
}

TEST_F(HostileFraming, case_3_codings) {
    for (const char* coding :
         {"xchunked", "chunked, identity", "gzip, chunked", "identity", "chunked, chunked",
          "\x0b"
          "chunked",
          "chunked;q=1", ""}) {
        expect_refused(400, post(fmt::format("Transfer-Encoding: {}\r\n", coding), "0\r\n\r\n"));
    }
    expect_refused(
        400, post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"));
    expect_refused(400,
                   "POST /v1/holds HTTP/1.0\r\nContent-Type: application/json\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
}

TEST_F(HostileFraming, case_4_chunks) {
    const std::string chunked = "Transfer-Encoding: chunked\r\n";
    for (const std::string& chunks :
         {std::string("FFFFFFFFFFFFFFFF1\r\n"), std::string("-1\r\n"), std::string("0x10\r\n\r\n"),
          std::string("\r\n\r\n"), std::string("5 \r\nhello\r\n0\r\n\r\n"),
          std::string("5\r\nhelloX\r\n0\r\n\r\n"), std::string("5\nhello\n0\n\n"),
          "1;" + std::string(10'000, 'x') + "\r\na\r\n0\r\n\r\n",
          "0\r\n" + std::string(10'000, 'x')}) {
        expect_refused(400, post(chunked, chunks));
    }
    expect_refused(413, post(chunked, "FFFFFFFF\r\n" + std::string(1'100'000, ' ')),
                   "body_too_large");
}

TEST_F(HostileFraming, case_4_good_chunks_are_read) {
    Client client(port());
    client.send(post("Transfer-Encoding: chunked\r\n",
                     fmt::format("{:x};note=\"x\"\r\n{}\r\n{:X}\r\n{}\r\n0\r\n"
                                 "Idempotency-Key: too-late\r\nHost: other\r\n\r\n",
                                 10, cart.substr(0, 10), cart.size() - 10, cart.substr(10))) +
                get("Host: t\r\n"));
    EXPECT_EQ(client.receive()->code(), "unknown_sku");
    EXPECT_EQ(client.receive()->status, 200);
    EXPECT_EQ(stub.commands, 1);
}

TEST_F(HostileFraming, case_5_lines) {
    expect_refused(400, "GET /healthz HTTP/1.1\nHost: t\n\n");
    expect_refused(400, "GET /healthz HTTP/1.1\r\nHost: t\n\r\n");
    expect_refused(400, get("Host: t\r\nX: a\rb\r\n"));
    expect_refused(400, get(fmt::format("Host: t\r\nX: a{}b\r\n", '\0')));
    expect_refused(400, get(fmt::format("Host: t\r\nX{}: a\r\n", '\0')));
    expect_refused(400, get("Host : t\r\n"));
    expect_refused(400, get("Host: t\r\nX: a\r\n b\r\n"));
    expect_refused(400, get("Host: t\r\nX: a\r\n\tb\r\n"));
    expect_refused(400, get(" Host: t\r\n"));
    expect_refused(400, get("Host: t\r\nno colon\r\n"));
    expect_refused(400, get("Host: t\r\n: no name\r\n"));
    expect_refused(400, get("Host: t\r\nX\u00fc: a\r\n"));
    expect_refused(400, "GET  /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
    expect_refused(400, "GET /health z HTTP/1.1\r\nHost: t\r\n\r\n");
    expect_refused(400, "GET /healthz\r\n\r\n");
    expect_refused(400, "GET /healthz HTTP/2.0\r\nHost: t\r\n\r\n");
    expect_refused(400, "GET /healthz HTTP/1.11\r\nHost: t\r\n\r\n");
    expect_refused(400, "G\tT /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
    expect_refused(400, "\x16\x03\x01\x02\r\n\r\n");  // TLS at the wrong door
}

TEST_F(HostileFraming, case_6_host) {
    expect_refused(400, get(""));
    expect_refused(400, get("Host: a\r\nHost: a\r\n"));
    Client old(port());
    old.send("GET /healthz HTTP/1.0\r\n\r\n");
    EXPECT_EQ(old.receive()->status, 200);
    EXPECT_TRUE(old.is_closed());
}

TEST_F(HostileFraming, case_7_sizes) {
    expect_refused(431, get("Host: t\r\nX: " + std::string(17 * 1024, 'x') + "\r\n"),
                   "headers_too_large");
    std::string fields = "Host: t\r\n";
    for (int i = 0; i < 99; ++i) {
        fields += fmt::format("X-{}: 1\r\n", i);
    }
    Client client(port());
    client.send(get(fields));
    EXPECT_EQ(client.receive()->status, 200);
    expect_refused(431, get(fields + "X-101: 1\r\n"), "headers_too_large");
    const std::string target(9 * 1024, 'x');
    expect_refused(414, fmt::format("GET /{} HTTP/1.1\r\nHost: t\r\n\r\n", target),
                   "target_too_long");
    // Whether the line ends or not.
    expect_refused(414, "GET /" + target, "target_too_long");
    expect_refused(431, "GET / HTTP/1.1\r\nX: " + std::string(17 * 1024, 'x'), "headers_too_large");
}

TEST_F(HostileFraming, case_10_bodies_too_large) {
    expect_refused(413, post("Content-Length: 1048577\r\n", ""), "body_too_large");
    expect_refused(413, post("Content-Length: 10737418240\r\n", "{"), "body_too_large");
    expect_refused(413, post("Content-Length: 1048577\r\n", std::string(1'048'577, ' ')),
                   "body_too_large");
    Client client(port());
    client.send(post("Content-Length: 1048576\r\n",
                     std::string(cart) + std::string(1'048'576 - cart.size(), ' ')));
    EXPECT_EQ(client.receive()->code(), "unknown_sku");
    stub.commands = 0;
    // A body where none is taken.
    expect_refused(413, "GET /healthz HTTP/1.1\r\nHost: t\r\nContent-Length: 1048577\r\n\r\n",
                   "body_too_large");
}

TEST_F(HostileFraming, case_13_pipelined_requests_are_answered_in_order) {
    Client client(port());
    std::string requests;
    for (int i = 0; i < 100; ++i) {
        requests += fmt::format("GET /v1/skus/s{} HTTP/1.1\r\nHost: t\r\n\r\n", i);
    }
    client.send(requests);
    client.finish_sending();
    std::string previous;
    for (int i = 0; i < 100; ++i) {
        const auto reply = client.receive();
        ASSERT_TRUE(reply.has_value()) << i;
        EXPECT_EQ(reply->code(), "unknown_sku");
        EXPECT_NE(reply->field("request-id"), previous);
        previous = reply->field("request-id");
    }
    EXPECT_TRUE(client.is_closed());
}

TEST_F(HostileFraming, case_13_the_next_waits_for_the_one_ahead) {
    stub.hold_back();
    Client client(port());
    const std::string one = post(fmt::format("Content-Length: {}\r\n", cart.size()), cart);
    client.send(one + one + get("Host: t\r\n"));
    stub.wait_until_held_back(1);
    EXPECT_EQ(stub.commands, 1);
    stub.let_go();
    EXPECT_EQ(client.receive()->code(), "unknown_sku");
    EXPECT_EQ(client.receive()->code(), "unknown_sku");
    EXPECT_EQ(client.receive()->status, 200);
}

TEST_F(HostileFraming, case_14_expectations) {
    Client client(port());
    client.send(
        post(fmt::format("Expect: 100-continue\r\nContent-Length: {}\r\n", cart.size()), ""));
    EXPECT_EQ(client.receive()->status, 100);
    client.send(cart);
    EXPECT_EQ(client.receive()->code(), "unknown_sku");
    stub.commands = 0;
    // What is refused by its head alone is refused at once.
    expect_refused(413, post("Expect: 100-continue\r\nContent-Length: 1048577\r\n", ""),
                   "body_too_large");
    expect_refused(404,
                   "POST /v1/nothing HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n"
                   "Content-Length: 10\r\n\r\n",
                   "unknown_route");
    expect_refused(417, post("Expect: a miracle\r\nContent-Length: 10\r\n", ""),
                   "expectation_failed");
}

TEST_F(HostileFraming, case_15_methods) {
    const Reply unknown = ask("BREW", "/v1/holds");
    EXPECT_EQ(unknown.status, 501);
    EXPECT_EQ(unknown.code(), "unknown_method");
    const Reply wrong = ask("DELETE", "/v1/skus/mug");
    EXPECT_EQ(wrong.status, 405);
    EXPECT_EQ(wrong.field("allow"), "GET, HEAD, PUT");
    EXPECT_EQ(ask("GET", "/v1/batch").field("allow"), "POST");
    EXPECT_EQ(ask("TRACE", "/healthz").status, 405);
    EXPECT_EQ(ask("CONNECT", "example.com:80").status, 400);
    EXPECT_EQ(ask("get", "/healthz").status, 501);
}

TEST_F(HostileFraming, case_16_targets) {
    for (const char* target :
         {"/v1/../admin", "/v1/./holds", "/v1/skus/%2e%2e", "/v1/skus/%2E", "/v1/skus/..",
          "/v1/skus/%00", "/v1/skus/%", "/v1/skus/%4", "/v1/skus/%zz", "/v1/skus/%c0%ae",
          "/v1/skus/\xc0\xae", "v1/holds", "*", "/v1/holds#x", "ftp://x/v1/holds"}) {
        EXPECT_EQ(ask("GET", target).status, 400) << target;
    }
    for (const char* target : {"//v1/holds", "/v1//holds", "/v1/holds/", "/", "/v1", "/V1/holds",
                               "/v1/holds/a/b/c/d/e/f/g/h", "/v1%2fholds", "/healthz/"}) {
        EXPECT_EQ(ask("GET", target).status, 404) << target;
    }
    // A slash in a name is not a slash in the path.
    EXPECT_EQ(ask("GET", "/v1/skus/a%2fstock").code(), "unknown_sku");
    EXPECT_EQ(ask("GET", "/healthz?x=1").status, 400);
    EXPECT_EQ(client_->ask("GET", "http://test/healthz").status, 200);
}

TEST_F(HostileFraming, an_empty_line_before_a_request_is_skipped) {
    Client client(port());
    client.send("\r\n\r\n" + get("Host: t\r\n"));
    EXPECT_EQ(client.receive()->status, 200);
}

TEST_F(HostileFraming, byte_by_byte_is_as_good_as_at_once) {
    const std::string raw =
        post(fmt::format("Content-Length: {}\r\n", cart.size()), cart) +
        post("Transfer-Encoding: chunked\r\n",
             fmt::format("{:x}\r\n{}\r\n0\r\nX: y\r\n\r\n", cart.size(), cart)) +
        get("Host: t\r\n");
    Client client(port());
    for (const char& byte : raw) {
        client.send({&byte, 1});
    }
    EXPECT_EQ(client.receive()->code(), "unknown_sku");
    EXPECT_EQ(client.receive()->code(), "unknown_sku");
    EXPECT_EQ(client.receive()->status, 200);
}

TEST_F(HostileFraming, the_last_answer_arrives_whatever_else_was_sent) {
    for (int i = 0; i < 20; ++i) {
        Client client(port());
        client.send("GET /healthz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n" +
                    std::string(200'000, 'x'));
        const auto reply = client.receive();
        ASSERT_TRUE(reply.has_value());
        EXPECT_EQ(reply->status, 200);
        EXPECT_EQ(reply->field("connection"), "close");
        EXPECT_TRUE(client.is_closed());
    }
}

TEST_F(HostileFraming, large_and_small_bodies_in_turn) {
    Client client(port());
    for (const std::size_t padding : {0UL, 5'000UL, 300'000UL, 10UL, 70'000UL, 0UL}) {
        const std::string body = std::string(cart) + std::string(padding, ' ');
        EXPECT_EQ(client.ask("POST", "/v1/holds", body).code(), "unknown_sku");
    }
}

// A key belongs to a request, however its bytes come: the buffer moves and grows while a body comes in.
TEST_F(HostileFraming, a_request_is_the_same_in_one_piece_and_in_many) {
    std::vector<std::uint64_t> fingerprints;
    stub.answer = [&](const Submission& submission) -> Outcome<Answer> {
        fingerprints.push_back(submission.request.fingerprint);
        return {std::unexpected(refusal_of(RefusalCode::unknown_sku))};
    };
    const std::string body = std::string(cart) + std::string(2'500, ' ');
    const std::string raw =
        post(fmt::format("Idempotency-Key: k\r\nContent-Length: {}\r\n", body.size()), body);
    Client at_once(port());
    at_once.send(raw);
    EXPECT_EQ(at_once.receive()->code(), "unknown_sku");
    Client in_pieces(port());
    in_pieces.send(get(fmt::format("Host: t\r\nX: {}\r\n", std::string(1'500, 'x'))) +
                   raw.substr(0, 1'000));
    EXPECT_EQ(in_pieces.receive()->status, 200);
    in_pieces.send(raw.substr(1'000));
    EXPECT_EQ(in_pieces.receive()->code(), "unknown_sku");
    ASSERT_EQ(fingerprints.size(), 2U);
    EXPECT_EQ(fingerprints[0], fingerprints[1]);
}

class Impatient : public HttpTest {
protected:
    int connections() {
        const std::string text = ask("GET", "/metrics").body;
        const std::string name = "\nholdfast_http_connections ";
        return std::stoi(text.substr(text.find(name) + name.size()));
    }
};

TEST_F(Impatient, case_8_a_head_that_does_not_end) {
    options.head_time_max = 20ms;
    serve_stub();
    Client client(port());
    client.send("GET /hea");
    const auto reply = client.receive();
    EXPECT_EQ(reply->code(), "request_timeout");
    EXPECT_EQ(reply->status, 408);
    EXPECT_TRUE(client.is_closed());
}

TEST_F(Impatient, case_8_every_byte_does_not_begin_the_time_anew) {
    options.head_time_max = 50ms;
    options.read.head_bytes_max = std::size_t{1} << 30;
    serve_stub();
    Client client(port());
    client.send("GET /healthz HTTP/1.1\r\n");
    // Bytes keep coming until the server has had enough.
    boost::system::error_code gone;
    while (!gone && client.socket().available(gone) == 0) {
        client.send("x");
    }
    EXPECT_EQ(client.receive()->status, 408);
}

TEST_F(Impatient, case_9_a_body_that_does_not_end) {
    options.body_time_min = 20ms;
    serve_stub();
    for (const char* framing :
         {"Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\n{"}) {
        Client client(port());
        client.send(std::string("POST /v1/holds HTTP/1.1\r\nHost: t\r\n"
                                "Content-Type: application/json\r\n") +
                    framing);
        EXPECT_EQ(client.receive()->code(), "request_timeout");
        EXPECT_TRUE(client.is_closed());
    }
    EXPECT_EQ(stub.commands, 0);
}

TEST_F(Impatient, case_11_a_client_that_does_not_read) {
    options.write_time_max = 50ms;
    serve_stub();
    Client client(port());
    client.socket().set_option(boost::asio::socket_base::receive_buffer_size(4096));
    // More answers than any buffer between the two takes.
    std::string requests;
    for (int i = 0; i < 200; ++i) {
        requests += "GET /openapi.json HTTP/1.1\r\nHost: t\r\n\r\n";
    }
    client.send(requests);
    // Another client is served meanwhile, and after the first was given up.
    while (connections() > 1) {
        expect(200, "GET", "/healthz");
    }
}

TEST_F(Impatient, idle_connections_are_closed_without_a_word) {
    options.idle_time_max = 20ms;
    serve_stub();
    Client fresh(port());
    EXPECT_TRUE(fresh.is_closed());
    Client used(port());
    EXPECT_EQ(used.ask("GET", "/healthz").status, 200);
    EXPECT_TRUE(used.is_closed());
}

TEST_F(Impatient, case_12_too_many_connections) {
    options.connections_max = 2;
    serve_stub();
    Client second(port());
    EXPECT_EQ(second.ask("GET", "/healthz").status, 200);
    Client third(port());
    const auto refused = third.receive();
    ASSERT_TRUE(refused.has_value());
    EXPECT_EQ(refused->status, 503);
    EXPECT_EQ(refused->code(), "too_many_connections");
    EXPECT_EQ(refused->field("retry-after"), "1");
    EXPECT_TRUE(third.is_closed());
    expect(200, "GET", "/healthz");
}

TEST_F(Impatient, case_12_too_many_from_one_address) {
    options.connections_per_address_max = 1;
    serve_stub();
    Client second(port());
    EXPECT_EQ(second.receive()->code(), "too_many_connections");
}

}  // namespace
}  // namespace holdfast::http
