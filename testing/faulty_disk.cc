#include "testing/faulty_disk.h"

#include <algorithm>
#include <fstream>
#include <thread>
#include <utility>

#include <rocksdb/system_clock.h>

#include <holdfast/assert.h>

namespace holdfast::testing {

namespace fs = std::filesystem;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

namespace {

IOStatus no_power() {
    return IOStatus::IOError("no power");
}

std::string content_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// RocksDB sleeps a second after a failed flush, before a second try that is never made here.
class ImpatientClock final : public rocksdb::SystemClockWrapper {
public:
    ImpatientClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
    [[nodiscard]] const char* Name() const override { return "ImpatientClock"; }
    void SleepForMicroseconds(int /*micros*/) override { std::this_thread::yield(); }
};

class Environment final : public rocksdb::EnvWrapper {
public:
    explicit Environment(const std::shared_ptr<FaultyDisk>& disk)
        : EnvWrapper(rocksdb::NewCompositeEnv(disk)) {
        system_clock_ = std::make_shared<ImpatientClock>();
    }
};

}  // namespace

// A file that is only appended to.
class FaultyFile final : public rocksdb::FSWritableFileOwnerWrapper {
public:
    FaultyFile(std::unique_ptr<rocksdb::FSWritableFile> file, FaultyDisk& disk, std::string path)
        : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk), path_(std::move(path)) {}

    IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* context) override {
        bool short_write = false;
        IOStatus status = disk_.attempt(DiskOperation::write, data.size(), &short_write);
        if (!status.ok() && !short_write) {
            return status;
        }
        const Slice some(data.data(), short_write ? data.size() / 2 : data.size());
        IOStatus written = FSWritableFileOwnerWrapper::Append(some, options, context);
        if (written.ok()) {
            disk_.wrote(path_, some.size());
        }
        return short_write ? status : written;
    }
    IOStatus Append(const Slice& data, const IOOptions& options,
                    const rocksdb::DataVerificationInfo& /*verification*/,
                    IODebugContext* context) override {
        return Append(data, options, context);
    }
    IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
        return disk_.flushed(path_);
    }
    IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
        return disk_.flushed(path_);
    }
    // Only a hint: promises nothing.
    IOStatus RangeSync(std::uint64_t /*offset*/, std::uint64_t /*bytes*/,
                       const IOOptions& /*options*/, IODebugContext* /*context*/) override {
        return IOStatus::OK();
    }

private:
    FaultyDisk& disk_;
    std::string path_;
};

// A file that is written in place.
class FaultyRandomFile final : public rocksdb::FSRandomRWFile {
public:
    FaultyRandomFile(std::unique_ptr<rocksdb::FSRandomRWFile> file, FaultyDisk& disk,
                     std::string path)
        : file_(std::move(file)), disk_(disk), path_(std::move(path)) {}

    IOStatus Write(std::uint64_t offset, const Slice& data, const IOOptions& options,
                   IODebugContext* context) override {
        bool short_write = false;
        IOStatus status = disk_.attempt(DiskOperation::write, data.size(), &short_write);
        if (!status.ok() && !short_write) {
            return status;
        }
        const Slice some(data.data(), short_write ? data.size() / 2 : data.size());
        IOStatus written = file_->Write(offset, some, options, context);
        return short_write ? status : written;
    }
    IOStatus Read(std::uint64_t offset, std::size_t bytes, const IOOptions& options, Slice* result,
                  char* scratch, IODebugContext* context) const override {
        return file_->Read(offset, bytes, options, result, scratch, context);
    }
    IOStatus Flush(const IOOptions& options, IODebugContext* context) override {
        return file_->Flush(options, context);
    }
    IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
        return disk_.flushed(path_);
    }
    IOStatus Close(const IOOptions& options, IODebugContext* context) override {
        return file_->Close(options, context);
    }

private:
    std::unique_ptr<rocksdb::FSRandomRWFile> file_;
    FaultyDisk& disk_;
    std::string path_;
};

class FaultyDirectory final : public rocksdb::FSDirectory {
public:
    FaultyDirectory(FaultyDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
    IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
        return disk_.flushed_directory(path_);
    }

private:
    FaultyDisk& disk_;
    std::string path_;
};

FaultyDisk::FaultyDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

std::unique_ptr<rocksdb::Env> FaultyDisk::environment(const std::shared_ptr<FaultyDisk>& disk) {
    return std::make_unique<Environment>(disk);
}

void FaultyDisk::plan(DiskOperation operation, std::size_t passed, DiskFault fault) {
    const std::lock_guard lock(mutex_);
    plans_[operation].push_back({.at = counts_[operation] + passed, .fault = fault});
}

std::size_t FaultyDisk::count(DiskOperation operation) const {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(operation);
    return found == counts_.end() ? 0 : found->second;
}

void FaultyDisk::limit_bytes(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    bytes_left_ = bytes;
}

void FaultyDisk::hold_syncs() {
    const std::lock_guard lock(mutex_);
    holding_syncs_ = true;
}

void FaultyDisk::wait_for_held_sync() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return held_syncs_ > 0; });
}

void FaultyDisk::let_syncs_go() {
    const std::lock_guard lock(mutex_);
    holding_syncs_ = false;
    changed_.notify_all();
}

void FaultyDisk::cut_power_at_sync(std::size_t passed) {
    const std::lock_guard lock(mutex_);
    cut_at_ = syncs_ + passed;
}

std::size_t FaultyDisk::syncs() const {
    const std::lock_guard lock(mutex_);
    return syncs_;
}

bool FaultyDisk::power_is_cut() const {
    const std::lock_guard lock(mutex_);
    return cut_;
}

IOStatus FaultyDisk::attempt(DiskOperation operation, std::uint64_t bytes, bool* short_write) {
    const std::lock_guard lock(mutex_);
    if (cut_) {
        return no_power();
    }
    const std::size_t index = counts_[operation]++;
    for (const Plan& plan : plans_[operation]) {
        if (plan.at == index || (plan.fault == DiskFault::error_from_then && plan.at < index)) {
            if (plan.fault == DiskFault::short_write && short_write != nullptr) {
                *short_write = true;
            }
            return IOStatus::IOError("a planned fault");
        }
    }
    if (bytes_left_) {
        if (*bytes_left_ < bytes) {
            return IOStatus::NoSpace("the disk is full, as planned");
        }
        *bytes_left_ -= bytes;
    }
    return IOStatus::OK();
}

void FaultyDisk::wrote(const std::string& path, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    files_[path].written += bytes;
}

IOStatus FaultyDisk::flushed(const std::string& path) {
    {
        std::unique_lock lock(mutex_);
        ++held_syncs_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return !holding_syncs_; });
        --held_syncs_;
        cut_ = cut_ || (cut_at_ && syncs_ >= *cut_at_);
        ++syncs_;
    }
    if (IOStatus status = attempt(DiskOperation::sync); !status.ok()) {
        return status;
    }
    const std::lock_guard lock(mutex_);
    FileState& file = files_[path];
    file.flushed = file.written;
    if (file.image) {
        file.image = content_of(path);
    }
    return IOStatus::OK();
}

IOStatus FaultyDisk::flushed_directory(const std::string& path) {
    {
        const std::lock_guard lock(mutex_);
        cut_ = cut_ || (cut_at_ && syncs_ >= *cut_at_);
        ++syncs_;
    }
    if (IOStatus status = attempt(DiskOperation::sync_directory); !status.ok()) {
        return status;
    }
    const std::lock_guard lock(mutex_);
    std::erase_if(name_changes_, [&](const NameChange& change) {
        const fs::path changed = change.to.empty() ? change.from : change.to;
        if (changed.parent_path() != fs::path(path)) {
            return false;
        }
        if (!change.aside.empty()) {
            fs::remove(change.aside);
        }
        return true;
    });
    return IOStatus::OK();
}

IOStatus FaultyDisk::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                     std::unique_ptr<rocksdb::FSWritableFile>* file,
                                     IODebugContext* context) {
    if (IOStatus status = attempt(DiskOperation::create); !status.ok()) {
        return status;
    }
    {
        const std::lock_guard lock(mutex_);
        NameChange change{.to = path};
        if (fs::exists(path)) {
            change.aside_state = files_[path];
            change.aside = put_aside(path);
        }
        name_changes_.push_back(std::move(change));
        files_[path] = {};
    }
    std::unique_ptr<rocksdb::FSWritableFile> opened;
    IOStatus status = target()->NewWritableFile(path, options, &opened, context);
    if (status.ok()) {
        *file = std::make_unique<FaultyFile>(std::move(opened), *this, path);
    }
    return status;
}

IOStatus FaultyDisk::NewRandomRWFile(const std::string& path, const rocksdb::FileOptions& options,
                                     std::unique_ptr<rocksdb::FSRandomRWFile>* file,
                                     IODebugContext* context) {
    if (IOStatus status = attempt(DiskOperation::create); !status.ok()) {
        return status;
    }
    std::unique_ptr<rocksdb::FSRandomRWFile> opened;
    IOStatus status = target()->NewRandomRWFile(path, options, &opened, context);
    if (status.ok()) {
        const std::lock_guard lock(mutex_);
        // The file was flushed when it was made.
        files_[path].image = content_of(path);
        *file = std::make_unique<FaultyRandomFile>(std::move(opened), *this, path);
    }
    return status;
}

IOStatus FaultyDisk::NewDirectory(const std::string& path, const IOOptions& /*options*/,
                                  std::unique_ptr<rocksdb::FSDirectory>* directory,
                                  IODebugContext* /*context*/) {
    // Without a slash at the end, as the parents of files are named.
    *directory = std::make_unique<FaultyDirectory>(*this, (fs::path(path) / "").parent_path());
    return IOStatus::OK();
}

IOStatus FaultyDisk::RenameFile(const std::string& from, const std::string& to,
                                const IOOptions& options, IODebugContext* context) {
    if (IOStatus status = attempt(DiskOperation::rename); !status.ok()) {
        return status;
    }
    const std::lock_guard lock(mutex_);
    NameChange change{.from = from, .to = to};
    if (fs::exists(to)) {
        change.aside_state = files_[to];
        change.aside = put_aside(to);
    }
    IOStatus status = target()->RenameFile(from, to, options, context);
    if (status.ok()) {
        name_changes_.push_back(std::move(change));
        files_[to] = files_[from];
        files_.erase(from);
    }
    return status;
}

IOStatus FaultyDisk::DeleteFile(const std::string& path, const IOOptions& options,
                                IODebugContext* context) {
    if (IOStatus status = attempt(DiskOperation::remove); !status.ok()) {
        return status;
    }
    const std::lock_guard lock(mutex_);
    if (!fs::exists(path)) {
        return target()->DeleteFile(path, options, context);
    }
    NameChange change{.from = path};
    change.aside_state = files_[path];
    change.aside = put_aside(path);
    name_changes_.push_back(std::move(change));
    files_.erase(path);
    return IOStatus::OK();
}

// Beside the directory, where no store looks.
fs::path FaultyDisk::put_aside(const std::string& path) {
    const fs::path aside = fs::path(path).parent_path().string() + ".aside";
    fs::create_directories(aside);
    const fs::path kept = aside / std::to_string(put_aside_++);
    fs::rename(path, kept);
    return kept;
}

// The newest first, until only the oldest `keep` are left.
void FaultyDisk::undo_name_changes(std::size_t keep) {
    while (name_changes_.size() > keep) {
        const NameChange change = std::move(name_changes_.back());
        name_changes_.pop_back();
        if (change.from.empty()) {
            fs::remove(change.to);
            files_.erase(change.to);
        } else if (!change.to.empty()) {
            fs::rename(change.to, change.from);
            files_[change.from] = files_[change.to];
            files_.erase(change.to);
        }
        if (!change.aside.empty()) {
            const std::string& name = change.to.empty() ? change.from : change.to;
            fs::rename(change.aside, name);
            files_[name] = change.aside_state;
        }
    }
}

void FaultyDisk::lose_data(PowerLoss loss, std::mt19937_64& random) {
    for (auto& [path, file] : files_) {
        if (!fs::exists(path)) {
            continue;
        }
        if (file.image) {
            const std::string now = content_of(path);
            const std::size_t arrived =
                loss == PowerLoss::all_lost
                    ? 0
                    : std::uniform_int_distribution<std::size_t>(0, now.size())(random);
            std::ofstream(path, std::ios::binary | std::ios::trunc)
                << now.substr(0, arrived)
                << file.image->substr(std::min(arrived, file.image->size()));
            continue;
        }
        const std::uint64_t lost = file.written - file.flushed;
        if (lost == 0) {
            continue;
        }
        std::uint64_t kept = file.flushed;
        if (loss != PowerLoss::all_lost) {
            kept += std::uniform_int_distribution<std::uint64_t>(0, lost)(random);
        }
        fs::resize_file(path, kept);
        if (loss == PowerLoss::log_zeros && fs::path(path).extension() == ".log") {
            fs::resize_file(path, file.written);
        }
        file.written = fs::file_size(path);
        file.flushed = file.written;
    }
}

void FaultyDisk::lose_power(PowerLoss loss, std::uint64_t seed) {
    const std::lock_guard lock(mutex_);
    std::mt19937_64 random(seed);
    if (loss != PowerLoss::all_there) {
        lose_data(loss, random);
        const std::size_t keep =
            loss == PowerLoss::all_lost
                ? 0
                : std::uniform_int_distribution<std::size_t>(0, name_changes_.size())(random);
        undo_name_changes(keep);
    }
    for (const NameChange& change : name_changes_) {
        if (!change.aside.empty()) {
            fs::remove(change.aside);
        }
    }
    name_changes_.clear();
    for (auto& [path, file] : files_) {
        file.flushed = file.written;
        file.image.reset();
    }
    plans_.clear();
    cut_ = false;
    cut_at_.reset();
}

}  // namespace holdfast::testing
