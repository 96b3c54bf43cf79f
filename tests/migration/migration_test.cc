// Shops that move from RocksDB to PostgreSQL and back: in the middle of every story, interrupted anywhere, and
// while they sell.
#include "app/migration.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <holdfast/service.h>
#include "app/system_clock.h"
#include "service/audit.h"
#include "service/migrate.h"
#include "store/codec.h"
#include "store/postgres/postgres_store.h"
#include "store/rocksdb/rocksdb_store.h"
#include "testing/postgres_server.h"
#include "testing/random_script.h"
#include "testing/scratch_directory.h"
#include "testing/service_target.h"

namespace holdfast::service {
namespace {

using holdfast::testing::PostgresServer;
using holdfast::testing::ScratchDirectory;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint32_t partitions = 3;

// Two places for one shop.
struct Places {
    ScratchDirectory scratch;
    // Where the shop is, and where it goes.
    std::string directory = scratch.path() / "data";
    std::string database = PostgresServer::shared().url_of_new_schema();

    [[nodiscard]] std::string other(const std::string& name) const { return scratch.path() / name; }
};

std::unique_ptr<Service> open_place(const std::string& place,
                                    std::shared_ptr<const Clock> clock = nullptr) {
    const bool database = place.starts_with("postgres");
    return holdfast::open({.data = database ? "" : place,
                           .store = database ? place : "",
                           .partitions = partitions,
                           .clock = std::move(clock)});
}

std::unique_ptr<store::MovableStore> open_to_move(const std::string& place) {
    return place.starts_with("postgres")
               ? store::open_postgres_to_move({.url = place, .partitions = partitions})
               : store::open_rocksdb_to_move({.path = place, .partitions = partitions});
}

// All that a store keeps, byte for byte.
std::string everything_in(const std::string& place) {
    using store::RowKind;
    const auto store = open_to_move(place);
    std::string text;
    const auto note = [&text](RowKind kind, PartitionId partition, std::string_view key,
                              std::string_view value) {
        text += std::to_string(static_cast<int>(kind)) + " " + std::to_string(partition) + " ";
        (text += key) += " = ";
        (text += value) += '\n';
    };
    const auto heads =
        store->load({RowKind::sku, RowKind::location, RowKind::stock, RowKind::live_hold,
                     RowKind::past_hold, RowKind::customer, RowKind::answers, RowKind::claim,
                     RowKind::waiting, RowKind::shopper, RowKind::incoming, RowKind::alert},
                    note);
    for (std::size_t i = 0; i < heads.size(); ++i) {
        text += "at " + std::to_string(heads[i].version) + ", append " +
                std::to_string(heads[i].batch) + "\n";
        for (const auto& blob : store->tail(static_cast<PartitionId>(i), 0, SIZE_MAX / 4)) {
            text += std::to_string(blob.first) + " to " + std::to_string(blob.last) + ": " +
                    blob.bytes + "\n";
        }
    }
    return text;
}

template <class Attempt>
std::string refusal(Attempt attempt) {
    try {
        attempt();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "";
}

class MigrationTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (const auto why = PostgresServer::missing()) {
            GTEST_SKIP() << *why;
        }
        places_ = std::make_unique<Places>();
    }
    static MigrationReport move(const std::string& from, const std::string& to,
                                const MigrationOptions& options = {}) {
        return app::migrate(from, to, options);
    }
    static Result<HoldAnswer> place(Service& service, const std::string& cart,
                                    const std::string& key = "") {
        return service.submit(PlaceHold{.cart = cart, .lines = {{"mug", 1, ""}, {"tea", 1, ""}}},
                              {.idempotency_key = key});
    }
    static void stock(Service& service) {
        for (const char* sku : {"mug", "tea"}) {
            ASSERT_TRUE(service.submit(DefineSku{.sku = sku}));
            ASSERT_TRUE(service.submit(ReceiveStock{.sku = sku, .quantity = 100'000}));
        }
    }
    static Result<HoldAnswer> read(Service& service, HoldId id) {
        std::promise<Result<HoldAnswer>> promise;
        service.read_hold(
            id, [&](Outcome<HoldAnswer> outcome) { promise.set_value(std::move(outcome.result)); });
        return promise.get_future().get();
    }
    // A shop with holds of all fates.
    static void open_shop(const std::string& at) {
        const auto service = open_place(at);
        stock(*service);
        for (int i = 0; i < 8; ++i) {
            const auto held = place(*service, "cart-" + std::to_string(i));
            ASSERT_TRUE(held);
            if (i % 4 == 1) {
                ASSERT_TRUE(service->submit(ConfirmHold{.id = held->hold.id}));
            } else if (i % 4 == 2) {
                ASSERT_TRUE(service->submit(ReleaseHold{.id = held->hold.id}));
            }
        }
    }

    std::unique_ptr<Places> places_;
};

bool empty(const std::string& place) {
    return std::ranges::all_of(open_to_move(place)->heads(),
                               [](const store::Head& head) { return head.version == 0; });
}

// A shop that moves to the other place, and back, each time that it is opened.
holdfast::testing::OpenService moving(std::shared_ptr<Places> places) {
    return [places = std::move(places)](std::shared_ptr<const Clock> clock) {
        if (!empty(places->directory)) {
            app::migrate(places->directory, places->database, {});
            std::swap(places->directory, places->database);
        }
        return open_place(places->directory, std::move(clock));
    };
}

// Those that leave the most behind in a store.
TEST_F(MigrationTest, StoriesAreTheSameWhenTheShopMovesBeforeEveryStep) {
    for (const std::string story :
         {"alerts_shortfall", "backorder_queue", "idempotency", "incoming", "late_payment_retakes",
          "limit_in_a_window", "return", "waitlist_fair"}) {
        SCOPED_TRACE(story);
        const std::filesystem::path file = "tests/scenarios/" + story + ".scenario";
        holdfast::testing::ServiceTarget target(moving(std::make_shared<Places>()),
                                                holdfast::testing::Restarts::before_every_step);
        EXPECT_EQ(holdfast::testing::run(holdfast::testing::read_scenario(file), target),
                  std::nullopt);
    }
}

TEST_F(MigrationTest, WhatArrivesIsTheSameByteForByte) {
    holdfast::testing::check_scripts(
        "move", 15, [](const holdfast::testing::Script& script) -> std::optional<std::string> {
            const Places places;
            {
                holdfast::testing::ServiceTarget target([&](std::shared_ptr<const Clock> clock) {
                    return open_place(places.directory, std::move(clock));
                });
                holdfast::testing::Player player(target);
                for (const auto& step : holdfast::testing::parse_script(script).steps) {
                    player.play(step, "");
                }
            }
            const std::string before = everything_in(places.directory);
            app::migrate(places.directory, places.database, {});
            app::migrate(places.database, places.other("back"), {});
            for (const std::string& place : {places.database, places.other("back")}) {
                if (everything_in(place) != before) {
                    return place + " has other rows or events than before the move";
                }
                if (!audit(*open_to_move(place)).clean()) {
                    return place + " is not sound";
                }
            }
            return std::nullopt;
        });
}

TEST_F(MigrationTest, AMoveThatIsInterruptedAnywhereGoesOn) {
    open_shop(places_->directory);
    const std::string before = everything_in(places_->directory);
    bool finished = false;
    // The first run is interrupted after its first append, the next after two, and so on.
    for (int allowed = 1; !finished; ++allowed) {
        int appends = 0;
        const MigrationOptions options{.progress = [&](std::uint64_t, std::uint64_t) {
            if (++appends == allowed) {
                throw std::runtime_error("the power went");
            }
        }};
        const std::string why = refusal(
            [&] { finished = move(places_->directory, places_->database, options).finished; });
        EXPECT_EQ(why, finished ? "" : "the power went");
        if (!finished) {
            EXPECT_THAT(refusal([&] { open_place(places_->database); }),
                        HasSubstr("is an unfinished copy of"));
            EXPECT_TRUE(open_place(places_->directory)->audit().clean());
        }
    }
    EXPECT_EQ(everything_in(places_->database), before);
    EXPECT_THAT(refusal([&] { open_place(places_->directory); }),
                AllOf(HasSubstr("was moved to"), HasSubstr("serve that one")));
    EXPECT_TRUE(move(places_->directory, places_->database).was_finished);
    EXPECT_TRUE(open_place(places_->database)->audit().clean());
}

TEST_F(MigrationTest, ARepeatedRequestGetsItsFirstAnswerFromTheNewStore) {
    Result<HoldAnswer> first;
    {
        const auto service = open_place(places_->directory);
        stock(*service);
        first = place(*service, "c", "key-1");
        ASSERT_TRUE(first);
    }
    move(places_->directory, places_->database);
    const auto service = open_place(places_->database);
    const auto again = place(*service, "c", "key-1");
    ASSERT_TRUE(again);
    EXPECT_EQ(again->hold.id, first->hold.id);
    EXPECT_EQ(again->hold.fence, first->hold.fence);
    const auto next = place(*service, "d");
    ASSERT_TRUE(next);
    EXPECT_GT(next->hold.fence, first->hold.fence);
    EXPECT_TRUE(service->audit().clean());
}

TEST_F(MigrationTest, WhatABackupHasNeedNotBeCopiedWhileTheServerIsStopped) {
    open_shop(places_->directory);
    const std::string backup = places_->other("backup");
    {
        const auto service = open_place(places_->directory);
        ASSERT_TRUE(service->backup(backup));
        ASSERT_TRUE(place(*service, "later"));
    }
    const auto ahead = move(backup, places_->database, {.copy_only = true});
    EXPECT_FALSE(ahead.finished);
    EXPECT_THAT(refusal([&] { open_place(places_->database); }), HasSubstr("unfinished copy"));
    const auto report = move(places_->directory, places_->database);
    EXPECT_TRUE(report.finished);
    EXPECT_LE(report.copied, partitions);
    EXPECT_GT(ahead.copied, report.copied);
    EXPECT_EQ(everything_in(places_->directory), everything_in(places_->database));
}

TEST_F(MigrationTest, NodesGoOnSellingWhileTheShopIsCopiedAndNoAnswerIsLost) {
    open_shop(places_->database);
    std::vector<std::unique_ptr<Service>> nodes;
    nodes.push_back(open_place(places_->database));
    nodes.push_back(open_place(places_->database));
    std::atomic<int> sold{0};
    std::atomic<bool> closed{false};
    std::vector<std::vector<HoldId>> held(4);
    std::vector<std::string> last(held.size());
    {
        std::vector<std::jthread> shoppers;
        shoppers.reserve(held.size());
        for (std::size_t i = 0; i < held.size(); ++i) {
            shoppers.emplace_back([&, i] {
                Service& node = *nodes[i % nodes.size()];
                while (true) {
                    auto answer = place(node, "shopper-" + std::to_string(i));
                    if (!answer) {
                        last[i] = answer.error().detail;
                        break;
                    }
                    held[i].push_back(answer->hold.id);
                    ++sold;
                    sold.notify_all();
                }
                closed = true;
            });
        }
        for (int seen = sold; seen < 50; seen = sold) {
            sold.wait(seen);
        }
        // The shop sells on in the middle of the copy.
        int appends = 0;
        const auto report = move(places_->database, places_->directory,
                                 {.progress = [&](std::uint64_t, std::uint64_t) {
                                     if (++appends == 30) {
                                         for (int begin = sold, seen = begin;
                                              seen < begin + 50 && !closed; seen = sold) {
                                             sold.wait(seen);
                                         }
                                     }
                                 }});
        EXPECT_TRUE(report.finished);
        EXPECT_GE(appends, 30);
    }
    for (const std::string& text : last) {
        EXPECT_THAT(text, HasSubstr("was moved to"));
    }
    for (const auto& node : nodes) {
        node->tick();
        EXPECT_FALSE(node->statistics().serving);
        EXPECT_THAT(node->statistics().failure, HasSubstr("serve that one"));
    }
    nodes.clear();
    const auto service = open_place(places_->directory);
    EXPECT_TRUE(service->audit().clean());
    std::size_t found = 0;
    for (const auto& ids : held) {
        for (const HoldId id : ids) {
            found += read(*service, id).has_value() ? 1 : 0;
        }
    }
    EXPECT_EQ(found, static_cast<std::size_t>(sold));
    // Those of before the move: 8, of which 2 were confirmed and 2 released.
    EXPECT_EQ(service->statistics().pending_holds, static_cast<std::size_t>(sold) + 4);
    EXPECT_THAT(refusal([&] { open_place(places_->database); }), HasSubstr("was moved to"));
}

TEST_F(MigrationTest, StoresThatDoNotSuitAreRefused) {
    const std::string& from = places_->directory;
    const auto refused = [](const std::string& source, const std::string& target) {
        return refusal([&] { move(source, target); });
    };
    {
        auto empty = open_place(from);
    }
    EXPECT_THAT(refused(from, places_->other("x")), HasSubstr("there is nothing to move"));
    EXPECT_THAT(refused(places_->other("nowhere"), from), HasSubstr("there is no data directory"));
    open_shop(from);
    open_shop(places_->database);
    EXPECT_THAT(refused(from, places_->database), HasSubstr("has a shop of its own"));
    {
        auto wider = holdfast::open({.data = places_->other("wider"), .partitions = 7});
    }
    EXPECT_THAT(refused(from, places_->other("wider")),
                AllOf(HasSubstr("has 3 partitions"), HasSubstr("has 7")));
    const std::string copy = places_->other("copy");
    ASSERT_FALSE(move(from, copy, {.copy_only = true}).finished);
    EXPECT_THAT(refused(copy, places_->other("x")), HasSubstr("is an unfinished copy"));
    EXPECT_THAT(refused(places_->database, copy), HasSubstr("it is no copy of it"));
    ASSERT_TRUE(move(from, copy).finished);
    EXPECT_THAT(refused(from, places_->other("x")), HasSubstr("was moved to"));
    // The new store sells; the old one is no source any more, but can be where it goes back to.
    ASSERT_TRUE(place(*open_place(copy), "new"));
    EXPECT_TRUE(move(from, copy).was_finished);
    const auto back = move(copy, from);
    EXPECT_TRUE(back.finished);
    EXPECT_LE(back.copied, partitions);
}

}  // namespace
}  // namespace holdfast::service
