// Sales without affinity: whoever asks, asks one of three nodes after the other, and each does by itself what it is asked.
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include "cli/connection.h"
#include "cli/orders.h"
#include "cli/simulation.h"
#include "testing/postgres_server.h"

namespace holdfast::cli {
namespace {

using holdfast::testing::PostgresServer;

// Submits in turn; the reads of a simulation may come from any.
class InTurn final : public Connection {
public:
    explicit InTurn(const std::vector<std::unique_ptr<Service>>& nodes) {
        for (const auto& node : nodes) {
            nodes_.push_back(connect_local(*node));
        }
    }
    Outcome<Answer> submit_any(Submission it) override { return next().submit_any(std::move(it)); }
    std::vector<Outcome<Answer>> submit_many(std::vector<Command> commands,
                                             const std::string& key) override {
        return next().submit_many(std::move(commands), key);
    }
    Result<HoldAnswer> hold(HoldId id) override { return next().hold(id); }
    Result<SkuAnswer> sku(const std::string& sku) override { return next().sku(sku); }
    Result<StockAnswer> stock(const std::string& sku) override { return next().stock(sku); }
    Result<EntryAnswer> entry(const std::string& sku, EntryId entry) override {
        return next().entry(sku, entry);
    }
    Result<Page<EntryAnswer>> waitlist(const std::string& sku, const std::string& after,
                                       std::size_t limit) override {
        return next().waitlist(sku, after, limit);
    }
    Result<Page<AlertAnswer>> alerts(const AlertFilter& filter) override {
        return next().alerts(filter);
    }
    Result<std::vector<LocationAnswer>> locations() override { return next().locations(); }
    Result<Page<SkuAnswer>> skus(const std::string& after, std::size_t limit) override {
        return next().skus(after, limit);
    }
    Result<Page<Hold>> holds(const HoldFilter& filter) override { return next().holds(filter); }
    Result<Page<RecordedEvent>> events(const std::string& after, std::size_t limit) override {
        return next().events(after, limit);
    }
    Result<AuditReport> audit() override { return next().audit(); }
    Result<std::filesystem::path> backup(const std::filesystem::path& directory) override {
        return next().backup(directory);
    }

private:
    Connection& next() { return *nodes_[turn_++ % nodes_.size()]; }

    std::vector<std::unique_ptr<Connection>> nodes_;
    std::size_t turn_ = 0;
};

class SaleTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (const auto why = PostgresServer::missing()) {
            GTEST_SKIP() << *why;
        }
        const std::string url =
            PostgresServer::shared(PostgresServer::Flush::never).url_of_new_schema();
        for (int i = 0; i < 3; ++i) {
            nodes_.push_back(open({.store = url}));
        }
    }
    void expect_clean() {
        for (const auto& node : nodes_) {
            EXPECT_TRUE(node->audit().clean());
        }
    }

    std::vector<std::unique_ptr<Service>> nodes_;
};

TEST_F(SaleTest, AThousandClientsBuyTheLastWidgetOnce) {
    ASSERT_TRUE(nodes_[0]->submit(DefineSku{.sku = "widget"}));
    ASSERT_TRUE(nodes_[0]->submit(ReceiveStock{.sku = "widget", .quantity = 1}));
    constexpr int clients = 1'000;
    std::atomic<int> left = clients;
    std::atomic<int> sold = 0;
    std::atomic<int> short_of_stock = 0;
    for (int i = 0; i < clients; ++i) {
        nodes_[static_cast<std::size_t>(i) % 3]->submit(
            PlaceHold{
                .cart = "c" + std::to_string(i), .lines = {{"widget", 1, ""}}, .confirm = true},
            {.idempotency_key = "k" + std::to_string(i)}, [&](const Outcome<HoldAnswer>& outcome) {
                sold += outcome.result ? 1 : 0;
                short_of_stock += !outcome.result && outcome.result.error().code ==
                                                         RefusalCode::insufficient_stock
                                      ? 1
                                      : 0;
                if (--left == 0) {
                    left.notify_one();
                }
            });
    }
    for (int now = left; now > 0; now = left) {
        left.wait(now);
    }
    EXPECT_EQ(sold, 1);
    EXPECT_EQ(short_of_stock, clients - 1);
    expect_clean();
}

// A real shop's December, as in tests/orders, with 60 % of what was asked for.
TEST_F(SaleTest, DecembersOrdersAreNeverOversold) {
    const char* const named = std::getenv("HOLDFAST_ORDERS");
    const std::filesystem::path file =
        named != nullptr ? named : "../shared/data/online-retail-2010-12.csv.gz";
    if (!std::filesystem::exists(file)) {
        GTEST_SKIP() << file << " is not there; set HOLDFAST_ORDERS to the data set's file";
    }
    const OrderBook book = read_orders(file, {});
    std::map<std::string, Quantity> stock = demand(book);
    for (auto& [sku, units] : stock) {
        units = units * 6 / 10;
    }
    const SimulationReport report =
        run_simulation(book, stock, {.concurrency = 16, .run = "december"},
                       {.connect = [this] { return std::make_unique<InTurn>(nodes_); },
                        .advance_to = {},
                        .advance_by = {},
                        .progress = {}});
    EXPECT_EQ(report.oversold, 0);
    EXPECT_TRUE(report.audit.clean());
    EXPECT_TRUE(report.books.empty());
    EXPECT_TRUE(report.clean());
    EXPECT_GT(report.units.granted, report.units.asked / 2);
    expect_clean();
}

}  // namespace
}  // namespace holdfast::cli
