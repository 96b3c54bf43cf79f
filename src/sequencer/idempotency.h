// Which keys have been answered lately, and where their first answers stand in the store. Bounded by
// limits::idempotency_life and idempotency_keys_max: of each key only a hash is kept in memory.
// The sequencer's thread only.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include <holdfast/types.h>

namespace holdfast::sequencer {

// A row of first answers: RowKind::answers of `partition`, under its version after the first of them.
struct AnswersRow {
    PartitionId partition = 0;
    Version version = 0;
    std::uint64_t round = 0;  // the append that writes it
    Instant at;
    std::size_t count = 0;
};

class Idempotency {
public:
    // Null when the key is new, or was forgotten.
    [[nodiscard]] const AnswersRow* find(std::string_view key) const;
    // The key is answered in this round, by a change that brought `home` to `version`. The version under
    // which its row stands.
    Version add(std::string_view key, PartitionId home, Version version, std::uint64_t round,
                Instant at);
    // A row found in the store at the start. Rows come oldest first.
    void restore(const AnswersRow& row, const std::vector<std::string>& keys);
    // What was added in this round and later ones may not have been kept: it is forgotten.
    void take_back(std::uint64_t round);
    // Rows that are too old or too many: they are forgotten here, and are to be erased in the store.
    std::vector<AnswersRow> prune(Instant now);

private:
    struct KeyHash {
        std::uint64_t high = 0;
        std::uint64_t low = 0;
        bool operator==(const KeyHash&) const = default;
    };
    struct HashOfHash {
        std::size_t operator()(const KeyHash& hash) const { return hash.low; }
    };
    static constexpr std::uint64_t taken_back = UINT64_MAX;  // as the round of a row

    static KeyHash hash(std::string_view key);
    void sweep();

    // Rows in the order of their rounds; the first has this number, and numbers are never reused.
    std::deque<AnswersRow> rows_;
    std::uint64_t first_row_ = 0;
    std::size_t keys_ = 0;  // in rows_
    // Also names rows that are forgotten, until the next sweep.
    boost::unordered_flat_map<KeyHash, std::uint64_t, HashOfHash> row_of_key_;
};

}  // namespace holdfast::sequencer
