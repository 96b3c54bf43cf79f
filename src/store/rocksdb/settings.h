// How the database is opened, each setting with its reason. Called once per open.
#pragma once

#include <memory>

#include <rocksdb/listener.h>
#include <rocksdb/options.h>

#include "store/rocksdb/rocksdb_store.h"

namespace holdfast::store {

rocksdb::Options settings(const RocksDbOptions& options,
                          std::shared_ptr<rocksdb::EventListener> listener);

// Of all writes: an append is answered once it is on disk; and the database keeps account of a log only
// when the write that begins the next one flushes both, so one that does not could let a log be missed
// by nobody.
rocksdb::WriteOptions durable_write();
// Of a read that passes over many rows once.
rocksdb::ReadOptions long_read();

}  // namespace holdfast::store
