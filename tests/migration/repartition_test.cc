// Shops that get another number of partitions on the way: what they know stays, fences go on growing, and nothing
// is lost, wherever it is interrupted and whoever sells meanwhile.
#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "app/migration.h"
#include "sequencer/event_log.h"
#include "service/audit.h"
#include "service/partition_rows.h"
#include "store/codec.h"
#include "store/rocksdb/rocksdb_store.h"
#include "testing/random_script.h"
#include "testing/service_target.h"
#include "testing/store_batches.h"
#include "tests/migration/movable_shop.h"

namespace holdfast::service {
namespace {

using holdfast::testing::append_and_wait;
using holdfast::testing::BatchMaker;
using holdfast::testing::empty;
using holdfast::testing::open_place;
using holdfast::testing::open_to_move;
using holdfast::testing::Places;
using holdfast::testing::refusal;
using ::testing::AllOf;
using ::testing::HasSubstr;

class RepartitionTest : public holdfast::testing::MigrationTest {
protected:
    static MigrationReport move(const std::string& from, const std::string& to,
                                std::uint32_t partitions) {
        return MigrationTest::move(from, to, {.partitions = partitions});
    }
};

// What a store says whatever the number of its partitions: rows, and the events in their order.
std::string substance_of(const std::string& place) {
    const auto store = open_to_move(place);
    std::set<std::string> rows;
    std::vector<store::RowKind> kinds = kinds_of_rows();
    kinds.push_back(store::RowKind::past_hold);
    const std::vector<store::Head> heads = store->load(
        kinds, [&](store::RowKind kind, PartitionId, std::string_view key, std::string_view value) {
            // First answers are found by what is in them.
            rows.insert(fmt::format("{} {} = {}\n", static_cast<int>(kind),
                                    kind == store::RowKind::answers ? "" : key, value));
        });
    std::string text;
    for (const std::string& row : rows) {
        text += row;
    }
    sequencer::EventLog log(*store, std::vector<Version>(heads.size()), heads);
    while (auto recorded = log.next()) {
        Event& event = recorded->event;
        if (std::holds_alternative<PartitionsChanged>(event)) {
            continue;
        }
        // What they say of themselves is in the rows too.
        if (auto* const defined = std::get_if<SkuDefined>(&event)) {
            defined->defined_at = 0;
        } else if (auto* const raised = std::get_if<AlertRaised>(&event)) {
            raised->alert.id = {};
        }
        text += to_rfc3339(recorded->at) + ' ';
        store::encode(text, recorded->index, event);
        text += '\n';
    }
    return text;
}

std::vector<Version> versions_of(const std::string& place) {
    std::vector<Version> versions;
    for (const store::Head& head : open_to_move(place)->heads()) {
        versions.push_back(head.version);
    }
    return versions;
}

AuditReport audit_of(const std::string& place) {
    return audit(*open_to_move(place));
}

// A shop that gets another number of partitions each time that it is opened.
holdfast::testing::OpenService rearranging(const Places& places) {
    return
        [&places, at = places.other("0"), moves = 0](std::shared_ptr<const Clock> clock) mutable {
            constexpr std::array<std::uint32_t, 6> counts = {5, 32, 1, 16, 2, 4};
            if (std::filesystem::exists(at) && !empty(at)) {
                const std::string to = places.other(std::to_string(++moves));
                app::migrate(at, to, {.partitions = counts.at(moves % counts.size())});
                std::filesystem::remove_all(at);
                at = to;
            }
            return open_place(at, std::move(clock));
        };
}

TEST_F(RepartitionTest, StoriesAreTheSameWhenTheNumberOfPartitionsChangesBeforeEveryStep) {
    for (const std::string story :
         {"alerts_reorder", "backorder_queue", "confirm_some_lines", "idempotency", "incoming",
          "late_payment_retakes", "limit_in_a_window", "policy_changes_waitlist", "return",
          "transfer", "waitlist_fair"}) {
        SCOPED_TRACE(story);
        const std::filesystem::path file = "tests/scenarios/" + story + ".scenario";
        const Places places;
        holdfast::testing::ServiceTarget target(rearranging(places),
                                                holdfast::testing::Restarts::before_every_step);
        EXPECT_EQ(holdfast::testing::run(holdfast::testing::read_scenario(file), target),
                  std::nullopt);
    }
}

TEST_F(RepartitionTest, WhatArrivesSaysTheSame) {
    holdfast::testing::check_scripts(
        "repartition", 15,
        [](const holdfast::testing::Script& script) -> std::optional<std::string> {
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
            const std::string before = substance_of(places.directory);
            move(places.directory, places.database, 7);
            move(places.database, places.other("fewer"), 2);
            // As it is, with all that the changes left behind.
            move(places.other("fewer"), places.other("same"), 2);
            for (const std::string& place :
                 {places.directory, places.database, places.other("fewer"), places.other("same")}) {
                if (substance_of(place) != before) {
                    return place + " says something else than before the move";
                }
                if (!audit_of(place).clean()) {
                    return place + " is not sound";
                }
            }
            return std::nullopt;
        });
}

// The greatest version that anybody was ever given.
Version greatest(const std::string& place) {
    return std::ranges::max(versions_of(place));
}

// Many SKUs in few partitions: each of those has had more versions than any SKU has events, and each partition
// first answers under the same versions as the others.
constexpr int goods = 30;

Quantity receive_once(Service& service, int number) {
    const auto answer =
        service.submit(ReceiveStock{.sku = "sku-" + std::to_string(number), .quantity = 10},
                       {.idempotency_key = "in-" + std::to_string(number)});
    return answer ? answer->total.on_hand : -1;
}

TEST_F(RepartitionTest, FencesStayGoodAndGoOnGrowing) {
    for (const std::uint32_t count : {1U, 2U, 16U, 1'024U}) {
        SCOPED_TRACE(count);
        const Places places;
        Fence stale = 0;
        Fence fresh = 0;
        HoldId held;
        Result<HoldAnswer> keyed;
        Result<HoldAnswer> sold;
        {
            const auto service = open_place(places.directory);
            for (int i = 0; i < goods; ++i) {
                ASSERT_TRUE(service->submit(DefineSku{.sku = "sku-" + std::to_string(i)}));
                ASSERT_EQ(receive_once(*service, i), 10);
            }
            stock(*service);
            const auto first = place(*service, "pending");
            ASSERT_TRUE(first);
            held = first->hold.id;
            stale = first->hold.fence;
            const auto later = service->submit(ExtendHold{.id = held, .ttl = Seconds(900)});
            ASSERT_TRUE(later);
            fresh = later->hold.fence;
            sold = place(*service, "sold");
            ASSERT_TRUE(service->submit(ConfirmHold{.id = sold->hold.id}));
            keyed = place(*service, "keyed", "key-1");
            ASSERT_TRUE(keyed);
        }
        const Version before = greatest(places.directory);
        const auto report = move(places.directory, places.other("new"), count);
        EXPECT_EQ(report.partitions, count);
        EXPECT_GT(std::ranges::min(versions_of(places.other("new"))), before);
        EXPECT_TRUE(audit_of(places.directory).clean());
        EXPECT_EQ(
            open_to_move(places.other("new"))->holds_of(store::HoldIndex::cart, "sold", {}, 10),
            std::vector{sold->hold.id});
        const auto service = open_place(places.other("new"));
        for (int i = 0; i < goods; ++i) {
            EXPECT_EQ(receive_once(*service, i), 10) << "received again: " << i;
        }
        const auto replayed = place(*service, "keyed", "key-1");
        ASSERT_TRUE(replayed);
        EXPECT_EQ(replayed->hold, keyed->hold);
        ASSERT_TRUE(read(*service, sold->hold.id));
        EXPECT_EQ(read(*service, sold->hold.id)->hold.status, HoldStatus::confirmed);
        const auto refused = service->submit(ConfirmHold{.id = held, .fence = stale});
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, RefusalCode::stale_fence);
        const auto confirmed = service->submit(ConfirmHold{.id = held, .fence = fresh});
        ASSERT_TRUE(confirmed);
        EXPECT_GT(confirmed->hold.fence, before);
        EXPECT_GT(place(*service, "next")->hold.fence, before);
        EXPECT_TRUE(service->audit().clean());
    }
}

TEST_F(RepartitionTest, AMoveThatIsInterruptedAnywhereGoesOnWithWhatWasSoldMeanwhile) {
    const std::string& from = places_->directory;
    open_shop(from);
    bool finished = false;
    int sold = 0;
    for (int allowed = 1; !finished; ++allowed) {
        int appends = 0;
        const MigrationOptions options{
            .partitions = 5, .gather_bytes = 1, .progress = [&](std::uint64_t, std::uint64_t) {
                if (++appends == allowed) {
                    throw std::runtime_error("the power went");
                }
            }};
        const std::string why = refusal(
            [&] { finished = MigrationTest::move(from, places_->database, options).finished; });
        EXPECT_EQ(why, finished ? "" : "the power went");
        if (!finished) {
            EXPECT_THAT(refusal([&] { open_place(places_->database); }),
                        HasSubstr("is an unfinished copy of"));
            // The shop has sold on when the copy is begun again.
            ASSERT_TRUE(place(*open_place(from), "later-" + std::to_string(++sold)));
        }
    }
    EXPECT_GE(sold, 5);
    EXPECT_EQ(substance_of(places_->database), substance_of(from));
    EXPECT_TRUE(move(from, places_->database, 5).was_finished);
    EXPECT_TRUE(open_place(places_->database)->audit().clean());
}

TEST_F(RepartitionTest, NodesGoOnSellingWhileTheNumberOfPartitionsChanges) {
    sell_while_it_moves(places_->database, places_->directory, {.partitions = 2});
    const std::string schema = holdfast::testing::PostgresServer::shared().url_of_new_schema();
    const std::string wider = holdfast::testing::PostgresServer::shared().url_of_new_schema();
    sell_while_it_moves(schema, wider, {.partitions = 16});
}

TEST_F(RepartitionTest, TheWayBackCopiesOnlyWhatCameSince) {
    const std::string& old = places_->directory;
    open_shop(old);
    ASSERT_TRUE(move(old, places_->database, 5).finished);
    HoldId since;
    {
        const auto service = open_place(places_->database);
        since = place(*service, "since")->hold.id;
    }
    const Version before = greatest(places_->database);
    const auto back = move(places_->database, old, 3);
    EXPECT_TRUE(back.finished);
    // The hold, and that the number of partitions changed, twice.
    EXPECT_EQ(back.copied, 3U);
    EXPECT_EQ(substance_of(old), substance_of(places_->database));
    EXPECT_GT(std::ranges::min(versions_of(old)), before);
    EXPECT_TRUE(audit_of(places_->database).clean());
    const auto service = open_place(old);
    EXPECT_TRUE(service->audit().clean());
    EXPECT_TRUE(service->submit(ConfirmHold{.id = since}));
}

TEST_F(RepartitionTest, TheFeedGoesOnBehindTheMoveAndTheHistoryIsThere) {
    const std::string& from = places_->directory;
    Instant noon;
    std::string old_cursor;
    {
        const auto service = open_place(from);
        stock(*service);
        noon = place(*service, "before-noon")->server_time;
        ASSERT_TRUE(service->submit(ReceiveStock{.sku = "mug", .quantity = 5}));
        old_cursor = service->events("", 1'000)->next;
    }
    const std::string to = places_->other("to");
    const auto report = move(from, to, 4);
    EXPECT_EQ(report.events, 7U);
    EXPECT_EQ(report.copied, 7U);
    const auto service = open_place(to);
    const auto refused = service->events(old_cursor, 1'000);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().detail, HasSubstr("is not a cursor of this list"));
    ASSERT_TRUE(service->events(report.cursor, 1'000));
    EXPECT_TRUE(service->events(report.cursor, 1'000)->items.empty());
    ASSERT_TRUE(place(*service, "after-the-move"));
    EXPECT_EQ(service->events(report.cursor, 1'000)->items.size(), 1U);
    const auto all = service->events("", 1'000);
    ASSERT_TRUE(all);
    EXPECT_EQ(all->items.size(), 8U);
    EXPECT_EQ(std::get<PartitionsChanged>(all->items[6].event).partitions, 4U);
    const auto then = service->stock_at("mug", noon);
    ASSERT_TRUE(then);
    EXPECT_LE(then->total.on_hand, 100'005);
    EXPECT_EQ(then->total.held, 1);
}

// Of two nodes the one with the lower number may be the later one: partition 1 gets its append 50 when append 100
// of partition 0 was copied already.
TEST_F(RepartitionTest, AnAppendThatComesToLightLateStaysLate) {
    const std::string& from = places_->directory;
    const auto refused = [](PartitionId partition, std::uint32_t count) {
        for (int i = 0;; ++i) {
            const std::string sku = "sku-" + std::to_string(i);
            if (partition_of(routing_token(sku), count) == partition) {
                return Event(
                    HoldRefused{.cart = sku, .customer = {}, .short_lines = {{.sku = sku}}});
            }
        }
    };
    for (const bool interrupted : {false, true}) {
        const std::string place = from + (interrupted ? "-1" : "-0");
        const std::string target = place + "-moved";
        const auto source = open_to_move(place);
        append_and_wait(*source, BatchMaker(100).add(0, 0, {refused(0, 3)}).take());
        bool late = false;
        const MigrationOptions options{
            .partitions = 1, .progress = [&](auto...) {
                if (!std::exchange(late, true)) {
                    append_and_wait(*source, BatchMaker(50).add(1, 0, {refused(1, 3)}).take());
                    append_and_wait(*source, BatchMaker(51).add(1, 1, {refused(1, 3)}).take());
                    if (interrupted) {
                        throw std::runtime_error("the power went");
                    }
                }
            }};
        const auto attempt = [&] {
            const auto to = store::open_rocksdb_to_move({.path = target, .partitions = 1});
            return migrate(*source, *to, options).finished;
        };
        if (interrupted) {
            EXPECT_EQ(refusal(attempt), "the power went");
        }
        EXPECT_TRUE(attempt());
        const auto to = open_to_move(target);
        EXPECT_TRUE(audit(*to).clean());
        std::vector<std::uint64_t> batches;
        sequencer::EventLog log(*to, {0}, to->heads());
        while (const auto event = log.next()) {
            batches.push_back(event->batch);
        }
        ASSERT_EQ(batches.size(), 4U);
        EXPECT_EQ(batches.front(), 100U);
        EXPECT_TRUE(std::ranges::is_sorted(batches));
    }
}

TEST_F(RepartitionTest, StoresThatDoNotSuitAreRefused) {
    const std::string& from = places_->directory;
    const std::string copy = places_->other("copy");
    open_shop(from);
    ASSERT_FALSE(MigrationTest::move(from, copy, {.partitions = 5, .copy_only = true}).finished);
    EXPECT_THAT(refusal([&] { MigrationTest::move(from, copy); }),
                AllOf(HasSubstr("is to have 3 partitions"), HasSubstr("has 5 already"),
                      HasSubstr("say --partitions 5")));
    EXPECT_THAT(refusal([&] { move(from, copy, 4); }), HasSubstr("is to have 4 partitions"));
    open_shop(places_->database);
    EXPECT_THAT(refusal([&] { move(places_->database, copy, 5); }),
                HasSubstr("it is no copy of it"));
    EXPECT_TRUE(move(from, copy, 5).finished);
    EXPECT_TRUE(open_place(copy)->audit().clean());
}

// It is the shortest of all events: what has several of them must not be taken for damaged.
TEST(PartitionsChangedEvent, ComesBackAlsoBesideOthers) {
    const Event shortest = PartitionsChanged{.partitions = 1, .version = 0};
    const store::PartitionStep step =
        BatchMaker(1).add(0, 10, {shortest, shortest}).take().steps.front();
    const auto recorded = store::decode_blob(
        0, {.first = step.expected + 1, .last = step.next, .bytes = step.events});
    ASSERT_EQ(recorded.size(), 2U);
    EXPECT_EQ(recorded[1].event, shortest);
    EXPECT_EQ(recorded[1].version, 12U);
}

}  // namespace
}  // namespace holdfast::service
