// What any store must do, whatever it is made of. A new store passes this before anything else: give
// it a line in `kinds`.
#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/rocksdb/rocksdb_store.h"
#include "testing/faulty_store.h"
#include "testing/memory_store.h"
#include "testing/scratch_directory.h"
#include "testing/store_batches.h"

namespace holdfast::store {
namespace {

using holdfast::testing::append_and_wait;
using holdfast::testing::BatchMaker;
using holdfast::testing::Fault;
using holdfast::testing::FaultyStore;
using holdfast::testing::hold_number;
using holdfast::testing::MemoryStore;
using holdfast::testing::ScratchDirectory;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint32_t partitions = 3;

// A store that can be closed and opened again.
class Subject {
public:
    virtual ~Subject() = default;
    virtual Store& store() = 0;
    virtual void reopen() = 0;
};

class MemorySubject final : public Subject {
public:
    Store& store() override { return store_; }
    void reopen() override {}

private:
    MemoryStore store_{partitions};
};

class RocksDbSubject final : public Subject {
public:
    Store& store() override { return *store_; }
    void reopen() override {
        store_.reset();
        store_ = open();
    }

private:
    [[nodiscard]] std::unique_ptr<Store> open() const {
        return open_rocksdb({.path = directory_.path() / "data", .partitions = partitions});
    }

    ScratchDirectory directory_;
    std::unique_ptr<Store> store_ = open();
};

struct Kind {
    const char* name;
    std::function<std::unique_ptr<Subject>()> make;
};

class StoreContract : public ::testing::TestWithParam<Kind> {
protected:
    Store& store() { return subject_->store(); }
    void reopen() { subject_->reopen(); }

    AppendOutcome append(BatchMaker& batch) {
        return append_and_wait(store(), batch.take()).outcome;
    }
    AppendOutcome append(BatchMaker&& batch) { return append(batch); }

    // As "kind key=value", in the order in which they come.
    std::vector<std::string> rows(PartitionId partition, const std::vector<RowKind>& kinds) {
        std::vector<std::string> found;
        store().load(
            kinds, [&](RowKind kind, PartitionId of, std::string_view key, std::string_view value) {
                if (of == partition) {
                    found.push_back(std::to_string(static_cast<int>(kind)) + " " +
                                    std::string(key) + "=" + std::string(value));
                }
            });
        return found;
    }
    Version version(PartitionId partition) { return store().heads().at(partition).version; }

    std::unique_ptr<Subject> subject_ = GetParam().make();
};

Event received(const std::string& sku, Quantity quantity) {
    return StockReceived{.sku = sku, .location = "main", .quantity = quantity, .reference = ""};
}

TEST_P(StoreContract, NewStoresAreEmpty) {
    EXPECT_EQ(store().partition_count(), partitions);
    EXPECT_EQ(last_batch(store().heads()), 0U);
    for (PartitionId partition = 0; partition < partitions; ++partition) {
        EXPECT_EQ(version(partition), 0U);
        EXPECT_THAT(store().tail(partition, 0, 1000), IsEmpty());
        EXPECT_THAT(rows(partition, {RowKind::sku, RowKind::live_hold}), IsEmpty());
    }
    EXPECT_EQ(store().find(0, RowKind::past_hold, encode_id_key({})), std::nullopt);
    EXPECT_THAT(store().holds_of(HoldIndex::cart, "c", {}, 10), IsEmpty());
}

TEST_P(StoreContract, AppendsAreThereAndStayThere) {
    EXPECT_EQ(append(BatchMaker(1)
                         .add(1, 0, {received("a", 1), received("a", 2)})
                         .put(RowKind::stock, 1, "a", "3")),
              AppendOutcome::appended);
    for (const char* when : {"before", "after reopening"}) {
        SCOPED_TRACE(when);
        EXPECT_EQ(version(1), 2U);
        EXPECT_EQ(version(0), 0U);
        EXPECT_EQ(last_batch(store().heads()), 1U);
        EXPECT_EQ(store().partition_count(), partitions);
        EXPECT_THAT(rows(1, {RowKind::stock}), ElementsAre("3 a=3"));
        const auto blobs = store().tail(1, 0, 1000);
        ASSERT_EQ(blobs.size(), 1U);
        const auto events = decode_blob(1, blobs[0]);
        ASSERT_EQ(events.size(), 2U);
        EXPECT_EQ(events[1].event, received("a", 2));
        EXPECT_EQ(events[1].version, 2U);
        EXPECT_EQ(events[1].batch, 1U);
        reopen();
    }
}

TEST_P(StoreContract, AnotherVersionIsAConflictAndWritesNothing) {
    ASSERT_EQ(append(BatchMaker(1).add(0, 0, {received("a", 1)})), AppendOutcome::appended);
    for (const Version expected : {0, 2}) {
        EXPECT_EQ(append(BatchMaker(2)
                             .add(0, expected, {received("b", 1)})
                             .put(RowKind::stock, 0, "b", "1")),
                  AppendOutcome::conflict);
    }
    EXPECT_EQ(version(0), 1U);
    EXPECT_EQ(last_batch(store().heads()), 1U);
    EXPECT_THAT(rows(0, {RowKind::stock}), IsEmpty());
    EXPECT_EQ(store().tail(0, 0, 1000).size(), 1U);
    // And the writer that decides again on what is there gets through.
    EXPECT_EQ(append(BatchMaker(2).add(0, 1, {received("b", 1)})), AppendOutcome::appended);
}

TEST_P(StoreContract, SeveralPartitionsChangeTogetherOrNotAtAll) {
    ASSERT_EQ(append(BatchMaker(1)
                         .add(0, 0, {received("a", 1)})
                         .add(2, 0, {received("b", 1), received("b", 2)})
                         .put(RowKind::stock, 0, "a", "1")
                         .put(RowKind::stock, 2, "b", "3")),
              AppendOutcome::appended);
    EXPECT_EQ(version(0), 1U);
    EXPECT_EQ(version(2), 2U);
    // The second of the two has another version.
    EXPECT_EQ(append(BatchMaker(2)
                         .add(0, 1, {received("a", 5)})
                         .add(2, 1, {received("b", 5)})
                         .put(RowKind::stock, 0, "a", "6")
                         .put(RowKind::stock, 2, "b", "8")),
              AppendOutcome::conflict);
    reopen();
    EXPECT_EQ(version(0), 1U);
    EXPECT_EQ(version(2), 2U);
    EXPECT_THAT(rows(0, {RowKind::stock}), ElementsAre("3 a=1"));
    EXPECT_THAT(rows(2, {RowKind::stock}), ElementsAre("3 b=3"));
}

TEST_P(StoreContract, RowsOfAnotherPartitionMayComeAlong) {
    EXPECT_EQ(append(BatchMaker(1).add(0, 0, {received("a", 1)}).put(RowKind::claim, 1, "id", "")),
              AppendOutcome::appended);
    EXPECT_EQ(store().find(1, RowKind::claim, "id"), "");
    EXPECT_EQ(store().find(0, RowKind::claim, "id"), std::nullopt);
    EXPECT_EQ(version(1), 0U);
}

TEST_P(StoreContract, ALaterRowOfTheSameKeyWins) {
    ASSERT_EQ(append(BatchMaker(1)
                         .add(0, 0, {received("a", 1)})
                         .put(RowKind::stock, 0, "a", "first")
                         .put(RowKind::stock, 0, "a", "second")
                         .put(RowKind::stock, 0, "b", "gone")
                         .erase(RowKind::stock, 0, "b")
                         .erase(RowKind::stock, 0, "c")
                         .put(RowKind::stock, 0, "c", "back")),
              AppendOutcome::appended);
    EXPECT_THAT(rows(0, {RowKind::stock}), ElementsAre("3 a=second", "3 c=back"));
    ASSERT_EQ(append(BatchMaker(2).add(0, 1, {received("a", 1)}).erase(RowKind::stock, 0, "a")),
              AppendOutcome::appended);
    EXPECT_THAT(rows(0, {RowKind::stock}), ElementsAre("3 c=back"));
}

TEST_P(StoreContract, LoadsByKindThenKeyAndOnlyWhatWasAsked) {
    ASSERT_EQ(append(BatchMaker(1)
                         .add(0, 0, {received("a", 1)})
                         .put(RowKind::stock, 0, std::string("\xff\0", 2), "h3")
                         .put(RowKind::stock, 0, std::string("\0\1", 2), "h1")
                         .put(RowKind::stock, 0, "A", "h2")
                         .put(RowKind::sku, 0, "z", "s")
                         .put(RowKind::past_hold, 0, "A", "not asked for")
                         .put(RowKind::sku, 1, "y", "elsewhere")),
              AppendOutcome::appended);
    EXPECT_THAT(
        rows(0, {RowKind::stock, RowKind::sku}),
        ElementsAre(std::string("3 \0\1=h1", 7), "3 A=h2", std::string("3 \xff\0=h3", 7), "1 z=s"));
}

// The largest kind of rows, which a store may keep in a way of its own.
TEST_P(StoreContract, PendingHoldsComeGoAndChangeInAnyOrder) {
    std::map<HoldId, std::string> expected;
    std::uint64_t number = 0;
    const auto check = [&] {
        std::map<HoldId, std::string> loaded;
        store().load({RowKind::live_hold},
                     [&](RowKind, PartitionId, std::string_view key, std::string_view value) {
                         EXPECT_TRUE(loaded.empty() || loaded.rbegin()->first < decode_id_key(key));
                         loaded.emplace(decode_id_key(key), value);
                     });
        EXPECT_EQ(loaded, expected);
        for (std::uint64_t i = 1; i <= 60; ++i) {
            const HoldId id{.high = 1'000 * (i / 7) + i, .low = i};
            const auto row = store().find(0, RowKind::live_hold, encode_id_key(id));
            const auto found = expected.find(id);
            EXPECT_EQ(row, found == expected.end() ? std::nullopt : std::optional(found->second));
            std::map<HoldId, std::string> behind;
            store().scan(0, RowKind::live_hold, encode_id_key(id),
                         [&](std::string_view key, std::string_view value) {
                             behind.emplace(decode_id_key(key), value);
                             return true;
                         });
            EXPECT_EQ(behind, (std::map(expected.upper_bound(id), expected.end())));
        }
    };
    std::mt19937 random(7);
    std::uint64_t next = 1;
    for (int round = 0; round < 60; ++round) {
        BatchMaker batch(++number);
        batch.add(0, version(0), {received("a", 1)});
        for (std::uint64_t i = random() % 4; i > 0 && next <= 60; --i, ++next) {
            const HoldId id{.high = 1'000 * (next / 7) + next, .low = next};
            batch.put(RowKind::live_hold, 0, encode_id_key(id), "new");
            expected[id] = "new";
        }
        for (auto hold = expected.begin(); hold != expected.end();) {
            const auto change = random() % 8;
            if (change == 0) {
                hold->second = "changed in " + std::to_string(round);
                batch.put(RowKind::live_hold, 0, encode_id_key(hold->first), hold->second);
            }
            if (change == 1 || round > 50) {
                batch.erase(RowKind::live_hold, 0, encode_id_key(hold->first));
                hold = expected.erase(hold);
            } else {
                ++hold;
            }
        }
        ASSERT_EQ(append(batch), AppendOutcome::appended);
        if (round % 5 == 0) {
            reopen();
        }
        check();
    }
    EXPECT_TRUE(expected.empty());
}

// What changes most often, which a store may keep in a way of its own.
TEST_P(StoreContract, StockIsAsTheLastAppendLeftIt) {
    std::mt19937 random(7);
    std::map<std::string, std::string> expected;
    const auto check = [&] {
        std::map<std::string, std::string> loaded;
        std::map<std::string, std::string> scanned;
        store().load({RowKind::stock},
                     [&](RowKind, PartitionId, std::string_view key, std::string_view value) {
                         EXPECT_TRUE(loaded.empty() || loaded.rbegin()->first < key);
                         loaded.emplace(key, value);
                     });
        EXPECT_EQ(loaded, expected);
        store().scan(0, RowKind::stock, "sku-2", [&](std::string_view key, std::string_view value) {
            scanned.emplace(key, value);
            return true;
        });
        EXPECT_EQ(scanned, (std::map(expected.upper_bound("sku-2"), expected.end())));
        for (int i = 0; i < 300; ++i) {
            const std::string key = "sku-" + std::to_string(i);
            const auto row = expected.find(key);
            EXPECT_EQ(store().find(0, RowKind::stock, key),
                      row == expected.end() ? std::nullopt : std::optional(row->second));
        }
    };
    // Enough changes that a store which keeps old versions has to tidy up.
    for (std::uint64_t number = 1; number <= 600; ++number) {
        BatchMaker batch(number);
        batch.add(0, number - 1, {received("a", 1)});
        for (int i = 0; i < 100; ++i) {
            // Some change all the time, some hardly ever.
            const std::string key = "sku-" + std::to_string(random() % (1 + random() % 300));
            if (random() % 8 == 0) {
                batch.erase(RowKind::stock, 0, key);
                expected.erase(key);
            } else {
                expected[key] = std::to_string(number) + "/" + std::to_string(i);
                batch.put(RowKind::stock, 0, key, expected[key]);
            }
        }
        ASSERT_EQ(append(batch), AppendOutcome::appended);
        if (number % 75 == 0) {
            check();
            reopen();
            check();
        }
    }
}

TEST_P(StoreContract, TheTailIsPagedByBytes) {
    for (std::uint64_t i = 0; i < 10; ++i) {
        std::vector<Event> events(i % 3 + 1, received(std::string(100, 'x'), 1));
        const Version expected = version(0);
        ASSERT_EQ(append(BatchMaker(i + 1).add(0, expected, events)), AppendOutcome::appended);
    }
    const Version last = version(0);
    std::vector<std::size_t> pages;
    Version after = 0;
    while (after < last) {
        const auto blobs = store().tail(0, after, 300);
        ASSERT_FALSE(blobs.empty());
        pages.push_back(blobs.size());
        for (const EventBlob& blob : blobs) {
            EXPECT_EQ(blob.first, after + 1);
            after = blob.last;
            (void)decode_blob(0, blob);
        }
    }
    EXPECT_EQ(after, last);
    EXPECT_GT(pages.size(), 2U);
    EXPECT_THAT(store().tail(0, last, 300), IsEmpty());
    // From the middle of a blob: the whole blob. One at least, however little was asked for.
    EXPECT_EQ(store().tail(0, 4, 0).size(), 1U);
    EXPECT_EQ(store().tail(0, 4, 0)[0].first, 4U);
    EXPECT_EQ(store().tail(0, 0, 1 << 20).size(), 10U);
}

TEST_P(StoreContract, FindsAndScans) {
    BatchMaker batch(1);
    batch.add(0, 0, {received("a", 1)});
    for (const char* key : {"b", "d", "a", "c", "dd"}) {
        batch.put(RowKind::past_hold, 0, key, std::string("value of ") + key);
    }
    batch.put(RowKind::past_hold, 1, "e", "elsewhere").put(RowKind::customer, 0, "e", "other kind");
    ASSERT_EQ(append(batch), AppendOutcome::appended);

    EXPECT_EQ(store().find(0, RowKind::past_hold, "c"), "value of c");
    EXPECT_EQ(store().find(0, RowKind::past_hold, "e"), std::nullopt);
    EXPECT_EQ(store().find(1, RowKind::past_hold, "e"), "elsewhere");
    EXPECT_EQ(store().find(0, RowKind::past_hold, ""), std::nullopt);

    const auto scan = [this](std::string_view after, std::size_t limit) {
        std::vector<std::string> keys;
        store().scan(0, RowKind::past_hold, after,
                     [&](std::string_view key, std::string_view value) {
                         EXPECT_EQ(value, "value of " + std::string(key));
                         keys.emplace_back(key);
                         return keys.size() < limit;
                     });
        return keys;
    };
    EXPECT_THAT(scan("", 10), ElementsAre("a", "b", "c", "d", "dd"));
    EXPECT_THAT(scan("", 2), ElementsAre("a", "b"));
    EXPECT_THAT(scan("b", 2), ElementsAre("c", "d"));
    EXPECT_THAT(scan("bb", 10), ElementsAre("c", "d", "dd"));
    EXPECT_THAT(scan("d", 10), ElementsAre("dd"));
    EXPECT_THAT(scan("dd", 10), IsEmpty());
}

TEST_P(StoreContract, FindsHoldsByCartAndCustomerOldestFirst) {
    std::vector<HoldId> of_cart;
    for (std::uint64_t i = 1; i <= 30; ++i) {
        const auto partition = static_cast<PartitionId>(i % partitions);
        const Hold hold = hold_number(i, i % 2 == 0 ? "even" : "even\x01", i % 5 == 0 ? "ann" : "");
        ASSERT_EQ(append(BatchMaker(i).add(partition, version(partition), {HoldPlaced{hold}})),
                  AppendOutcome::appended);
        if (i % 2 == 0) {
            of_cart.push_back(hold.id);
        }
        if (i == 17) {
            // Those before are found after a restart, and are not found twice.
            EXPECT_EQ(store().holds_of(HoldIndex::cart, "even", {}, 100), of_cart);
            reopen();
        }
    }
    EXPECT_EQ(store().holds_of(HoldIndex::cart, "even", {}, 100), of_cart);
    EXPECT_EQ(store().holds_of(HoldIndex::customer, "ann", {}, 100).size(), 6U);
    EXPECT_THAT(store().holds_of(HoldIndex::cart, "ann", {}, 100), IsEmpty());
    EXPECT_THAT(store().holds_of(HoldIndex::cart, "eve", {}, 100), IsEmpty());

    const auto page = store().holds_of(HoldIndex::cart, "even", of_cart[3], 5);
    EXPECT_EQ(page, std::vector<HoldId>(of_cart.begin() + 4, of_cart.begin() + 9));
    EXPECT_THAT(store().holds_of(HoldIndex::cart, "even", of_cart.back(), 5), IsEmpty());
}

// A hold that touches two partitions has its event in the log of each, and is one hold.
TEST_P(StoreContract, AHoldInTwoPartitionsIsFoundOnce) {
    const Hold hold = hold_number(1, "c");
    ASSERT_EQ(append(BatchMaker(1).add(0, 0, {HoldPlaced{hold}}).add(1, 0, {HoldPlaced{hold}})),
              AppendOutcome::appended);
    EXPECT_THAT(store().holds_of(HoldIndex::cart, "c", {}, 10), ElementsAre(hold.id));
}

TEST_P(StoreContract, AppendsMayFollowWithoutWaiting) {
    std::atomic<int> answered = 0;
    std::vector<AppendOutcome> outcomes(50);
    std::promise<void> all;
    for (std::uint64_t i = 0; i < 50; ++i) {
        store().append(BatchMaker(i + 1).add(0, i, {received("a", 1)}).take(),
                       [&, i](AppendResult result) {
                           outcomes[i] = result.outcome;
                           if (++answered == 50) {
                               all.set_value();
                           }
                       });
    }
    all.get_future().get();
    EXPECT_THAT(outcomes, ::testing::Each(AppendOutcome::appended));
    EXPECT_EQ(version(0), 50U);
}

// What a writer does when it is told that the outcome is unknown: it asks for the version.
TEST_P(StoreContract, AnUnknownOutcomeIsResolvedByTheVersion) {
    FaultyStore faulty(store());
    faulty.plan(0, Fault::unknown_written);
    faulty.plan(1, Fault::unknown_not_written);
    EXPECT_EQ(append_and_wait(faulty, BatchMaker(1).add(0, 0, {received("a", 1)}).take()).outcome,
              AppendOutcome::unknown);
    EXPECT_EQ(version(0), 1U);
    EXPECT_EQ(last_batch(store().heads()), 1U);
    EXPECT_EQ(append_and_wait(faulty, BatchMaker(2).add(0, 1, {received("a", 1)}).take()).outcome,
              AppendOutcome::unknown);
    EXPECT_EQ(version(0), 1U);
    EXPECT_EQ(last_batch(store().heads()), 1U);
    EXPECT_EQ(append_and_wait(faulty, BatchMaker(2).add(0, 1, {received("a", 1)}).take()).outcome,
              AppendOutcome::appended);
}

// Every read sees whole appends: rows and version of one moment.
TEST_P(StoreContract, ReadersSeeWholeAppends) {
    constexpr std::uint64_t appends = 200;
    std::atomic<bool> written = false;
    std::vector<std::thread> readers;
    for (int i = 0; i < 2; ++i) {
        readers.emplace_back([&] {
            bool last_round = false;
            while (!last_round) {
                last_round = written;
                std::vector<std::string> values;
                const auto heads = store().load(
                    {RowKind::stock}, [&](RowKind, PartitionId, std::string_view,
                                          std::string_view value) { values.emplace_back(value); });
                const Version at = heads[0].version;
                EXPECT_THAT(values, ::testing::Each(std::to_string(at)));
                EXPECT_EQ(values.size(), at == 0 ? 0 : 3);
                const auto blobs = store().tail(0, 0, 1 << 20);
                EXPECT_GE(blobs.empty() ? 0 : blobs.back().last, at);
                const auto found = store().find(0, RowKind::stock, "a");
                EXPECT_GE(found ? std::stoull(*found) : 0, at);
            }
        });
    }
    for (std::uint64_t i = 1; i <= appends; ++i) {
        const std::string value = std::to_string(i);
        ASSERT_EQ(append(BatchMaker(i)
                             .add(0, i - 1, {received("a", 1)})
                             .put(RowKind::stock, 0, "a", value)
                             .put(RowKind::stock, 0, "b", value)
                             .put(RowKind::stock, 0, "c", value)),
                  AppendOutcome::appended);
    }
    written = true;
    for (std::thread& reader : readers) {
        reader.join();
    }
}

const Kind kinds[] = {{"Memory", [] { return std::make_unique<MemorySubject>(); }},
                      {"RocksDb", [] { return std::make_unique<RocksDbSubject>(); }}};

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, ::testing::ValuesIn(kinds),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace holdfast::store
