#include "store/rocksdb/rocksdb_store.h"

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/snapshot.h>

#include "store/bytes.h"
#include "store/rocksdb/backup.h"
#include "store/rocksdb/database.h"
#include "store/rocksdb/hold_index.h"
#include "store/rocksdb/keys.h"
#include "store/rocksdb/live_holds.h"
#include "store/rocksdb/read_error.h"
#include "store/rocksdb/settings.h"
#include "store/rocksdb/stock_rows.h"
#include "store/rocksdb/writer.h"

namespace holdfast::store {

namespace {

// Hears of the errors of flushes and compactions, which no append would notice: from then on the
// database takes no more writes.
class ErrorListener final : public rocksdb::EventListener {
public:
    void tell(Writer* writer) {
        const std::lock_guard lock(mutex_);
        writer_ = writer;
    }
    void OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/,
                           rocksdb::Status* status) override {
        const std::lock_guard lock(mutex_);
        if (writer_ != nullptr) {
            writer_->stop(fmt::format(
                "the disk failed while the store tidied up: {}. Check the disk and its free space, "
                "then start again.",
                status->ToString()));
        }
    }
    void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status /*status*/,
                              bool* auto_recovery) override {
        *auto_recovery = false;
    }

private:
    std::mutex mutex_;
    Writer* writer_ = nullptr;
};

// Writes the mark of what was acknowledged, some way behind the appends.
class MarkKeeper {
public:
    MarkKeeper(MarkFile& file, Mark mark, std::chrono::milliseconds every)
        : file_(file), mark_(std::move(mark)), acknowledged_(mark_.acknowledged), every_(every) {}
    ~MarkKeeper() { finish(); }
    MarkKeeper(const MarkKeeper&) = delete;
    MarkKeeper& operator=(const MarkKeeper&) = delete;

    // `failed` is told when a mark cannot be written.
    void start(Writer& failed) {
        if (every_.count() > 0) {
            thread_ = std::thread([this, &failed] { run(failed); });
        }
    }
    void finish() {
        if (thread_.joinable()) {
            {
                const std::lock_guard lock(mutex_);
                ending_ = true;
            }
            ended_.notify_one();
            thread_.join();
        }
    }
    void acknowledge(std::uint64_t batch) {
        acknowledged_ = batch;
        if (every_.count() == 0) {
            write();
        }
    }
    // Throws StoreError. Not while the thread runs or appends are on their way.
    void write() {
        if (const std::uint64_t batch = acknowledged_; batch != mark_.acknowledged) {
            mark_.acknowledged = batch;
            file_.write(mark_);
        }
    }

private:
    void run(Writer& failed) {
        std::unique_lock lock(mutex_);
        while (!ended_.wait_for(lock, every_, [this] { return ending_; })) {
            try {
                write();
            } catch (const StoreError& error) {
                failed.stop(error.what());
                return;
            }
        }
    }

    MarkFile& file_;
    Mark mark_;
    std::atomic<std::uint64_t> acknowledged_;
    std::chrono::milliseconds every_;
    std::mutex mutex_;
    std::condition_variable ended_;
    bool ending_ = false;
    std::thread thread_;
};

EventBlob read_blob(std::string_view key, std::string_view value) {
    ByteReader in(value, "event blob");
    const Version last = decode_version_key(key);
    const std::uint64_t count = in.number();
    return {.first = last - count + 1,
            .last = last,
            .bytes = std::string(value.substr(value.size() - in.left()))};
}

class RocksDbStore final : public MovableStore {
public:
    RocksDbStore(Database database, std::shared_ptr<ErrorListener> listener,
                 const RocksDbOptions& options)
        : database_(std::move(database)),
          db_(*database_.db),
          heads_(database_.heads.size()),
          listener_(std::move(listener)) {
        for (std::size_t i = 0; i < heads_.size(); ++i) {
            heads_[i].version = database_.heads[i].version;
            heads_[i].batch = database_.heads[i].batch;
        }
        mark_keeper_ =
            std::make_unique<MarkKeeper>(*database_.mark_file, database_.mark, options.mark_every);
        writer_ = std::make_unique<Writer>(
            db_, heads_, [this](std::uint64_t batch) { mark_keeper_->acknowledge(batch); });
        indexer_ = std::make_unique<HoldIndexer>(
            db_, heads_,
            [this](PartitionId partition, Version after, std::size_t bytes_max) {
                return tail(partition, after, bytes_max);
            },
            [this] { return writer_->accepted(); });
        // Last: nobody may know the writer of a store that could not be made.
        mark_keeper_->start(*writer_);
        listener_->tell(writer_.get());
    }
    ~RocksDbStore() override;

    [[nodiscard]] std::uint32_t partition_count() const override {
        return static_cast<std::uint32_t>(heads_.size());
    }
    std::vector<Head> heads() override;
    std::vector<Head> load(const std::vector<RowKind>& kinds, const RowSink& sink) override;
    std::vector<EventBlob> tail(PartitionId partition, Version after,
                                std::size_t bytes_max) override;
    void append(Batch batch, AppendDone done) override {
        writer_->append(std::move(batch), std::move(done));
    }
    [[nodiscard]] std::optional<std::string> find(PartitionId partition, RowKind kind,
                                                  std::string_view key) override;
    void scan(PartitionId partition, RowKind kind, std::string_view after,
              const std::function<bool(std::string_view, std::string_view)>& sink) override;
    std::vector<HoldId> holds_of(HoldIndex index, std::string_view name, HoldId after,
                                 std::size_t limit, const std::stop_token& ending) override {
        return indexer_->holds_of(index, name, after, limit, ending);
    }
    void backup(const std::filesystem::path& directory) override {
        back_up(db_, database_.mark, directory);
    }

    [[nodiscard]] std::string id() const override { return database_.mark.id; }
    [[nodiscard]] std::string name() const override {
        return std::filesystem::absolute(database_.path).lexically_normal().string();
    }
    Notice notice() override { return read_notice(db_, database_.path); }
    void set_notice(const Notice& notice) override { write_notice(db_, database_.path, notice); }
    AppendResult append_all(std::vector<Batch> batches) override;
    void hold_others() override {}  // there are none
    void retire(const Notice& notice) override { set_notice(notice); }

private:
    [[nodiscard]] std::vector<Head> heads_at(const rocksdb::ReadOptions& read) const;
    void load(const rocksdb::ReadOptions& read, RowKind kind, PartitionId partition,
              const RowSink& sink) const;
    void check(const rocksdb::Status& status, const char* what, PartitionId partition) const {
        // Asked first: to name what is nearly never needed takes longer than the read.
        if (!status.ok()) {
            check_read(status, fmt::format("{} of partition {}", what, partition), database_.path);
        }
    }

    Database database_;
    rocksdb::DB& db_;
    std::vector<LiveHead> heads_;
    std::shared_ptr<ErrorListener> listener_;
    std::unique_ptr<MarkKeeper> mark_keeper_;
    std::unique_ptr<Writer> writer_;
    std::unique_ptr<HoldIndexer> indexer_;
};

RocksDbStore::~RocksDbStore() {
    indexer_.reset();
    mark_keeper_->finish();
    writer_->finish();
    listener_->tell(nullptr);
    try {
        mark_keeper_->write();
    } catch (const StoreError&) {  // NOLINT(bugprone-empty-catch)
        // The mark stays behind what was acknowledged, as it always is a little.
    }
}

std::vector<Head> RocksDbStore::heads_at(const rocksdb::ReadOptions& read) const {
    std::vector<Head> heads(heads_.size());
    std::string bytes;
    for (std::size_t i = 0; i < heads.size(); ++i) {
        const auto partition = static_cast<PartitionId>(i);
        check(db_.Get(read, own_key(OwnRecord::head, partition), &bytes), "the version", partition);
        ByteReader in(bytes, "head of a partition");
        heads[i].version = in.number();
        heads[i].batch = in.number();
    }
    return heads;
}

std::vector<Head> RocksDbStore::heads() {
    rocksdb::ManagedSnapshot snapshot(&db_);
    rocksdb::ReadOptions read;
    read.snapshot = snapshot.snapshot();
    return heads_at(read);
}

std::vector<Head> RocksDbStore::load(const std::vector<RowKind>& kinds, const RowSink& sink) {
    rocksdb::ManagedSnapshot snapshot(&db_);
    rocksdb::ReadOptions read = long_read();
    read.snapshot = snapshot.snapshot();
    for (const RowKind kind : kinds) {
        for (std::size_t i = 0; i < heads_.size(); ++i) {
            load(read, kind, static_cast<PartitionId>(i), sink);
        }
    }
    return heads_at(read);
}

void RocksDbStore::load(const rocksdb::ReadOptions& read, RowKind kind, PartitionId partition,
                        const RowSink& sink) const {
    if (kind == RowKind::live_hold) {
        LiveHoldsCursor at(db_, read, partition, {});
        for (; at.valid(); at.next()) {
            sink(kind, partition, at.key(), at.value());
        }
        check(at.status(), "the pending holds", partition);
        return;
    }
    if (kind == RowKind::stock) {
        for (const auto& [key, value] : read_stock_rows(db_, read, partition)) {
            sink(kind, partition, key, value);
        }
        return;
    }
    const std::string prefix = prefix_of(key_kind(kind), partition);
    const std::string end = end_of(key_kind(kind), partition);
    const rocksdb::Slice upper_bound(end);
    rocksdb::ReadOptions bounded = read;
    bounded.iterate_upper_bound = &upper_bound;
    const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(bounded));
    for (at->Seek(prefix); at->Valid(); at->Next()) {
        sink(kind, partition, at->key().ToStringView().substr(prefix.size()),
             at->value().ToStringView());
    }
    check(at->status(), "the rows", partition);
}

AppendResult RocksDbStore::append_all(std::vector<Batch> batches) {
    std::promise<AppendResult> answered;
    writer_->append(std::move(batches),
                    [&](AppendResult result) { answered.set_value(std::move(result)); });
    return answered.get_future().get();
}

std::vector<EventBlob> RocksDbStore::tail(PartitionId partition, Version after,
                                          std::size_t bytes_max) {
    const std::string prefix = prefix_of(KeyKind::events, partition);
    const std::string end = end_of(KeyKind::events, partition);
    const rocksdb::Slice upper_bound(end);
    rocksdb::ReadOptions read;
    read.fill_cache = false;
    read.iterate_upper_bound = &upper_bound;
    std::vector<EventBlob> blobs;
    std::size_t bytes = 0;
    const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(read));
    for (at->Seek(prefix + encode_version_key(after + 1)); at->Valid() && bytes <= bytes_max;
         at->Next()) {
        blobs.push_back(
            read_blob(at->key().ToStringView().substr(prefix.size()), at->value().ToStringView()));
        bytes += blobs.back().bytes.size();
    }
    check(at->status(), "the events", partition);
    return blobs;
}

std::optional<std::string> RocksDbStore::find(PartitionId partition, RowKind kind,
                                              std::string_view key) {
    if (kind == RowKind::live_hold) {
        rocksdb::ManagedSnapshot snapshot(&db_);
        rocksdb::ReadOptions read;
        read.snapshot = snapshot.snapshot();
        const LiveHoldsCursor at(db_, read, partition, key);
        check(at.status(), "a pending hold", partition);
        return at.valid() && at.key() == key ? std::optional(std::string(at.value()))
                                             : std::nullopt;
    }
    if (kind == RowKind::stock) {
        return find_stock_row(db_, {}, partition, key);
    }
    std::string value;
    const auto status = db_.Get({}, key_of(key_kind(kind), partition, key), &value);
    if (status.IsNotFound()) {
        return std::nullopt;
    }
    check(status, "a row", partition);
    return value;
}

void RocksDbStore::scan(PartitionId partition, RowKind kind, std::string_view after,
                        const std::function<bool(std::string_view, std::string_view)>& sink) {
    if (kind == RowKind::live_hold) {
        rocksdb::ManagedSnapshot snapshot(&db_);
        rocksdb::ReadOptions read;
        read.snapshot = snapshot.snapshot();
        LiveHoldsCursor at(db_, read, partition, after);
        while (at.valid() && (at.key() == after || sink(at.key(), at.value()))) {
            at.next();
        }
        check(at.status(), "the pending holds", partition);
        return;
    }
    if (kind == RowKind::stock) {
        const auto rows = read_stock_rows(db_, {}, partition);
        for (auto row = rows.upper_bound(std::string(after)); row != rows.end(); ++row) {
            if (!sink(row->first, row->second)) {
                return;
            }
        }
        return;
    }
    const std::string from = key_of(key_kind(kind), partition, after);
    const std::string end = end_of(key_kind(kind), partition);
    const rocksdb::Slice upper_bound(end);
    rocksdb::ReadOptions read;
    read.iterate_upper_bound = &upper_bound;
    const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(read));
    for (at->Seek(from); at->Valid(); at->Next()) {
        const std::string_view key = at->key().ToStringView().substr(prefix_bytes);
        if (key != after && !sink(key, at->value().ToStringView())) {
            break;
        }
    }
    check(at->status(), "the rows", partition);
}

}  // namespace

std::unique_ptr<Store> open_rocksdb(const RocksDbOptions& options) {
    auto listener = std::make_shared<ErrorListener>();
    Database database = open_database(options, listener);
    return std::make_unique<RocksDbStore>(std::move(database), std::move(listener), options);
}

std::unique_ptr<MovableStore> open_rocksdb_to_move(RocksDbOptions options) {
    options.for_move = true;
    auto listener = std::make_shared<ErrorListener>();
    Database database = open_database(options, listener);
    return std::make_unique<RocksDbStore>(std::move(database), std::move(listener), options);
}

}  // namespace holdfast::store
