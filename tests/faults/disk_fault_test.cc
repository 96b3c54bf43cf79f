// The disk fails, is slow, is full, or has changed what was written: nothing that was answered as done
// is lost, and the store stops or refuses and says why.
#include <atomic>
#include <fstream>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "store/rocksdb/rocksdb_store.h"
#include "testing/faulty_disk.h"
#include "testing/scratch_directory.h"
#include "tests/faults/script.h"

namespace holdfast::faults {
namespace {

namespace fs = std::filesystem;
using holdfast::testing::DiskFault;
using holdfast::testing::DiskOperation;
using holdfast::testing::FaultyDisk;
using holdfast::testing::ScratchDirectory;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr std::uint64_t appends = 120;

struct Machine {
    ScratchDirectory directory;
    std::shared_ptr<FaultyDisk> disk = std::make_shared<FaultyDisk>();
    std::unique_ptr<rocksdb::Env> environment = FaultyDisk::environment(disk);

    [[nodiscard]] fs::path path() const { return directory.path() / "data"; }
    // The default is so small that the store tidies up all the time.
    [[nodiscard]] std::unique_ptr<store::Store> open(
        bool sound = false, std::size_t write_buffer_bytes = 65'536) const {
        return store::open_rocksdb({.path = path(),
                                    .partitions = partitions,
                                    .env = sound ? nullptr : environment.get(),
                                    .write_buffer_bytes = write_buffer_bytes,
                                    .mark_every = std::chrono::milliseconds(0)});
    }
};

void expect_recovers(const Machine& machine, const Progress& progress) {
    const auto store = machine.open(true);
    const std::uint64_t found = last_batch(store->heads());
    EXPECT_GE(found, progress.appended);
    EXPECT_LE(found, progress.appended + progress.unknown);
    expect_holds_first(*store, found);
    Script script = Script::after(found);
    EXPECT_EQ(run(*store, script, 3).appended, 3U);
}

struct Case {
    const char* name;
    DiskOperation operation;
    DiskFault fault;
};

class DiskFaults : public ::testing::TestWithParam<Case> {};

// The first, the second, the third... operation of a kind fails, until the script meets no more.
TEST_P(DiskFaults, LoseNothingThatWasAnsweredAsDone) {
    const Case& given = GetParam();
    std::size_t step = 1;
    for (std::size_t passed = 0;; passed += step) {
        SCOPED_TRACE("fault after " + std::to_string(passed) + " operations");
        const Machine machine;
        machine.disk->plan(given.operation, passed, given.fault);
        Progress progress;
        try {
            const auto store = machine.open();
            Script script;
            progress = run(*store, script, appends);
            // What is durable can still be read, whatever became of the writes.
            (void)store->load({store::RowKind::stock}, [](auto&&...) {});
        } catch (const store::StoreError& error) {
            EXPECT_THAT(error.what(), HasSubstr(machine.path().string())) << "says which store";
        }
        expect_recovers(machine, progress);
        if (machine.disk->count(given.operation) <= passed || HasFailure()) {
            return;
        }
        // Every one while the store is made, then each seventh: the appends are all alike.
        step = passed < 40 ? 1 : 7;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, DiskFaults,
    ::testing::Values(Case{"WritesOnce", DiskOperation::write, DiskFault::error},
                      Case{"WritesFromThen", DiskOperation::write, DiskFault::error_from_then},
                      Case{"ShortWrites", DiskOperation::write, DiskFault::short_write},
                      Case{"SyncsOnce", DiskOperation::sync, DiskFault::error},
                      Case{"SyncsFromThen", DiskOperation::sync, DiskFault::error_from_then},
                      Case{"DirectorySyncs", DiskOperation::sync_directory,
                           DiskFault::error_from_then},
                      Case{"Creations", DiskOperation::create, DiskFault::error},
                      Case{"Renames", DiskOperation::rename, DiskFault::error},
                      Case{"Removals", DiskOperation::remove, DiskFault::error_from_then}),
    [](const auto& kind) { return std::string(kind.param.name); });

// A failed flush is not tried again: the kernel may have forgotten what it could not write.
TEST(DiskFault, AFailedFlushEndsAllAppends) {
    const Machine machine;
    // Nothing else flushes meanwhile: neither what tidies up nor the index, which a search waits for.
    const auto store = machine.open(false, 4 << 20);
    Script script;
    ASSERT_EQ(run(*store, script, 5).appended, 5U);
    (void)store->holds_of(store::HoldIndex::customer, "ann", {}, 1);
    machine.disk->plan(DiskOperation::sync, 0, DiskFault::error);
    const Progress progress = run(*store, script, 5);
    EXPECT_EQ(progress.appended, 0U) << progress.error;
    EXPECT_EQ(progress.unknown, 1U);
    EXPECT_THAT(progress.error, AllOf(HasSubstr("a planned fault"), HasSubstr("Check the disk")));
}

TEST(DiskFault, NothingIsAnsweredBeforeASlowFlushIsDone) {
    const Machine machine;
    const auto store = machine.open();
    machine.disk->hold_syncs();
    Script script;
    std::atomic<bool> answered = false;
    std::promise<store::AppendOutcome> outcome;
    store->append(script.next(), [&](const store::AppendResult& result) {
        answered = true;
        outcome.set_value(result.outcome);
    });
    machine.disk->wait_for_held_sync();
    EXPECT_FALSE(answered);
    machine.disk->let_syncs_go();
    EXPECT_EQ(outcome.get_future().get(), store::AppendOutcome::appended);
}

TEST(DiskFault, AFullDiskStopsTheStoreAndLosesNothing) {
    for (std::uint64_t room = 0; room < 600'000; room += 23'456) {
        SCOPED_TRACE("room for " + std::to_string(room) + " bytes");
        const Machine machine;
        machine.open().reset();
        Progress progress;
        try {
            const auto store = machine.open();
            machine.disk->limit_bytes(room);
            Script script;
            progress = run(*store, script, 2 * appends);
            EXPECT_LT(progress.appended, 2 * appends);
            EXPECT_THAT(progress.error,
                        AllOf(HasSubstr("the disk is full"), HasSubstr("Check the disk")));
            EXPECT_EQ(store->holds_of(store::HoldIndex::customer, "nobody", {}, 1).size(), 0U);
        } catch (const store::StoreError& error) {
            EXPECT_THAT(error.what(), HasSubstr("the disk is full"));
        }
        expect_recovers(machine, progress);
    }
}

// The same on a real file system, where that may be mounted.
TEST(DiskFault, ARealFullDiskStopsTheStoreAndLosesNothing) {
    const ScratchDirectory directory;
    if (::mount("none", directory.path().c_str(), "tmpfs", 0, "size=3m") != 0) {
        std::cout << "not root: only the planned full disk is tried\n";
        return;
    }
    const store::RocksDbOptions options{
        .path = directory.path() / "data", .partitions = partitions, .write_buffer_bytes = 1 << 20};
    Progress progress;
    {
        const auto store = store::open_rocksdb(options);
        Script script;
        progress = run(*store, script, 3000);
        EXPECT_LT(progress.appended, 3000U);
        EXPECT_THAT(progress.error, HasSubstr("No space left on device"));
        EXPECT_GT(store->tail(0, 0, 1000).size(), 0U);
    }
    try {
        (void)store::open_rocksdb(options);
    } catch (const store::StoreError& error) {
        EXPECT_THAT(error.what(), AnyOf(HasSubstr("Free some space"), HasSubstr("free space")));
    }
    ASSERT_EQ(::mount("none", directory.path().c_str(), "tmpfs", MS_REMOUNT, "size=64m"), 0);
    {
        const auto store = store::open_rocksdb(options);
        EXPECT_GE(last_batch(store->heads()), progress.appended);
        EXPECT_LE(last_batch(store->heads()), progress.appended + progress.unknown);
        expect_holds_first(*store, last_batch(store->heads()));
        Script script = Script::after(last_batch(store->heads()));
        EXPECT_EQ(run(*store, script, 100).appended, 100U);
    }
    EXPECT_EQ(::umount(directory.path().c_str()), 0);
}

// Bits that have changed in a store at rest: it is refused, or says so when the place is read, or the
// place held nothing. It never answers as if it had less.
class ChangedBits : public ::testing::TestWithParam<const char*> {
protected:
    static std::vector<fs::path> files_of(const fs::path& directory, std::string_view kind) {
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator(directory)) {
            if (entry.path().filename().string().find(kind) != std::string::npos) {
                found.push_back(entry.path());
            }
        }
        return found;
    }
    static void change(const fs::path& path, std::uint64_t at) {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(static_cast<std::streamoff>(at));
        const int byte = file.get();
        file.seekp(static_cast<std::streamoff>(at));
        file.put(static_cast<char>(byte ^ (1 << at % 8)));
    }
};

TEST_P(ChangedBits, AreNeverALossThatNobodyNotices) {
    const Machine original;
    {
        const auto store = original.open(true);
        Script script;
        ASSERT_EQ(run(*store, script, appends).appended, appends);
        expect_holds_first(*store, appends);
    }
    std::size_t refused = 0;
    std::size_t tried = 0;
    for (const fs::path& file : files_of(original.path(), GetParam())) {
        const std::uint64_t bytes = fs::file_size(file);
        const std::uint64_t step = std::max<std::uint64_t>(1, bytes / 40);
        for (std::uint64_t at = bytes - 1; at < bytes; at -= step) {
            SCOPED_TRACE(file.filename().string() + ", byte " + std::to_string(at) + " of " +
                         std::to_string(bytes));
            const Machine copy;
            fs::copy(original.path(), copy.path());
            change(copy.path() / file.filename(), at);
            ++tried;
            try {
                expect_holds_first(*copy.open(), appends);
            } catch (const store::StoreError& error) {
                EXPECT_THAT(error.what(),
                            AnyOf(HasSubstr("estore a backup"), HasSubstr("mixed up")));
                ++refused;
            }
            if (HasFailure()) {
                return;
            }
        }
    }
    EXPECT_GT(refused, tried / 2);
}

INSTANTIATE_TEST_SUITE_P(Files, ChangedBits, ::testing::Values(".log", ".sst", "MANIFEST"),
                         [](const auto& file) {
                             const std::string name = file.param;
                             return name.starts_with('.') ? name.substr(1) : name;
                         });

}  // namespace
}  // namespace holdfast::faults
