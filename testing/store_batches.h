// Batches and appends for tests of stores. Throws nothing; waits for outcomes.
#pragma once

#include <future>
#include <string>
#include <vector>

#include "store/codec.h"
#include "store/store.h"

namespace holdfast::testing {

// A hold as a shop would place it. Ids rise with `number`.
inline Hold hold_number(std::uint64_t number, std::string cart, std::string customer = "") {
    Hold hold{.id = {.high = (std::uint64_t{1'795'000'000'000} << 16) + number,
                     .low = number * 0x9e37'79b9'7f4a'7c15},
              .fence = number};
    hold.cart = std::move(cart);
    hold.customer = std::move(customer);
    hold.created_at = Instant(std::chrono::milliseconds(1'795'000'000'000 + number));
    hold.expires_at = hold.created_at + std::chrono::minutes(10);
    hold.lines = {{.sku = "mug",
                   .wanted = 1,
                   .quantity = 1,
                   .allocations = {{.location = "main", .quantity = 1}}}};
    return hold;
}

// A value as it stands in a row.
template <class Value>
std::string bytes_of(const Value& value) {
    std::string bytes;
    store::encode(bytes, value);
    return bytes;
}

// A batch that begins empty: rows are put into it as the sequencer does, events by add().
class BatchMaker {
public:
    explicit BatchMaker(std::uint64_t number, Instant at = Instant{}) {
        batch_.number = number;
        batch_.at = at;
    }

    // These events in one partition, which is at version `expected`.
    BatchMaker& add(PartitionId partition, Version expected, const std::vector<Event>& events) {
        store::PartitionStep step{
            .partition = partition, .expected = expected, .next = expected + events.size()};
        store::encode_blob_header(step.events, batch_.number, batch_.at);
        for (const Event& event : events) {
            store::encode(step.events, index_++, event);
        }
        batch_.steps.push_back(std::move(step));
        return *this;
    }
    BatchMaker& put(store::RowKind kind, PartitionId partition, std::string_view key,
                    std::string_view value) {
        batch_.put(kind, partition, key, [&](std::string& out) { out += value; });
        return *this;
    }
    BatchMaker& put_hold(store::RowKind kind, PartitionId partition, const Hold& hold) {
        batch_.put(kind, partition, store::encode_id_key(hold.id),
                   [&](std::string& out) { store::encode(out, hold); });
        return *this;
    }
    BatchMaker& erase(store::RowKind kind, PartitionId partition, std::string_view key) {
        batch_.erase(kind, partition, key);
        return *this;
    }
    store::Batch take() { return std::move(batch_); }

private:
    store::Batch batch_;
    std::uint32_t index_ = 0;
};

inline store::AppendResult append_and_wait(store::Store& store, store::Batch batch) {
    std::promise<store::AppendResult> answered;
    store.append(std::move(batch),
                 [&](store::AppendResult result) { answered.set_value(std::move(result)); });
    return answered.get_future().get();
}

}  // namespace holdfast::testing
