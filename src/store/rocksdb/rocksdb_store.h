// The embedded store: partitions in one RocksDB, in this process. Class A: an append that was answered
// as done survives a crash of the process, the machine and the power, if the disk's flush is honest.
// It cannot survive the loss of the disk; that is what backup() is for. One process at a time.
// Every message of a StoreError names the directory and what to do.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "store/movable_store.h"

namespace rocksdb {
class Env;
}

namespace holdfast::store {

struct RocksDbOptions {
    // Made, with its parents, when it is not there.
    std::filesystem::path path;
    // Of a new store, 1 to limits::partitions_max. An existing store keeps what it has.
    std::uint32_t partitions = 1;
    // Opens a store that has lost acknowledged appends or whose log is damaged, with what is still
    // readable, and raises its epoch. Without it such a store is refused.
    bool accept_loss = false;
    // Also opens one with a notice, which nobody may serve.
    bool for_move = false;

    // The rest is for tests, which bring their own disks and make flushes frequent.
    // The machine's file system when null; outlives the store.
    rocksdb::Env* env = nullptr;
    // Of the table in memory; there are two. Each new one begins a log and deletes one, for which the
    // file system lets answers wait: so not too small. A million pending holds may cost 200 MB in all:
    // so not too large.
    std::size_t write_buffer_bytes = std::size_t{32} << 20;
    // How far the mark of what was acknowledged may lag. 0: written before each answer.
    std::chrono::milliseconds mark_every{100};
};

// Throws StoreError.
std::unique_ptr<Store> open_rocksdb(const RocksDbOptions& options);
// To be moved, or to be what another store is moved to. Throws StoreError.
std::unique_ptr<MovableStore> open_rocksdb_to_move(RocksDbOptions options);

// Copies the backup `from` to `to`, which must not exist, and raises its epoch: who has seen answers
// of the store that is replaced can tell that this is not the same history. Throws StoreError.
void restore_rocksdb(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace holdfast::store
