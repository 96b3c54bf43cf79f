// Keeps the rows of pending holds (RowKind::live_hold), of which there are more than of anything else,
// many to a record: the new holds of an append are one *group*, and which of its members are gone is
// one bitmap, written once an append. So a hold that is placed costs no record of its own, and a
// start reads few large ones. A hold that changes while it is pending gets a row of its own.
// LiveHoldsWriter belongs to the writer's thread; LiveHoldsCursor reads a snapshot, any thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_set.hpp>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <holdfast/types.h>

namespace holdfast::store {

class LiveHoldsWriter {
public:
    // Reads which groups there are. Throws StoreError or CodecError.
    LiveHoldsWriter(rocksdb::DB& database, std::uint32_t partitions);

    // A put or an erasure of one row; its part of the write is complete after finish().
    void put(rocksdb::WriteBatch& write, PartitionId partition, std::string_view key,
             std::string_view value);
    void erase(rocksdb::WriteBatch& write, PartitionId partition, std::string_view key);
    // Ends an append.
    void finish(rocksdb::WriteBatch& write);

private:
    struct Group {
        std::vector<bool> members;  // by the distance of `high` from the first member's
        std::vector<bool> gone;     // as long, or shorter when the last ones are there
        std::uint32_t alive = 0;
    };
    struct HashId {
        std::size_t operator()(HoldId id) const { return id.high * 0x9e3779b97f4a7c15 ^ id.low; }
    };
    struct Partition {
        std::map<HoldId, Group> groups;                   // by first member
        boost::unordered_flat_set<HoldId, HashId> loose;  // have a row of their own
        HoldId last;  // of all that are known: what is above it is new
        // The group that this append makes, if any.
        std::optional<HoldId> open;
        std::string open_bytes;
        std::vector<HoldId> touched;  // groups whose bitmap changed in this append
    };

    void load(rocksdb::DB& database, PartitionId partition);
    void join_group(rocksdb::WriteBatch& write, PartitionId partition, HoldId id,
                    std::string_view value);
    void close_group(rocksdb::WriteBatch& write, PartitionId partition);
    // Whether the hold was in a group, and not gone from it before.
    static bool leave_group(Partition& partition, HoldId id);

    std::vector<Partition> partitions_;
};

// The rows in the order of their keys.
class LiveHoldsCursor {
public:
    // From the first key at or behind `from`. The snapshot in `read` outlives the cursor.
    LiveHoldsCursor(rocksdb::DB& database, rocksdb::ReadOptions read, PartitionId partition,
                    std::string_view from);
    LiveHoldsCursor(const LiveHoldsCursor&) = delete;
    LiveHoldsCursor& operator=(const LiveHoldsCursor&) = delete;
    ~LiveHoldsCursor();

    [[nodiscard]] bool valid() const;
    void next();
    [[nodiscard]] std::string_view key() const;
    [[nodiscard]] std::string_view value() const;
    [[nodiscard]] rocksdb::Status status() const;

private:
    struct Member {
        std::string key;
        std::string_view value;
    };

    void read_group();
    // Which of the two sequences comes next.
    [[nodiscard]] bool in_group() const;

    rocksdb::DB& database_;
    rocksdb::ReadOptions read_;
    PartitionId partition_;
    std::string rows_end_;
    std::string groups_end_;
    rocksdb::Slice rows_bound_;
    rocksdb::Slice groups_bound_;
    std::unique_ptr<rocksdb::Iterator> rows_;
    std::unique_ptr<rocksdb::Iterator> groups_;
    std::vector<Member> members_;  // of the group at which groups_ stands, those not gone
    std::size_t member_ = 0;
};

}  // namespace holdfast::store
