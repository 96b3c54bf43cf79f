// Shops that move from RocksDB to PostgreSQL and back: in the middle of every story, interrupted anywhere, and
// while they sell.
#include "app/migration.h"

#include <filesystem>

#include <gmock/gmock.h>

#include "service/audit.h"
#include "testing/random_script.h"
#include "testing/service_target.h"
#include "tests/migration/movable_shop.h"

namespace holdfast::service {
namespace {

using holdfast::testing::empty;
using holdfast::testing::everything_in;
using holdfast::testing::MigrationTest;
using holdfast::testing::open_place;
using holdfast::testing::open_to_move;
using holdfast::testing::partitions;
using holdfast::testing::Places;
using holdfast::testing::refusal;
using ::testing::AllOf;
using ::testing::HasSubstr;

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
        const MigrationOptions options{.gather_bytes = 1,
                                       .progress = [&](std::uint64_t, std::uint64_t) {
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
    sell_while_it_moves(places_->database, places_->directory, {});
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
                AllOf(HasSubstr("is to have 3 partitions"), HasSubstr("has 7"),
                      HasSubstr("say --partitions 7")));
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
