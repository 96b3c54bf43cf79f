// A disk for RocksDB that fails when and how a test says: errors, short writes, a full disk, a flush
// that takes its time, and the loss of power, after which only what was flushed is sure to be there.
// It keeps the files in the real file system and flushes nothing itself, so tests are quick. Any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

namespace holdfast::testing {

// What can fail. Reads do not: what a damaged file does is tried by damaging the file.
enum class DiskOperation : std::uint8_t { create, write, sync, sync_directory, rename, remove };

enum class DiskFault : std::uint8_t {
    error,            // nothing done, EIO; the disk works again afterwards
    error_from_then,  // the same, and so do all later operations of that kind
    short_write       // half of the bytes are written, then EIO; only of writes
};

// What becomes of that which was not flushed when the power went.
enum class PowerLoss : std::uint8_t {
    all_lost,   // also the names of new files
    all_there,  // as after the death of the process alone
    torn,       // of each file some beginning is there; of the names, the older ones
    log_zeros   // the same, but the database's logs go on with zeros up to where they should have
    // ended. On file systems that grow a file before its data is there; RocksDB does not
    // survive it in any other file, so those are no place for a store
};

class FaultyDisk final : public rocksdb::FileSystemWrapper {
public:
    FaultyDisk();
    [[nodiscard]] const char* Name() const override { return "FaultyDisk"; }

    // For RocksDbOptions. `disk` lives as long as the environment.
    static std::unique_ptr<rocksdb::Env> environment(const std::shared_ptr<FaultyDisk>& disk);

    // The operation that comes after `passed` others of its kind, counted from now, fails.
    void plan(DiskOperation operation, std::size_t passed, DiskFault fault);
    // So many operations of a kind were tried.
    [[nodiscard]] std::size_t count(DiskOperation operation) const;
    // No more bytes than these can be written, from now on: no space left on device.
    void limit_bytes(std::uint64_t bytes);

    // Flushes of files wait until they are let go.
    void hold_syncs();
    void wait_for_held_sync();
    void let_syncs_go();

    // The power goes at the flush that comes after `passed` others, of files and directories, counted
    // from now: it is not done, and nothing after it.
    void cut_power_at_sync(std::size_t passed);
    [[nodiscard]] std::size_t syncs() const;
    [[nodiscard]] bool power_is_cut() const;
    // Makes the files what they are after the loss. Nobody may have them open. The disk can be used
    // again afterwards.
    void lose_power(PowerLoss loss, std::uint64_t seed);

    rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* context) override;
    rocksdb::IOStatus NewRandomRWFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSRandomRWFile>* file,
                                      rocksdb::IODebugContext* context) override;
    rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                   std::unique_ptr<rocksdb::FSDirectory>* directory,
                                   rocksdb::IODebugContext* context) override;
    rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                                 const rocksdb::IOOptions& options,
                                 rocksdb::IODebugContext* context) override;
    rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                                 rocksdb::IODebugContext* context) override;

private:
    friend class FaultyFile;
    friend class FaultyRandomFile;
    friend class FaultyDirectory;

    struct FileState {
        std::uint64_t written = 0;
        std::uint64_t flushed = 0;
        // Of a file that is written in place: all of it, as it was flushed last.
        std::optional<std::string> image;
    };
    // A change of names that is not flushed yet: a new file (`from` empty), one that has gone (`to`
    // empty), or a rename. What it replaced or removed is kept aside.
    struct NameChange {
        std::string from;
        std::string to;
        std::filesystem::path aside;
        FileState aside_state;
    };
    struct Plan {
        std::size_t at = 0;
        DiskFault fault = DiskFault::error;
    };

    // The error with which the operation fails; `short_write` is set when half of it is to be done.
    rocksdb::IOStatus attempt(DiskOperation operation, std::uint64_t bytes = 0,
                              bool* short_write = nullptr);
    void wrote(const std::string& path, std::uint64_t bytes);
    rocksdb::IOStatus flushed(const std::string& path);
    rocksdb::IOStatus flushed_directory(const std::string& path);
    std::filesystem::path put_aside(const std::string& path);
    void undo_name_changes(std::size_t keep);
    void lose_data(PowerLoss loss, std::mt19937_64& random);

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::map<DiskOperation, std::size_t> counts_;
    std::map<DiskOperation, std::vector<Plan>> plans_;
    std::optional<std::uint64_t> bytes_left_;
    std::size_t syncs_ = 0;
    std::optional<std::size_t> cut_at_;
    bool cut_ = false;
    bool holding_syncs_ = false;
    std::size_t held_syncs_ = 0;
    std::map<std::string, FileState> files_;
    std::vector<NameChange> name_changes_;
    std::uint64_t put_aside_ = 0;
};

}  // namespace holdfast::testing
