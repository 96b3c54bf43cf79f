#include "testing/memory_store.h"

#include <utility>

#include <holdfast/assert.h>
#include "store/codec.h"

namespace holdfast::testing {

using store::AppendOutcome;
using store::EventBlob;
using store::RowKind;

void MemoryStore::hold_back() {
    const std::lock_guard lock(mutex_);
    holding_back_ = true;
}

void MemoryStore::wait_until_held_back(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_.size() >= count; });
}

std::size_t MemoryStore::held_back() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
}

void MemoryStore::let_one_go() {
    std::unique_lock lock(mutex_);
    HF_ASSERT(!waiting_.empty());
    Waiting waiting = std::move(waiting_.front());
    waiting_.pop_front();
    store::AppendResult result = apply(waiting.batch);
    lock.unlock();
    waiting.done(std::move(result));
}

void MemoryStore::let_go() {
    while (true) {
        {
            const std::lock_guard lock(mutex_);
            if (waiting_.empty()) {
                holding_back_ = false;
                return;
            }
        }
        let_one_go();
    }
}

std::uint32_t MemoryStore::partition_count() const {
    return static_cast<std::uint32_t>(partitions_.size());
}

std::vector<store::Head> MemoryStore::heads_now() const {
    std::vector<store::Head> heads;
    for (const Partition& partition : partitions_) {
        heads.push_back(partition.head);
    }
    return heads;
}

std::vector<store::Head> MemoryStore::heads() {
    const std::lock_guard lock(mutex_);
    return heads_now();
}

std::vector<store::Head> MemoryStore::load(const std::vector<RowKind>& kinds,
                                           const store::RowSink& sink) {
    // A copy, so that the sink may take its time and ask for more.
    std::unique_lock lock(mutex_);
    const std::vector<store::Head> heads = heads_now();
    std::vector<std::pair<RowKind, std::vector<Rows>>> copies;
    for (const RowKind kind : kinds) {
        auto& copy = copies.emplace_back(kind, std::vector<Rows>{}).second;
        for (Partition& partition : partitions_) {
            copy.push_back(partition.rows[kind]);
        }
    }
    lock.unlock();
    for (const auto& [kind, partitions] : copies) {
        for (std::size_t i = 0; i < partitions.size(); ++i) {
            for (const auto& [key, value] : partitions[i]) {
                sink(kind, static_cast<PartitionId>(i), key, value);
            }
        }
    }
    return heads;
}

std::vector<EventBlob> MemoryStore::tail(PartitionId partition, Version after,
                                         std::size_t bytes_max) {
    const std::lock_guard lock(mutex_);
    const auto& blobs = partitions_.at(partition).blobs;
    std::vector<EventBlob> found;
    std::size_t bytes = 0;
    for (auto at = blobs.upper_bound(after); at != blobs.end() && bytes <= bytes_max; ++at) {
        bytes += at->second.bytes.size();
        found.push_back(at->second);
    }
    return found;
}

void MemoryStore::append(store::Batch batch, store::AppendDone done) {
    std::unique_lock lock(mutex_);
    if (holding_back_) {
        waiting_.push_back({std::move(batch), std::move(done)});
        changed_.notify_all();
        return;
    }
    store::AppendResult result = apply(batch);
    lock.unlock();
    done(std::move(result));
}

store::AppendResult MemoryStore::apply(const store::Batch& batch) {
    for (const store::PartitionStep& step : batch.steps) {
        const Version version = partitions_.at(step.partition).head.version;
        if (version != step.expected) {
            return {AppendOutcome::conflict, "partition " + std::to_string(step.partition) +
                                                 " is at version " + std::to_string(version) +
                                                 ", not " + std::to_string(step.expected)};
        }
    }
    for (const store::PartitionStep& step : batch.steps) {
        Partition& partition = partitions_[step.partition];
        partition.head = {.version = step.next, .batch = batch.number};
        if (step.next > step.expected) {
            partition.blobs[step.next] = {step.expected + 1, step.next, step.events};
        }
    }
    for (const store::Row& row : batch.rows) {
        Rows& rows = partitions_.at(row.partition).rows[row.kind];
        if (row.erase) {
            rows.erase(std::string(batch.key(row)));
        } else {
            rows[std::string(batch.key(row))] = batch.value(row);
        }
    }
    return {};
}

std::optional<std::string> MemoryStore::find(PartitionId partition, RowKind kind,
                                             std::string_view key) {
    const std::lock_guard lock(mutex_);
    const Rows& rows = partitions_.at(partition).rows[kind];
    const auto at = rows.find(key);
    return at == rows.end() ? std::nullopt : std::optional(at->second);
}

void MemoryStore::scan(PartitionId partition, RowKind kind, std::string_view after,
                       const std::function<bool(std::string_view, std::string_view)>& sink) {
    std::unique_lock lock(mutex_);
    const Rows rows = partitions_.at(partition).rows[kind];
    lock.unlock();
    for (auto at = rows.upper_bound(after); at != rows.end(); ++at) {
        if (!sink(at->first, at->second)) {
            return;
        }
    }
}

void MemoryStore::index_new_events() {
    for (std::size_t i = 0; i < partitions_.size(); ++i) {
        Partition& partition = partitions_[i];
        for (auto at = partition.blobs.upper_bound(partition.indexed); at != partition.blobs.end();
             ++at) {
            for (const RecordedEvent& recorded :
                 store::decode_blob(static_cast<PartitionId>(i), at->second)) {
                if (const auto* placed = std::get_if<HoldPlaced>(&recorded.event)) {
                    const Hold& hold = placed->hold;
                    holds_by_name_[0][hold.cart].insert(hold.id);
                    holds_by_name_[1][hold.customer].insert(hold.id);
                }
            }
            partition.indexed = at->first;
        }
    }
}

std::vector<HoldId> MemoryStore::holds_of(store::HoldIndex index, std::string_view name,
                                          HoldId after, std::size_t limit,
                                          const std::stop_token& /*ending*/) {
    const std::lock_guard lock(mutex_);
    index_new_events();
    const auto& by_name = holds_by_name_[index == store::HoldIndex::cart ? 0 : 1];
    std::vector<HoldId> found;
    if (const auto ids = by_name.find(name); ids != by_name.end()) {
        for (auto at = ids->second.upper_bound(after);
             at != ids->second.end() && found.size() < limit; ++at) {
            found.push_back(*at);
        }
    }
    return found;
}

void MemoryStore::backup(const std::filesystem::path& directory) {
    throw store::StoreError("cannot back up to " + directory.string() +
                            ": this store is in memory only; open one with a data directory");
}

}  // namespace holdfast::testing
