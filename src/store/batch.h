// What one append writes: events and the rows that they change. Plain data, filled by the sequencer
// on its thread, consumed by one store. Texts lie in one arena, so a hold costs no allocation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/assert.h>
#include <holdfast/types.h>

namespace holdfast::store {

// The kinds of rows. The values are part of the stored format: never renumber.
enum class RowKind : std::uint8_t {
    sku = 1,        // key: sku                  value: codec Sku
    location = 2,   // key: location             value: codec Location (in every partition)
    stock = 3,      // key: sku '\0' location    value: codec Counters
    live_hold = 4,  // key: id, 16 bytes BE      value: codec Hold, pending: loaded at start;
                    // the `high` of a new one is above that of all that were before it
    past_hold = 5,  // key: id, 16 bytes BE      value: codec Hold, no longer competing
    customer = 6,   // key: sku '\0' customer    value: codec units held or owned
    answers = 7,   // key: version, 8 bytes BE  value: codec some first answers of one append by key
    claim = 8,     // key: id, 16 bytes BE      value: empty: a hold whose home is elsewhere
    waiting = 9,   // key: sku '\0' location '\0' place, 8 bytes BE   value: codec Waiter
    shopper = 10,  // key: sku '\0' id, 16 bytes BE      value: codec Shopper, in a waiting line
    incoming = 11,  // key: sku '\0' location '\0' reference   value: codec Receipt
    alert = 12      // key: version, 8 bytes BE, token, 2 bytes BE   value: codec Alert, that stands
};

// One partition's share of an append.
struct PartitionStep {
    PartitionId partition = 0;
    Version expected = 0;  // what the decision was based on; the append conflicts if it is another
    // What it becomes; next - expected events are in `events`. None of them: what is there already is made
    // as durable as this append, for who saw it and is about to tell.
    Version next = 0;
    std::string events;  // codec EventBlob
};

struct Row {
    RowKind kind = RowKind::sku;
    PartitionId partition = 0;
    bool erase = false;
    std::uint32_t key_offset = 0;
    std::uint32_t key_bytes = 0;
    std::uint32_t value_offset = 0;
    std::uint32_t value_bytes = 0;
};

struct Batch {
    // Grows with every append: names the batch when its outcome has to be asked for. Where a store is
    // shared, it is larger than all that the writer has seen, and ends with the writer's 16 bits.
    std::uint64_t number = 0;
    // Take the partitions' locks before their versions are looked at, where others may append. When the
    // append conflicts they are kept for this writer's next one, which then cannot.
    bool lock = false;
    Instant at;
    std::vector<PartitionStep> steps;
    // In order: a later row of the same key wins.
    std::vector<Row> rows;
    std::string arena;

    [[nodiscard]] std::string_view key(const Row& row) const {
        return std::string_view(arena).substr(row.key_offset, row.key_bytes);
    }
    [[nodiscard]] std::string_view value(const Row& row) const {
        return std::string_view(arena).substr(row.value_offset, row.value_bytes);
    }
    void erase(RowKind kind, PartitionId partition, std::string_view key) {
        Row row{.kind = kind, .partition = partition, .erase = true};
        row.key_offset = static_cast<std::uint32_t>(arena.size());
        row.key_bytes = static_cast<std::uint32_t>(key.size());
        arena.append(key);
        rows.push_back(row);
    }
    // `write(arena)` appends the value's bytes.
    template <class Write>
    void put(RowKind kind, PartitionId partition, std::string_view key, Write write) {
        Row row{.kind = kind, .partition = partition};
        row.key_offset = static_cast<std::uint32_t>(arena.size());
        row.key_bytes = static_cast<std::uint32_t>(key.size());
        arena.append(key);
        row.value_offset = static_cast<std::uint32_t>(arena.size());
        write(arena);
        HF_ASSERT(arena.size() <= UINT32_MAX);
        row.value_bytes = static_cast<std::uint32_t>(arena.size()) - row.value_offset;
        rows.push_back(row);
    }
};

}  // namespace holdfast::store
