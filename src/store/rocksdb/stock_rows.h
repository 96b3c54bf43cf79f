// Keeps the rows of stock (RowKind::stock), which change with nearly every command and in no order, so
// that each with a key of its own would cost more than all the rest of an append: those that an append
// changes stand together in one record, a *bundle*. A bundle that has few current rows left is cleaned:
// they move into the bundle of a later append, the oldest bundle first, so that the bundles never
// hold much more than twice the rows that there are.
// StockRowsWriter belongs to the writer's thread; the functions read a snapshot, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <holdfast/types.h>

namespace holdfast::store {

class StockRowsWriter {
public:
    // Reads which bundles there are. Throws StoreError or CodecError.
    StockRowsWriter(rocksdb::DB& database, std::uint32_t partitions);

    // A put or an erasure of one row; they are in the write after finish().
    void put(PartitionId partition, std::string_view key, std::string_view value);
    void erase(PartitionId partition, std::string_view key);
    // Ends an append, of this number. Throws StoreError or CodecError: then nothing may be written.
    void finish(rocksdb::WriteBatch& write, std::uint64_t number);

private:
    struct Bundle {
        std::uint64_t number = 0;  // of the append that wrote it
        std::size_t entries = 0;
        std::size_t current = 0;  // of them, those that no later bundle has again
    };
    struct HashName {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const;
    };
    struct Partition {
        std::deque<Bundle> bundles;
        std::uint64_t removed = 0;  // bundles ever removed: the place of the first one
        // The place of the bundle that has the current row.
        boost::unordered_flat_map<std::string, std::uint64_t, HashName, std::equal_to<>> index;
        std::size_t entries = 0;
        // The bundle that this append makes.
        std::string open_bytes;

        [[nodiscard]] std::uint64_t last() const { return removed + bundles.size() - 1; }
        // The newest bundle.
        void add(std::uint64_t number, std::string_view bundle);
        void set(std::string_view key);
        void erase(std::string_view key);
        void leave(std::uint64_t place) { --bundles[place - removed].current; }
    };

    void load(PartitionId partition);
    void clean(rocksdb::WriteBatch& write, PartitionId partition);
    void keep_current(PartitionId partition, const std::string& bundle_key);

    rocksdb::DB& database_;
    std::vector<Partition> partitions_;
};

// All rows of a partition, by key.
std::map<std::string, std::string> read_stock_rows(rocksdb::DB& database,
                                                   const rocksdb::ReadOptions& read,
                                                   PartitionId partition);
std::optional<std::string> find_stock_row(rocksdb::DB& database, const rocksdb::ReadOptions& read,
                                          PartitionId partition, std::string_view key);

}  // namespace holdfast::store
