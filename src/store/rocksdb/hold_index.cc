#include "store/rocksdb/hold_index.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <pthread.h>
#include <rocksdb/write_batch.h>

#include "store/bytes.h"
#include "store/codec.h"
#include "store/rocksdb/keys.h"
#include "store/rocksdb/read_error.h"
#include "store/rocksdb/settings.h"

namespace holdfast::store {

namespace {

using namespace std::chrono_literals;

// Of events read at a time, and of rows written at a time: an append that comes meanwhile waits for
// one write, which lasts little longer than its sync.
constexpr std::size_t step_bytes = std::size_t{64} << 10;
constexpr std::size_t write_rows_max = 512;

// While appends come, the index takes the disk for one part in a hundred of the time, some thousands
// of holds a second; it is behind when more come.
// An append takes a few milliseconds: after this long without a new one the store is idle.
constexpr auto busy_for = 100ms;
constexpr int busy_pause_factor = 100;
constexpr auto idle_pause = 20ms;

std::string index_key(KeyKind kind, std::string_view name, HoldId id) {
    std::string key = key_of(kind, 0, name);
    key += '\0';
    key += encode_id_key(id);
    return key;
}

}  // namespace

HoldIndexer::HoldIndexer(rocksdb::DB& database, const std::vector<LiveHead>& heads, Tail tail,
                         std::function<std::uint32_t()> appends_so_far)
    : database_(database),
      heads_(heads),
      tail_(std::move(tail)),
      appends_so_far_(std::move(appends_so_far)),
      indexed_(heads.size()) {
    for (std::size_t i = 0; i < heads.size(); ++i) {
        indexed_[i] = read_marker(static_cast<PartitionId>(i));
    }
    thread_ = std::thread([this] { run(); });
}

HoldIndexer::~HoldIndexer() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    ended_.notify_one();
    thread_.join();
}

Version HoldIndexer::read_marker(PartitionId partition) const {
    std::string bytes;
    const auto status = database_.Get({}, own_key(OwnRecord::indexed, partition), &bytes);
    if (status.IsNotFound()) {
        return 0;
    }
    check_read(status, fmt::format("the index marker of partition {}", partition),
               database_.GetName());
    return ByteReader(bytes, "index marker").number();
}

void HoldIndexer::run() {
    ::pthread_setname_np(::pthread_self(), "hf-index");  // shown by top and perf
    std::uint32_t appends = appends_so_far_();
    auto last_append = std::chrono::steady_clock::time_point();
    std::unique_lock lock(mutex_);
    std::chrono::nanoseconds pause = idle_pause;
    while (!ended_.wait_for(lock, pause, [this] { return ending_; })) {
        const auto begin = std::chrono::steady_clock::now();
        bool found = false;
        try {
            found = step();
        } catch (const std::exception&) {
            // A query meets the same error, and tells somebody who can act on it.
            return;
        }
        const auto end = std::chrono::steady_clock::now();
        const auto took = end - begin;
        if (const std::uint32_t now = appends_so_far_(); now != std::exchange(appends, now)) {
            last_append = end;
        }
        const bool busy = end < last_append + busy_for;
        pause = busy ? took * busy_pause_factor : std::chrono::nanoseconds(0);
        if (!found) {
            pause = std::max<std::chrono::nanoseconds>(pause, idle_pause);
        }
    }
}

bool HoldIndexer::step() {
    bool found = false;
    for (std::size_t i = 0; i < indexed_.size(); ++i) {
        found = step(static_cast<PartitionId>(i)) || found;
    }
    return found;
}

bool HoldIndexer::step(PartitionId partition) {
    const std::vector<EventBlob> blobs = tail_(partition, indexed_[partition], step_bytes);
    if (blobs.empty()) {
        return false;
    }
    rocksdb::WriteBatch write;
    for (const EventBlob& blob : blobs) {
        for (const RecordedEvent& recorded : decode_blob(partition, blob)) {
            const auto* placed = std::get_if<HoldPlaced>(&recorded.event);
            if (placed == nullptr) {
                continue;
            }
            const Hold& hold = placed->hold;
            write.Put(index_key(KeyKind::holds_by_cart, hold.cart, hold.id), "");
            if (!hold.customer.empty()) {
                write.Put(index_key(KeyKind::holds_by_customer, hold.customer, hold.id), "");
            }
            if (write.Count() >= write_rows_max) {
                carry_out(write);
            }
        }
    }
    // Last: a crash in between writes some rows twice, which changes nothing.
    const Version version = blobs.back().last;
    std::string marker;
    ByteWriter(marker).number(version);
    write.Put(own_key(OwnRecord::indexed, partition), marker);
    carry_out(write);
    indexed_[partition] = version;
    return true;
}

void HoldIndexer::carry_out(rocksdb::WriteBatch& write) {
    if (const auto status = database_.Write(durable_write(), &write); !status.ok()) {
        throw StoreError(fmt::format(
            "cannot write the index of holds in {}: {}. Check the disk, then start again.",
            database_.GetName(), status.ToString()));
    }
    write.Clear();
}

// No further than what is durable now: while appends come there is always more.
void HoldIndexer::catch_up(const std::stop_token& ending) {
    std::vector<Version> durable;
    durable.reserve(heads_.size());
    std::ranges::transform(heads_, std::back_inserter(durable),
                           [](const LiveHead& head) { return head.version.load(); });
    for (std::size_t i = 0; i < heads_.size(); ++i) {
        bool behind = true;
        while (behind && !ending.stop_requested()) {
            // Let go in between: the thread that is about to end must not wait for all of it.
            const std::lock_guard lock(mutex_);
            behind = indexed_[i] < durable[i] && step(static_cast<PartitionId>(i));
        }
    }
}

std::vector<HoldId> HoldIndexer::holds_of(HoldIndex index, std::string_view name, HoldId after,
                                          std::size_t limit, const std::stop_token& ending) {
    catch_up(ending);
    const KeyKind kind =
        index == HoldIndex::cart ? KeyKind::holds_by_cart : KeyKind::holds_by_customer;
    const std::string prefix = key_of(kind, 0, name) + '\0';
    const std::string from = prefix + encode_id_key(after);
    std::vector<HoldId> found;
    const std::unique_ptr<rocksdb::Iterator> at(database_.NewIterator({}));
    for (at->Seek(from); at->Valid() && at->key().starts_with(prefix) && found.size() < limit;
         at->Next()) {
        const HoldId id = decode_id_key(at->key().ToStringView().substr(prefix.size()));
        if (id > after) {
            found.push_back(id);
        }
    }
    check_read(at->status(), "the index of holds", database_.GetName());
    return found;
}

}  // namespace holdfast::store
