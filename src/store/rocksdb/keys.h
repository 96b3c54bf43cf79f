// How rows, events and the store's own records lie in the one key space of the database:
//     kind, 1 byte; partition, 2 bytes big-endian; then the key of the row
// so that what is read together lies together, in order. Format version 1.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <holdfast/types.h>
#include "store/batch.h"

namespace holdfast::store {

// Beside the rows' own kinds (batch.h). Part of the stored format: never renumber.
enum class KeyKind : std::uint8_t {
    own = 0,             // the store's own records, own_key below
    events = 64,         // last version, 8 bytes big-endian -> number:events, the blob
    holds_by_cart = 65,  // partition 0; name '\0' id -> nothing
    holds_by_customer = 66,
    live_group = 67,  // see live_holds.cc
    live_gone = 68,
    stock_bundle = 69  // see stock_rows.cc
};

constexpr KeyKind key_kind(RowKind kind) {
    return static_cast<KeyKind>(kind);
}

inline constexpr std::size_t prefix_bytes = 3;

inline void append_prefix(std::string& key, KeyKind kind, PartitionId partition) {
    key += static_cast<char>(kind);
    key += static_cast<char>(partition >> 8);
    key += static_cast<char>(partition & 0xff);
}

inline std::string prefix_of(KeyKind kind, PartitionId partition) {
    std::string key;
    append_prefix(key, kind, partition);
    return key;
}

inline std::string key_of(KeyKind kind, PartitionId partition, std::string_view key) {
    std::string full = prefix_of(kind, partition);
    full += key;
    return full;
}

// The first key behind all keys of a kind and partition.
inline std::string end_of(KeyKind kind, PartitionId partition) {
    return partition == 0xffff ? prefix_of(static_cast<KeyKind>(static_cast<int>(kind) + 1), 0)
                               : prefix_of(kind, static_cast<PartitionId>(partition + 1));
}

// The store's own records.
//   identity  partition 0: number:format text:id number:epoch number:partitions
//   head      each partition: number:version number:batch, of its last append
//   notice    partition 0, where there is one: the notice of movable_store.h
//   indexed   each partition: number:version up to which hold_index has read the events
enum class OwnRecord : char { identity = 'i', head = 'h', indexed = 'x', notice = 'n' };

inline std::string own_key(OwnRecord record, PartitionId partition) {
    return key_of(KeyKind::own, partition, std::string(1, static_cast<char>(record)));
}

}  // namespace holdfast::store
