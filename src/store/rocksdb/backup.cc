#include "store/rocksdb/backup.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <system_error>

#include <fmt/format.h>
#include <rocksdb/env.h>
#include <rocksdb/utilities/checkpoint.h>

#include "store/rocksdb/database.h"
#include "store/rocksdb/directory_lock.h"
#include "store/rocksdb/durable_files.h"
#include "store/rocksdb/rocksdb_store.h"
#include "store/rocksdb/settings.h"

namespace holdfast::store {

namespace {

namespace fs = std::filesystem;

void require_absent(const fs::path& directory, const char* what) {
    std::error_code error;
    if (fs::exists(directory, error) || error) {
        throw StoreError(fmt::format("cannot {} {}: {}. Name a directory that is not there yet.",
                                     what, directory.string(),
                                     error ? error.message() : "it exists"));
    }
}

// Opens the copy without changing it, compares what it says of itself with its events, and reads
// every block once.
std::vector<Head> verify(const fs::path& directory, const std::string& id) {
    rocksdb::DB* opened = nullptr;
    auto status = rocksdb::DB::OpenForReadOnly(settings({.path = directory}, nullptr),
                                               directory.string(), &opened);
    const std::unique_ptr<rocksdb::DB> db(opened);
    if (!status.ok()) {
        fail_damaged(directory.string(), status.ToString());
    }
    const Identity identity = read_identity(*db, directory.string());
    if (identity.id != id) {
        fail_damaged(directory.string(), "it is another store's database");
    }
    std::vector<Head> heads = read_heads(*db, directory.string(), identity.partitions);
    if (status = db->VerifyChecksum(); !status.ok()) {
        fail_damaged(directory.string(), status.ToString());
    }
    return heads;
}

void copy_files(const fs::path& from, const fs::path& to) {
    std::error_code error;
    fs::create_directories(to, error);
    for (const auto& entry : fs::directory_iterator(from)) {
        if (error) {
            break;
        }
        if (!entry.is_regular_file() || entry.path().filename() == DirectoryLock::file_name) {
            continue;
        }
        const fs::path copy = to / entry.path().filename();
        fs::copy_file(entry.path(), copy, error);
        if (!error) {
            flush_to_disk(copy);
        }
    }
    if (error) {
        throw StoreError(fmt::format("cannot copy {} to {}: {}. Check the disk and its free space.",
                                     from.string(), to.string(), error.message()));
    }
    flush_to_disk(to);
}

Mark read_mark(const fs::path& directory) {
    const auto files = rocksdb::Env::Default()->GetFileSystem();
    MarkFile file(*files, directory.string());
    if (!file.exists()) {
        throw StoreError(
            fmt::format("{} is no Holdfast store: {} is not there. Name the directory "
                        "that holdfast backup made.",
                        directory.string(), MarkFile::file_name));
    }
    const std::optional<Mark> mark = file.read();
    if (!mark || mark->epoch == 0) {
        throw StoreError(fmt::format("{} in {} is damaged. Use another backup.",
                                     MarkFile::file_name, directory.string()));
    }
    return *mark;
}

}  // namespace

void back_up(rocksdb::DB& db, const Mark& mark, const fs::path& directory) {
    require_absent(directory, "back up to");
    rocksdb::Checkpoint* made = nullptr;
    auto status = rocksdb::Checkpoint::Create(&db, &made);
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    if (status.ok()) {
        status = checkpoint->CreateCheckpoint(fs::absolute(directory).string());
    }
    if (!status.ok()) {
        throw StoreError(
            fmt::format("cannot back up to {}: {}. Check that its parent directory "
                        "exists, and the free space.",
                        directory.string(), status.ToString()));
    }
    const std::vector<Head> heads = verify(directory, mark.id);
    MarkFile(*rocksdb::Env::Default()->GetFileSystem(), directory.string())
        .create({.id = mark.id, .epoch = mark.epoch, .acknowledged = last_batch(heads)});
}

void restore_rocksdb(const fs::path& from, const fs::path& to) try {
    const Mark mark = read_mark(from);
    require_absent(to, "restore to");
    std::optional<DirectoryLock> lock;
    if (fs::exists(from / DirectoryLock::file_name)) {
        lock.emplace(from);
    }
    // Under another name until it is whole, so that an interrupted restore is never opened.
    fs::path unfinished = to;
    unfinished += ".unfinished";
    fs::remove_all(unfinished);
    copy_files(from, unfinished);
    const auto heads = verify(unfinished, mark.id);
    if (last_batch(heads) < mark.acknowledged) {
        fail_damaged(from.string(), "it has lost acknowledged changes");
    }
    {
        Database copy = open_database({.path = unfinished}, nullptr);
        raise_epoch(copy, mark.acknowledged);
    }
    std::error_code error;
    fs::rename(unfinished, to, error);
    if (error) {
        throw StoreError(fmt::format("cannot rename {} to {}: {}. Rename it by hand.",
                                     unfinished.string(), to.string(), error.message()));
    }
    flush_to_disk(fs::absolute(to).parent_path());
} catch (const fs::filesystem_error& error) {
    throw StoreError(
        fmt::format("cannot restore {} to {}: {}. Check the disk and the access rights.",
                    from.string(), to.string(), error.code().message()));
}

}  // namespace holdfast::store
