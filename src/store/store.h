// The seam: the smallest thing that can keep partitions. It knows nothing of carts.
// append() is called by the sequencer's thread only, appends_at_once() of them at a time; the reads from any thread.
// Broken infrastructure is an exception (StoreError) from a read, an outcome from an append.
#pragma once

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/clock.h>
#include <holdfast/store_error.h>
#include <holdfast/types.h>
#include "store/batch.h"

namespace holdfast::store {

// What became of an append.
//   appended  durable, whole.
//   conflict  a partition had another version; nothing was written. Read the tail, decide again.
//   failed    nothing was written, and nothing will be until the store is opened anew.
//   unknown   it may or may not be there: ask for the versions, or stop.
enum class AppendOutcome : std::uint8_t { appended, conflict, failed, unknown };

struct AppendResult {
    AppendOutcome outcome = AppendOutcome::appended;
    std::string error;  // for people; empty when appended
};

using AppendDone = std::move_only_function<void(AppendResult)>;

using holdfast::StoreError;

// Gets each row. The views live until it returns.
using RowSink =
    std::function<void(RowKind, PartitionId, std::string_view key, std::string_view value)>;

// Where a partition stands: its version, and the number of the append that brought it there.
struct Head {
    Version version = 0;
    std::uint64_t batch = 0;
    bool operator==(const Head&) const = default;
};
// Number of the last append, 0 for a new store.
inline std::uint64_t last_batch(const std::vector<Head>& heads) {
    return heads.empty() ? 0 : std::ranges::max(heads, {}, &Head::batch).batch;
}

// One append's events in one partition.
struct EventBlob {
    Version first = 0;  // version of its first event
    Version last = 0;
    std::string bytes;  // codec EventBlob
};

// Where somebody goes on to read.
struct Since {
    PartitionId partition = 0;
    Version after = 0;
};
// Of all partitions, in their order.
std::vector<Since> since(std::span<const Version> after);

// What others did, for who follows the partitions.
struct News {
    std::vector<Head> heads;                    // of all partitions, as of one moment
    std::vector<std::vector<EventBlob>> tails;  // of each, perhaps past its head
};
using AnswersSink =
    std::function<void(PartitionId partition, Version version, std::string_view value)>;

enum class HoldIndex : std::uint8_t { cart, customer };

class Store {
public:
    Store() = default;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    virtual ~Store() = default;

    [[nodiscard]] virtual std::uint32_t partition_count() const = 0;
    // Set where other processes may append to the same partitions: this one's number, 1 or more, which no
    // other has while this one lives. The numbers of its appends end with these 16 bits.
    [[nodiscard]] virtual std::optional<std::uint16_t> writer() const { return std::nullopt; }
    // So many appends of this writer may be on their way at once, if no two have a partition in common; only of a
    // shared store more than one.
    [[nodiscard]] virtual std::size_t appends_at_once() const { return 1; }
    // The store's own clock, which all who share it go by; null: the machine's.
    [[nodiscard]] virtual std::shared_ptr<const Clock> clock() const { return nullptr; }

    // Of all partitions, as of one moment.
    virtual std::vector<Head> heads() = 0;
    // All rows of the given kinds: by kind in the order given, then by partition, then by key. All as of
    // one moment, whose heads it returns.
    virtual std::vector<Head> load(const std::vector<RowKind>& kinds, const RowSink& sink) = 0;
    // Whole blobs with events after `after`, oldest first, until `bytes_max` is passed (at least one
    // when there is one).
    virtual std::vector<EventBlob> tail(PartitionId partition, Version after,
                                        std::size_t bytes_max) = 0;
    // The tails of several partitions, which ascend, in one question. Any of them may be shorter than tail()
    // would make it, but for its first blob.
    virtual std::vector<std::vector<EventBlob>> tails(std::span<const Since> from,
                                                      std::size_t bytes_max);
    // All that is new after these versions, one for each partition: the tails as those of tails(), and to the sink all
    // rows of first answers with later versions up to the heads, of one partition in their order.
    virtual News news(std::span<const Version> after, std::size_t bytes_max,
                      const AnswersSink& answers);
    // `done` is called once, perhaps on a thread of the store, perhaps before append returns.
    virtual void append(Batch batch, AppendDone done) = 0;

    [[nodiscard]] virtual std::optional<std::string> find(PartitionId partition, RowKind kind,
                                                          std::string_view key) = 0;
    // Rows of one kind with keys after `after`, in key order, until the sink returns false.
    virtual void scan(
        PartitionId partition, RowKind kind, std::string_view after,
        const std::function<bool(std::string_view key, std::string_view value)>& sink) = 0;
    // Ids of the holds ever placed for a cart or by a customer, oldest first, those after `after`: all of
    // those that were durable when it was called. Of a shared store (writer()) only those that are no longer
    // pending: its writers have the others in memory. An index that is behind may take long to catch up: when
    // `ending` is requested meanwhile, some may be missing.
    virtual std::vector<HoldId> holds_of(HoldIndex index, std::string_view name, HoldId after,
                                         std::size_t limit, const std::stop_token& ending = {}) = 0;
    // A consistent copy in a directory that must not exist. Throws StoreError.
    virtual void backup(const std::filesystem::path& directory) = 0;
};

}  // namespace holdfast::store
