// Many clients at once on one service, on a store in memory and on RocksDB. Runs under the thread sanitizer too.
#include <atomic>
#include <future>
#include <latch>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "core/evolve.h"
#include "testing/core_target.h"
#include "testing/manual_clock.h"
#include "testing/memory_store.h"
#include "testing/scratch_directory.h"
#include "testing/service_target.h"

namespace holdfast::testing {
namespace {

constexpr int threads = 16;

PlaceHold cart_of(std::string cart, std::vector<LineRequest> lines) {
    return {.cart = std::move(cart), .lines = std::move(lines)};
}

StockAnswer stock_of(Service& service, std::string sku) {
    std::promise<StockAnswer> promise;
    service.read_stock(std::move(sku), [&](Outcome<StockAnswer> outcome) {
        promise.set_value(std::move(outcome.result).value());
    });
    return promise.get_future().get();
}

// Runs `work(thread)` on all threads, which start together.
template <class Work>
void at_once(Work work) {
    std::latch start(threads);
    std::vector<std::jthread> running;
    for (int i = 0; i < threads; ++i) {
        running.emplace_back([&, i] {
            start.arrive_and_wait();
            work(i);
        });
    }
}

struct StoreKind {
    std::string name;
    OpenService (*make)(const std::filesystem::path& directory);
};

const std::vector<StoreKind> kinds = {
    {"memory",
     [](const std::filesystem::path&) {
         return on_memory_store(std::make_shared<MemoryStore>(4));
     }},
    {"rocksdb", [](const std::filesystem::path& directory) -> OpenService {
         return [directory](std::shared_ptr<const Clock> clock) {
             return holdfast::open(
                 {.data = directory / "data", .partitions = 4, .clock = std::move(clock)});
         };
     }}};

class ConcurrencyTest : public ::testing::TestWithParam<StoreKind> {
protected:
    void SetUp() override {
        reopen();
        for (const std::string& sku : skus_) {
            ASSERT_TRUE(service_->submit(DefineSku{.sku = sku}));
        }
    }
    void receive(const std::string& sku, Quantity quantity) {
        ASSERT_TRUE(service_->submit(ReceiveStock{.sku = sku, .quantity = quantity}));
    }
    void reopen() {
        service_.reset();
        service_ = open_(clock_);
    }
    void expect_clean_audit() {
        for (const AuditDifference& difference : service_->audit().differences) {
            ADD_FAILURE() << difference.what << ": kept " << difference.kept << ", events "
                          << difference.events;
        }
    }

    // What was answered is what the log, replayed, says of the hold at that fence.
    void expect_in_log(const std::vector<Hold>& answers) {
        std::map<HoldId, Hold> holds;
        std::map<std::pair<HoldId, Fence>, Hold> history;
        std::string cursor;
        for (bool more = true; more;) {
            const auto page = service_->events(cursor, 1'000);
            ASSERT_TRUE(page.has_value());
            for (const RecordedEvent& recorded : page->items) {
                if (const auto id = hold_of(recorded.event)) {
                    core::evolve(holds[*id], recorded.event);
                    history[{*id, holds[*id].fence}] = holds[*id];
                }
            }
            more = !page->items.empty();
            cursor = page->next;
        }
        for (const Hold& answer : answers) {
            EXPECT_EQ((history[{answer.id, answer.fence}]), answer);
        }
    }

    ScratchDirectory directory_;
    OpenService open_ = GetParam().make(directory_.path());
    std::shared_ptr<ManualClock> clock_ =
        std::make_shared<ManualClock>(Instant(std::chrono::hours(24)));
    std::unique_ptr<Service> service_;
    // Enough names that they lie in all four partitions.
    const std::vector<std::string> skus_ = {"mug", "tea", "pot", "cup", "jar", "tin", "jug", "pan"};
};

INSTANTIATE_TEST_SUITE_P(Stores, ConcurrencyTest, ::testing::ValuesIn(kinds),
                         [](const auto& parameter) { return parameter.param.name; });

TEST_P(ConcurrencyTest, AThousandClientsAndOneUnit) {
    constexpr int clients = 1'000;
    receive("mug", 1);
    std::atomic<int> granted = 0;
    std::atomic<int> refused = 0;
    std::latch answered(clients);
    at_once([&](int thread) {
        for (int client = thread; client < clients; client += threads) {
            service_->submit(cart_of("c" + std::to_string(client), {{"mug", 1, ""}}), {},
                             [&](Outcome<HoldAnswer> outcome) {
                                 if (outcome.result) {
                                     ++granted;
                                 } else if (outcome.result.error().short_lines ==
                                            std::vector<ShortLine>{{"mug", "", 1, 0}}) {
                                     ++refused;
                                 }
                                 answered.count_down();
                             });
        }
    });
    answered.wait();
    EXPECT_EQ(granted, 1);
    EXPECT_EQ(refused, clients - 1);
    EXPECT_EQ(stock_of(*service_, "mug").total,
              (Counters{.on_hand = 1, .available = 0, .held = 1}));
    expect_clean_audit();
}

TEST_P(ConcurrencyTest, CartsWithLinesInOppositeOrder) {
    constexpr int rounds = 50;
    std::vector<LineRequest> forwards;
    for (const std::string& sku : skus_) {
        forwards.push_back({sku, 1, ""});
        receive(sku, rounds);
    }
    const std::vector<LineRequest> backwards(forwards.rbegin(), forwards.rend());
    // Each thread wants all that there is: between them they get exactly that, in whole carts.
    std::atomic<int> granted = 0;
    at_once([&](int thread) {
        for (int i = 0; i < rounds; ++i) {
            const auto answer = service_->submit(cart_of("c", thread % 2 ? forwards : backwards));
            granted += answer ? 1 : 0;
        }
    });
    EXPECT_EQ(granted, rounds);
    for (const std::string& sku : skus_) {
        EXPECT_EQ(stock_of(*service_, sku).total,
                  (Counters{.on_hand = rounds, .available = 0, .held = rounds}));
    }
    expect_clean_audit();
}

TEST_P(ConcurrencyTest, TheSameKeyFiftyTimesAtOnce) {
    constexpr int times = 50;
    receive("mug", times);
    const Request request{.idempotency_key = "key", .fingerprint = 7, .deadline = std::nullopt};
    std::mutex mutex;
    std::vector<Outcome<HoldAnswer>> outcomes;
    std::latch answered(times);
    at_once([&](int thread) {
        for (int i = thread; i < times; i += threads) {
            service_->submit(cart_of("c", {{"mug", 1, ""}}), request,
                             [&](Outcome<HoldAnswer> outcome) {
                                 {
                                     const std::lock_guard lock(mutex);
                                     outcomes.push_back(std::move(outcome));
                                 }
                                 answered.count_down();
                             });
        }
    });
    answered.wait();
    std::optional<HoldAnswer> first;
    for (const auto& outcome : outcomes) {
        if (outcome.result && !outcome.replayed) {
            EXPECT_FALSE(first.has_value()) << "executed twice";
            first = *outcome.result;
        }
    }
    ASSERT_TRUE(first.has_value());
    for (const auto& outcome : outcomes) {
        if (outcome.result) {
            EXPECT_EQ(*outcome.result, *first);
        } else {
            EXPECT_EQ(outcome.result.error().code, RefusalCode::idempotency_key_in_use);
        }
    }
    EXPECT_EQ(stock_of(*service_, "mug").total.held, 1);
    reopen();
    EXPECT_EQ(*service_->submit(cart_of("c", {{"mug", 1, ""}}), request), *first);
    EXPECT_EQ(stock_of(*service_, "mug").total.held, 1);
}

// Shoppers who hold, change, pay, leave; staff who ship and take back; somebody who looks all the time.
TEST_P(ConcurrencyTest, ABusyDayAddsUp) {
    for (const std::string& sku : skus_) {
        receive(sku, 400);
    }
    std::mutex mutex;
    std::vector<Hold> answers;
    std::atomic<bool> open = true;
    std::jthread reader([&] {
        std::map<std::string, Version> versions;
        while (open) {
            for (const std::string& sku : skus_) {
                const StockAnswer stock = stock_of(*service_, sku);
                const Counters& c = stock.total;
                EXPECT_EQ(c.on_hand, c.available + c.held + c.committed + c.returned);
                EXPECT_GE(c.available, 0);
                EXPECT_GE(stock.version, versions[sku]) << "a read went back in time";
                versions[sku] = stock.version;
            }
        }
    });
    at_once([&](int thread) {
        std::mt19937 random(static_cast<unsigned>(thread));
        const auto sku = [&] { return skus_[random() % skus_.size()]; };
        const auto answered = [&](const Result<HoldAnswer>& answer) {
            ASSERT_TRUE(answer.has_value());
            const std::lock_guard lock(mutex);
            answers.push_back(answer->hold);
        };
        for (int i = 0; i < 60; ++i) {
            const auto held = service_->submit(
                cart_of("c", {{sku(), Quantity(1 + random() % 3), ""}, {sku(), 1, ""}}));
            if (!held) {
                continue;
            }
            answered(held);
            const HoldId id = held->hold.id;
            const Fence fence = held->hold.fence;
            switch (random() % 4) {
                case 0:
                    answered(service_->submit(ReleaseHold{.id = id, .fence = fence}));
                    break;
                case 1:
                    answered(service_->submit(ConfirmHold{.id = id, .fence = fence}));
                    answered(service_->submit(FulfilHold{.id = id}));
                    answered(service_->submit(ReturnUnits{.id = id}));
                    break;
                case 2:
                    answered(service_->submit(ConfirmHold{.id = id}));
                    answered(service_->submit(CancelHold{.id = id}));
                    break;
                default:
                    break;
            }
        }
    });
    open = false;
    reader.join();
    expect_clean_audit();
    expect_in_log(answers);
    clock_->advance(std::chrono::hours(1));
    service_->tick();
    for (const std::string& sku : skus_) {
        EXPECT_EQ(stock_of(*service_, sku).total.held, 0);
    }
    expect_clean_audit();
}

TEST_P(ConcurrencyTest, ClosingAnswersEverybodyOnceAndKeepsWhatItGranted) {
    receive("mug", 1'000'000);
    std::atomic<int> asked = 0;
    std::atomic<int> answered = 0;
    std::atomic<int> granted = 0;
    std::latch some(200);
    std::atomic<bool> stop = false;
    std::jthread closer([&] {
        some.wait();
        service_->close();
        stop = true;
    });
    at_once([&](int) {
        while (!stop) {
            ++asked;
            const auto answer = service_->submit(cart_of("c", {{"mug", 1, ""}}));
            granted += answer ? 1 : 0;
            EXPECT_TRUE(answer || answer.error().code == RefusalCode::stopping);
            if (++answered <= 200) {
                some.count_down();
            }
        }
    });
    closer.join();
    EXPECT_EQ(asked, answered);
    reopen();
    EXPECT_EQ(stock_of(*service_, "mug").total.held, granted);
    expect_clean_audit();
}

}  // namespace
}  // namespace holdfast::testing
