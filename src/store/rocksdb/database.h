// Opens the directory of a store: makes a new one, or checks that it is ours, whole and nobody else's,
// and refuses it otherwise, with the remedy. Everything that a store on disk must be is in here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <rocksdb/db.h>

#include "store/rocksdb/directory_lock.h"
#include "store/rocksdb/mark.h"
#include "store/rocksdb/rocksdb_store.h"

namespace holdfast::store {

struct Database {
    std::string path;
    std::shared_ptr<rocksdb::FileSystem> files;
    std::unique_ptr<DirectoryLock> lock;
    std::unique_ptr<MarkFile> mark_file;
    Mark mark;
    std::unique_ptr<rocksdb::DB> db;
    std::vector<Head> heads;  // when it was opened
};

// Throws StoreError. The listener (may be null) hears of background errors while it is open.
Database open_database(const RocksDbOptions& options,
                       const std::shared_ptr<rocksdb::EventListener>& listener);

// The heads as the database has them, each checked against the last event of its partition.
std::vector<Head> read_heads(rocksdb::DB& db, const std::string& path, std::uint32_t partitions);

// What the database says of itself.
struct Identity {
    std::string id;
    std::uint64_t epoch = 0;
    std::uint32_t partitions = 0;
};
Identity read_identity(rocksdb::DB& db, const std::string& path);
Notice read_notice(rocksdb::DB& db, const std::string& path);
void write_notice(rocksdb::DB& db, const std::string& path, const Notice& notice);
// Durably, in the database and in the mark file. Batch numbers up to `batch_min` count as given out.
void raise_epoch(Database& database, std::uint64_t batch_min);

[[noreturn]] void fail_damaged(const std::string& path, const std::string& what);

}  // namespace holdfast::store
