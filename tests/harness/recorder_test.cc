// Clients of a real engine, in this process and over HTTP, noted and checked; and what a change of what they were
// told, or of the log, makes of it.
#include "testing/recorder.h"

#include <functional>
#include <iterator>
#include <latch>
#include <memory>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "cli/connection.h"
#include "cli/own_server.h"
#include "store/codec.h"
#include "testing/manual_clock.h"
#include "testing/memory_store.h"
#include "testing/service_target.h"

namespace holdfast::testing {
namespace {

constexpr std::uint32_t partitions = 4;
constexpr int clients = 8;

class LostAnswer : public std::exception {};

// One of many who use a shop at once.
class Client {
public:
    Client(Shop shop, Recorder& recorder, int number)
        : shop_(std::move(shop)),
          recorder_(recorder),
          number_(number),
          random_(static_cast<unsigned>(number)) {}

    void act() {
        if (holds_.empty() || chance(0.4)) {
            place();
        } else if (chance(0.1)) {
            look();
        } else if (chance(0.1)) {
            keep_stock();
        } else {
            change();
        }
    }

    static inline const std::vector<std::string> skus = {"mug", "tea", "pot", "cup", "jar", "tin"};

private:
    void place() {
        PlaceHold command{.cart = "c" + std::to_string(number_) + "-" + std::to_string(carts_++)};
        for (auto lines = up_to(3); lines > 0; --lines) {
            command.lines.push_back({.sku = any_sku(), .quantity = up_to(3), .location = ""});
        }
        command.partial = chance(0.1);
        command.confirm = chance(0.1);
        const std::string key = chance(0.5) ? command.cart : "";
        if (chance(0.2)) {
            // Carried out, and nobody heard; perhaps asked again.
            Shop deaf = shop_;
            deaf.submit = [this](Submission submission) -> Outcome<Answer> {
                shop_.submit(std::move(submission));
                throw LostAnswer();
            };
            recorder_.submit(deaf, command, key);
            if (key.empty() || chance(0.5)) {
                return;
            }
        }
        const auto outcome = recorder_.submit(shop_, command, key);
        if (outcome->result) {
            holds_.push_back(std::get<HoldAnswer>(*outcome->result).hold);
            if (!key.empty() && chance(0.2)) {
                recorder_.submit(shop_, command, key);
            }
        }
    }
    void change() {
        const std::size_t which = random_() % holds_.size();
        const HoldId id = holds_[which].id;
        const std::string key =
            chance(0.3) ? "k" + std::to_string(number_) + "-" + std::to_string(carts_++) : "";
        switch (random_() % 8) {
            case 0:
                recorder_.submit(shop_, ReleaseHold{.id = id}, key);
                break;
            case 1:
                recorder_.submit(shop_, ConfirmHold{.id = id}, key);
                break;
            case 2:
                recorder_.submit(
                    shop_, ConfirmHold{.id = id, .lines = {{holds_[which].lines[0].sku, 1, ""}}},
                    key);
                break;
            case 3:
                recorder_.submit(
                    shop_, AmendHold{.id = id, .region = "", .lines = {{any_sku(), up_to(3), ""}}},
                    key);
                break;
            case 4:
                recorder_.submit(shop_, ExtendHold{.id = id, .ttl = Seconds(up_to(900))}, key);
                break;
            case 5:
                recorder_.submit(shop_, FulfilHold{.id = id}, key);
                break;
            case 6:
                recorder_.submit(shop_, CancelHold{.id = id}, key);
                break;
            default:
                recorder_.submit(shop_, ReturnUnits{.id = id}, key);
                break;
        }
    }
    void look() {
        recorder_.stock(shop_, any_sku());
        recorder_.hold(shop_, holds_[random_() % holds_.size()].id);
    }
    void keep_stock() {
        recorder_.submit(shop_, ReceiveStock{.sku = any_sku(), .quantity = up_to(3)});
        recorder_.submit(shop_,
                         AdjustStock{.sku = any_sku(), .delta = 2 - up_to(3), .reason = "count"});
        recorder_.submit(shop_, MoveStock{.sku = any_sku(), .quantity = 1});
    }

    std::string any_sku() { return skus[random_() % skus.size()]; }
    Quantity up_to(Quantity most) { return 1 + static_cast<Quantity>(random_() % most); }
    bool chance(double share) { return std::bernoulli_distribution(share)(random_); }

    Shop shop_;
    Recorder& recorder_;
    int number_;
    std::mt19937 random_;
    int carts_ = 0;
    std::vector<Hold> holds_;
};

// Makes the way to a service for one thread.
using MakeShop = std::function<Shop(Service&)>;

class RecorderTest : public ::testing::Test {
protected:
    // A day at the shop: its clients act, and now and then ten minutes pass.
    void run(Service& service, const MakeShop& make_shop) {
        const Shop shop = make_shop(service);
        for (const std::string& sku : Client::skus) {
            ASSERT_TRUE(recorder_.submit(shop, DefineSku{.sku = sku})->result);
            ASSERT_TRUE(recorder_.submit(shop, ReceiveStock{.sku = sku, .quantity = 60})->result);
        }
        DefineSku tickets{.sku = Client::skus.front()};
        tickets.policy.fulfilment = Fulfilment::at_confirm;
        ASSERT_TRUE(recorder_.submit(shop, tickets)->result);
        for (int round = 0; round < 4; ++round) {
            std::latch start(clients);
            std::vector<std::jthread> running;
            running.reserve(clients);
            for (int number = 0; number < clients; ++number) {
                running.emplace_back([&, number] {
                    Client client(make_shop(service), recorder_, round * clients + number);
                    start.arrive_and_wait();
                    for (int i = 0; i < 40; ++i) {
                        client.act();
                    }
                });
            }
            running.clear();
            clock_->advance(std::chrono::minutes(round % 2 == 0 ? 11 : 0));
            service.tick();
        }
        history_ = history_of(recorder_, shop, partitions);
        // The clock of this shop is not that of its clients.
        history_.clock_error = std::chrono::hours(24);
    }
    void run_in_process() { run(*service_, shop_of); }
    std::string findings() {
        std::string text;
        for (const Finding& finding : check(history_)) {
            text += ::testing::PrintToString(finding) + "\n";
        }
        return text;
    }

    std::shared_ptr<ManualClock> clock_ =
        std::make_shared<ManualClock>(Instant(std::chrono::hours(24)));
    std::shared_ptr<MemoryStore> store_ = std::make_shared<MemoryStore>(partitions);
    std::unique_ptr<Service> service_ = on_memory_store(store_)(clock_);
    Recorder recorder_;
    History history_;
};

TEST_F(RecorderTest, WhatAnEngineDoesIsTrue) {
    run_in_process();
    EXPECT_GT(history_.log.size(), 500U);
    EXPECT_EQ(findings(), "");
    history_.log.clear();
    for (std::uint32_t i = 0; i < partitions; ++i) {
        const auto partition = static_cast<PartitionId>(i);
        for (const auto& blob : store_->tail(partition, 0, SIZE_MAX)) {
            std::ranges::move(store::decode_blob(partition, blob),
                              std::back_inserter(history_.log));
        }
    }
    history_.log_by_partition = true;
    EXPECT_EQ(findings(), "");
}

TEST_F(RecorderTest, WhatAServerSaysOverHttpIsTrue) {
    cli::ServerSettings settings;
    settings.clock = clock_;
    const cli::OwnServer server(*service_, settings);
    run(*service_, [&](Service&) -> Shop {
        cli::HttpOptions http;
        http.url = server.url();
        const std::shared_ptr<cli::Connection> connection = cli::connect_http(http);
        return {.node = http.url,
                .submit =
                    [connection](Submission submission) {
                        return connection->submit_any(std::move(submission));
                    },
                .hold = [connection](HoldId id) { return connection->hold(id); },
                .stock = [connection](const std::string& sku) { return connection->stock(sku); },
                .events =
                    [connection](const std::string& after) {
                        return connection->events(after, limits::page_max);
                    }};
    });
    EXPECT_GT(history_.log.size(), 500U);
    EXPECT_EQ(findings(), "");
}

TEST_F(RecorderTest, NoEventCanBeMissing) {
    run_in_process();
    const std::vector<RecordedEvent> log = history_.log;
    for (std::size_t i = 0; i < log.size(); i += 1 + log.size() / 50) {
        history_.log = log;
        history_.log.erase(history_.log.begin() + static_cast<long>(i));
        EXPECT_NE(findings(), "") << "without event " << i;
    }
}

TEST_F(RecorderTest, NoAnswerCanBeAnother) {
    run_in_process();
    for (Operation& operation : history_.operations) {
        if (!operation.told || !*operation.told) {
            continue;
        }
        const Told true_one = **operation.told;
        if (auto* hold = std::get_if<HoldAnswer>(&**operation.told)) {
            ++hold->hold.fence;
        } else if (auto* stock = std::get_if<StockAnswer>(&**operation.told)) {
            ++stock->locations.front().counters.available;
        } else {
            continue;
        }
        if ((&operation - history_.operations.data()) % 20 == 0) {
            EXPECT_NE(findings(), "") << "operation " << &operation - history_.operations.data();
        }
        **operation.told = true_one;
    }
}

}  // namespace
}  // namespace holdfast::testing
