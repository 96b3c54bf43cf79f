// Nodes find the home of a command, and do it themselves when that cannot be reached.
#include "cluster/cluster.h"

#include <future>

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <holdfast/version.h>
#include "service/engine.h"
#include "testing/faulty_store.h"
#include "testing/manual_clock.h"
#include "testing/memory_store.h"

namespace holdfast::cluster {
namespace {

namespace asio = boost::asio;

constexpr std::uint32_t partitions = 16;

// The table that all of them share, and no database.
struct Table {
    std::mutex mutex;
    std::map<std::uint16_t, std::string> nodes;
};

class TableMembership final : public store::Membership {
public:
    TableMembership(Table& table, std::uint16_t number) : table_(table), number_(number) {}
    [[nodiscard]] std::string store_id() const override { return "s"; }
    [[nodiscard]] std::uint32_t partition_count() const override { return partitions; }
    [[nodiscard]] std::uint16_t number() const override { return number_; }
    std::vector<store::Member> announce(std::string_view address) override {
        const std::lock_guard lock(table_.mutex);
        table_.nodes[number_] = address;
        std::vector<store::Member> members;
        members.reserve(table_.nodes.size());
        for (const auto& [number, at] : table_.nodes) {
            members.push_back({.number = number, .address = at});
        }
        return members;
    }
    void leave() override {
        const std::lock_guard lock(table_.mutex);
        table_.nodes.erase(number_);
    }

private:
    Table& table_;
    std::uint16_t number_;
};

class ClusterTest : public ::testing::Test {
protected:
    struct Node {
        std::unique_ptr<service::Engine> engine;
        std::unique_ptr<Cluster> cluster;
    };
    Node start(std::uint16_t number) {
        Node node;
        node.engine = std::make_unique<service::Engine>(
            std::make_unique<testing::FaultyStore>(kept_, number), clock_);
        node.cluster = std::make_unique<Cluster>(
            *node.engine, std::make_unique<TableMembership>(table_, number), ClusterOptions{});
        return node;
    }
    static PlaceHold hold_of(int sku) {
        return {.cart = "c", .lines = {{"sku-" + std::to_string(sku), 1, ""}}};
    }
    void stock(Node& node) {
        for (int i = 0; i < 30; ++i) {
            const std::string sku = "sku-" + std::to_string(i);
            ASSERT_TRUE(node.engine->submit(DefineSku{.sku = sku}));
            ASSERT_TRUE(node.engine->submit(ReceiveStock{.sku = sku, .quantity = 100}));
        }
    }
    // A command whose home is another node's, and that node.
    static std::pair<PlaceHold, std::uint16_t> one_of_another(const Cluster& cluster) {
        for (int i = 0;; ++i) {
            if (const auto home = cluster.home(hold_of(i % 30))) {
                return {hold_of(i % 30), *home};
            }
        }
    }
    static std::vector<Outcome<Answer>> send(Cluster& cluster, std::uint16_t node,
                                             std::vector<Submission> submissions) {
        std::promise<std::vector<Outcome<Answer>>> promise;
        cluster.send(node, std::move(submissions), [&](std::vector<Outcome<Answer>> outcomes) {
            promise.set_value(std::move(outcomes));
        });
        return promise.get_future().get();
    }

    Table table_;
    testing::MemoryStore kept_{partitions};
    std::shared_ptr<testing::ManualClock> clock_ =
        std::make_shared<testing::ManualClock>(Instant(std::chrono::hours(24)));
};

TEST_F(ClusterTest, AloneItDoesEverythingItself) {
    const Node node = start(1);
    for (int i = 0; i < 30; ++i) {
        EXPECT_EQ(node.cluster->home(hold_of(i)), std::nullopt);
    }
}

TEST_F(ClusterTest, AllAgreeOnTheHomeOfEachPartition) {
    for (std::uint16_t number = 1; number <= 3; ++number) {
        table_.nodes[number] = "127.0.0.1:1";
    }
    const Node one = start(1);
    const Node two = start(2);
    const Node three = start(3);
    std::map<std::uint16_t, int> share;
    for (int i = 0; i < 300; ++i) {
        const PlaceHold command{.cart = "c", .lines = {{"a" + std::to_string(i), 1, ""}}};
        const std::uint16_t home = one.cluster->home(command).value_or(1);
        EXPECT_EQ(two.cluster->home(command).value_or(2), home);
        EXPECT_EQ(three.cluster->home(command).value_or(3), home);
        ++share[home];
    }
    EXPECT_EQ(share.size(), 3U);
    EXPECT_EQ(one.cluster->home(DefineSku{.sku = "a1"}), std::nullopt);
}

TEST_F(ClusterTest, ACommandIsCarriedOutAtItsHome) {
    Node two = start(2);
    Node one = start(1);
    stock(one);
    const auto [command, home] = one_of_another(*one.cluster);
    EXPECT_EQ(home, 2);
    const std::uint64_t before = two.engine->statistics().commands;
    const auto outcomes =
        send(*one.cluster, home, {{command, {}}, {command, {}}, {PlaceHold{}, {}}});
    ASSERT_EQ(outcomes.size(), 3U);
    EXPECT_TRUE(outcomes[0].result && outcomes[1].result);
    EXPECT_EQ(outcomes[2].result.error().code, RefusalCode::invalid_request);
    EXPECT_EQ(two.engine->statistics().commands, before + 2);
    EXPECT_TRUE(one.engine->audit().clean());
}

TEST_F(ClusterTest, WhenTheHomeIsGoneTheCommandIsCarriedOutHere) {
    Node two = start(2);
    Node one = start(1);
    stock(one);
    const auto [command, home] = one_of_another(*one.cluster);
    two.cluster.reset();
    two.engine.reset();
    const auto outcomes = send(*one.cluster, home, {{command, {}}});
    EXPECT_TRUE(outcomes[0].result);
    EXPECT_EQ(one.cluster->home(command), std::nullopt) << "it is not tried again at once";
}

// A node that takes a message, and then dies.
class ClusterLossTest : public ClusterTest {
protected:
    void SetUp() override {
        table_.nodes[2] = "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
    }
    void serve(const std::string& greeting) {
        thread_ = std::jthread([this, greeting] {
            asio::ip::tcp::socket socket(context_);
            acceptor_.accept(socket);
            std::string received(greeting.size(), '\0');
            asio::read(socket, asio::buffer(received));
            asio::write(socket, asio::buffer(greeting));
            received.resize(1);
            boost::system::error_code ended;
            asio::read(socket, asio::buffer(received), ended);
        });
    }

    asio::io_context context_;
    asio::ip::tcp::acceptor acceptor_{
        context_, asio::ip::tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)};
    std::jthread thread_;
};

TEST_F(ClusterLossTest, WhatMayHaveHappenedIsRepeatedOnlyWithItsKey) {
    Node one = start(1);
    stock(one);
    serve(fmt::format("holdfast {} store s\n", version_text));
    const auto [command, home] = one_of_another(*one.cluster);
    PlaceHold too_much = command;
    too_much.lines[0].quantity = 1'000;
    const auto outcomes = send(*one.cluster, home,
                               {{command, {}},
                                {command, {.idempotency_key = "k", .fingerprint = 1}},
                                {too_much, {.idempotency_key = "l", .fingerprint = 2}}});
    ASSERT_FALSE(outcomes[0].result);
    EXPECT_EQ(outcomes[0].result.error().code, RefusalCode::outcome_unknown);
    EXPECT_TRUE(outcomes[1].result);
    ASSERT_FALSE(outcomes[2].result);
    EXPECT_EQ(outcomes[2].result.error().code, RefusalCode::outcome_unknown)
        << "it is refused here, and there it may be carried out even now";
    EXPECT_EQ(one.engine->statistics().pending_holds, 1U);
}

TEST_F(ClusterLossTest, ANodeOfAnotherStoreIsSentNothing) {
    Node one = start(1);
    stock(one);
    serve(fmt::format("holdfast {} store z\n", version_text));
    const auto [command, home] = one_of_another(*one.cluster);
    EXPECT_TRUE(send(*one.cluster, home, {{command, {}}})[0].result);
    EXPECT_EQ(one.engine->statistics().pending_holds, 1U);
}

}  // namespace
}  // namespace holdfast::cluster
