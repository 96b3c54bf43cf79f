// Runs scenarios on the service, on whatever store it was opened with, and can close and open it again in the
// middle of the story, or ask several nodes in turn. Tests only; one thread.
#pragma once

#include <functional>
#include <memory>

#include "testing/manual_clock.h"
#include "testing/scenario.h"

namespace holdfast::testing {

// Opens the same store each time that it is called.
using OpenService = std::function<std::unique_ptr<Service>(std::shared_ptr<const Clock>)>;

enum class Restarts { never, before_every_step };

class ServiceTarget : public Target {
public:
    explicit ServiceTarget(OpenService open, Restarts restarts = Restarts::never,
                           std::size_t nodes = 1);

    Outcome<Answer> submit(const Submission& submission) override;
    Result<HoldAnswer> read_hold(HoldId id) override;
    Result<StockAnswer> read_stock(const std::string& sku) override;
    Result<EntryAnswer> read_entry(const std::string& sku, EntryId entry) override;
    std::vector<Alert> alerts(const std::string& sku) override;
    std::optional<HoldId> offer_to(EntryId entry) override;
    void advance(std::chrono::milliseconds by) override;

    void restart();
    // The node whose turn it is.
    [[nodiscard]] Service& service() { return *services_[turn_++ % services_.size()]; }

private:
    OpenService open_;
    Restarts restarts_;
    std::shared_ptr<ManualClock> clock_;
    std::vector<std::unique_ptr<Service>> services_;
    std::size_t turn_ = 0;
};

// A service on a store in memory that outlives it, so that it can be opened again.
class MemoryStore;
OpenService on_memory_store(std::shared_ptr<MemoryStore> store);
// The same, and each one that is opened is another node: they share the store.
OpenService on_shared_memory_store(std::shared_ptr<MemoryStore> store);

}  // namespace holdfast::testing
