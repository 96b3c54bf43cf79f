#include "core/state.h"

#include <algorithm>

// Names are short: calling the library costs more than hashing them.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <holdfast/assert.h>

namespace holdfast::core {

std::size_t TextHash::operator()(std::string_view text) const {
    return XXH3_64bits(text.data(), text.size());
}

const Counters* SkuState::at(LocationIndex location) const {
    const auto row = std::ranges::lower_bound(stock, location, {}, &SkuStock::location);
    return row != stock.end() && row->location == location ? &row->counters : nullptr;
}

Counters* SkuState::at(LocationIndex location) {
    return const_cast<Counters*>(std::as_const(*this).at(location));
}

Quantity SkuState::backordered_at(LocationIndex location) const {
    const StockQueue* const queue = queues ? queues->at(location) : nullptr;
    return queue == nullptr ? 0 : queue->units;
}

Quantity SkuState::available() const {
    Quantity units = 0;
    for (const SkuStock& row : stock) {
        units += std::max<Quantity>(row.counters.available, 0);
    }
    return units;
}

const Alert* SkuState::find_alert(AlertKind kind) const {
    for (std::size_t i = 0; alerts && i < alerts->size(); ++i) {
        if ((*alerts)[i].kind == kind) {
            return &(*alerts)[i];
        }
    }
    return nullptr;
}

void State::raise(SkuIndex sku, Alert alert) {
    auto& standing = skus[sku].alerts;
    if (!standing) {
        standing = std::make_unique<std::vector<Alert>>();
    }
    const bool added = alerts.emplace(alert.id, sku).second;
    HF_ASSERT(added);
    standing->push_back(std::move(alert));
}

void State::resolve(AlertId id) {
    const auto place = alerts.find(id);
    HF_ASSERT(place != alerts.end());
    auto& standing = skus[place->second].alerts;
    std::erase_if(*standing, [id](const Alert& alert) { return alert.id == id; });
    if (standing->empty()) {
        standing.reset();
    }
    alerts.erase(place);
}

const Alert* State::find_alert(AlertId id) const {
    const auto place = alerts.find(id);
    return place == alerts.end() ? nullptr
                                 : &*std::ranges::find(*skus[place->second].alerts, id, &Alert::id);
}

Alert* State::find_alert(AlertId id) {
    return const_cast<Alert*>(std::as_const(*this).find_alert(id));
}

const Incoming* SkuState::find_incoming(LocationIndex location, std::string_view reference) const {
    for (std::size_t i = 0; incoming && i < incoming->size(); ++i) {
        const Incoming& one = (*incoming)[i];
        if (one.location == location && one.reference == reference) {
            return &one;
        }
    }
    return nullptr;
}

void State::expect(SkuIndex sku, Incoming incoming) {
    auto& all = skus[sku].incoming;
    if (!all) {
        all = std::make_unique<std::vector<Incoming>>();
    }
    const auto key = [](const Incoming& one) {
        return std::pair(one.location, std::string_view(one.reference));
    };
    const auto at = std::ranges::lower_bound(*all, key(incoming), {}, key);
    const bool there = at != all->end() && key(*at) == key(incoming);
    if (there && incoming.quantity == 0) {
        all->erase(at);
    } else if (there) {
        *at = std::move(incoming);
    } else if (incoming.quantity > 0) {
        all->insert(at, std::move(incoming));
    }
    if (all->empty()) {
        all.reset();
    }
}

std::optional<StockQueue::Waiter> StockQueue::find(Version place) const {
    const auto order = orders.find(place);
    return order == orders.end() ? std::nullopt : std::optional(order->second);
}

const StockQueue* SkuQueues::at(LocationIndex location) const {
    const auto queue = std::ranges::find(orders, location, &StockQueue::location);
    return queue == orders.end() ? nullptr : &*queue;
}

Quantity SkuQueues::backordered() const {
    Quantity sum = 0;
    for (const StockQueue& queue : orders) {
        sum += queue.units;
    }
    return sum;
}

std::uint32_t SkuNames::hash_of(std::string_view text) {
    return static_cast<std::uint32_t>(XXH3_64bits(text.data(), text.size()));
}

std::optional<SkuIndex> SkuNames::find(const std::vector<SkuState>& skus,
                                       std::string_view name) const {
    if (last_found_ < skus.size() && skus[last_found_].sku == name) {
        return last_found_;
    }
    const auto found = entries_.find(Name{.hash = hash_of(name), .text = name, .skus = skus});
    if (found == entries_.end()) {
        return std::nullopt;
    }
    last_found_ = found->index;
    return last_found_;
}

void SkuNames::prefetch(const std::vector<SkuState>& skus, std::string_view name) const {
    // Another SKU whose name has the same hash would only be brought in vain.
    if (const auto found = entries_.find(AnyName{hash_of(name)}); found != entries_.end()) {
        skus[found->index].prefetch();
    }
}

void SkuNames::add_last(const std::vector<SkuState>& skus) {
    entries_.insert({.hash = hash_of(skus.back().sku), .index = SkuIndex(skus.size() - 1)});
}

void SkuNames::remove_last(const std::vector<SkuState>& skus) {
    entries_.erase(Entry{.hash = hash_of(skus.back().sku), .index = SkuIndex(skus.size() - 1)});
}

State::State(std::uint32_t partition_count) : versions(partition_count) {
    HF_ASSERT(partition_count >= 1 && partition_count <= limits::partitions_max);
    define_location("main");
}

const SkuState* State::find_sku(std::string_view sku) const {
    const auto found = sku_names.find(skus, sku);
    return found ? &skus[*found] : nullptr;
}

std::optional<LocationIndex> State::find_location(std::string_view location) const {
    // Nearly always: `main`.
    if (locations.front().name == location) {
        return LocationIndex{0};
    }
    const auto found = location_by_name.find(location);
    return found == location_by_name.end() ? std::nullopt : std::optional(found->second);
}

SkuIndex State::sku_index(std::string_view sku) {
    const auto found = sku_names.find(skus, sku);
    HF_ASSERT(found.has_value());
    return *found;
}

SkuIndex State::define_sku(std::string_view sku) {
    if (const auto known = sku_names.find(skus, sku)) {
        return *known;
    }
    SkuState& added = skus.emplace_back();
    added.sku = sku;
    added.token = routing_token(sku);
    sku_names.add_last(skus);
    const auto index = SkuIndex(skus.size() - 1);
    set_policy(index, {});
    return index;
}

void State::set_policy(SkuIndex sku, const Policy& policy) {
    const Policy* const before = skus[sku].policy;
    const auto now = policies.try_emplace(policy).first;
    ++now->second;
    skus[sku].policy = &now->first;
    if (before != nullptr) {
        drop_policy(*before);
    }
}

void State::drop_policy(const Policy& policy) {
    const auto left = policies.find(policy);
    if (--left->second == 0) {
        policies.erase(left);
    }
}

void State::remove_last_sku() {
    const SkuState& last = skus.back();
    for (std::size_t i = 0; last.alerts && i < last.alerts->size(); ++i) {
        alerts.erase((*last.alerts)[i].id);
    }
    drop_policy(*last.policy);
    sku_names.remove_last(skus);
    skus.pop_back();
}

void State::wait(SkuIndex sku, LocationIndex location, Version place, StockQueue::Waiter waiter) {
    if (waiter.quantity == 0) {
        return;
    }
    auto& queues = skus[sku].queues;
    if (!queues) {
        queues = std::make_unique<SkuQueues>();
    }
    auto queue = std::ranges::lower_bound(queues->orders, location, {}, &StockQueue::location);
    if (queue == queues->orders.end() || queue->location != location) {
        queue = queues->orders.insert(queue, {.location = location, .orders = {}});
    }
    const auto [order, added] = queue->orders.try_emplace(place, waiter);
    if (!added) {
        HF_ASSERT(order->second.hold == waiter.hold);
        order->second.quantity += waiter.quantity;
    }
    HF_ASSERT(order->second.quantity >= 0);
    queue->units += waiter.quantity;
    if (order->second.quantity == 0) {
        queue->orders.erase(order);
    }
    if (queue->orders.empty()) {
        queues->orders.erase(queue);
    }
    mark_to_serve(sku);
}

std::optional<SkuQueues::Shopper> SkuQueues::find_shopper(EntryId id) const {
    for (const ShopperLine& line : shoppers) {
        if (const WaitEntry* entry = line.line.find(id)) {
            return Shopper{.id = id, .location = line.location, .entry = *entry};
        }
    }
    return std::nullopt;
}

std::size_t SkuQueues::place(EntryId id) const {
    std::size_t before = 0;
    for (const ShopperLine& line : shoppers) {
        before += line.line.before(id);
    }
    return before + 1;
}

bool SkuQueues::somebody_waits(LocationIndex location, EntryId before) const {
    return std::ranges::any_of(shoppers, [&](const ShopperLine& line) {
        return (line.location == anywhere || line.location == location) &&
               line.line.first() < before;
    });
}

ShopperLine& State::line_of_shoppers(SkuIndex sku, std::uint32_t location) {
    auto& queues = skus[sku].queues;
    if (!queues) {
        queues = std::make_unique<SkuQueues>();
    }
    auto line = std::ranges::lower_bound(queues->shoppers, location, {}, &ShopperLine::location);
    if (line == queues->shoppers.end() || line->location != location) {
        line = queues->shoppers.insert(line, {.location = location, .line = {}});
    }
    return *line;
}

void State::join(SkuIndex sku, const SkuQueues::Shopper& shopper) {
    line_of_shoppers(sku, shopper.location).line.join(shopper.id, shopper.entry);
    stands(sku, shopper);
}

void State::put_back(SkuIndex sku, const SkuQueues::Shopper& shopper) {
    line_of_shoppers(sku, shopper.location).line.put_back(shopper.id, shopper.entry);
    stands(sku, shopper);
}

void State::stands(SkuIndex sku, const SkuQueues::Shopper& shopper) {
    const bool first =
        skus[sku].queues->customers.emplace(shopper.entry.customer, shopper.id).second;
    HF_ASSERT(first);
    mark_to_serve(sku);
}

void State::leave(SkuIndex sku, EntryId id) {
    HF_ASSERT(skus[sku].queues != nullptr);
    SkuQueues& queues = *skus[sku].queues;
    const auto shopper = queues.find_shopper(id);
    HF_ASSERT(shopper.has_value());
    const auto line =
        std::ranges::lower_bound(queues.shoppers, shopper->location, {}, &ShopperLine::location);
    line->line.leave(id);
    if (line->line.empty()) {
        queues.shoppers.erase(line);
    }
    queues.customers.erase(shopper->entry.customer);
    mark_to_serve(sku);
}

void State::mark_to_serve(SkuIndex sku) {
    SkuQueues* const queues = skus[sku].queues.get();
    if (queues != nullptr && !queues->to_be_served) {
        queues->to_be_served = true;
        to_serve.push_back(sku);
    }
}

LocationIndex State::define_location(std::string_view location) {
    const auto [entry, added] =
        location_by_name.try_emplace(std::string(location), LocationIndex(locations.size()));
    if (added) {
        HF_ASSERT(locations.size() < limits::locations_max);
        locations.push_back({.name = std::string(location), .region = {}, .priority = 0});
        by_priority.push_back(entry->second);
        sort_locations();
    }
    return entry->second;
}

void State::remove_last_location() {
    std::erase(by_priority, LocationIndex(locations.size() - 1));
    location_by_name.erase(locations.back().name);
    locations.pop_back();
}

void State::sort_locations() {
    std::ranges::sort(by_priority, {}, [this](LocationIndex index) {
        return std::pair(locations[index].priority, std::string_view(locations[index].name));
    });
}

Counters& State::stock_row(SkuIndex sku, LocationIndex location) {
    SkuState& state = skus[sku];
    if (Counters* counters = state.at(location)) {
        return *counters;
    }
    Counters fresh;
    fresh.safety_stock = state.policy->safety_stock;
    fresh.available = -fresh.safety_stock;
    const auto next = std::ranges::upper_bound(state.stock, location, {}, &SkuStock::location);
    return state.stock.insert(next, {.location = location, .counters = fresh})->counters;
}

Hold State::materialise(const PendingHold& pending) const {
    Hold hold{.id = pending.id,
              .status = HoldStatus::pending,
              .fence = pending.fence,
              .cart = std::string(pending.cart()),
              .customer = std::string(pending.customer()),
              .region = std::string(pending.region()),
              .lines = {},
              .created_at = pending.created_at,
              .expires_at = pending.expires_at(),
              .heartbeat = Seconds(pending.heartbeat_s),
              .beats_until = pending.beats_until(),
              .extensions = pending.extensions,
              .secured = pending.secured};
    const PackedLines lines = pending.lines();
    hold.lines.reserve(lines.size());
    for (const PackedLine& packed : lines) {
        HoldLine& line = hold.lines.emplace_back();
        line.sku = skus[packed.sku].sku;
        if (packed.named_location != PackedLine::no_location) {
            line.location = locations[packed.named_location].name;
        }
        line.wanted = packed.wanted;
        line.quantity = packed.quantity;
        line.limited = packed.limited;
        line.windowed = packed.windowed;
        line.soft = packed.soft;
        line.allocations.reserve(packed.allocations.size());
        for (const PackedAllocation& allocation : packed.allocations) {
            line.allocations.push_back({.location = locations[allocation.location].name,
                                        .quantity = allocation.quantity,
                                        .backordered = allocation.backordered,
                                        .place = allocation.place});
        }
    }
    return hold;
}

}  // namespace holdfast::core
