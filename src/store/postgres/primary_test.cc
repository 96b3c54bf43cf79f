// Which servers a store trusts: each weak setting is refused with its name and the remedy, and accepted by
// name; nothing is decided on a standby, on another cluster or on a former primary; a fail-over to a
// synchronous standby loses nothing.
#include "store/postgres/primary.h"

#include <csignal>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/postgres/postgres_store.h"
#include "testing/postgres_server.h"
#include "testing/store_batches.h"

namespace holdfast::store::postgres {
namespace {

using namespace std::chrono_literals;
using holdfast::testing::append_and_wait;
using holdfast::testing::BatchMaker;
using holdfast::testing::PostgresServer;
using holdfast::testing::PostgresSession;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Batch batch(std::uint64_t number) {
    return BatchMaker(number).add(0, number - 1, {SkuDefined{.sku = "mug"}}).take();
}

// Servers of its own, since it spoils them. No machine is lost here, so that they need not flush.
class PostgresPrimary : public ::testing::Test {
protected:
    void SetUp() override {
        if (const auto why = PostgresServer::missing()) {
            GTEST_SKIP() << *why;
        }
        server_ = std::make_unique<PostgresServer>(PostgresServer::Flush::never);
    }
    PostgresServer& server() { return *server_; }
    // Where risks beside that of fsync are accepted.
    [[nodiscard]] std::string url(std::string_view more = "") const {
        return fmt::format("{}&accept_risk=fsync{}", server_->url(), more);
    }
    // Why a store is refused; empty: it is not.
    static std::string refusal(const std::string& url) {
        try {
            Primary(parse_url(url)).connect();
            return "";
        } catch (const StoreError& error) {
            return error.what();
        }
    }
    static std::string promise(const std::string& url) {
        Primary primary(parse_url(url));
        primary.connect();
        return primary.promise();
    }
    void end_sessions() {
        server().ask(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE application_name = 'holdfast'");
    }

    std::unique_ptr<PostgresServer> server_;
};

TEST_F(PostgresPrimary, ThatNeverFlushesIsRefused) {
    EXPECT_THAT(refusal(server().url()),
                AllOf(HasSubstr("fsync is off"), HasSubstr("ALTER SYSTEM SET fsync = on"),
                      HasSubstr("accept_risk=fsync")));
    EXPECT_THAT(promise(url()), AllOf(StartsWith("class C"), HasSubstr("fsync")));
    EXPECT_THAT(promise(PostgresServer::shared().url()), StartsWith("class A"));
}

TEST_F(PostgresPrimary, ThatMayTearPagesIsRefused) {
    server().set("full_page_writes", "off");
    EXPECT_THAT(refusal(url()), AllOf(HasSubstr("full_page_writes is off"),
                                      HasSubstr("ALTER SYSTEM SET full_page_writes = on"),
                                      Not(HasSubstr("fsync"))));
    EXPECT_EQ(refusal(url(",full_page_writes")), "");
}

TEST_F(PostgresPrimary, ThatTriesAFailedFlushAgainIsRefused) {
    server().ask("ALTER SYSTEM SET data_sync_retry = on");
    server().restart();
    EXPECT_THAT(refusal(url()), AllOf(HasSubstr("data_sync_retry is on"),
                                      HasSubstr("ALTER SYSTEM SET data_sync_retry = off")));
    EXPECT_EQ(refusal(url(",data_sync_retry")), "");
}

TEST_F(PostgresPrimary, WhoseCommitsDoNotWaitIsRefused) {
    for (const std::string weak : {"off", "local", "remote_write"}) {
        server().set("synchronous_commit", weak);
        EXPECT_THAT(refusal(url()), AllOf(HasSubstr("synchronous_commit is " + weak),
                                          HasSubstr("ALTER ROLE postgres IN DATABASE postgres SET "
                                                    "synchronous_commit = on")));
        EXPECT_EQ(refusal(url(",synchronous_commit")), "");
    }
    server().set("synchronous_commit", "remote_apply");
    EXPECT_EQ(refusal(url()), "");
    server().set("synchronous_commit", "off");
    server().ask("ALTER ROLE postgres IN DATABASE postgres SET synchronous_commit = on");
    EXPECT_EQ(refusal(url()), "");
    EXPECT_THAT(refusal(url("&options=-c%20synchronous_commit%3Doff")), HasSubstr("is off"));
}

// What a session has looked at, it keeps.
TEST_F(PostgresPrimary, CannotBeWeakenedUnderASession) {
    Primary primary(parse_url(url()));
    const auto connection = primary.connect();
    server().set("synchronous_commit", "off");
    EXPECT_EQ(
        connection->query({"shown", "SELECT current_setting('synchronous_commit')"}, Parameters{})
            .row(0)
            .text(),
        "on");
}

TEST_F(PostgresPrimary, SeveralFaultsAreToldAtOnce) {
    server().set("full_page_writes", "off");
    server().set("synchronous_commit", "off");
    EXPECT_THAT(refusal(server().url()),
                AllOf(HasSubstr("fsync is off"), HasSubstr("full_page_writes is off"),
                      HasSubstr("synchronous_commit is off")));
}

TEST_F(PostgresPrimary, OnlyKnownRisksCanBeAccepted) {
    EXPECT_THAT(refusal(url(",everything")),
                AllOf(HasSubstr("accept_risk=everything"), HasSubstr("full_page_writes")));
}

// A server that does not say what it is: another make, or one that hides it from this user.
TEST_F(PostgresPrimary, WhoseSettingsCannotBeReadIsRefused) {
    server().ask("CREATE ROLE shop LOGIN");
    std::string shop = url();
    shop.replace(shop.find("postgres@"), 9, "shop@");
    EXPECT_EQ(refusal(shop), "");
    server().ask("REVOKE EXECUTE ON FUNCTION pg_control_system FROM PUBLIC");
    EXPECT_THAT(refusal(shop), AllOf(HasSubstr("cannot be read"), HasSubstr("pg_control_system")));
    EXPECT_EQ(refusal(shop + ",unread_settings"), "");
}

TEST_F(PostgresPrimary, WithoutItsSynchronousStandbyIsRefused) {
    auto standby = server().add_standby("second");
    EXPECT_EQ(refusal(url()), "");
    server().set("synchronous_standby_names", "nobody");
    EXPECT_THAT(refusal(url()),
                AllOf(HasSubstr("synchronous_standby_names is 'nobody', and no such standby"),
                      HasSubstr("pg_stat_replication")));
    EXPECT_EQ(refusal(url(",synchronous_standby_names")), "");
    server().set("synchronous_standby_names", "ANY 1 (second, third)");
    EXPECT_EQ(refusal(url()), "");
    // After a restart, what nobody else has may be there to be read: only with the standby is it safe.
    standby->stop();
    server().restart();
    EXPECT_THAT(refusal(url()), HasSubstr("no such standby"));
    standby->start();
    server().wait_until("SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'quorum'");
    EXPECT_EQ(refusal(url()), "");
}

TEST_F(PostgresPrimary, SaysItsClass) {
    PostgresServer durable;
    EXPECT_THAT(promise(durable.url()), AllOf(StartsWith("class A"), HasSubstr("disk")));
    const auto standby = durable.add_standby("second");
    EXPECT_THAT(promise(durable.url()), AllOf(StartsWith("class A"), HasSubstr("'second'")));
    durable.reset("synchronous_standby_names");
    EXPECT_THAT(promise(durable.url()),
                AllOf(StartsWith("class B"), HasSubstr("ALTER SYSTEM SET synchronous_standby")));
}

TEST_F(PostgresPrimary, MustLetItsStandbysBeSeen) {
    const auto standby = server().add_standby("second");
    server().ask("CREATE ROLE shop LOGIN");
    std::string shop = url();
    shop.replace(shop.find("postgres@"), 9, "shop@");
    EXPECT_THAT(refusal(shop), HasSubstr("GRANT pg_read_all_stats TO shop"));
    server().ask("GRANT pg_read_all_stats TO shop");
    EXPECT_EQ(refusal(shop), "");
}

TEST_F(PostgresPrimary, IsNeverAStandby) {
    const auto standby = server().add_standby("second");
    const std::string alone = standby->url() + "&accept_risk=fsync";
    EXPECT_THAT(refusal(alone), HasSubstr("read-only"));
    EXPECT_THAT(refusal(alone + "&target_session_attrs=any"), HasSubstr("is a standby"));
}

TEST_F(PostgresPrimary, IsNeverAnotherCluster) {
    const auto other = PostgresServer::of_another_cluster(PostgresServer::Flush::never);
    Primary primary(parse_url(server().url_with(*other)));
    const auto connection = primary.connect();
    EXPECT_FALSE(primary.gone(*connection));
    server().kill9();
    try {
        primary.connect();
        FAIL() << "another cluster was taken";
    } catch (const DatabaseError& error) {
        EXPECT_THAT(error.what(), HasSubstr("is another cluster"));
    }
    server().start();
    EXPECT_NO_THROW(primary.connect());
}

TEST_F(PostgresPrimary, ThatBecameReadOnlyFailsUntilItIsNot) {
    const auto store = open_postgres({.url = url(), .partitions = 1});
    ASSERT_EQ(append_and_wait(*store, batch(1)).outcome, AppendOutcome::appended);
    server().set("default_transaction_read_only", "on");
    const AppendResult result = append_and_wait(*store, batch(2));
    EXPECT_EQ(result.outcome, AppendOutcome::failed);
    EXPECT_THAT(result.error, HasSubstr("read-only"));
    // Nobody but its settings' file can change it now.
    const PostgresSession session(server().url());
    session.ask("SET default_transaction_read_only = off");
    session.ask("ALTER SYSTEM RESET default_transaction_read_only");
    session.ask("SELECT pg_reload_conf()");
    server().restart();
    EXPECT_EQ(append_and_wait(*store, batch(2)).outcome, AppendOutcome::appended);
}

// The whole story: the primary is lost, its synchronous standby takes over and has all that was acknowledged;
// the old one comes back as if nothing had happened, first in the URL and writable, and is not touched.
TEST_F(PostgresPrimary, ThatComesBackIsNeverWrittenTo) {
    const auto standby = server().add_standby("second");
    const auto store = open_postgres({.url = server().url_with(*standby), .partitions = 1});
    constexpr std::uint64_t acknowledged = 20;
    for (std::uint64_t number = 1; number <= acknowledged; ++number) {
        ASSERT_EQ(append_and_wait(*store, batch(number)).outcome, AppendOutcome::appended);
    }
    server().kill9();
    standby->promote();
    EXPECT_EQ(store->heads()[0], (Head{.version = acknowledged, .batch = acknowledged}));
    EXPECT_EQ(append_and_wait(*store, batch(acknowledged + 1)).outcome, AppendOutcome::appended);

    server().start();
    server().reset("synchronous_standby_names");
    standby->ask(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE application_name = 'holdfast'");
    EXPECT_EQ(append_and_wait(*store, batch(acknowledged + 2)).outcome, AppendOutcome::appended);
    EXPECT_EQ(store->heads()[0].version, acknowledged + 2);
    EXPECT_EQ(server().ask("SELECT version FROM holdfast.partition"), std::to_string(acknowledged));
    // Without its successor nobody is asked any more.
    standby->kill9();
    const AppendResult result = append_and_wait(*store, batch(acknowledged + 3));
    EXPECT_EQ(result.outcome, AppendOutcome::failed);
    EXPECT_THAT(result.error, HasSubstr("former primary that came back"));
    EXPECT_THROW((void)store->heads(), StoreError);
}

// A standby that nobody waited for lacks the last changes, and others are made in their place before anybody
// has noticed: the version is right, and what stands there is not.
TEST_F(PostgresPrimary, ThatTookOverWithoutAllChangesIsRefused) {
    const auto standby = server().add_standby("second");
    const std::string url = server().url_with(*standby);
    const auto made = open_postgres({.url = url, .partitions = 1});
    ASSERT_EQ(append_and_wait(*made, batch(1)).outcome, AppendOutcome::appended);
    const auto reader = open_postgres({.url = url});
    const auto loader = open_postgres({.url = url});
    standby->stop();
    server().reset("synchronous_standby_names");
    ASSERT_EQ(append_and_wait(*made, batch(2)).outcome, AppendOutcome::appended);
    ASSERT_EQ(reader->tail(0, 0, 100'000).size(), 2U);
    loader->load({}, {});
    server().kill9();
    standby->start();
    standby->promote();
    const auto fresh = open_postgres({.url = url});
    Batch other = BatchMaker(3).add(0, 1, {SkuDefined{.sku = "mug"}}).take();
    ASSERT_EQ(append_and_wait(*fresh, std::move(other)).outcome, AppendOutcome::appended);

    for (const auto& store : {made.get(), reader.get(), loader.get()}) {
        try {
            (void)store->heads();
            ADD_FAILURE() << "a store that lost changes was taken";
        } catch (const StoreUnreachable& error) {
            ADD_FAILURE() << error.what();
        } catch (const StoreError& error) {
            EXPECT_THAT(error.what(), AllOf(HasSubstr("lost acknowledged changes"),
                                            HasSubstr("version 2 of partition 0")));
        }
        EXPECT_EQ(append_and_wait(*store, batch(3)).outcome, AppendOutcome::failed);
    }
    EXPECT_EQ(append_and_wait(*fresh, batch(3)).outcome, AppendOutcome::appended);
}

// A connection that still leads to the old one is not used once its successor was seen.
TEST_F(PostgresPrimary, IsLeftWhenItsSuccessorWasSeen) {
    const auto standby = server().add_standby("second");
    Primary both(parse_url(server().url_with(*standby)));
    const auto old = both.connect();
    standby->promote();  // while the old one goes on
    server().reset("synchronous_standby_names");
    EXPECT_FALSE(both.gone(*old));
    // Someone whose URL names the new one first.
    Primary turned(parse_url(standby->url_with(server())));
    const auto found = turned.connect();
    EXPECT_GT(found->timeline(), old->timeline());
    EXPECT_FALSE(turned.gone(*found));
    EXPECT_TRUE(turned.gone(*old));
}

// Who cancels the wait for a standby makes COMMIT say that it went well: the standby may not have it.
TEST_F(PostgresPrimary, WhoseWaitForItsStandbyWasCancelledIsAskedAgain) {
    const auto standby = server().add_standby("second");
    const auto store = open_postgres({.url = server().url_with(*standby), .partitions = 1});
    ASSERT_EQ(append_and_wait(*store, batch(1)).outcome, AppendOutcome::appended);
    // It still counts as one that follows, and gets nothing any more.
    const pid_t receiver = std::stoi(standby->ask("SELECT pid FROM pg_stat_wal_receiver"));
    ASSERT_EQ(::kill(receiver, SIGSTOP), 0);
    std::promise<AppendResult> promise;
    auto append = promise.get_future();
    store->append(batch(2), [&](AppendResult result) { promise.set_value(std::move(result)); });
    const std::string waiting =
        "SELECT coalesce(min(pid), 0) FROM pg_stat_activity WHERE "
        "application_name = 'holdfast' AND wait_event = 'SyncRep'";
    server().wait_until(fmt::format("SELECT ({}) <> 0", waiting));
    // What finds out what became of it waits for the standby too, and is cancelled as well.
    for (int i = 0; i < 2; ++i) {
        const std::string pid = server().ask(waiting);
        server().ask(fmt::format("SELECT pg_cancel_backend({})", pid));
        const std::string next = fmt::format("SELECT ({}) NOT IN (0, {})", waiting, pid);
        while (append.wait_for(1ms) == std::future_status::timeout && server().ask(next) != "t") {
        }
    }
    EXPECT_EQ(append.wait_for(0s), std::future_status::timeout);
    ASSERT_EQ(::kill(receiver, SIGCONT), 0);
    EXPECT_EQ(append.get().error, "");
    // It has on disk what it may still have to carry out.
    server().kill9();
    standby->wait_until("SELECT version = 2 FROM holdfast.partition");
}

}  // namespace
}  // namespace holdfast::store::postgres
