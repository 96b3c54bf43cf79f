// Carries out appends on a thread of its own, one after another, so that the sequencer decides the
// next round meanwhile. Knows the versions that the partitions have; fails stop.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "store/rocksdb/live_holds.h"
#include "store/rocksdb/stock_rows.h"
#include "store/store.h"

namespace holdfast::store {

// Where a partition stands. Written by the writer, read by anybody.
struct LiveHead {
    std::atomic<Version> version = 0;
    std::atomic<std::uint64_t> batch = 0;
};

class Writer {
public:
    // Called on the writer's thread after an append is durable and before it is answered. May throw
    // StoreError: then the append was done, and there will be no more.
    using Acknowledging = std::function<void(std::uint64_t batch)>;

    // The database and the heads outlive the writer.
    Writer(rocksdb::DB& database, std::vector<LiveHead>& heads, Acknowledging acknowledging);
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    void append(Batch batch, AppendDone done);
    // In one write: all of them or none.
    void append(std::vector<Batch> batches, AppendDone done);
    // Carries out what was accepted and ends the thread. No append may follow.
    void finish();
    // From any thread: the store is broken. Later appends fail with this reason; the first one stays.
    void stop(const std::string& reason);
    // Number of appends accepted so far: whether the store is busy.
    [[nodiscard]] std::uint32_t accepted() const { return accepted_.load(); }

private:
    struct Task {
        std::vector<Batch> batches;
        AppendDone done;
    };

    void run();
    AppendResult carry_out(const std::vector<Batch>& batches);
    [[nodiscard]] std::optional<AppendResult> conflict(const std::vector<Batch>& batches) const;
    void fill(const Batch& batch);
    void fill(const Batch& batch, const Row& row);
    void fill(const Batch& batch, const PartitionStep& step);
    [[nodiscard]] std::string stop_reason() const;

    rocksdb::DB& database_;
    std::vector<LiveHead>& heads_;
    Acknowledging acknowledging_;
    LiveHoldsWriter live_holds_;
    StockRowsWriter stock_rows_;
    rocksdb::WriteBatch write_;
    std::vector<const Row*> past_holds_;  // of the append that is being written

    mutable std::mutex mutex_;
    std::deque<Task> tasks_;
    std::string stop_reason_;
    // Grows with every task and once more at the end: what the thread waits for.
    std::atomic<std::uint32_t> accepted_ = 0;
    std::atomic<bool> ending_ = false;
    std::thread thread_;
};

}  // namespace holdfast::store
