// What any store must do, whatever it is made of. A new store passes this before anything else: give
// it a line in store_kinds.cc.
#include <atomic>
#include <latch>
#include <map>
#include <memory>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/faulty_store.h"
#include "testing/store_batches.h"
#include "tests/contract/contract_test.h"

namespace holdfast::store {
namespace {

using holdfast::testing::append_and_wait;
using holdfast::testing::BatchMaker;
using holdfast::testing::bytes_of;
using holdfast::testing::Fault;
using holdfast::testing::FaultyStore;
using holdfast::testing::hold_number;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Rows as a sequencer writes them: a store may take them apart.
std::string units(Quantity on_hand) {
    return bytes_of(Counters{.on_hand = on_hand, .available = on_hand});
}
std::string at_main(std::string_view sku) {
    return encode_pair_key(sku, "main");
}
std::string past(std::uint64_t number) {
    Hold hold = hold_number(number, "c");
    hold.status = HoldStatus::confirmed;
    return bytes_of(hold);
}
std::string id_of(std::uint64_t number) {
    return encode_id_key(hold_number(number, "c").id);
}

// For stock "sku=units", for everything else that these tests put "kind key".
std::string shown(RowKind kind, std::string_view key, std::string_view value) {
    if (kind == RowKind::stock) {
        return std::string(decode_pair_key(key).first) + "=" +
               std::to_string(decode_counters(value).on_hand);
    }
    return std::to_string(static_cast<int>(kind)) + " " + std::string(key);
}

class StoreContract : public ContractTest {
protected:
    // In the order in which they come.
    std::vector<std::string> rows(PartitionId partition, const std::vector<RowKind>& kinds) {
        std::vector<std::string> found;
        store().load(
            kinds, [&](RowKind kind, PartitionId of, std::string_view key, std::string_view value) {
                if (of == partition) {
                    found.push_back(shown(kind, key, value));
                }
            });
        return found;
    }
};

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
                         .put(RowKind::stock, 1, at_main("a"), units(3))),
              AppendOutcome::appended);
    for (const char* when : {"before", "after reopening"}) {
        SCOPED_TRACE(when);
        EXPECT_EQ(version(1), 2U);
        EXPECT_EQ(version(0), 0U);
        EXPECT_EQ(last_batch(store().heads()), 1U);
        EXPECT_EQ(store().partition_count(), partitions);
        EXPECT_THAT(rows(1, {RowKind::stock}), ElementsAre("a=3"));
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
                             .put(RowKind::stock, 0, at_main("b"), units(1))),
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
                         .put(RowKind::stock, 0, at_main("a"), units(1))
                         .put(RowKind::stock, 2, at_main("b"), units(3))),
              AppendOutcome::appended);
    EXPECT_EQ(version(0), 1U);
    EXPECT_EQ(version(2), 2U);
    // The second of the two has another version.
    EXPECT_EQ(append(BatchMaker(2)
                         .add(0, 1, {received("a", 5)})
                         .add(2, 1, {received("b", 5)})
                         .put(RowKind::stock, 0, at_main("a"), units(6))
                         .put(RowKind::stock, 2, at_main("b"), units(8))),
              AppendOutcome::conflict);
    reopen();
    EXPECT_EQ(version(0), 1U);
    EXPECT_EQ(version(2), 2U);
    EXPECT_THAT(rows(0, {RowKind::stock}), ElementsAre("a=1"));
    EXPECT_THAT(rows(2, {RowKind::stock}), ElementsAre("b=3"));
}

TEST_P(StoreContract, RowsOfAnotherPartitionMayComeAlong) {
    EXPECT_EQ(
        append(BatchMaker(1).add(0, 0, {received("a", 1)}).put(RowKind::claim, 1, id_of(1), "")),
        AppendOutcome::appended);
    EXPECT_EQ(store().find(1, RowKind::claim, id_of(1)), "");
    EXPECT_EQ(store().find(0, RowKind::claim, id_of(1)), std::nullopt);
    EXPECT_EQ(version(1), 0U);
}

TEST_P(StoreContract, ALaterRowOfTheSameKeyWins) {
    ASSERT_EQ(append(BatchMaker(1)
                         .add(0, 0, {received("a", 1)})
                         .put(RowKind::stock, 0, at_main("a"), units(1))
                         .put(RowKind::stock, 0, at_main("a"), units(2))
                         .put(RowKind::stock, 0, at_main("b"), units(3))
                         .erase(RowKind::stock, 0, at_main("b"))
                         .erase(RowKind::stock, 0, at_main("c"))
                         .put(RowKind::stock, 0, at_main("c"), units(4))),
              AppendOutcome::appended);
    EXPECT_THAT(rows(0, {RowKind::stock}), ElementsAre("a=2", "c=4"));
    ASSERT_EQ(
        append(BatchMaker(2).add(0, 1, {received("a", 1)}).erase(RowKind::stock, 0, at_main("a"))),
        AppendOutcome::appended);
    EXPECT_THAT(rows(0, {RowKind::stock}), ElementsAre("c=4"));
}

TEST_P(StoreContract, LoadsByKindThenKeyAndOnlyWhatWasAsked) {
    ASSERT_EQ(append(BatchMaker(1)
                         .add(0, 0, {received("a", 1)})
                         .put(RowKind::stock, 0, at_main("~z"), units(3))
                         .put(RowKind::stock, 0, encode_pair_key("A", "z"), units(2))
                         .put(RowKind::stock, 0, encode_pair_key("A!", "a"), units(4))
                         .put(RowKind::stock, 0, encode_pair_key("A", "Z"), units(1))
                         .put(RowKind::sku, 0, "z", bytes_of(SkuRow{.defined_at = 1}))
                         .put(RowKind::past_hold, 0, id_of(1), past(1))
                         .put(RowKind::sku, 1, "y", bytes_of(SkuRow{.defined_at = 2}))),
              AppendOutcome::appended);
    EXPECT_THAT(rows(0, {RowKind::stock, RowKind::sku}),
                ElementsAre("A=1", "A=2", "A!=4", "~z=3", "1 z"));
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
    const auto some_hold = [&random](HoldId id) {
        Hold hold = hold_number(1, "c");
        hold.id = id;
        hold.fence = random() % 1'000;
        hold.lines.resize(1 + random() % 3, hold.lines.front());
        for (HoldLine& line : hold.lines) {
            line.quantity = line.wanted = 4;
            line.allocations.clear();
            for (std::uint64_t i = random() % 3; i > 0; --i) {
                line.allocations.push_back({.location = "main", .quantity = 2});
            }
        }
        return bytes_of(hold);
    };
    std::uint64_t next = 1;
    for (int round = 0; round < 60; ++round) {
        BatchMaker batch(++number);
        batch.add(0, version(0), {received("a", 1)});
        for (std::uint64_t i = random() % 4; i > 0 && next <= 60; --i, ++next) {
            const HoldId id{.high = 1'000 * (next / 7) + next, .low = next};
            expected[id] = some_hold(id);
            batch.put(RowKind::live_hold, 0, encode_id_key(id), expected[id]);
        }
        for (auto hold = expected.begin(); hold != expected.end();) {
            const auto change = random() % 8;
            if (change == 0) {
                hold->second = some_hold(hold->first);
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
            const std::string key = at_main("sku-" + std::to_string(i));
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
            const std::string key =
                at_main("sku-" + std::to_string(random() % (1 + random() % 300)));
            if (random() % 8 == 0) {
                batch.erase(RowKind::stock, 0, key);
                expected.erase(key);
            } else {
                expected[key] = units(static_cast<Quantity>(number) * 1'000 + i);
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

TEST_P(StoreContract, FindsAndScans) {
    BatchMaker batch(1);
    batch.add(0, 0, {received("a", 1)});
    for (const std::uint64_t number : {3, 7, 1, 5, 9}) {
        batch.put(RowKind::past_hold, 0, id_of(number), past(number));
    }
    batch.put(RowKind::past_hold, 1, id_of(11), past(11))
        .put(RowKind::claim, 0, id_of(11), "")
        .put_hold(RowKind::live_hold, 0, hold_number(13, "c"));
    ASSERT_EQ(append(batch), AppendOutcome::appended);

    EXPECT_EQ(store().find(0, RowKind::past_hold, id_of(5)), past(5));
    EXPECT_EQ(store().find(0, RowKind::past_hold, id_of(11)), std::nullopt);
    EXPECT_EQ(store().find(1, RowKind::past_hold, id_of(11)), past(11));
    EXPECT_EQ(store().find(0, RowKind::past_hold, id_of(13)), std::nullopt);
    EXPECT_EQ(store().find(0, RowKind::past_hold, encode_id_key({})), std::nullopt);

    const auto scan = [this](std::string_view after, std::size_t limit) {
        std::vector<std::uint64_t> numbers;
        store().scan(0, RowKind::past_hold, after,
                     [&](std::string_view key, std::string_view value) {
                         numbers.push_back(decode_hold(value).fence);
                         EXPECT_EQ(key, id_of(numbers.back()));
                         EXPECT_EQ(value, past(numbers.back()));
                         return numbers.size() < limit;
                     });
        return numbers;
    };
    EXPECT_THAT(scan("", 10), ElementsAre(1, 3, 5, 7, 9));
    EXPECT_THAT(scan("", 2), ElementsAre(1, 3));
    EXPECT_THAT(scan(id_of(3), 2), ElementsAre(5, 7));
    EXPECT_THAT(scan(id_of(4), 10), ElementsAre(5, 7, 9));
    EXPECT_THAT(scan(id_of(7), 10), ElementsAre(9));
    EXPECT_THAT(scan(id_of(9), 10), IsEmpty());
}

// A hold is in one place at a time: pending, or no longer.
TEST_P(StoreContract, AHoldThatEndsMovesToThePastAndMayComeBack) {
    const Hold pending = hold_number(1, "c");
    ASSERT_EQ(append(BatchMaker(1)
                         .add(0, 0, {HoldPlaced{pending}})
                         .put_hold(RowKind::live_hold, 0, pending)),
              AppendOutcome::appended);
    EXPECT_EQ(store().find(0, RowKind::live_hold, id_of(1)), bytes_of(pending));
    ASSERT_EQ(append(BatchMaker(2)
                         .add(0, 1, {received("a", 1)})
                         .erase(RowKind::live_hold, 0, id_of(1))
                         .put(RowKind::past_hold, 0, id_of(1), past(1))),
              AppendOutcome::appended);
    EXPECT_EQ(store().find(0, RowKind::live_hold, id_of(1)), std::nullopt);
    EXPECT_EQ(store().find(0, RowKind::past_hold, id_of(1)), past(1));
    // Placed and ended in one append.
    ASSERT_EQ(append(BatchMaker(3)
                         .add(0, 2, {HoldPlaced{hold_number(2, "c")}})
                         .put_hold(RowKind::live_hold, 0, hold_number(2, "c"))
                         .erase(RowKind::live_hold, 0, id_of(2))
                         .put(RowKind::past_hold, 0, id_of(2), past(2))),
              AppendOutcome::appended);
    reopen();
    EXPECT_THAT(rows(0, {RowKind::live_hold}), IsEmpty());
    EXPECT_THAT(rows(0, {RowKind::past_hold}), ElementsAre("5 " + id_of(1), "5 " + id_of(2)));
}

TEST_P(StoreContract, FindsHoldsByCartAndCustomerOldestFirst) {
    std::vector<HoldId> of_cart;
    for (std::uint64_t i = 1; i <= 30; ++i) {
        const auto partition = static_cast<PartitionId>(i % partitions);
        Hold hold = hold_number(i, i % 2 == 0 ? "even" : "even\x01", i % 5 == 0 ? "ann" : "");
        ASSERT_EQ(append(BatchMaker(i)
                             .add(partition, version(partition), {HoldPlaced{hold}})
                             .put_hold(RowKind::live_hold, partition, hold)),
                  AppendOutcome::appended);
        const auto found = store().holds_of(HoldIndex::cart, hold.cart, {}, 100);
        EXPECT_EQ(std::ranges::count(found, hold.id), store().writer() ? 0 : 1);
        // However a hold ends, and whatever changes later.
        for (const HoldStatus status : {HoldStatus::expired, HoldStatus::lost}) {
            hold.status = status;
            ASSERT_EQ(append(BatchMaker(i)
                                 .add(partition, version(partition), {received("a", 1)})
                                 .erase(RowKind::live_hold, partition, encode_id_key(hold.id))
                                 .put_hold(RowKind::past_hold, partition, hold)),
                      AppendOutcome::appended);
        }
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
    Hold hold = hold_number(1, "c");
    hold.status = HoldStatus::confirmed;
    ASSERT_EQ(append(BatchMaker(1)
                         .add(0, 0, {HoldPlaced{hold}})
                         .add(1, 0, {HoldPlaced{hold}})
                         .put_hold(RowKind::past_hold, 0, hold)
                         .put(RowKind::claim, 1, encode_id_key(hold.id), "")),
              AppendOutcome::appended);
    EXPECT_THAT(store().holds_of(HoldIndex::cart, "c", {}, 10), ElementsAre(hold.id));
}

TEST_P(StoreContract, AppendsToOtherPartitionsMayFollowWithoutWaiting) {
    const std::size_t at_once = std::min<std::size_t>(store().appends_at_once(), partitions);
    for (std::uint64_t round = 0; round < 10; ++round) {
        std::vector<AppendOutcome> outcomes(at_once, AppendOutcome::failed);
        std::latch answered(static_cast<std::ptrdiff_t>(at_once));
        for (std::size_t i = 0; i < at_once; ++i) {
            store().append(BatchMaker(round * at_once + i + 1)
                               .add(static_cast<PartitionId>(i), round, {received("a", 1)})
                               .take(),
                           [&, i](AppendResult result) {
                               outcomes[i] = result.outcome;
                               answered.count_down();
                           });
        }
        answered.wait();
        EXPECT_THAT(outcomes, ::testing::Each(AppendOutcome::appended));
    }
    for (std::size_t i = 0; i < at_once; ++i) {
        EXPECT_EQ(version(static_cast<PartitionId>(i)), 10U);
    }
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
    readers.reserve(2);
    for (int i = 0; i < 2; ++i) {
        readers.emplace_back([&] {
            bool last_round = false;
            while (!last_round) {
                last_round = written;
                std::vector<Quantity> values;
                const auto heads = store().load(
                    {RowKind::stock},
                    [&](RowKind, PartitionId, std::string_view, std::string_view value) {
                        values.push_back(decode_counters(value).on_hand);
                    });
                const Version at = heads[0].version;
                EXPECT_THAT(values, ::testing::Each(static_cast<Quantity>(at)));
                EXPECT_EQ(values.size(), at == 0 ? 0 : 3);
                const auto blobs = store().tail(0, 0, 1 << 20);
                EXPECT_GE(blobs.empty() ? 0 : blobs.back().last, at);
                const auto found = store().find(0, RowKind::stock, at_main("a"));
                EXPECT_GE(found ? decode_counters(*found).on_hand : 0, static_cast<Quantity>(at));
            }
        });
    }
    for (std::uint64_t i = 1; i <= appends; ++i) {
        const std::string value = units(static_cast<Quantity>(i));
        ASSERT_EQ(append(BatchMaker(i)
                             .add(0, i - 1, {received("a", 1)})
                             .put(RowKind::stock, 0, at_main("a"), value)
                             .put(RowKind::stock, 0, at_main("b"), value)
                             .put(RowKind::stock, 0, at_main("c"), value)),
                  AppendOutcome::appended);
    }
    written = true;
    for (std::thread& reader : readers) {
        reader.join();
    }
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, ::testing::ValuesIn(kinds()),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace holdfast::store
