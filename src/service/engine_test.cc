#include "service/engine.h"

#include <future>

#include <gtest/gtest.h>

#include "service/audit.h"
#include "testing/manual_clock.h"
#include "testing/memory_store.h"

namespace holdfast::service {
namespace {

using namespace std::chrono_literals;

// A store that outlives the engine on it.
class Borrowed final : public store::Store {
public:
    explicit Borrowed(store::Store& store) : store_(store) {}
    [[nodiscard]] std::uint32_t partition_count() const override {
        return store_.partition_count();
    }
    std::vector<store::Head> heads() override { return store_.heads(); }
    std::vector<store::Head> load(const std::vector<store::RowKind>& kinds,
                                  const store::RowSink& sink) override {
        return store_.load(kinds, sink);
    }
    std::vector<store::EventBlob> tail(PartitionId partition, Version after,
                                       std::size_t bytes_max) override {
        return store_.tail(partition, after, bytes_max);
    }
    void append(store::Batch batch, store::AppendDone done) override {
        store_.append(std::move(batch), std::move(done));
    }
    [[nodiscard]] std::optional<std::string> find(PartitionId partition, store::RowKind kind,
                                                  std::string_view key) override {
        return store_.find(partition, kind, key);
    }
    void scan(PartitionId partition, store::RowKind kind, std::string_view after,
              const std::function<bool(std::string_view, std::string_view)>& sink) override {
        store_.scan(partition, kind, after, sink);
    }
    std::vector<HoldId> holds_of(store::HoldIndex index, std::string_view name, HoldId after,
                                 std::size_t limit, const std::stop_token& ending) override {
        return store_.holds_of(index, name, after, limit, ending);
    }
    void backup(const std::filesystem::path& directory) override { store_.backup(directory); }

private:
    store::Store& store_;
};

class EngineTest : public ::testing::TestWithParam<std::uint32_t> {
protected:
    void SetUp() override {
        restart();
        ASSERT_TRUE(engine_->submit(DefineSku{.sku = "mug"}));
        ASSERT_TRUE(engine_->submit(DefineSku{.sku = "tea"}));
        ASSERT_TRUE(engine_->submit(ReceiveStock{.sku = "mug", .quantity = 10}));
        ASSERT_TRUE(engine_->submit(ReceiveStock{.sku = "tea", .quantity = 10}));
    }
    void TearDown() override {
        const AuditReport report = engine_->audit();
        for (const AuditDifference& difference : report.differences) {
            ADD_FAILURE() << difference.what << ": kept " << difference.kept << ", events "
                          << difference.events;
        }
    }
    void restart() {
        engine_.reset();
        engine_ = std::make_unique<Engine>(std::make_unique<Borrowed>(store_), clock_);
    }
    Counters stock(const std::string& sku) {
        std::promise<Counters> counters;
        engine_->read_stock(
            sku, [&](Outcome<StockAnswer> outcome) { counters.set_value(outcome.result->total); });
        return counters.get_future().get();
    }
    Result<Page<Hold>> find(HoldFilter filter) {
        std::promise<Result<Page<Hold>>> found;
        engine_->find_holds(std::move(filter), [&](Outcome<Page<Hold>> outcome) {
            found.set_value(std::move(outcome.result));
        });
        return found.get_future().get();
    }
    static PlaceHold cart(Quantity mugs, Quantity teas) {
        return {.cart = "c-1",
                .customer = "u-1",
                .lines = {{.sku = "mug", .quantity = mugs}, {.sku = "tea", .quantity = teas}}};
    }

    testing::MemoryStore store_{GetParam()};
    std::shared_ptr<testing::ManualClock> clock_ =
        std::make_shared<testing::ManualClock>(Instant(1'000'000s));
    std::unique_ptr<Engine> engine_;
};

TEST_P(EngineTest, HoldSurvivesARestart) {
    const auto held = engine_->submit(cart(3, 2));
    ASSERT_TRUE(held);
    restart();
    EXPECT_EQ(stock("mug").held, 3);
    EXPECT_TRUE(engine_->submit(ConfirmHold{.id = held->hold.id, .fence = held->hold.fence}));
    EXPECT_EQ(stock("tea").committed, 2);
    restart();
    EXPECT_TRUE(engine_->submit(FulfilHold{.id = held->hold.id}));
    EXPECT_EQ(stock("mug").on_hand, 7);
}

TEST_P(EngineTest, DueHoldsEndAtTheTick) {
    ASSERT_TRUE(engine_->submit(cart(3, 2)));
    clock_->advance(600s);
    engine_->tick();
    EXPECT_EQ(stock("mug").available, 10);
    EXPECT_EQ(engine_->statistics().holds_expired, 1U);
}

TEST_P(EngineTest, PastMomentsCanBeAskedFor) {
    const Instant before = clock_->now();
    clock_->advance(10s);
    ASSERT_TRUE(engine_->submit(cart(3, 2)));
    EXPECT_EQ(engine_->stock_at("mug", before)->total.available, 10);
    EXPECT_EQ(engine_->stock_at("mug", clock_->now())->total.available, 7);
    EXPECT_EQ(engine_->stock_at("mug", before - 1s).error().code, RefusalCode::unknown_sku);
}

TEST_P(EngineTest, ASearchForWhatIsRareComesInShortPages) {
    constexpr std::size_t sales = 10'050;  // more than a query looks at
    ASSERT_TRUE(engine_->submit(ReceiveStock{.sku = "mug", .quantity = Quantity{sales}}));
    PlaceHold sale{.cart = "c-1", .lines = {{.sku = "mug", .quantity = 1}}};
    sale.confirm = true;
    HoldId last;
    for (std::size_t i = 0; i < sales; ++i) {
        last = engine_->submit(sale)->hold.id;
    }
    ASSERT_TRUE(engine_->submit(CancelHold{.id = last}));

    for (const std::string cart : {"", "c-1"}) {
        HoldFilter filter{.cart = cart, .status = HoldStatus::cancelled, .limit = 10};
        const auto first = find(filter);
        ASSERT_TRUE(first);
        EXPECT_TRUE(first->items.empty());
        filter.after = first->next;
        const auto second = find(filter);
        ASSERT_TRUE(second);
        ASSERT_EQ(second->items.size(), 1U);
        EXPECT_EQ(second->items.front().id, last);
        EXPECT_EQ(second->next, "");
    }
}

TEST_P(EngineTest, WhoAsksAfterTheEndIsToldSo) {
    engine_->close();
    const auto found = find({});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, RefusalCode::stopping);
    EXPECT_EQ(engine_->stock_at("mug", clock_->now()).error().code, RefusalCode::stopping);
    restart();
}

TEST_P(EngineTest, KeyIsAnsweredOnceAlsoAfterARestart) {
    const Request request{.idempotency_key = "k-1", .fingerprint = 7};
    const auto first = engine_->submit(cart(1, 1), request);
    ASSERT_TRUE(first);
    restart();
    EXPECT_EQ(engine_->submit(cart(1, 1), request), first);
    const auto other = engine_->submit(cart(1, 1), {.idempotency_key = "k-1", .fingerprint = 8});
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, RefusalCode::idempotency_key_reused);
    EXPECT_EQ(stock("mug").held, 1);
}

TEST_P(EngineTest, NothingIsAnsweredBeforeItIsDurable) {
    store_.hold_back();
    std::promise<Outcome<HoldAnswer>> held;
    auto answer = held.get_future();
    engine_->submit(cart(1, 1), {}, Done<HoldAnswer>([&](Outcome<HoldAnswer> outcome) {
                        held.set_value(std::move(outcome));
                    }));
    store_.wait_until_held_back(1);
    EXPECT_EQ(answer.wait_for(0s), std::future_status::timeout);
    store_.let_go();
    EXPECT_TRUE(answer.get().result);
}

INSTANTIATE_TEST_SUITE_P(Partitions, EngineTest, ::testing::Values(1, 4));

}  // namespace
}  // namespace holdfast::service
