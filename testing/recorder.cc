#include "testing/recorder.h"

#include <algorithm>
#include <future>
#include <iterator>

#include <holdfast/limits.h>

namespace holdfast::testing {
namespace {

// Calls `ask` with a callback and waits for what it is given.
template <class T, class Ask>
Result<T> wait_for(Ask ask) {
    std::promise<Result<T>> promise;
    ask([&promise](Outcome<T> outcome) { promise.set_value(std::move(outcome.result)); });
    return promise.get_future().get();
}

}  // namespace

Result<HoldAnswer> Recorder::read_hold(Service& service, HoldId id) {
    return *note({}, ReadHold{id}, [&] {
        return wait_for<HoldAnswer>(
            [&](Done<HoldAnswer> done) { service.read_hold(id, std::move(done)); });
    });
}

Result<StockAnswer> Recorder::read_stock(Service& service, const std::string& sku) {
    return *note({}, ReadStock{sku}, [&] {
        return wait_for<StockAnswer>(
            [&](Done<StockAnswer> done) { service.read_stock(sku, std::move(done)); });
    });
}

Result<AvailabilityAnswer> Recorder::read_availability(Service& service,
                                                       std::vector<std::string> skus) {
    return *note({}, ReadAvailability{skus}, [&] {
        return wait_for<AvailabilityAnswer>([&](Done<AvailabilityAnswer> done) {
            service.read_availability({.skus = skus, .by = {}}, std::move(done));
        });
    });
}

std::vector<Operation> Recorder::operations() const {
    const std::lock_guard lock(mutex_);
    return operations_;
}

void Recorder::add(Operation operation) {
    const std::lock_guard lock(mutex_);
    operations_.push_back(std::move(operation));
}

History history_of(const Recorder& recorder, Service& service, std::uint32_t partitions) {
    History history{.partitions = partitions, .operations = recorder.operations()};
    std::string cursor;
    for (bool more = true; more;) {
        auto page = service.events(cursor, limits::page_max).value();
        more = !page.items.empty();
        cursor = page.next;
        std::ranges::move(page.items, std::back_inserter(history.log));
    }
    Recorder unnoted;
    for (const RecordedEvent& recorded : history.log) {
        if (const auto* placed = std::get_if<HoldPlaced>(&recorded.event)) {
            history.holds.push_back(unnoted.read_hold(service, placed->hold.id).value().hold);
        }
    }
    cursor.clear();
    do {
        const auto page = wait_for<Page<SkuAnswer>>([&](Done<Page<SkuAnswer>> done) {
                              service.list_skus(cursor, limits::page_max, std::move(done));
                          }).value();
        for (const SkuAnswer& sku : page.items) {
            history.stock.push_back(unnoted.read_stock(service, sku.sku).value());
        }
        cursor = page.next;
    } while (!cursor.empty());
    return history;
}

}  // namespace holdfast::testing
