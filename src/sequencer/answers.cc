#include "sequencer/answers.h"

#include <algorithm>
#include <tuple>

namespace holdfast::sequencer {
namespace {

Counters& operator+=(Counters& sum, const Counters& c) {
    sum.on_hand += c.on_hand;
    sum.available += c.available;
    sum.held += c.held;
    sum.committed += c.committed;
    sum.safety_stock += c.safety_stock;
    sum.returned += c.returned;
    sum.repair += c.repair;
    sum.damaged += c.damaged;
    return sum;
}

}  // namespace

SkuAnswer sku_answer(const core::State& state, const core::SkuState& sku) {
    return {.sku = sku.sku,
            .policy = *sku.policy,
            .version = state.versions[state.home(sku)],
            .defined_at = sku.defined_at};
}

StockAnswer stock_answer(const core::State& state, const core::SkuState& sku, Instant now) {
    StockAnswer answer{.sku = sku.sku, .version = state.versions[state.home(sku)], .as_of = now};
    for (const core::SkuStock& row : sku.stock) {
        answer.locations.push_back({.location = state.locations[row.location].name,
                                    .counters = row.counters,
                                    .backordered = sku.backordered_at(row.location)});
        answer.total += row.counters;
        answer.backordered += answer.locations.back().backordered;
    }
    std::ranges::sort(answer.locations, {}, &StockRow::location);
    for (std::size_t i = 0; sku.incoming && i < sku.incoming->size(); ++i) {
        const core::Incoming& incoming = (*sku.incoming)[i];
        answer.expected.push_back({.location = state.locations[incoming.location].name,
                                   .reference = incoming.reference,
                                   .quantity = incoming.quantity,
                                   .expected_at = incoming.expected_at});
    }
    std::ranges::sort(answer.expected, {}, [](const ExpectedReceipt& receipt) {
        return std::tie(receipt.expected_at, receipt.location, receipt.reference);
    });
    return answer;
}

EntryAnswer entry_answer(const core::State& state, const core::SkuState& sku,
                         const core::SkuQueues::Shopper& shopper, Instant now) {
    return {.entry = shopper.id,
            .status = EntryStatus::waiting,
            .sku = sku.sku,
            .location = shopper.location == core::SkuQueues::anywhere
                            ? std::string()
                            : state.locations[shopper.location].name,
            .customer = shopper.entry.customer,
            .cart = shopper.entry.cart,
            .quantity = shopper.entry.quantity,
            .place = static_cast<Quantity>(sku.queues->place(shopper.id)),
            .hold = {},
            .version = state.versions[state.home(sku)],
            .server_time = now,
            .region = shopper.entry.region};
}

AlertAnswer alert_answer(const core::State& state, const Alert& alert, Instant now) {
    return {.alert = alert,
            .orders = {},
            .version = state.versions[state.home(*state.find_sku(alert.sku))],
            .server_time = now};
}

Page<EntryAnswer> waitlist_page(const core::State& state, const core::SkuState& sku, EntryId after,
                                std::size_t limit, Instant now) {
    Page<EntryAnswer> page;
    if (!sku.queues) {
        return page;
    }
    // The first of each line, one more than are wanted: the page is among them.
    std::vector<core::SkuQueues::Shopper> shoppers;
    for (const core::ShopperLine& line : sku.queues->shoppers) {
        std::size_t taken = 0;
        line.line.for_each_after(after, [&](EntryId id, const core::WaitEntry& entry) {
            shoppers.push_back({.id = id, .location = line.location, .entry = entry});
            return ++taken <= limit;
        });
    }
    std::ranges::sort(shoppers, {}, &core::SkuQueues::Shopper::id);
    for (std::size_t i = 0; i < std::min(limit, shoppers.size()); ++i) {
        page.items.push_back(entry_answer(state, sku, shoppers[i], now));
    }
    page.next = shoppers.size() > limit ? to_string(page.items.back().entry) : "";
    return page;
}

LocationAnswer location_answer(const core::State& state, const core::LocationState& location) {
    return {.location = location.name,
            .region = location.region,
            .priority = location.priority,
            .version = state.versions[0]};
}

}  // namespace holdfast::sequencer
