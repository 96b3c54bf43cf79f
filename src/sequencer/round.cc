#include "sequencer/round.h"

#include <algorithm>
#include <ranges>

#include <holdfast/assert.h>
#include <holdfast/fault.h>
#include <holdfast/limits.h>
#include "core/evolve.h"
#include "store/codec.h"

namespace holdfast::sequencer {

using store::RowKind;

Round::Round(std::uint64_t number, Instant now, const core::State& state, const RoundSize& expected,
             bool revocable)
    : now_(now), expected_(expected), opened_at_(state.versions), revocable_(revocable) {
    singles_.reserve(expected.commands);
    batch_.rows.reserve(expected.rows);
    batch_.arena.reserve(expected.row_bytes);
    batch_.number = number;
    batch_.at = now;
}

bool Round::full() const {
    return std::max<std::size_t>(commands_, events_) >= limits::round_commands_max ||
           batch_.arena.size() >= limits::round_bytes_max;
}

store::PartitionStep& Round::step(const core::State& state, PartitionId partition) {
    for (store::PartitionStep& step : batch_.steps) {
        if (step.partition == partition) {
            return step;
        }
    }
    HF_ASSERT(partition < state.partition_count());
    const Version expected = opened_at_[partition];
    store::PartitionStep& step = batch_.steps.emplace_back(
        store::PartitionStep{.partition = partition, .expected = expected, .next = expected});
    step.events.reserve(expected_.event_bytes);
    store::encode_blob_header(step.events, batch_.number, now_);
    return step;
}

// Marks the rows that an event changed, and writes those of its hold and definitions.
struct RowWriter {
    Round& round;
    const core::State& state;
    const Hold* after;

    void operator()(const SkuDefined& e) {
        const core::SkuState& sku = *state.find_sku(e.sku);
        round.batch_.put(RowKind::sku, state.home(sku), e.sku, [&](std::string& out) {
            store::encode(out, store::SkuRow{.policy = *sku.policy, .defined_at = sku.defined_at});
        });
        round.changed_.push_back(static_cast<core::SkuIndex>(&sku - state.skus.data()));
        for (const core::SkuStock& row : sku.stock) {
            round.touch(state, e.sku, state.locations[row.location].name);
        }
    }
    void operator()(const LocationDefined& e) {
        for (std::uint32_t i = 0; i < state.partition_count(); ++i) {
            round.batch_.put(
                RowKind::location, static_cast<PartitionId>(i), e.location, [&](std::string& out) {
                    store::encode(out,
                                  store::LocationRow{.region = e.region, .priority = e.priority});
                });
        }
    }
    void operator()(const StockReceived& e) {
        round.touch(state, e.sku, e.location);
        if (e.expected > 0) {
            receipt(e.sku, e.location, e.reference);
        }
    }
    void operator()(const StockExpected& e) {
        receipt(e.sku, e.location, e.reference);
        if (state.find_sku(e.sku)->at(*state.find_location(e.location)) != nullptr) {
            round.touch(state, e.sku, e.location);  // it may no longer have to be ordered
        }
    }
    void operator()(const StockAdjusted& e) { round.touch(state, e.sku, e.location); }
    void operator()(const StockMoved& e) { round.touch(state, e.sku, e.location); }
    void operator()(const StockTransferred& e) {
        round.touch(state, e.sku, e.from);
        round.touch(state, e.sku, e.to);
    }
    void operator()(const HoldPlaced& e) { lines(e.hold); }  // its row is written already
    void operator()(const HoldRefused&) {}
    void operator()(const HoldAmended& e) {
        parts(e.released, e.hold.customer);
        lines(e.hold);
        round.write_hold(state, e.hold);
    }
    void operator()(const HoldExtended&) { round.write_hold(state, *after); }
    void operator()(const HoldSecured& e) {
        parts(e.taken, e.customer);
        round.write_hold(state, *after);
    }
    void operator()(const HoldConfirmed& e) {
        parts(e.confirmed, e.customer);
        parts(e.taken, e.customer);
        parts(e.released, e.customer);
        ended();
    }
    void operator()(const HoldReleased& e) {
        parts(e.released, e.customer);
        ended();
    }
    void operator()(const HoldExpired& e) {
        parts(e.released, e.customer);
        ended();
    }
    void operator()(const HoldLost& e) {
        parts(e.released, e.customer);
        ended();
    }
    void operator()(const BackorderAllocated& e) {
        parts({e.allocated}, {});
        round.write_hold(state, *after);
    }
    void operator()(const WaitlistJoined& e) {
        round.batch_.put(RowKind::shopper, state.home(*state.find_sku(e.sku)),
                         store::encode_entry_key(e.sku, e.entry), [&e](std::string& out) {
                             store::encode(out, store::ShopperRow{.location = e.location,
                                                                  .customer = e.customer,
                                                                  .cart = e.cart,
                                                                  .quantity = e.quantity,
                                                                  .region = e.region});
                         });
    }
    void operator()(const WaitlistLeft& e) { gone(e.sku, e.entry); }
    void operator()(const WaitlistOffered& e) { gone(e.sku, e.entry); }
    void operator()(const HoldFulfilled& e) {
        parts(e.fulfilled, {});
        round.write_hold(state, *after);
    }
    void operator()(const HoldCancelled& e) {
        parts(e.cancelled, e.customer);
        round.write_hold(state, *after);
    }
    void operator()(const HoldReturned& e) {
        parts(e.returned, e.customer);
        round.write_hold(state, *after);
    }

    void operator()(const StockLevelChanged&) {}  // made of the counters
    void operator()(const AlertRaised& e) {
        const core::SkuState& sku = *state.find_sku(e.alert.sku);
        alert({.version = state.versions[state.home(sku)], .token = sku.token}, sku);
    }
    void operator()(const AlertAcknowledged& e) {
        const core::SkuState& sku = *state.find_sku(e.sku);
        alert(e.alert, sku);
        round.changed_.push_back(static_cast<core::SkuIndex>(&sku - state.skus.data()));
    }
    void operator()(const AlertResolved& e) {
        round.batch_.erase(RowKind::alert, state.home(*state.find_sku(e.sku)),
                           store::encode_alert_key(e.alert));
    }
    void operator()(const PartitionsChanged&) {}  // only a move brings it

private:
    void alert(AlertId id, const core::SkuState& sku) {
        round.batch_.put(RowKind::alert, state.home(sku), store::encode_alert_key(id),
                         [&](std::string& out) { store::encode(out, *state.find_alert(id)); });
    }
    void receipt(std::string_view name, std::string_view location, std::string_view reference) {
        const core::SkuState& sku = *state.find_sku(name);
        const std::string key = store::encode_receipt_key(name, location, reference);
        const auto* const announced = sku.find_incoming(*state.find_location(location), reference);
        if (announced == nullptr) {
            round.batch_.erase(RowKind::incoming, state.home(sku), key);
            return;
        }
        round.batch_.put(RowKind::incoming, state.home(sku), key, [&](std::string& out) {
            store::encode(out, store::ReceiptRow{.quantity = announced->quantity,
                                                 .expected_at = announced->expected_at});
        });
    }
    void gone(std::string_view sku, EntryId entry) {
        round.batch_.erase(RowKind::shopper, state.home(*state.find_sku(sku)),
                           store::encode_entry_key(sku, entry));
    }
    void ended() {
        const auto key = store::id_key(after->id);
        round.batch_.erase(RowKind::live_hold, state.home(after->id),
                           std::string_view(key.data(), key.size()));
        round.write_hold(state, *after);
    }
    void lines(const Hold& hold) {
        for (const HoldLine& line : hold.lines) {
            for (const Allocation& allocation : line.allocations) {
                round.touch(state, line.sku, allocation.location);
                round.touch_place(state, line.sku, allocation.location, allocation.place);
            }
            if (line.limited) {
                round.touch_customer(state, line.sku, hold.customer);
            }
        }
    }
    void parts(const std::vector<Part>& changed, std::string_view customer) {
        for (const Part& part : changed) {
            round.touch(state, part.sku, part.location);
            round.touch_place(state, part.sku, part.location, part.place);
            if (part.limited && !customer.empty()) {
                round.touch_customer(state, part.sku, customer);
            }
        }
    }
};

void Round::record(const core::State& state, const Event& event, const Hold* after) {
    // A new hold is encoded once: its event ends with the bytes of its row.
    const auto* const placed = std::get_if<HoldPlaced>(&event);
    const std::string_view hold = placed != nullptr ? write_hold(state, placed->hold) : "";
    core::touched_partitions(state, event, touched_);
    for (const PartitionId partition : touched_) {
        store::PartitionStep& to = step(state, partition);
        if (placed != nullptr) {
            store::encode_hold_placed(to.events, events_, hold);
        } else {
            store::encode(to.events, events_, event);
        }
        ++to.next;
    }
    ++events_;
    std::visit(RowWriter{*this, state, after}, event);
}

void Round::touch(const core::State& state, std::string_view sku, std::string_view location) {
    const auto index = static_cast<std::uint64_t>(state.find_sku(sku) - state.skus.data());
    stock_.insert(index << 16 | *state.find_location(location));
}

void Round::touch_place(const core::State& state, std::string_view sku, std::string_view location,
                        Version place) {
    if (place != 0) {
        places_.emplace_back(state.find_sku(sku) - state.skus.data(),
                             *state.find_location(location), place);
    }
}

void Round::touch_customer(const core::State& state, std::string_view sku,
                           std::string_view customer) {
    const auto index = static_cast<core::SkuIndex>(state.find_sku(sku) - state.skus.data());
    customers_.emplace_back(index, customer);
}

std::string_view Round::write_hold(const core::State& state, const Hold& hold) {
    const RowKind kind =
        hold.status == HoldStatus::pending ? RowKind::live_hold : RowKind::past_hold;
    const auto key = store::id_key(hold.id);
    batch_.put(kind, state.home(hold.id), std::string_view(key.data(), key.size()),
               [&hold](std::string& out) { store::encode(out, hold); });
    return batch_.value(batch_.rows.back());
}

void Round::write_counters(const core::State& state) {
    const std::vector<std::uint64_t> places(stock_.begin(), stock_.end());
    constexpr std::size_t ahead = 8;
    for (std::size_t i = 0; i < places.size(); ++i) {
        if (i + ahead < places.size()) {
            state.skus[places[i + ahead] >> 16].prefetch();
        }
        const core::SkuState& sku = state.skus[places[i] >> 16];
        const auto location = static_cast<core::LocationIndex>(places[i] & 0xffff);
        batch_.put(RowKind::stock, state.home(sku),
                   store::encode_pair_key(sku.sku, state.locations[location].name),
                   [&](std::string& out) { store::encode(out, *sku.at(location)); });
    }
    write_places(state);
    std::ranges::sort(customers_);
    const auto rest = std::ranges::unique(customers_);
    customers_.erase(rest.begin(), rest.end());
    for (const auto& [index, customer] : customers_) {
        const core::SkuState& sku = state.skus[index];
        const std::string key = store::encode_pair_key(sku.sku, customer);
        const store::CustomerRow row = customer_row(sku, customer);
        if (row == store::CustomerRow{}) {
            batch_.erase(RowKind::customer, state.home(sku), key);
            continue;
        }
        batch_.put(RowKind::customer, state.home(sku), key,
                   [&row](std::string& out) { store::encode(out, row); });
    }
}

store::CustomerRow customer_row(const core::SkuState& sku, std::string_view customer) {
    store::CustomerRow row;
    if (!sku.customers) {
        return row;
    }
    const auto number = sku.customers->for_good.find(customer);
    row.for_good = number == sku.customers->for_good.end() ? 0 : number->second;
    const auto windowed = sku.customers->windowed.find(customer);
    if (windowed != sku.customers->windowed.end()) {
        for (const core::WindowedUnits& units : windowed->second) {
            row.windowed.push_back({.hold = units.hold,
                                    .quantity = units.quantity,
                                    .since = units.since,
                                    .window = units.window});
        }
    }
    return row;
}

void Round::write_places(const core::State& state) {
    std::ranges::sort(places_);
    const auto rest = std::ranges::unique(places_);
    places_.erase(rest.begin(), rest.end());
    for (const auto& [index, location, place] : places_) {
        const core::SkuState& sku = state.skus[index];
        const std::string key =
            store::encode_place_key(sku.sku, state.locations[location].name, place);
        const core::StockQueue* const queue = sku.queues ? sku.queues->at(location) : nullptr;
        const auto waiter = queue == nullptr ? std::nullopt : queue->find(place);
        if (!waiter) {
            batch_.erase(RowKind::waiting, state.home(sku), key);
            continue;
        }
        batch_.put(RowKind::waiting, state.home(sku), key, [&](std::string& out) {
            store::encode(out,
                          store::WaiterRow{.hold = waiter->hold, .quantity = waiter->quantity});
        });
    }
}

void Round::remember(PartitionId home, Version row_version, std::string_view key,
                     std::uint64_t fingerprint, const Answer& answer) {
    const auto found = std::ranges::find_if(
        answers_ | std::views::reverse,
        [&](const Answers& row) { return row.partition == home && row.version == row_version; });
    Answers* const row =
        found != answers_.rend()
            ? &*found
            : &answers_.emplace_back(Answers{.partition = home, .version = row_version});
    store::encode(
        row->bytes,
        store::KeyedAnswer{.key = std::string(key), .fingerprint = fingerprint, .answer = answer});
    ++row->count;
}

void Round::forget_answers(PartitionId partition, Version version) {
    batch_.erase(RowKind::answers, partition, store::encode_version_key(version));
}

void Round::reply(Single&& item, Outcome<Answer>&& outcome) {
    ++commands_;
    singles_.emplace_back(std::move(item.done), std::move(outcome));
    if (revocable_) {
        singles_asked_.push_back(std::move(item.submission));
    }
}

void Round::reply(Many&& item, std::vector<Outcome<Answer>>&& outcomes) {
    commands_ += outcomes.size();
    manies_.emplace_back(std::move(item.done), std::move(outcomes));
    if (revocable_) {
        manies_asked_.push_back(std::move(item.submissions));
    }
}

void Round::rely_on(PartitionId partition, bool told) {
    told_ = told_ || (told && !HF_FAULT(replay_not_written));
    if (std::ranges::find(relied_on_, partition) == relied_on_.end()) {
        relied_on_.push_back(partition);
    }
}

std::vector<Item> Round::give_back() {
    HF_ASSERT(revocable_);
    std::vector<Item> items;
    items.reserve(singles_.size() + manies_.size());
    for (std::size_t i = 0; i < singles_.size(); ++i) {
        items.emplace_back(std::in_place_type<Single>, std::move(singles_asked_[i]),
                           std::move(singles_[i].done));
    }
    for (std::size_t i = 0; i < manies_.size(); ++i) {
        items.emplace_back(std::in_place_type<Many>, std::move(manies_asked_[i]),
                           std::move(manies_[i].done));
    }
    return items;
}

store::Batch Round::seal(const core::State& state) {
    for (const PartitionId partition : relied_on_) {
        step(state, partition);
    }
    if (!HF_FAULT(counters_not_written)) {
        write_counters(state);
    }
    for (Answers& row : answers_) {
        batch_.put(RowKind::answers, row.partition, store::encode_version_key(row.version),
                   [&](std::string& out) {
                       store::encode_answers_header(out, now_, row.count);
                       out += row.bytes;
                   });
    }
    size_ = {
        .commands = singles_.size(), .rows = batch_.rows.size(), .row_bytes = batch_.arena.size()};
    for (const store::PartitionStep& made : batch_.steps) {
        size_.event_bytes = std::max(size_.event_bytes, made.events.size());
    }
    return std::move(batch_);
}

void Round::answer_all(const Refusal* failure) {
    for (auto& single : singles_) {
        if (failure != nullptr) {
            single.outcome.result = std::unexpected(*failure);
        }
        single.done(std::move(single.outcome));
    }
    for (auto& many : manies_) {
        if (failure != nullptr) {
            for (Outcome<Answer>& outcome : many.outcome) {
                outcome.result = std::unexpected(*failure);
            }
        }
        many.done(std::move(many.outcome));
    }
}

}  // namespace holdfast::sequencer
