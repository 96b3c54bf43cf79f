#include "testing/service_target.h"

#include <future>
#include <utility>

#include "service/engine.h"
#include "testing/faulty_store.h"
#include "testing/memory_store.h"

namespace holdfast::testing {

namespace {

// Calls `ask` with a callback and waits for what it is given.
template <class T, class Ask>
Outcome<T> wait_for(Ask ask) {
    std::promise<Outcome<T>> promise;
    ask([&promise](Outcome<T> outcome) { promise.set_value(std::move(outcome)); });
    return promise.get_future().get();
}

}  // namespace

ServiceTarget::ServiceTarget(OpenService open, Restarts restarts, std::size_t nodes)
    : open_(std::move(open)),
      restarts_(restarts),
      clock_(std::make_shared<ManualClock>(Instant(std::chrono::hours(24)))) {
    for (std::size_t i = 0; i < nodes; ++i) {
        services_.push_back(open_(clock_));
    }
}

void ServiceTarget::restart() {
    for (std::unique_ptr<Service>& service : services_) {
        service.reset();
        service = open_(clock_);
    }
}

Outcome<Answer> ServiceTarget::submit(const Submission& submission) {
    if (restarts_ == Restarts::before_every_step) {
        restart();
    }
    return wait_for<Answer>(
        [&](Done<Answer> done) { service().submit_any(submission, std::move(done)); });
}

Result<HoldAnswer> ServiceTarget::read_hold(HoldId id) {
    return wait_for<HoldAnswer>(
               [&](Done<HoldAnswer> done) { service().read_hold(id, std::move(done)); })
        .result;
}

Result<StockAnswer> ServiceTarget::read_stock(const std::string& sku) {
    return wait_for<StockAnswer>(
               [&](Done<StockAnswer> done) { service().read_stock(sku, std::move(done)); })
        .result;
}

Result<EntryAnswer> ServiceTarget::read_entry(const std::string& sku, EntryId entry) {
    return wait_for<EntryAnswer>(
               [&](Done<EntryAnswer> done) { service().read_entry(sku, entry, std::move(done)); })
        .result;
}

std::vector<Alert> ServiceTarget::alerts(const std::string& sku) {
    const auto page = wait_for<Page<AlertAnswer>>([&](Done<Page<AlertAnswer>> done) {
        service().list_alerts({.sku = sku}, std::move(done));
    });
    return alerts_of(page.result.value());
}

std::optional<HoldId> ServiceTarget::offer_to(EntryId entry) {
    return find_offer(entry, [this](const std::string& after) {
        return service().events(after, limits::page_max).value();
    });
}

void ServiceTarget::advance(std::chrono::milliseconds by) {
    clock_->advance(by);
    for (const auto& service : services_) {
        service->tick();
    }
}

OpenService on_shared_memory_store(std::shared_ptr<MemoryStore> store) {
    return [store = std::move(store),
            writer = std::uint16_t{0}](std::shared_ptr<const Clock> clock) mutable {
        return std::make_unique<service::Engine>(std::make_unique<FaultyStore>(*store, ++writer),
                                                 std::move(clock));
    };
}

OpenService on_memory_store(std::shared_ptr<MemoryStore> store) {
    return [store = std::move(store)](std::shared_ptr<const Clock> clock) {
        // The faulty store is here for what it does without faults: it passes all on to one that stays.
        return std::make_unique<service::Engine>(std::make_unique<FaultyStore>(*store),
                                                 std::move(clock));
    };
}

}  // namespace holdfast::testing
