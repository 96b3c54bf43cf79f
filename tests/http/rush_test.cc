// Everybody at once, over HTTP: who is served is told 201, everybody else why not. Under the thread sanitizer too.
#include <map>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "tests/http/fixture.h"

namespace holdfast::http {
namespace {

constexpr int connections = 50;

class RushTest : public HttpTest {
protected:
    // Each of so many clients sends one request; the statuses, each with its problem's code, and how often.
    template <class Ask>
    std::map<std::string, int> rush(int clients, Ask ask_one) {
        std::mutex mutex;
        std::map<std::string, int> outcomes;
        {
            std::vector<std::jthread> threads;
            for (int i = 0; i < connections; ++i) {
                threads.emplace_back([&, i] {
                    Client client(port());
                    for (int number = i; number < clients; number += connections) {
                        const Reply reply = ask_one(client, number);
                        const std::lock_guard lock(mutex);
                        ++outcomes[fmt::format("{} {}", reply.status, reply.code())];
                    }
                });
            }
        }
        return outcomes;
    }
};

TEST_F(RushTest, a_thousand_clients_and_one_unit) {
    serve();
    stock("mug", 1);
    const auto outcomes = rush(1'000, [](Client& client, int number) {
        return client.ask(
            "POST", "/v1/holds",
            fmt::format(R"({{"cart":"c-{}","lines":[{{"sku":"mug","quantity":1}}]}})", number));
    });
    EXPECT_EQ(outcomes, (std::map<std::string, int>{{"201 ", 1}, {"409 insufficient_stock", 999}}));
}

TEST_F(RushTest, carts_with_lines_in_opposite_order) {
    serve();
    stock("mug", 100);
    stock("tea", 100);
    const auto outcomes = rush(400, [](Client& client, int number) {
        const bool turned = number % 2 == 1;
        return client.ask(
            "POST", "/v1/holds",
            fmt::format(
                R"({{"cart":"c","lines":[{{"sku":"{}","quantity":1}},{{"sku":"{}","quantity":1}}]}})",
                turned ? "tea" : "mug", turned ? "mug" : "tea"));
    });
    EXPECT_EQ(outcomes,
              (std::map<std::string, int>{{"201 ", 100}, {"409 insufficient_stock", 300}}));
}

TEST_F(RushTest, the_same_key_fifty_times_at_once) {
    serve();
    stock("mug", 50);
    const auto place = [](Client& client, int) {
        return client.ask("POST", "/v1/holds",
                          R"({"cart":"c","lines":[{"sku":"mug","quantity":1}]})",
                          {{"Idempotency-Key", "once"}});
    };
    auto outcomes = rush(50, place);
    EXPECT_GE(outcomes["201 "], 1);
    EXPECT_EQ(outcomes["201 "] + outcomes["409 idempotency_key_in_use"], 50);
    EXPECT_EQ(expect(200, "GET", "/v1/skus/mug/stock").at("total").at("held").as_int64(), 1);
}

}  // namespace
}  // namespace holdfast::http
