// What becomes of appends when others append too, and when connections, waits and servers end.
#include "store/postgres/writer.h"

#include <future>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/codec.h"
#include "store/postgres/postgres_store.h"
#include "testing/postgres_server.h"
#include "testing/store_batches.h"

namespace holdfast::store {
namespace {

using namespace std::chrono_literals;
using holdfast::testing::append_and_wait;
using holdfast::testing::BatchMaker;
using holdfast::testing::bytes_of;
using holdfast::testing::PostgresServer;
using holdfast::testing::PostgresSession;
using ::testing::HasSubstr;
using ::testing::Not;

class PostgresAppends : public ::testing::Test {
protected:
    void SetUp() override {
        if (const auto why = PostgresServer::missing()) {
            GTEST_SKIP() << *why;
        }
        url_ = server().url_of_new_schema();
        schema_ = url_.substr(url_.rfind('=') + 1);
    }

    static PostgresServer& server() { return PostgresServer::shared(); }
    [[nodiscard]] std::unique_ptr<Store> open(
        std::chrono::milliseconds resolve_within = 10s) const {
        return open_postgres({.url = url_, .partitions = 3, .resolve_within = resolve_within});
    }
    // A session of a person who looks into the tables, or locks them.
    [[nodiscard]] std::unique_ptr<PostgresSession> session() const {
        auto made = std::make_unique<PostgresSession>(server().url());
        made->ask("SET search_path = " + schema_);
        return made;
    }
    std::string ask(const std::string& sql) const { return session()->ask(sql); }

    // One event in each of the partitions, all of which are at version `expected`.
    static Batch batch(std::uint64_t number, Version expected,
                       const std::vector<PartitionId>& partitions = {0}) {
        BatchMaker made(number);
        for (const PartitionId partition : partitions) {
            made.add(partition, expected, {SkuDefined{.sku = "mug"}});
            made.put(RowKind::stock, partition, encode_pair_key("mug", "main"),
                     bytes_of(Counters{.on_hand = static_cast<Quantity>(number),
                                       .available = static_cast<Quantity>(number)}));
        }
        return made.take();
    }
    static Batch locking(Batch made) {
        made.lock = true;
        return made;
    }
    static std::future<AppendResult> start(Store& store, Batch made) {
        auto answered = std::make_shared<std::promise<AppendResult>>();
        store.append(std::move(made),
                     [answered](AppendResult result) { answered->set_value(std::move(result)); });
        return answered->get_future();
    }
    static AppendOutcome outcome(Store& store, Batch made) {
        return append_and_wait(store, std::move(made)).outcome;
    }
    // An append that was started waits for a lock, or for a standby.
    static void wait_until_it_waits(const std::string& event = "%") {
        server().wait_until(fmt::format(
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'holdfast' "
            "AND wait_event_type IN ('Lock', 'IPC') AND wait_event LIKE '{}'",
            event));
    }
    // Ends, or only disturbs, the sessions that wait.
    static void signal_waiting(const std::string& function) {
        server().ask(
            fmt::format("SELECT {}(pid) FROM pg_stat_activity WHERE application_name = "
                        "'holdfast' AND wait_event_type IN ('Lock', 'IPC')",
                        function));
    }
    // Commits wait for a standby that does not exist.
    struct MissingStandby {
        MissingStandby() { server().set("synchronous_standby_names", "nobody"); }
        ~MissingStandby() { end(); }
        MissingStandby(const MissingStandby&) = delete;
        MissingStandby& operator=(const MissingStandby&) = delete;
        void end() const {
            // Whoever asks must not wait itself.
            const PostgresSession session(server().url());
            session.ask("SET synchronous_commit = local");
            session.ask("ALTER SYSTEM RESET synchronous_standby_names");
            session.ask("SELECT pg_reload_conf()");
        }
    };

    std::string url_;
    std::string schema_;
};

TEST_F(PostgresAppends, OfTwoWritersConflictAndBothGetThrough) {
    const auto first = open();
    const auto second = open();
    EXPECT_EQ(outcome(*first, batch(1, 0)), AppendOutcome::appended);
    EXPECT_EQ(outcome(*second, batch(2, 0)), AppendOutcome::conflict);
    EXPECT_EQ(second->tail(0, 0, 1'000).size(), 1U);
    EXPECT_EQ(outcome(*second, batch(2, 1)), AppendOutcome::appended);
    EXPECT_EQ(outcome(*first, batch(3, 1)), AppendOutcome::conflict);
    // On other partitions nobody is in anybody's way.
    EXPECT_EQ(outcome(*first, batch(3, 0, {1, 2})), AppendOutcome::appended);
    EXPECT_EQ(first->heads(), second->heads());
    EXPECT_EQ(first->heads()[0], (Head{.version = 2, .batch = 2}));
}

// Many at once, on the same partitions named in different orders: some always get through.
TEST_F(PostgresAppends, OfManyWritersLeaveNoGapAndNoDeadlock) {
    constexpr int writers = 4;
    constexpr int wanted = 25;
    std::vector<std::thread> threads;
    for (int i = 0; i < writers; ++i) {
        threads.emplace_back([&, i] {
            const auto store = open();
            std::uint64_t number = static_cast<std::uint64_t>(i) + 1;
            for (int done = 0; done < wanted; number += 1'000) {
                const Version at = store->heads()[1].version;
                const auto order =
                    i % 2 == 0 ? std::vector<PartitionId>{1, 2} : std::vector<PartitionId>{2, 1};
                const AppendOutcome became = outcome(*store, batch(number, at, order));
                ASSERT_THAT(became,
                            ::testing::AnyOf(AppendOutcome::appended, AppendOutcome::conflict));
                done += became == AppendOutcome::appended ? 1 : 0;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(ask("SELECT string_agg(version::text, ' ' ORDER BY partition) FROM partition"),
              "0 100 100");
    EXPECT_EQ(ask("SELECT count(*) || ' ' || count(DISTINCT batch) FROM event"), "200 100");
}

// With the locks that a conflict leaves him, the next append of a writer cannot conflict.
TEST_F(PostgresAppends, WithLocksGetThroughTheSecondTime) {
    const auto first = open();
    const auto second = open();
    ASSERT_EQ(outcome(*first, batch(1, 0, {0, 1})), AppendOutcome::appended);
    ASSERT_EQ(outcome(*second, locking(batch(2, 0, {1, 0}))), AppendOutcome::conflict);
    // The other one has to wait now, and reads go on.
    auto waiting = start(*first, batch(3, 1));
    wait_until_it_waits();
    EXPECT_EQ(first->heads()[0].version, 1U);
    EXPECT_EQ(second->tail(0, 0, 1'000).size(), 1U);
    EXPECT_EQ(outcome(*second, locking(batch(4, 1, {0, 1}))), AppendOutcome::appended);
    EXPECT_EQ(waiting.get().outcome, AppendOutcome::conflict);
    // Nobody waits for locks that were used.
    EXPECT_EQ(outcome(*first, batch(5, 2, {0, 1})), AppendOutcome::appended);
    EXPECT_EQ(outcome(*second, locking(batch(6, 3, {0, 1}))), AppendOutcome::appended);
}

TEST_F(PostgresAppends, GiveUpLocksThatTheyDoNotNeed) {
    const auto first = open();
    const auto second = open();
    ASSERT_EQ(outcome(*first, batch(1, 0, {0, 1, 2})), AppendOutcome::appended);
    ASSERT_EQ(outcome(*second, locking(batch(2, 0, {1}))), AppendOutcome::conflict);
    // Another partition: those that he has are given up, and taken anew in order.
    EXPECT_EQ(outcome(*second, locking(batch(3, 1, {0}))), AppendOutcome::appended);
    EXPECT_EQ(outcome(*first, batch(4, 1, {1})), AppendOutcome::appended);
    ASSERT_EQ(outcome(*second, locking(batch(5, 0, {2}))), AppendOutcome::conflict);
    EXPECT_EQ(outcome(*second, batch(6, 2, {0})), AppendOutcome::appended);
    EXPECT_EQ(outcome(*first, batch(7, 1, {2})), AppendOutcome::appended);
}

// A node that stands still with the locks of a conflict stops the others for two seconds at most.
TEST_F(PostgresAppends, LoseTheirLocksWhenTheirNodeStandsStill) {
    const auto first = open();
    const auto second = open();
    ASSERT_EQ(outcome(*first, batch(1, 0)), AppendOutcome::appended);
    ASSERT_EQ(outcome(*second, locking(batch(2, 0))), AppendOutcome::conflict);
    EXPECT_EQ(outcome(*first, batch(3, 1)), AppendOutcome::appended);
    // When it goes on, it is as if it had never had them.
    EXPECT_EQ(outcome(*second, locking(batch(4, 1))), AppendOutcome::conflict);
    EXPECT_EQ(outcome(*second, locking(batch(5, 2))), AppendOutcome::appended);
}

TEST_F(PostgresAppends, WithoutEventsOnlyConfirm) {
    const auto store = open();
    ASSERT_EQ(outcome(*store, batch(1, 0)), AppendOutcome::appended);
    const std::string before = server().ask("SELECT pg_current_wal_flush_lsn()");
    EXPECT_EQ(outcome(*store, BatchMaker(2).add(0, 1, {}).take()), AppendOutcome::appended);
    EXPECT_EQ(server().ask(fmt::format("SELECT pg_current_wal_flush_lsn() > '{}'::pg_lsn", before)),
              "t");
    EXPECT_EQ(store->heads()[0].version, 1U);
    EXPECT_EQ(store->tail(0, 0, 1'000).size(), 1U);
    EXPECT_EQ(outcome(*store, BatchMaker(3).add(0, 0, {}).take()), AppendOutcome::conflict);
}

// The connection is cut while the append waits for a lock, long before its COMMIT.
TEST_F(PostgresAppends, ThatWereCutOffBeforeTheirCommitAreDoneOnce) {
    const auto store = open();
    ASSERT_EQ(outcome(*store, batch(1, 0)), AppendOutcome::appended);
    const auto person = session();
    person->ask("BEGIN");
    person->ask("SELECT * FROM partition WHERE partition = 0 FOR UPDATE");
    auto append = start(*store, batch(2, 1));
    wait_until_it_waits();
    signal_waiting("pg_terminate_backend");
    person->ask("COMMIT");
    EXPECT_EQ(append.get().error, "");
    EXPECT_EQ(ask("SELECT string_agg(version || ':' || batch, ' ' ORDER BY version) FROM event"),
              "1:1 2:2");
    EXPECT_EQ(ask("SELECT fence FROM partition WHERE partition = 0"), "1");
}

// It is cut after the COMMIT was carried out, and before anybody heard of it.
TEST_F(PostgresAppends, ThatWereCutOffAfterTheirCommitAreNotDoneTwice) {
    const auto store = open();
    ASSERT_EQ(outcome(*store, batch(1, 0)), AppendOutcome::appended);
    const MissingStandby standby;
    auto append = start(*store, batch(2, 1));
    wait_until_it_waits("SyncRep");
    signal_waiting("pg_terminate_backend");
    standby.end();
    EXPECT_EQ(append.get().error, "");
    EXPECT_EQ(ask("SELECT string_agg(version || ':' || batch, ' ' ORDER BY version) FROM event"),
              "1:1 2:2");
    EXPECT_EQ(ask("SELECT fence FROM partition WHERE partition = 0"), "1");
}

TEST_F(PostgresAppends, AreUnknownOnlyWhenNobodyCanBeAsked) {
    const auto store = open(300ms);
    ASSERT_EQ(outcome(*store, batch(1, 0)), AppendOutcome::appended);
    const auto person = session();
    person->ask("BEGIN");
    person->ask("SELECT * FROM partition WHERE partition = 0 FOR UPDATE");
    auto append = start(*store, batch(2, 1));
    wait_until_it_waits();
    server().kill9();
    const AppendResult result = append.get();
    EXPECT_EQ(result.outcome, AppendOutcome::unknown);
    EXPECT_THAT(result.error, HasSubstr("append 2"));
    server().start();
    EXPECT_EQ(store->heads()[0].version, 1U);
    EXPECT_EQ(outcome(*store, batch(3, 1)), AppendOutcome::appended);
}

TEST_F(PostgresAppends, FailWhileTheDatabaseIsDownAndGoOnAfterwards) {
    const auto store = open();
    ASSERT_EQ(outcome(*store, batch(1, 0)), AppendOutcome::appended);
    server().stop();
    const AppendResult result = append_and_wait(*store, batch(2, 1));
    EXPECT_EQ(result.outcome, AppendOutcome::failed);
    EXPECT_THAT(result.error, HasSubstr("Check that it runs"));
    EXPECT_THROW((void)store->heads(), StoreError);
    EXPECT_THROW((void)store->find(0, RowKind::sku, "mug"), StoreError);
    server().start();
    EXPECT_EQ(store->heads()[0].version, 1U);
    EXPECT_EQ(outcome(*store, batch(2, 1)), AppendOutcome::appended);
    // A restart between two appends is not even noticed.
    server().restart();
    EXPECT_EQ(outcome(*store, batch(3, 2)), AppendOutcome::appended);
    EXPECT_EQ(store->heads()[0].version, 3U);
}

TEST_F(PostgresAppends, SurviveTheLossOfTheServerWithASynchronousStandby) {
    PostgresServer primary(PostgresServer::Flush::never);  // no machine is lost here
    const auto standby = primary.add_standby("second");
    const auto store = open_postgres({.url = primary.url_with(*standby), .partitions = 1});
    for (std::uint64_t number = 1; number <= 20; ++number) {
        ASSERT_EQ(outcome(*store, batch(number, number - 1)), AppendOutcome::appended);
    }
    primary.kill9();
    // Nobody decides anything on a standby.
    EXPECT_EQ(outcome(*store, batch(21, 20)), AppendOutcome::failed);
    EXPECT_THROW((void)store->heads(), StoreError);
    standby->promote();
    EXPECT_EQ(store->heads()[0], (Head{.version = 20, .batch = 20}));
    EXPECT_EQ(outcome(*store, batch(21, 20)), AppendOutcome::appended);
    EXPECT_EQ(store->tail(0, 0, 100'000).size(), 21U);
}

// What a writer sent before its connection broke arrives after he has asked what became of it.
TEST_F(PostgresAppends, ThatArriveTooLateAreShutOut) {
    const auto store = open();
    ASSERT_EQ(outcome(*store, batch(1, 0)), AppendOutcome::appended);
    const std::string late =
        "UPDATE partition SET version = CASE WHEN version = 1 AND fence = 0 THEN 2 ELSE -1 END "
        "WHERE partition = 0";
    // As it would go if nobody had asked.
    const auto person = session();
    person->ask("BEGIN");
    person->ask(late);
    person->ask("ROLLBACK");
    ask("UPDATE partition SET fence = fence + 1 WHERE partition = 0");
    EXPECT_THROW(person->ask(late), std::runtime_error);
    // The fence of another's question is in nobody's way.
    EXPECT_EQ(outcome(*store, batch(2, 1)), AppendOutcome::appended);
    EXPECT_EQ(ask("SELECT version FROM partition WHERE partition = 0"), "2");
}

}  // namespace
}  // namespace holdfast::store
