#include "store/rocksdb/writer.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

#include <holdfast/assert.h>
#include <holdfast/fault.h>
#include "store/bytes.h"
#include "store/rocksdb/keys.h"
#include "store/rocksdb/settings.h"

namespace holdfast::store {

namespace {

// Of each put and delete, checked on the way into the table in memory.
constexpr std::size_t checksum_bytes = 8;
constexpr std::size_t first_write_bytes = std::size_t{256} << 10;

rocksdb::Slice slice(std::string_view bytes) {
    return {bytes.data(), bytes.size()};
}

}  // namespace

Writer::Writer(rocksdb::DB& database, std::vector<LiveHead>& heads, Acknowledging acknowledging)
    : database_(database),
      heads_(heads),
      acknowledging_(std::move(acknowledging)),
      live_holds_(database, static_cast<std::uint32_t>(heads.size())),
      stock_rows_(database, static_cast<std::uint32_t>(heads.size())),
      write_(first_write_bytes, 0, checksum_bytes, 0),
      thread_([this] { run(); }) {}

Writer::~Writer() {
    finish();
}

void Writer::finish() {
    if (!thread_.joinable()) {
        return;
    }
    ending_ = true;
    ++accepted_;
    accepted_.notify_one();
    thread_.join();
}

void Writer::append(Batch batch, AppendDone done) {
    std::vector<Batch> one;
    one.push_back(std::move(batch));
    append(std::move(one), std::move(done));
}

void Writer::append(std::vector<Batch> batches, AppendDone done) {
    {
        const std::lock_guard lock(mutex_);
        tasks_.push_back({std::move(batches), std::move(done)});
    }
    ++accepted_;
    accepted_.notify_one();
}

void Writer::stop(const std::string& reason) {
    const std::lock_guard lock(mutex_);
    if (stop_reason_.empty()) {
        stop_reason_ = reason;
    }
}

std::string Writer::stop_reason() const {
    const std::lock_guard lock(mutex_);
    return stop_reason_;
}

void Writer::run() {
    ::pthread_setname_np(::pthread_self(), "hf-store");  // shown by top and perf
    std::uint32_t carried_out = 0;
    while (true) {
        accepted_.wait(carried_out);
        std::unique_lock lock(mutex_);
        if (tasks_.empty()) {
            HF_ASSERT(ending_);
            return;
        }
        Task task = std::move(tasks_.front());
        tasks_.pop_front();
        lock.unlock();
        task.done(carry_out(task.batches));
        ++carried_out;
    }
}

std::optional<AppendResult> Writer::conflict(const std::vector<Batch>& batches) const {
    std::map<PartitionId, Version> moved;  // by those that come before, of several
    for (const Batch& batch : batches) {
        for (const PartitionStep& step : batch.steps) {
            HF_ASSERT(step.partition < heads_.size() && step.next >= step.expected);
            const auto before = moved.find(step.partition);
            const Version version =
                before != moved.end() ? before->second : heads_[step.partition].version.load();
            if (version != step.expected && !HF_FAULT(version_unchecked)) {
                return AppendResult{AppendOutcome::conflict,
                                    fmt::format("partition {} is at version {}, not {}",
                                                step.partition, version, step.expected)};
            }
        }
        for (std::size_t i = 0; batches.size() > 1 && i < batch.steps.size(); ++i) {
            moved[batch.steps[i].partition] = batch.steps[i].next;
        }
    }
    return std::nullopt;
}

AppendResult Writer::carry_out(const std::vector<Batch>& batches) {
    if (std::string reason = stop_reason(); !reason.empty()) {
        return {AppendOutcome::failed, std::move(reason)};
    }
    if (auto found = conflict(batches)) {
        return *std::move(found);
    }
    const std::uint64_t number = batches.back().number;
    try {
        write_.Clear();
        for (const Batch& batch : batches) {
            fill(batch);
        }
    } catch (const std::exception& error) {
        stop(error.what());
        return {AppendOutcome::failed, stop_reason()};
    }
    const rocksdb::Status status = database_.Write(durable_write(), &write_);
    if (!status.ok()) {
        // The log may have reached the disk although its flush failed, and the kernel may have
        // forgotten that it did not: nobody can tell before the store is opened anew.
        stop(fmt::format(
            "the disk failed while append {} was written: {}. Check the disk, then start "
            "again.",
            number, status.ToString()));
        return {AppendOutcome::unknown, stop_reason()};
    }
    for (const Batch& batch : batches) {
        for (const PartitionStep& step : batch.steps) {
            heads_[step.partition].version = step.next;
            heads_[step.partition].batch = batch.number;
        }
    }
    try {
        acknowledging_(number);
    } catch (const StoreError& error) {
        stop(error.what());
    }
    return {};
}

void Writer::fill(const Batch& batch) {
    past_holds_.clear();
    for (const Row& row : batch.rows) {
        if (row.kind == RowKind::past_hold) {
            past_holds_.push_back(&row);
        } else {
            fill(batch, row);
        }
    }
    // They come in the order of the commands. In that of their keys the table in memory finds the place
    // of each from the one before it.
    std::ranges::stable_sort(past_holds_, {}, [&](const Row* row) {
        return std::pair(row->partition, batch.key(*row));
    });
    for (const Row* row : past_holds_) {
        fill(batch, *row);
    }
    live_holds_.finish(write_);
    stock_rows_.finish(write_, batch.number);
    for (const PartitionStep& step : batch.steps) {
        fill(batch, step);
    }
}

void Writer::fill(const Batch& batch, const Row& row) {
    const std::string_view key = batch.key(row);
    if (row.kind == RowKind::live_hold) {
        if (row.erase) {
            live_holds_.erase(write_, row.partition, key);
        } else {
            live_holds_.put(write_, row.partition, key, batch.value(row));
        }
    } else if (row.kind == RowKind::stock) {
        if (row.erase) {
            stock_rows_.erase(row.partition, key);
        } else {
            stock_rows_.put(row.partition, key, batch.value(row));
        }
    } else if (row.erase) {
        write_.Delete(key_of(key_kind(row.kind), row.partition, key));
    } else {
        write_.Put(key_of(key_kind(row.kind), row.partition, key), slice(batch.value(row)));
    }
}

void Writer::fill(const Batch& batch, const PartitionStep& step) {
    if (step.next > step.expected) {
        std::string count;
        ByteWriter(count).number(step.next - step.expected);
        const std::string key =
            key_of(KeyKind::events, step.partition, encode_version_key(step.next));
        // In parts: a blob is large, and is copied only once, into the write.
        const std::array<rocksdb::Slice, 1> keys{slice(key)};
        const std::array<rocksdb::Slice, 2> values{slice(count), slice(step.events)};
        write_.Put(rocksdb::SliceParts(keys.data(), 1), rocksdb::SliceParts(values.data(), 2));
    }
    std::string head;
    {
        ByteWriter bytes(head);
        bytes.number(step.next);
        bytes.number(batch.number);
    }
    write_.Put(own_key(OwnRecord::head, step.partition), head);
}

}  // namespace holdfast::store
