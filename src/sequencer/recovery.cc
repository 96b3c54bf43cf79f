#include "sequencer/recovery.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/alerts.h"
#include "store/codec.h"

namespace holdfast::sequencer {

using store::RowKind;

namespace {

class Loader {
public:
    explicit Loader(core::State& state) : state_(state) {}

    void operator()(RowKind kind, PartitionId partition, std::string_view key,
                    std::string_view value) {
        switch (kind) {
            case RowKind::sku: {
                store::SkuRow row = store::decode_sku_row(value);
                core::SkuState& sku = state_.skus[state_.define_sku(key)];
                state_.set_policy(state_.sku_index(key), row.policy);
                sku.defined_at = row.defined_at;
                return;
            }
            case RowKind::location: {
                store::LocationRow row = store::decode_location_row(value);
                core::LocationState& location = state_.locations[state_.define_location(key)];
                location.region = std::move(row.region);
                location.priority = row.priority;
                state_.sort_locations();
                return;
            }
            case RowKind::stock: {
                const auto [sku, location] = store::decode_pair_key(key);
                state_.stock_row(known_sku(sku), known_location(location)) =
                    store::decode_counters(value);
                return;
            }
            case RowKind::live_hold:
                load_hold(store::decode_hold(value));
                return;
            case RowKind::customer: {
                const auto [sku, customer] = store::decode_pair_key(key);
                load_customer(state_.skus[known_sku(sku)], customer,
                              store::decode_customer_row(value));
                return;
            }
            case RowKind::waiting: {
                const auto [sku, location, place] = store::decode_place_key(key);
                const store::WaiterRow row = store::decode_waiter_row(value);
                state_.wait(known_sku(sku), known_location(location), place,
                            {.hold = row.hold, .quantity = row.quantity});
                return;
            }
            case RowKind::shopper:
                load_shopper(key, store::decode_shopper_row(value));
                return;
            case RowKind::incoming: {
                const auto [sku, location, reference] = store::decode_receipt_key(key);
                const store::ReceiptRow row = store::decode_receipt_row(value);
                state_.expect(known_sku(sku), {.location = known_location(location),
                                               .reference = std::string(reference),
                                               .quantity = row.quantity,
                                               .expected_at = row.expected_at});
                return;
            }
            case RowKind::alert: {
                Alert alert = store::decode_alert(value);
                alert.id = store::decode_alert_key(key);
                const core::SkuIndex sku = known_sku(alert.sku);
                state_.raise(sku, std::move(alert));
                return;
            }
            case RowKind::answers:
                answers_.push_back(kept_answers(partition, key, value));
                return;
            case RowKind::past_hold:
            case RowKind::claim:
                return;
        }
    }

    // Oldest first.
    [[nodiscard]] std::vector<KeptAnswers> answers() && {
        std::ranges::stable_sort(answers_, {}, [](const KeptAnswers& kept) { return kept.row.at; });
        return std::move(answers_);
    }

private:
    core::SkuIndex known_sku(std::string_view sku) const {
        const core::SkuState* const found = state_.find_sku(sku);
        if (found == nullptr) {
            throw store::StoreError(
                fmt::format("the store has stock or holds of SKU '{}', which it does not define: "
                            "it is damaged; "
                            "restore a backup",
                            sku));
        }
        return static_cast<core::SkuIndex>(found - state_.skus.data());
    }
    core::LocationIndex known_location(std::string_view location) const {
        const auto found = state_.find_location(location);
        if (!found) {
            throw store::StoreError(fmt::format(
                "the store has stock at location '{}', which it does not define: it is damaged; "
                "restore a backup",
                location));
        }
        return *found;
    }
    void load_shopper(std::string_view key, const store::ShopperRow& row) {
        const auto [sku, id] = store::decode_entry_key(key);
        const std::uint32_t location =
            row.location.empty() ? core::SkuQueues::anywhere : known_location(row.location);
        state_.join(known_sku(sku), {.id = id,
                                     .location = location,
                                     .entry = {.customer = row.customer,
                                               .cart = row.cart,
                                               .quantity = row.quantity,
                                               .region = row.region}});
    }
    static void load_customer(core::SkuState& sku, std::string_view customer,
                              const store::CustomerRow& row) {
        if (!sku.customers) {
            sku.customers = std::make_unique<core::CustomerUnits>();
        }
        if (row.for_good != 0) {
            sku.customers->for_good.emplace(customer, row.for_good);
        }
        for (const store::WindowedRow& units : row.windowed) {
            sku.customers->windowed.try_emplace(std::string(customer))
                .first->second.push_back({.hold = units.hold,
                                          .quantity = units.quantity,
                                          .since = units.since,
                                          .window = units.window});
        }
    }
    void load_hold(const Hold& hold) {
        core::PackedLines lines;
        for (const HoldLine& line : hold.lines) {
            core::PackedLine& packed = lines.emplace_back();
            packed.sku = known_sku(line.sku);
            if (!line.location.empty()) {
                packed.named_location = known_location(line.location);
            }
            packed.wanted = line.wanted;
            packed.quantity = line.quantity;
            packed.limited = line.limited;
            packed.windowed = line.windowed;
            packed.soft = line.soft;
            for (const Allocation& allocation : line.allocations) {
                packed.allocations.push_back({.location = known_location(allocation.location),
                                              .quantity = allocation.quantity,
                                              .backordered = allocation.backordered,
                                              .place = allocation.place});
            }
        }
        state_.holds.insert(core::times_of(hold), core::names_of(hold), lines);
    }

    core::State& state_;
    std::vector<KeptAnswers> answers_;
};

// When the last event of a partition happened: its time never runs backwards, also over a restart.
Instant last_time(store::Store& store, PartitionId partition, Version version) {
    if (version == 0) {
        return {};
    }
    const auto blobs = store.tail(partition, version - 1, 1);
    if (blobs.empty()) {
        throw store::StoreError(fmt::format(
            "partition {} is at version {}, but its last event is missing: it is damaged; restore "
            "a backup",
            partition, version));
    }
    return store::decode_blob(partition, blobs.back()).back().at;
}

}  // namespace

KeptAnswers kept_answers(PartitionId partition, std::string_view key, std::string_view value) {
    store::KeyedAnswers answers = store::decode_answers(value);
    KeptAnswers kept{.row = {.partition = partition,
                             .version = store::decode_version_key(key),
                             .at = answers.at}};
    for (store::KeyedAnswer& answer : answers.answers) {
        kept.keys.push_back(std::move(answer.key));
    }
    return kept;
}

Recovered recover(store::Store& store) {
    Recovered recovered{.state = core::State(store.partition_count()), .idempotency = {}};
    core::State& state = recovered.state;
    Loader loader(state);
    // A hold may name SKUs of several partitions: the definitions of all of them come first.
    recovered.heads = store.load(
        {RowKind::sku, RowKind::location, RowKind::stock, RowKind::live_hold, RowKind::customer,
         RowKind::waiting, RowKind::shopper, RowKind::incoming, RowKind::alert, RowKind::answers},
        [&loader](RowKind kind, PartitionId partition, std::string_view key,
                  std::string_view value) { loader(kind, partition, key, value); });
    for (const KeptAnswers& kept : std::move(loader).answers()) {
        recovered.idempotency.restore(kept.row, kept.keys);
    }
    for (std::size_t i = 0; i < recovered.heads.size(); ++i) {
        state.versions[i] = recovered.heads[i].version;
        state.time =
            std::max(state.time, last_time(store, static_cast<PartitionId>(i), state.versions[i]));
    }
    // Of what is sold out an alert stands: it is not resolved before the SKU is back.
    for (core::SkuState& sku : state.skus) {
        const bool was_on_sale =
            sku.available() > 0 || sku.find_alert(AlertKind::out_of_stock) != nullptr;
        sku.level = was_on_sale ? StockLevel::in : StockLevel::never;
        sku.level = core::level_now(sku);
    }
    return recovered;
}

}  // namespace holdfast::sequencer
