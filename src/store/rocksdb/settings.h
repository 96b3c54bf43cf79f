// How the database is opened, each setting with its reason. Called once per open.
#pragma once

#include <memory>

#include <rocksdb/listener.h>
#include <rocksdb/options.h>

#include "store/rocksdb/rocksdb_store.h"

namespace holdfast::store {

rocksdb::Options settings(const RocksDbOptions& options,
                          std::shared_ptr<rocksdb::EventListener> listener);

// Of an append: it is answered once this is on disk.
rocksdb::WriteOptions durable_write();
// Of what can be made again from what is durable.
rocksdb::WriteOptions lazy_write();
// Of a read that passes over many rows once.
rocksdb::ReadOptions long_read();

}  // namespace holdfast::store
