#include "store/rocksdb/rocksdb_store.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <future>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/env.h>
#include <unistd.h>
#include <xxhash.h>

#include "store/rocksdb/mark.h"
#include "testing/scratch_directory.h"
#include "testing/store_batches.h"

namespace holdfast::store {
namespace {

namespace fs = std::filesystem;
using holdfast::testing::append_and_wait;
using holdfast::testing::BatchMaker;
using holdfast::testing::hold_number;
using holdfast::testing::ScratchDirectory;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class RocksDbStore : public ::testing::Test {
protected:
    std::unique_ptr<Store> open(const RocksDbOptions& options) { return open_rocksdb(options); }
    std::unique_ptr<Store> open() { return open({.path = path_}); }

    // Why it is refused; empty when it is not.
    std::string refusal(const RocksDbOptions& options) {
        try {
            (void)open(options);
            return "";
        } catch (const StoreError& error) {
            return error.what();
        }
    }
    std::string refusal() { return refusal({.path = path_}); }

    static void append_holds(Store& store, std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::uint64_t number = last_batch(store.heads()) + 1;
            const Hold hold = hold_number(number, "cart");
            const Version version = store.heads()[0].version;
            ASSERT_EQ(append_and_wait(store, BatchMaker(number)
                                                 .add(0, version, {HoldPlaced{hold}})
                                                 .put_hold(RowKind::live_hold, 0, hold)
                                                 .take())
                          .outcome,
                      AppendOutcome::appended);
        }
    }
    static std::size_t live_holds(Store& store) {
        std::size_t count = 0;
        store.load({RowKind::live_hold},
                   [&](RowKind, PartitionId, std::string_view, std::string_view value) {
                       (void)decode_hold(value);
                       ++count;
                   });
        return count;
    }

    Mark mark(const fs::path& path) {
        return MarkFile(*rocksdb::Env::Default()->GetFileSystem(), path.string()).read().value();
    }
    static void write_file(const fs::path& path, const std::string& text) {
        fs::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }
    static std::string read_file(const fs::path& path) {
        std::ifstream file(path);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    // The files whose names end so.
    static std::vector<fs::path> files(const fs::path& directory, std::string_view extension) {
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator(directory)) {
            if (entry.path().extension() == extension) {
                found.push_back(entry.path());
            }
        }
        return found;
    }
    static void flip_byte_in_the_middle(const fs::path& path) {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        const auto middle = static_cast<std::streamoff>(fs::file_size(path) / 2);
        file.seekg(middle);
        const int byte = file.get();
        file.seekp(middle);
        file.put(static_cast<char>(byte ^ 0x40));
    }

    ScratchDirectory scratch_;
    fs::path path_ = scratch_.path() / "shop" / "data";
};

TEST_F(RocksDbStore, KeepsThePartitionsThatItWasMadeWith) {
    EXPECT_EQ(open({.path = path_, .partitions = 7})->partition_count(), 7U);
    EXPECT_EQ(open({.path = path_, .partitions = 2})->partition_count(), 7U);
    EXPECT_THAT(refusal({.path = scratch_.path() / "new", .partitions = 1025}),
                HasSubstr("1 to 1024 partitions, not 1025"));
}

TEST_F(RocksDbStore, CarriesOutWhatItHasAcceptedBeforeItCloses) {
    auto store = open();
    std::atomic<int> appended = 0;
    for (std::uint64_t i = 0; i < 20; ++i) {
        store->append(BatchMaker(i + 1).add(0, i, {HoldPlaced{hold_number(i, "c")}}).take(),
                      [&](const AppendResult& result) {
                          appended += result.outcome == AppendOutcome::appended ? 1 : 0;
                      });
    }
    store.reset();
    EXPECT_EQ(appended, 20);
    EXPECT_EQ(last_batch(open()->heads()), 20U);
    EXPECT_EQ(mark(path_).acknowledged, 20U);
}

TEST_F(RocksDbStore, SurvivesFlushesAndCompactions) {
    const RocksDbOptions options{.path = path_, .write_buffer_bytes = 64 << 10};
    auto store = open(options);
    constexpr std::uint64_t rounds = 300;
    constexpr std::uint64_t holds = 20;
    for (std::uint64_t round = 0; round < rounds; ++round) {
        BatchMaker batch(round + 1);
        std::vector<Event> events;
        for (std::uint64_t i = 0; i < holds; ++i) {
            const Hold hold = hold_number(round * holds + i, "cart-" + std::to_string(i));
            events.emplace_back(HoldPlaced{hold});
            batch.put_hold(RowKind::live_hold, 0, hold);
            if (round > 0) {
                const Hold past = hold_number((round - 1) * holds + i, "cart-" + std::to_string(i));
                batch.erase(RowKind::live_hold, 0, encode_id_key(past.id));
                batch.put_hold(RowKind::past_hold, 0, past);
            }
        }
        ASSERT_EQ(append_and_wait(*store, batch.add(0, round * holds, events).take()).outcome,
                  AppendOutcome::appended);
    }
    store.reset();
    store = open(options);
    EXPECT_GT(files(path_, ".sst").size(), 0U);
    EXPECT_EQ(live_holds(*store), holds);
    std::size_t past = 0;
    store->scan(0, RowKind::past_hold, "", [&](std::string_view, std::string_view) {
        ++past;
        return true;
    });
    EXPECT_EQ(past, (rounds - 1) * holds);
    EXPECT_TRUE(store->find(0, RowKind::past_hold, encode_id_key(hold_number(77, "").id)));
    EXPECT_EQ(store->holds_of(HoldIndex::cart, "cart-3", {}, 1000).size(), rounds);
    Version after = 0;
    while (after < rounds * holds) {
        for (const EventBlob& blob : store->tail(0, after, 10'000)) {
            ASSERT_EQ(blob.first, after + 1);
            after = blob.last;
        }
    }
}

TEST_F(RocksDbStore, RefusesADirectoryThatIsNotAStore) {
    write_file(path_ / "photo.jpg", "x");
    EXPECT_THAT(refusal(), HasSubstr("is not empty and is no Holdfast store"));
    EXPECT_FALSE(fs::exists(path_ / "holdfast.pid")) << "nothing is left behind";
    write_file(scratch_.path() / "file", "x");
    EXPECT_THAT(refusal({.path = scratch_.path() / "file"}), HasSubstr("Choose another one"));
    // What the root of a file system of its own looks like.
    fs::create_directories(scratch_.path() / "mounted" / "lost+found");
    EXPECT_EQ(refusal({.path = scratch_.path() / "mounted"}), "");
}

TEST_F(RocksDbStore, RefusesADirectoryInUseAndSaysByWhom) {
    auto store = open();
    EXPECT_THAT(refusal(), HasSubstr("in use by process " + std::to_string(::getpid()) +
                                     ". Stop that process"));
    append_holds(*store, 1);
    store.reset();
    EXPECT_EQ(refusal(), "");
}

TEST_F(RocksDbStore, RefusesWhatANewerReleaseHasWritten) {
    open().reset();
    const std::string ours = read_file(path_ / "holdfast.store");
    const std::string newer = "holdfast store 3 and whatever else\n";
    for (const std::string& text : {newer, ours.substr(0, ours.size() / 2) + newer}) {
        write_file(path_ / "holdfast.store", text);
        EXPECT_THAT(refusal(), HasSubstr("newer release (format 3, this one reads 2)"));
        EXPECT_EQ(read_file(path_ / "holdfast.store"), text);
    }
}

// A reader of format 1 looks at the first line alone, so neither line may be left as it was.
TEST_F(RocksDbStore, OpensAStoreOfFormat1AndMarksItAs2) {
    {
        auto store = open();
        append_holds(*store, 3);
    }
    const Mark before = mark(path_);
    for (const std::uint64_t newer_line : {0U, 1U}) {
        std::string text;
        for (const std::uint64_t line : {0U, 1U}) {
            std::string old =
                fmt::format("holdfast store 1 {:36} epoch {:020} acknowledged {:020} ", before.id,
                            before.epoch, line == newer_line ? 3 : 2);
            text += old + fmt::format("{:016x}\n", XXH3_64bits(old.data(), old.size()));
        }
        write_file(path_ / "holdfast.store", text);
        EXPECT_EQ(mark(path_), before);

        EXPECT_EQ(live_holds(*open()), 3U);
        const std::string after = read_file(path_ / "holdfast.store");
        ASSERT_EQ(after.size(), text.size());
        EXPECT_THAT(after, StartsWith("holdfast store 2 "));
        EXPECT_THAT(after.substr(after.size() / 2), StartsWith("holdfast store 2 "));
        EXPECT_EQ(mark(path_), before);
    }
}

TEST_F(RocksDbStore, RefusesAStoreThatLostTheEndOfItsLog) {
    {
        auto store = open();
        append_holds(*store, 5);
    }
    for (const fs::path& log : files(path_, ".log")) {
        fs::remove(log);
    }
    EXPECT_THAT(refusal(), AllOf(HasSubstr("append 5 was answered as done"),
                                 HasSubstr("Restore a backup"), HasSubstr("--accept-loss")));
    EXPECT_EQ(mark(path_).epoch, 1U);

    auto store = open({.path = path_, .accept_loss = true});
    EXPECT_EQ(live_holds(*store), 0U);
    EXPECT_EQ(last_batch(store->heads()), 5U) << "numbers are not given out twice";
    append_holds(*store, 1);
    store.reset();
    EXPECT_EQ(mark(path_).epoch, 2U);
    EXPECT_EQ(last_batch(open()->heads()), 6U);
}

TEST_F(RocksDbStore, RefusesAnotherStoresMark) {
    open().reset();
    const fs::path other = scratch_.path() / "other";
    open({.path = other}).reset();
    fs::copy_file(other / "holdfast.store", path_ / "holdfast.store",
                  fs::copy_options::overwrite_existing);
    EXPECT_THAT(refusal(), HasSubstr("is mixed up"));
}

TEST_F(RocksDbStore, NeedsOnlyOneLineOfTheMark) {
    {
        auto store = open();
        append_holds(*store, 3);
    }
    const std::string text = read_file(path_ / "holdfast.store");
    for (const std::size_t damaged : {text.size() / 4, text.size() * 3 / 4}) {
        std::string changed = text;
        changed[damaged] = static_cast<char>(changed[damaged] ^ 1);
        write_file(path_ / "holdfast.store", changed);
        EXPECT_EQ(refusal(), "");
    }
    write_file(path_ / "holdfast.store", std::string(text.size(), '\0'));
    EXPECT_THAT(refusal(), HasSubstr("holdfast.store cannot be read"));
}

TEST_F(RocksDbStore, BeginsAnInterruptedCreationAnew) {
    open().reset();
    MarkFile(*rocksdb::Env::Default()->GetFileSystem(), path_.string())
        .create({.id = std::string(36, 'a'), .epoch = 0});
    EXPECT_EQ(refusal(), "");
    EXPECT_EQ(mark(path_), (Mark{.id = std::string(36, 'a'), .epoch = 1}));
    // Interrupted before the first line was whole.
    fs::remove_all(path_);
    write_file(path_ / "holdfast.store", "holdf");
    EXPECT_EQ(refusal(), "");
    EXPECT_EQ(mark(path_).epoch, 1U);
}

TEST_F(RocksDbStore, BacksUpWhileItIsWritten) {
    auto store = open();
    append_holds(*store, 10);
    std::atomic<bool> stop = false;
    std::thread writer([&] {
        while (!stop) {
            append_holds(*store, 1);
        }
    });
    const fs::path copy = scratch_.path() / "copy";
    store->backup(copy);
    stop = true;
    writer.join();
    EXPECT_THROW(store->backup(copy), StoreError);
    EXPECT_EQ(mark(copy).id, mark(path_).id);

    auto copied = open({.path = copy});
    EXPECT_GE(last_batch(copied->heads()), 10U);
    EXPECT_LE(last_batch(copied->heads()), last_batch(store->heads()));
    EXPECT_EQ(live_holds(*copied), last_batch(copied->heads()));
    EXPECT_EQ(copied->holds_of(HoldIndex::cart, "cart", {}, 100'000).size(),
              last_batch(copied->heads()));
}

TEST_F(RocksDbStore, RestoresABackupAsANewEpoch) {
    const fs::path copy = scratch_.path() / "copy";
    {
        auto store = open();
        append_holds(*store, 10);
        store->backup(copy);
        append_holds(*store, 10);
    }
    const fs::path restored = scratch_.path() / "restored";
    restore_rocksdb(copy, restored);
    EXPECT_EQ(mark(restored).epoch, 2U);
    EXPECT_EQ(mark(restored).id, mark(path_).id);
    auto store = open({.path = restored});
    EXPECT_EQ(live_holds(*store), 10U);
    append_holds(*store, 1);
    EXPECT_EQ(last_batch(store->heads()), 11U);
    EXPECT_EQ(mark(copy).epoch, 1U) << "the backup is as it was";
    EXPECT_THROW(restore_rocksdb(copy, restored), StoreError) << "it exists";
    EXPECT_THROW(restore_rocksdb(restored, scratch_.path() / "x"), StoreError) << "it is in use";
    EXPECT_THROW(restore_rocksdb(scratch_.path(), scratch_.path() / "x"), StoreError);
}

TEST_F(RocksDbStore, RestoresNoDamagedBackup) {
    const fs::path copy = scratch_.path() / "copy";
    {
        auto store = open();
        append_holds(*store, 100);
        store->backup(copy);
    }
    const std::vector<fs::path> tables = files(copy, ".sst");
    ASSERT_FALSE(tables.empty());
    // The tables of the copy are the store's own files under another name.
    for (const fs::path& table : tables) {
        const fs::path own = table.string() + ".own";
        fs::copy_file(table, own);
        fs::rename(own, table);
        flip_byte_in_the_middle(table);
    }
    const fs::path restored = scratch_.path() / "restored";
    EXPECT_THROW(restore_rocksdb(copy, restored), StoreError);
    EXPECT_FALSE(fs::exists(restored));
    EXPECT_EQ(refusal(), "") << "the store itself is sound";
}

}  // namespace
}  // namespace holdfast::store
