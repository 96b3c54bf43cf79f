#include "sequencer/idempotency.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <holdfast/limits.h>

namespace holdfast::sequencer {

Idempotency::KeyHash Idempotency::hash(std::string_view key) {
    const XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
    return {hash.high64, hash.low64};
}

const AnswersRow* Idempotency::find(std::string_view key) const {
    const auto found = row_of_key_.find(hash(key));
    if (found == row_of_key_.end() || found->second < first_row_) {
        return nullptr;
    }
    const AnswersRow& row = rows_[found->second - first_row_];
    return row.round == taken_back ? nullptr : &row;
}

Version Idempotency::add(std::string_view key, PartitionId home, Version version,
                         std::uint64_t round, Instant at) {
    // Rounds of several lanes are filled side by side: its row may be behind some of theirs.
    constexpr std::size_t look_back = 256;
    const auto is_its_own = [&](const AnswersRow& one) {
        return one.round == round && one.partition == home;
    };
    std::size_t row = rows_.size();
    while (row > 0 && rows_.size() - row < look_back && !is_its_own(rows_[row - 1])) {
        --row;
    }
    if (row == 0 || !is_its_own(rows_[row - 1]) ||
        rows_[row - 1].count == limits::answers_per_row_max) {
        rows_.push_back({.partition = home, .version = version, .round = round, .at = at});
        row = rows_.size();
    }
    ++rows_[row - 1].count;
    ++keys_;
    row_of_key_[hash(key)] = first_row_ + row - 1;
    return rows_[row - 1].version;
}

void Idempotency::restore(const AnswersRow& row, const std::vector<std::string>& keys) {
    for (const std::string& key : keys) {
        row_of_key_[hash(key)] = first_row_ + rows_.size();
    }
    rows_.push_back(row);
    rows_.back().count = keys.size();
    keys_ += keys.size();
}

void Idempotency::take_back(std::uint64_t round) {
    for (auto row = rows_.rbegin(); row != rows_.rend() && row->round >= round; ++row) {
        keys_ -= row->count;
        row->count = 0;
        row->round = taken_back;
    }
}

std::vector<AnswersRow> Idempotency::prune(Instant now) {
    std::vector<AnswersRow> pruned;
    while (!rows_.empty() && (rows_.front().at + limits::idempotency_life < now ||
                              keys_ > limits::idempotency_keys_max)) {
        // A round that is still being filled is never that old, and never alone that many.
        if (rows_.front().round != taken_back) {
            pruned.push_back(rows_.front());
        }
        keys_ -= rows_.front().count;
        rows_.pop_front();
        ++first_row_;
    }
    if (row_of_key_.size() > 2 * keys_ + limits::round_commands_max) {
        sweep();
    }
    return pruned;
}

void Idempotency::sweep() {
    erase_if(row_of_key_, [this](const auto& entry) { return entry.second < first_row_; });
}

}  // namespace holdfast::sequencer
