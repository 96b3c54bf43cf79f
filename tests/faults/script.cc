#include "tests/faults/script.h"

#include <algorithm>
#include <iterator>
#include <latch>

#include <gtest/gtest.h>

#include "testing/store_batches.h"

namespace holdfast::faults {

using holdfast::testing::append_and_wait;
using holdfast::testing::BatchMaker;
using holdfast::testing::hold_number;
using holdfast::testing::MemoryStore;
using store::AppendOutcome;
using store::RowKind;

namespace {

// Long, so that a few hundred batches fill some tables.
std::string cart_of(std::uint64_t number) {
    return "cart-" + std::to_string(number % 7) + "-" + std::string(6000, 'x');
}

const std::vector<RowKind> all_kinds = {RowKind::sku,       RowKind::location,  RowKind::stock,
                                        RowKind::live_hold, RowKind::past_hold, RowKind::customer,
                                        RowKind::answers,   RowKind::claim};

std::string rows_of(store::Store& store, PartitionId partition) {
    std::string rows;
    const auto heads = store.load(
        all_kinds, [&](RowKind kind, PartitionId of, std::string_view key, std::string_view value) {
            if (of == partition) {
                rows += static_cast<char>(kind);
                rows.append(key).append("=").append(value).append("\n");
            }
        });
    return rows + std::to_string(heads[partition].version);
}

std::string events_of(store::Store& store, PartitionId partition) {
    std::string events;
    for (const store::EventBlob& blob : store.tail(partition, 0, SIZE_MAX)) {
        events += std::to_string(blob.first) + "-" + std::to_string(blob.last) + blob.bytes;
    }
    return events;
}

}  // namespace

store::Batch Script::next() {
    const std::uint64_t number = ++number_;
    BatchMaker batch(number, Instant(std::chrono::milliseconds(number)));
    const Hold hold = hold_number(number, cart_of(number), number % 3 == 0 ? "ann" : "");
    const auto home = static_cast<PartitionId>(number % partitions);
    batch.add(home, versions_[home]++, {HoldPlaced{hold}});
    if (number % 5 == 0) {
        const auto other = static_cast<PartitionId>((number + 1) % partitions);
        batch.add(other, versions_[other]++, {HoldPlaced{hold}});
        batch.put(RowKind::claim, other, store::encode_id_key(hold.id), "");
    }
    batch.put_hold(RowKind::live_hold, home, hold);
    batch.put(RowKind::stock, home, "mug", std::to_string(number));
    if (number > 4) {
        const Hold past = hold_number(number - 4, cart_of(number - 4));
        batch.erase(RowKind::live_hold, home, store::encode_id_key(past.id));
        batch.put_hold(RowKind::past_hold, home, past);
    }
    return batch.take();
}

Script Script::after(std::uint64_t batches) {
    Script script;
    for (std::uint64_t i = 0; i < batches; ++i) {
        (void)script.next();
    }
    return script;
}

Progress run(store::Store& store, Script& script, std::uint64_t count) {
    // Several at once, as an engine does; not all, so that the store can tidy up meanwhile.
    constexpr std::uint64_t together = 8;
    std::vector<store::AppendResult> results;
    while (results.size() < count) {
        std::vector<store::AppendResult> some(std::min(together, count - results.size()));
        std::latch answered(static_cast<std::ptrdiff_t>(some.size()));
        for (store::AppendResult& result : some) {
            store.append(script.next(), [&](store::AppendResult answer) {
                result = std::move(answer);
                answered.count_down();
            });
        }
        answered.wait();
        std::ranges::move(some, std::back_inserter(results));
    }

    Progress progress;
    for (const store::AppendResult& result : results) {
        if (!progress.error.empty()) {
            EXPECT_EQ(result.outcome, AppendOutcome::failed) << "nothing more is written";
            EXPECT_EQ(result.error, progress.error) << "and always for the same reason";
            continue;
        }
        if (result.outcome == AppendOutcome::appended) {
            ++progress.appended;
        } else {
            EXPECT_NE(result.outcome, AppendOutcome::conflict);
            EXPECT_NE(result.error, "") << "says why";
            progress.error = result.error;
            progress.unknown = result.outcome == AppendOutcome::unknown ? 1 : 0;
        }
    }
    return progress;
}

void expect_holds_first(store::Store& store, std::uint64_t batches) {
    MemoryStore model(partitions);
    Script script;
    for (std::uint64_t i = 0; i < batches; ++i) {
        ASSERT_EQ(append_and_wait(model, script.next()).outcome, AppendOutcome::appended);
    }
    EXPECT_EQ(last_batch(store.heads()), batches);
    for (PartitionId partition = 0; partition < partitions; ++partition) {
        // Not EXPECT_EQ: what it prints of a difference fills screens.
        EXPECT_TRUE(rows_of(store, partition) == rows_of(model, partition))
            << "rows of partition " << partition;
        EXPECT_TRUE(events_of(store, partition) == events_of(model, partition))
            << "events of partition " << partition;
    }
    for (std::uint64_t number = 0; number < 7; ++number) {
        EXPECT_EQ(store.holds_of(store::HoldIndex::cart, cart_of(number), {}, 10'000),
                  model.holds_of(store::HoldIndex::cart, cart_of(number), {}, 10'000, {}));
    }
    EXPECT_EQ(store.holds_of(store::HoldIndex::customer, "ann", {}, 10'000),
              model.holds_of(store::HoldIndex::customer, "ann", {}, 10'000, {}));
}

}  // namespace holdfast::faults
