// The power goes at every flush of a script, one after another: everything that was answered as done
// is there afterwards, everything else is there as a whole or not at all, and the store goes on.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include "store/rocksdb/rocksdb_store.h"
#include "testing/faulty_disk.h"
#include "testing/scratch_directory.h"
#include "tests/faults/script.h"

namespace holdfast::faults {
namespace {

using holdfast::testing::FaultyDisk;
using holdfast::testing::PowerLoss;
using holdfast::testing::ScratchDirectory;

constexpr std::uint64_t appends = 120;

// A store on a disk of its own whose power goes.
struct Machine {
    ScratchDirectory directory;
    std::shared_ptr<FaultyDisk> disk = std::make_shared<FaultyDisk>();
    std::unique_ptr<rocksdb::Env> environment = FaultyDisk::environment(disk);

    [[nodiscard]] std::unique_ptr<store::Store> open(bool accept_loss = false) const {
        // Small tables, so that flushes and a compaction fall into the script; marks that do not
        // depend on how long it takes.
        return store::open_rocksdb({.path = directory.path() / "data",
                                    .partitions = partitions,
                                    .accept_loss = accept_loss,
                                    .env = environment.get(),
                                    .write_buffer_bytes = 64 << 10,
                                    .mark_every = std::chrono::milliseconds(0)});
    }
};

class PowerCut : public ::testing::TestWithParam<PowerLoss> {
protected:
    // Runs the script until the power goes at the flush after `passed` others. False: it did not go.
    static bool run_until_cut(const Machine& machine, std::size_t passed, Progress& progress) {
        machine.disk->cut_power_at_sync(passed);
        try {
            const auto store = machine.open();
            Script script;
            progress = run(*store, script, appends);
        } catch (const store::StoreError&) {
            EXPECT_TRUE(machine.disk->power_is_cut());
        }
        return machine.disk->power_is_cut();
    }

    // A log that ends in the middle of a record has its end cut off. One with zeros where the record
    // should go on looks like one that was damaged later: it is refused, and nothing is lost by
    // accepting that.
    static std::unique_ptr<store::Store> open_after(PowerLoss loss, const Machine& machine) {
        try {
            return machine.open();
        } catch (const store::StoreError& error) {
            if (loss != PowerLoss::log_zeros || machine.disk->power_is_cut()) {
                throw;
            }
            EXPECT_THAT(error.what(), ::testing::HasSubstr("open it with --accept-loss"));
            return machine.open(true);
        }
    }

    static void expect_recovers(const Machine& machine, const Progress& progress) {
        const auto store = open_after(GetParam(), machine);
        const std::uint64_t found = last_batch(store->heads());
        EXPECT_GE(found, progress.appended);
        EXPECT_LE(found, progress.appended + progress.unknown);
        expect_holds_first(*store, found);
        Script script = Script::after(found);
        EXPECT_EQ(run(*store, script, 3).appended, 3U);
        expect_holds_first(*store, found + 3);
    }
};

TEST_P(PowerCut, LosesNothingThatWasAnsweredAsDone) {
    // Every flush with the loss that is the hardest; for the others each third must do.
    const std::size_t step = GetParam() == PowerLoss::all_lost ? 1 : 3;
    for (std::size_t passed = 0;; passed += step) {
        SCOPED_TRACE("power cut after " + std::to_string(passed) + " flushes");
        const Machine machine;
        Progress progress;
        if (!run_until_cut(machine, passed, progress)) {
            EXPECT_GT(passed, 2 * appends) << "each append is flushed, and its mark";
            return;
        }
        machine.disk->lose_power(GetParam(), passed);
        expect_recovers(machine, progress);
        if (HasFailure()) {
            return;
        }
    }
}

// And it goes again while the store recovers.
TEST_P(PowerCut, LosesNothingWhenItGoesAgainDuringRecovery) {
    for (std::size_t passed = 10; passed < 2 * appends; passed += 53) {
        for (std::size_t during = 0;; ++during) {
            SCOPED_TRACE("power cut after " + std::to_string(passed) + " flushes, then after " +
                         std::to_string(during));
            const Machine machine;
            Progress progress;
            ASSERT_TRUE(run_until_cut(machine, passed, progress));
            machine.disk->lose_power(GetParam(), passed);
            machine.disk->cut_power_at_sync(during);
            bool opened = false;
            try {
                (void)open_after(GetParam(), machine);
                opened = true;
            } catch (const store::StoreError&) {
                EXPECT_TRUE(machine.disk->power_is_cut());
            }
            const bool cut = machine.disk->power_is_cut();
            machine.disk->lose_power(GetParam(), during);
            expect_recovers(machine, progress);
            if (HasFailure()) {
                return;
            }
            if (opened && !cut) {
                break;
            }
        }
    }
}

// Otherwise the tests of this folder would miss what they are there for.
TEST(PowerCutScript, MeetsFlushesAndACompaction) {
    const Machine machine;
    {
        const auto store = machine.open();
        Script script;
        ASSERT_EQ(run(*store, script, appends).appended, appends);
    }
    rocksdb::Options options;
    // As the store has it: without it, RocksDB wants to forget the logs that it knows of.
    options.track_and_verify_wals_in_manifest = true;
    rocksdb::DB* opened = nullptr;
    const std::string path = (machine.directory.path() / "data").string();
    ASSERT_TRUE(rocksdb::DB::OpenForReadOnly(options, path, &opened).ok());
    const std::unique_ptr<rocksdb::DB> database(opened);
    std::vector<rocksdb::LiveFileMetaData> tables;
    database->GetLiveFilesMetaData(&tables);
    EXPECT_TRUE(std::ranges::any_of(tables, [](const auto& table) { return table.level > 0; }));
}

INSTANTIATE_TEST_SUITE_P(Losses, PowerCut,
                         ::testing::Values(PowerLoss::all_lost, PowerLoss::all_there,
                                           PowerLoss::torn, PowerLoss::log_zeros),
                         [](const auto& loss) {
                             switch (loss.param) {
                                 case PowerLoss::all_lost:
                                     return "AllLost";
                                 case PowerLoss::all_there:
                                     return "AllThere";
                                 case PowerLoss::torn:
                                     return "Torn";
                                 case PowerLoss::log_zeros:
                                     break;
                             }
                             return "LogZeros";
                         });

}  // namespace
}  // namespace holdfast::faults
