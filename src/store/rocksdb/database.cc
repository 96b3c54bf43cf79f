#include "store/rocksdb/database.h"

#include <algorithm>

#include <fmt/format.h>
#include <rocksdb/env.h>

#include <holdfast/limits.h>
#include "store/bytes.h"
#include "store/rocksdb/durable_files.h"
#include "store/rocksdb/keys.h"
#include "store/rocksdb/settings.h"

namespace holdfast::store {

namespace {

constexpr std::uint64_t store_format = 1;
constexpr std::uint64_t first_epoch = 1;

std::string encode(const Identity& identity) {
    std::string bytes;
    ByteWriter out(bytes);
    out.number(store_format);
    out.text(identity.id);
    out.number(identity.epoch);
    out.number(identity.partitions);
    return bytes;
}

std::string encode(const Head& head) {
    std::string bytes;
    ByteWriter out(bytes);
    out.number(head.version);
    out.number(head.batch);
    return bytes;
}

bool holds_only_our_lock(const std::filesystem::path& path) {
    std::error_code error;
    const std::filesystem::directory_iterator entries(path, error);
    if (error) {
        throw StoreError(
            fmt::format("cannot read the directory {}: {}. Give this user access to it.",
                        path.string(), error.message()));
    }
    return std::ranges::all_of(entries, [](const auto& entry) {
        // The root of a file system of its own has lost+found.
        return entry.path().filename() == DirectoryLock::file_name ||
               entry.path().filename() == "lost+found";
    });
}

void refuse_foreign(const Database& database) {
    // Looked at before the lock is taken, which leaves a file behind.
    if (!database.mark_file->exists() && !holds_only_our_lock(database.path)) {
        throw StoreError(fmt::format(
            "the directory {} is not empty and is no Holdfast store ({} is not there). Choose an "
            "empty directory, or a new one.",
            database.path, MarkFile::file_name));
    }
}

void open_rocksdb_in(Database& database, const RocksDbOptions& options,
                     const std::shared_ptr<rocksdb::EventListener>& listener, bool fresh) {
    rocksdb::Options settings = store::settings(options, listener);
    settings.create_if_missing = fresh;
    settings.error_if_exists = fresh;
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(settings, database.path, &db);
    database.db.reset(db);
    if (status.IsNoSpace()) {
        throw StoreError(
            fmt::format("cannot open the store in {}: {}. Free some space on the disk.",
                        database.path, status.ToString()));
    }
    if (!status.ok()) {
        fail_damaged(database.path, status.ToString());
    }
}

void make_store(Database& database, const RocksDbOptions& options,
                const std::shared_ptr<rocksdb::EventListener>& listener) {
    if (options.partitions < 1 || options.partitions > limits::partitions_max) {
        throw StoreError(fmt::format("a store has 1 to {} partitions, not {}",
                                     limits::partitions_max, options.partitions));
    }
    open_rocksdb_in(database, options, listener, true);

    const Identity identity{
        .id = database.mark.id, .epoch = first_epoch, .partitions = options.partitions};
    rocksdb::WriteBatch write;
    write.Put(own_key(OwnRecord::identity, 0), encode(identity));
    database.heads.resize(options.partitions);
    for (std::uint32_t i = 0; i < options.partitions; ++i) {
        write.Put(own_key(OwnRecord::head, static_cast<PartitionId>(i)), encode(Head{}));
    }
    auto status = database.db->Write(durable_write(), &write);
    if (status.ok()) {
        // Into a table, so that a store whose log is lost still knows what it was.
        status = database.db->Flush({});
    }
    if (!status.ok()) {
        throw StoreError(fmt::format("cannot write the new store in {}: {}. Check the disk.",
                                     database.path, status.ToString()));
    }
    database.mark.epoch = identity.epoch;
    database.mark_file->write(database.mark);
}

void open_store(Database& database, const RocksDbOptions& options,
                const std::shared_ptr<rocksdb::EventListener>& listener) {
    open_rocksdb_in(database, options, listener, false);
    const Identity identity = read_identity(*database.db, database.path);
    if (const Notice notice = read_notice(*database.db, database.path);
        notice.reason != Notice::Reason::none && !options.for_move) {
        throw StoreError(refusal_of(notice, database.path));
    }
    database.heads = read_heads(*database.db, database.path, identity.partitions);
    if (identity.id != database.mark.id || identity.epoch < database.mark.epoch) {
        throw StoreError(fmt::format(
            "the store in {} is mixed up: {} belongs to store {} (epoch {}), the database to store "
            "{} (epoch {}). Restore a backup into a new directory.",
            database.path, MarkFile::file_name, database.mark.id, database.mark.epoch, identity.id,
            identity.epoch));
    }
    if (last_batch(database.heads) < database.mark.acknowledged) {
        if (!options.accept_loss) {
            throw StoreError(fmt::format(
                "the store in {} has lost acknowledged changes: append {} was answered as done, "
                "the "
                "last one found is {}. Restore a backup (holdfast restore), or open it with "
                "--accept-loss to go on without them.",
                database.path, database.mark.acknowledged, last_batch(database.heads)));
        }
        raise_epoch(database, database.mark.acknowledged);
        return;
    }
    database.mark.epoch = identity.epoch;
    database.mark.acknowledged = last_batch(database.heads);
    database.mark_file->write(database.mark);
}

// The mark says epoch 0 until everything is in place: a creation that was interrupted is begun anew,
// because nothing was ever answered from it.
void make_mark(Database& database) {
    database.mark = {.id = rocksdb::Env::Default()->GenerateUniqueId()};
    database.mark.id.resize(36, '0');
    database.mark_file->create(database.mark);
}

void clear_unfinished(Database& database, const RocksDbOptions& options) {
    const auto status = rocksdb::DestroyDB(database.path, settings(options, nullptr));
    if (!status.ok()) {
        throw StoreError(
            fmt::format("cannot clear the unfinished store in {}: {}. Remove the directory.",
                        database.path, status.ToString()));
    }
    flush_names(*database.files, database.path);
}

}  // namespace

void fail_damaged(const std::string& path, const std::string& what) {
    throw StoreError(fmt::format(
        "the store in {} is damaged: {}. Restore a backup (holdfast restore), or open it with "
        "--accept-loss to keep what can still be read.",
        path, what));
}

Identity read_identity(rocksdb::DB& db, const std::string& path) {
    std::string bytes;
    if (const auto status = db.Get({}, own_key(OwnRecord::identity, 0), &bytes); !status.ok()) {
        fail_damaged(path, "its identity cannot be read (" + status.ToString() + ")");
    }
    ByteReader in(bytes, "identity of a store");
    Identity identity;
    try {
        if (const std::uint64_t format = in.number(); format != store_format) {
            throw StoreError(
                fmt::format("the store in {} has format {}, this release reads {}. Use "
                            "the release that wrote it.",
                            path, format, store_format));
        }
        identity.id = in.text();
        identity.epoch = in.number();
        identity.partitions = static_cast<std::uint32_t>(in.number());
        in.expect_end();
    } catch (const CodecError& error) {
        fail_damaged(path, error.what());
    }
    if (identity.partitions < 1 || identity.partitions > limits::partitions_max) {
        fail_damaged(path, fmt::format("it says that it has {} partitions", identity.partitions));
    }
    return identity;
}

Notice read_notice(rocksdb::DB& db, const std::string& path) {
    std::string bytes;
    const auto status = db.Get({}, own_key(OwnRecord::notice, 0), &bytes);
    if (!status.ok() && !status.IsNotFound()) {
        fail_damaged(path, "its notice cannot be read (" + status.ToString() + ")");
    }
    return decode_notice(bytes);
}

void write_notice(rocksdb::DB& db, const std::string& path, const Notice& notice) {
    if (const auto status = db.Put(durable_write(), own_key(OwnRecord::notice, 0), encode(notice));
        !status.ok()) {
        throw StoreError(
            fmt::format("cannot write the notice of the store in {}: {}. Check the disk.", path,
                        status.ToString()));
    }
}

std::vector<Head> read_heads(rocksdb::DB& db, const std::string& path, std::uint32_t partitions) {
    std::vector<Head> heads(partitions);
    for (std::uint32_t i = 0; i < partitions; ++i) {
        const auto partition = static_cast<PartitionId>(i);
        std::string bytes;
        const auto status = db.Get({}, own_key(OwnRecord::head, partition), &bytes);
        if (!status.ok()) {
            fail_damaged(path, fmt::format("the version of partition {} cannot be read ({})", i,
                                           status.ToString()));
        }
        try {
            ByteReader in(bytes, "head of a partition");
            heads[i] = {.version = in.number(), .batch = in.number()};
            in.expect_end();
        } catch (const CodecError& error) {
            fail_damaged(path, error.what());
        }
        const std::string prefix = prefix_of(KeyKind::events, partition);
        const std::unique_ptr<rocksdb::Iterator> last(db.NewIterator(long_read()));
        last->SeekForPrev(end_of(KeyKind::events, partition));
        Version version = 0;
        if (last->Valid() && last->key().starts_with(prefix) &&
            last->key().size() == prefix.size() + sizeof(Version)) {
            version = decode_version_key(last->key().ToStringView().substr(prefix.size()));
        }
        if (!last->status().ok() || version != heads[i].version) {
            fail_damaged(path,
                         fmt::format("partition {} is at version {}, its events end at {} ({})", i,
                                     heads[i].version, version, last->status().ToString()));
        }
    }
    return heads;
}

void raise_epoch(Database& database, std::uint64_t batch_min) {
    Identity identity = read_identity(*database.db, database.path);
    ++identity.epoch;
    // Batch numbers that were given out are not given out again, even if what they named is lost.
    Head& first = database.heads.front();
    first.batch = std::max(first.batch, batch_min);
    rocksdb::WriteBatch write;
    write.Put(own_key(OwnRecord::identity, 0), encode(identity));
    write.Put(own_key(OwnRecord::head, 0), encode(first));
    if (const auto status = database.db->Write(durable_write(), &write); !status.ok()) {
        throw StoreError(
            fmt::format("cannot raise the epoch of the store in {}: {}. Check the disk.",
                        database.path, status.ToString()));
    }
    database.mark.epoch = identity.epoch;
    database.mark.acknowledged = last_batch(database.heads);
    // Both lines: the older one must not speak of the epoch before.
    database.mark_file->write(database.mark);
    database.mark_file->write(database.mark);
}

Database open_database(const RocksDbOptions& options,
                       const std::shared_ptr<rocksdb::EventListener>& listener) {
    Database database;
    database.path = options.path.string();
    database.files =
        (options.env != nullptr ? options.env : rocksdb::Env::Default())->GetFileSystem();
    database.mark_file = std::make_unique<MarkFile>(*database.files, database.path);
    make_directory(options.path);
    refuse_foreign(database);
    database.lock = std::make_unique<DirectoryLock>(options.path);

    const bool found = database.mark_file->exists();
    const std::optional<Mark> mark = found ? database.mark_file->read() : std::nullopt;
    if (mark) {
        database.mark = *mark;
        if (mark->epoch > 0) {
            open_store(database, options, listener);
            return database;
        }
        clear_unfinished(database, options);
    } else {
        // An unreadable mark without a database: the power went while it was made.
        if (database.files->FileExists(database.path + "/CURRENT", {}, nullptr).ok()) {
            fail_damaged(database.path,
                         fmt::format("{} cannot be read, so nobody knows what was acknowledged",
                                     MarkFile::file_name));
        }
        make_mark(database);
    }
    make_store(database, options, listener);
    return database;
}

}  // namespace holdfast::store
