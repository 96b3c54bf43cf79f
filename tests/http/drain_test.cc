// How the server ends: readiness red first, nothing new, everything that was asked is answered.
#include <thread>

#include "tests/http/fixture.h"

namespace holdfast::http {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view cart = R"({"cart":"c","lines":[{"sku":"mug","quantity":1}]})";

std::string request() {
    return "POST /v1/holds HTTP/1.1\r\nHost: t\r\nContent-Type: "
           "application/json\r\nContent-Length: " +
           std::to_string(cart.size()) + "\r\n\r\n" + std::string(cart);
}

class Drain : public HttpTest {};

TEST_F(Drain, answers_what_was_asked_and_closes_the_rest) {
    serve_stub();
    stub.hold_back();
    Client busy(port());
    busy.send(request() + request());
    stub.wait_until_held_back(1);
    Client idle(port());
    EXPECT_EQ(idle.ask("GET", "/healthz").status, 200);

    std::jthread draining([this] { server_->drain(); });
    EXPECT_TRUE(idle.is_closed());
    stub.let_go();
    const auto reply = busy.receive();
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(reply->code(), "unknown_sku");
    EXPECT_EQ(reply->field("connection"), "close");
    // The second was not begun: the client sees the end and may ask elsewhere.
    EXPECT_TRUE(busy.is_closed());
    draining.join();
    EXPECT_EQ(stub.commands, 1);
    EXPECT_THROW(Client{port()}, boost::system::system_error);
}

TEST_F(Drain, readiness_is_red_before_the_port_closes) {
    options.drain_notice = 1s;
    serve_stub();
    std::jthread draining([this] { server_->drain(); });
    // New connections still come in, and are told.
    Reply reply = client_->ask("GET", "/readyz");
    while (reply.status == 200) {
        reply = Client(port()).ask("GET", "/readyz");
    }
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.code(), "stopping");
    EXPECT_EQ(reply.field("connection"), "close");
    EXPECT_EQ(Client(port()).ask("GET", "/healthz").status, 200);
}

TEST_F(Drain, does_not_wait_for_ever) {
    options.drain_time_max = 10ms;
    serve_stub();
    stub.hold_back();
    Client busy(port());
    busy.send(request());
    stub.wait_until_held_back(1);
    server_->drain();
    EXPECT_TRUE(busy.is_closed());
    // What the engine says at last is heard by nobody, and harms nobody.
    server_.reset();
    stub.let_go();
}

TEST_F(Drain, a_request_that_is_coming_in_is_finished) {
    serve_stub();
    Client slow(port());
    const std::string whole = request();
    slow.send(whole.substr(0, whole.size() - 1));
    // The server has seen the head when it answers another connection that came later.
    EXPECT_EQ(Client(port()).ask("GET", "/healthz").status, 200);
    std::jthread draining([this] { server_->drain(); });
    EXPECT_TRUE(client_->is_closed());
    slow.send(whole.substr(whole.size() - 1));
    EXPECT_EQ(slow.receive()->code(), "unknown_sku");
    EXPECT_TRUE(slow.is_closed());
}

TEST_F(Drain, a_port_that_is_taken_is_named) {
    serve_stub();
    ServerOptions same = options;
    same.port = port();
    try {
        const Server second(stub, clock, metrics, same);
        FAIL() << "two servers on one port";
    } catch (const ListenError& error) {
        EXPECT_NE(std::string(error.what()).find(std::to_string(same.port)), std::string::npos)
            << error.what();
    }
}

TEST_F(Drain, several_io_threads_serve_and_end) {
    options.threads = 3;
    serve_stub();
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 10; ++i) {
        clients.push_back(std::make_unique<Client>(port()));
        EXPECT_EQ(clients.back()->ask("POST", "/v1/holds", cart).code(), "unknown_sku");
    }
    server_->drain();
    for (const auto& client : clients) {
        EXPECT_TRUE(client->is_closed());
    }
}

}  // namespace
}  // namespace holdfast::http
