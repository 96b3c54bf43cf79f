// Scenario targets that reach the engine from outside: over HTTP, and through the program's command line. The server
// runs in this process, since its clock is the scenario's.
#pragma once

#include <memory>

#include <boost/json/value.hpp>

#include "cli/connection.h"
#include "cli/own_server.h"
#include "testing/manual_clock.h"
#include "testing/scenario.h"
#include "testing/service_target.h"

namespace holdfast::testing {

class HttpTarget : public Target {
public:
    HttpTarget();
    ~HttpTarget() override;

    Outcome<Answer> submit(const Submission& submission) override;
    Result<HoldAnswer> read_hold(HoldId id) override;
    Result<StockAnswer> read_stock(const std::string& sku) override;
    Result<EntryAnswer> read_entry(const std::string& sku, EntryId entry) override;
    std::vector<Alert> alerts(const std::string& sku) override;
    std::optional<HoldId> offer_to(EntryId entry) override;
    void advance(std::chrono::milliseconds by) override;

protected:
    [[nodiscard]] std::string url() const { return server_->url(); }
    [[nodiscard]] Instant now() const { return clock_->now(); }

private:
    std::shared_ptr<ManualClock> clock_;
    OpenService open_;  // keeps the store
    std::unique_ptr<Service> service_;
    std::unique_ptr<cli::OwnServer> server_;
    std::unique_ptr<cli::Connection> connection_;
};

// Runs the program for each step. It does not say whether an answer was the first one once more.
class CommandLineTarget final : public HttpTarget {
public:
    Outcome<Answer> submit(const Submission& submission) override;
    Result<HoldAnswer> read_hold(HoldId id) override;
    Result<StockAnswer> read_stock(const std::string& sku) override;
    std::vector<Alert> alerts(const std::string& sku) override;

private:
    // What the program prints, or why it was refused.
    Result<std::string> run(const std::string& arguments) const;
    Result<boost::json::value> run_for_json(const std::string& arguments) const;
    Result<HoldAnswer> run_for_hold(const std::string& arguments) const;
    // SKUs and locations are defined by files.
    Outcome<Answer> import_file(const std::string& option, const std::string& csv) const;
};

}  // namespace holdfast::testing
