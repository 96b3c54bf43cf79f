#include "testing/recorder.h"

#include <future>
#include <set>

#include <holdfast/limits.h>

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

Shop shop_of(Service& service) {
    return {.node = {},
            .submit =
                [&service](Submission submission) {
                    return wait_for<Answer>([&](Done<Answer> done) {
                        service.submit_any(std::move(submission), std::move(done));
                    });
                },
            .hold =
                [&service](HoldId id) {
                    return wait_for<HoldAnswer>([&](Done<HoldAnswer> done) {
                               service.read_hold(id, std::move(done));
                           })
                        .result;
                },
            .stock =
                [&service](const std::string& sku) {
                    return wait_for<StockAnswer>([&](Done<StockAnswer> done) {
                               service.read_stock(sku, std::move(done));
                           })
                        .result;
                },
            .events =
                [&service](const std::string& after) {
                    return service.events(after, limits::page_max);
                }};
}

std::optional<Outcome<Answer>> Recorder::submit(const Shop& shop, Command command,
                                                const std::string& key) {
    return note(shop.node, key, command, [&] {
        return shop.submit(
            {.command = command, .request = {.idempotency_key = key, .deadline = {}}});
    });
}

std::optional<Result<HoldAnswer>> Recorder::hold(const Shop& shop, HoldId id) {
    return note(shop.node, {}, ReadHold{id}, [&] { return shop.hold(id); });
}

std::optional<Result<StockAnswer>> Recorder::stock(const Shop& shop, const std::string& sku) {
    return note(shop.node, {}, ReadStock{sku}, [&] { return shop.stock(sku); });
}

std::vector<Operation> Recorder::operations() const {
    const std::lock_guard lock(mutex_);
    return operations_;
}

History history_of(const Recorder& recorder, const Shop& shop, std::uint32_t partitions) {
    History history{.partitions = partitions, .operations = recorder.operations()};
    std::string cursor;
    for (bool more = true; more;) {
        Page<RecordedEvent> page = shop.events(cursor).value();
        more = !page.items.empty();
        cursor = page.next;
        for (RecordedEvent& event : page.items) {
            history.log.push_back(std::move(event));
        }
    }
    std::set<std::string> skus;
    for (const RecordedEvent& recorded : history.log) {
        if (const auto* placed = std::get_if<HoldPlaced>(&recorded.event)) {
            history.holds.push_back(shop.hold(placed->hold.id).value().hold);
        } else if (const auto* defined = std::get_if<SkuDefined>(&recorded.event);
                   defined != nullptr && skus.insert(defined->sku).second) {
            history.stock.push_back(shop.stock(defined->sku).value());
        }
    }
    return history;
}

}  // namespace holdfast::testing
