// Servers for the tests of HTTP: on the engine with a store in memory and a clock that stands still, and on a
// service that answers what the test says, when the test says.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <holdfast/service.h>
#include "http/server.h"
#include "telemetry/metrics.h"
#include "testing/manual_clock.h"
#include "tests/http/client.h"
#include "tests/http/schema.h"

namespace holdfast::http {

// Answers every command with what `answer` says, at once or when it is let go.
class StubService final : public Service {
public:
    ~StubService() override { let_go(); }

    std::function<Outcome<Answer>(const Submission&)> answer;
    Statistics its_statistics{.serving = true};
    std::size_t commands = 0;
    testing::ManualClock its_clock{Instant{}};

    void hold_back();
    void wait_until_held_back(std::size_t count);
    void let_go();

    void submit_any(Submission submission, Done<Answer> done) override;
    void submit_many(std::vector<Submission> submissions,
                     std::move_only_function<void(std::vector<Outcome<Answer>>)> done) override;
    void read_hold(HoldId id, Done<HoldAnswer> done) override;
    void read_sku(std::string sku, Done<SkuAnswer> done) override;
    void read_stock(std::string sku, Done<StockAnswer> done) override;
    void read_availability(AvailabilityQuery query, Done<AvailabilityAnswer> done) override {
        done({AvailabilityAnswer{.skus = {}, .unknown = std::move(query.skus), .as_of = {}}});
    }
    void read_entry(std::string sku, EntryId entry, Done<EntryAnswer> done) override;
    void list_waitlist(std::string sku, std::string after, std::size_t limit,
                       Done<Page<EntryAnswer>> done) override;
    void list_alerts(AlertFilter, Done<Page<AlertAnswer>> done) override {
        done({Page<AlertAnswer>{}});
    }
    void list_locations(Done<std::vector<LocationAnswer>> done) override;
    void list_skus(std::string after, std::size_t limit, Done<Page<SkuAnswer>> done) override;
    void find_holds(HoldFilter filter, Done<Page<Hold>> done) override;
    Result<Page<RecordedEvent>> events(std::string_view after, std::size_t limit) override;
    Result<StockAnswer> stock_at(std::string_view sku, Instant at) override {
        return StockAnswer{.sku = std::string(sku), .as_of = at};
    }
    AuditReport audit() override { return {}; }
    Result<std::filesystem::path> backup(const std::filesystem::path& directory) override;
    Statistics statistics() override { return its_statistics; }
    [[nodiscard]] const Clock& clock() const override { return its_clock; }
    void tick() override {}
    void close() override {}

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool holding_back_ = false;
    std::deque<std::move_only_function<void()>> waiting_;
};

Refusal refusal_of(RefusalCode code);

class HttpTest : public ::testing::Test {
protected:
    static constexpr Instant start{std::chrono::milliseconds(1'800'000'000'000)};

    HttpTest();
    ~HttpTest() override;

    // Serves the engine, or the stub; with the options as they are then.
    void serve();
    void serve_stub();

    // Asks on a connection that is kept, and holds the answer to the API's document.
    Reply ask(std::string_view method, std::string_view target, std::string_view body = {},
              const FieldList& fields = {});
    // The same, expecting a status; the answer's JSON.
    boost::json::value expect(int status, std::string_view method, std::string_view target,
                              std::string_view body = {}, const FieldList& fields = {});
    // The same, expecting a problem with this code.
    boost::json::value expect_problem(int status, std::string_view code, std::string_view method,
                                      std::string_view target, std::string_view body = {},
                                      const FieldList& fields = {});
    void check(std::string_view method, std::string_view target, const Reply& reply);
    // A SKU with stock at main.
    void stock(std::string_view sku, int quantity, std::string_view policy = "{}");
    // Places a hold of a mug or more, and gives its id.
    std::string hold(int quantity = 1, std::string_view more = {});
    // The clock moves, and what is due ends.
    void pass(std::chrono::milliseconds time);

    [[nodiscard]] std::uint16_t port() const { return server_->port(); }

    ServerOptions options;
    holdfast::testing::ManualClock clock{start};
    StubService stub;
    telemetry::Metrics metrics;
    std::unique_ptr<Service> engine;
    std::unique_ptr<Server> server_;
    std::unique_ptr<Client> client_;
    std::unique_ptr<ApiDocument> document_;

private:
    void connect();
};

}  // namespace holdfast::http
