// Three nodes as real processes over a real PostgreSQL, with a crowd that asks one after the other, while nodes,
// database and network fail. Afterwards everybody is served again, what the clients saw is a history that one shop
// without failures could have had, and the books are right. HOLDFAST_SEED repeats what is drawn,
// HOLDFAST_CHAOS_SECONDS lengthens each test.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>

#include <gtest/gtest.h>

#include "cli/connection.h"
#include "cli/own_server.h"
#include "service/engine.h"
#include "store/postgres/postgres_store.h"
#include "testing/history.h"
#include "tests/nodes/cluster.h"
#include "tests/nodes/crowd.h"
#include "tests/nodes/wrong_clock.h"

namespace holdfast::testing {
namespace {

using namespace std::chrono_literals;
using Direction = TcpProxy::Direction;
using Cut = TcpProxy::Cut;
using std::chrono::steady_clock;

// As libpq names the prepared statement that ends an append: src/store/postgres/writer.cc.
const std::string commit_of_an_append("\0commit\0", 8);
// What the server says when it has committed.
const std::string committed("COMMIT\0", 7);

constexpr std::uint64_t seconds_default = 3;
// Of those who look at the end.
constexpr std::chrono::seconds patience = 30s;
// Between two faults, and after the last: nothing is stuck.
constexpr std::uint64_t answers_between = 150;

std::uint64_t environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

constexpr std::chrono::milliseconds hasty = 200ms;

// A node in this process that asks only so long what became of a commit. A real one does so for ten seconds.
std::unique_ptr<Service> open_hasty_node(const std::string& url) {
    auto store = store::open_postgres({.url = url, .resolve_within = hasty});
    auto clock = store->clock();
    return std::make_unique<service::Engine>(std::move(store), std::move(clock));
}

class ChaosTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (const auto why = PostgresServer::missing()) {
            GTEST_SKIP() << *why;
        }
        const bool affinity = has_affinity();
        std::printf("HOLDFAST_SEED=%llu, %s affinity\n", static_cast<unsigned long long>(seed_),
                    affinity ? "with" : "without");
        database_ = std::make_unique<PostgresServer>();
        cluster_.emplace(*database_, affinity);
        urls_ = cluster_->urls();
        crowd_.stock_up(shop_at(urls_.front(), patience));
    }

    void TearDown() override {
        if (HasFailure() && cluster_) {
            std::printf("%s", cluster_->logs().c_str());
        }
    }

    // A node without it decides everything that it is asked by itself: then all fight for everything.
    virtual bool has_affinity() { return draw(2) == 0; }
    std::size_t draw(std::size_t below) { return random_() % below; }
    std::size_t any_node() { return draw(Cluster::size); }

    // Everybody shops, and again and again something happens, after which all is well again.
    template <class Fault>
    void shop_while(Fault happens) {
        crowd_.start();
        const auto end = steady_clock::now() + std::chrono::seconds(environment(
                                                   "HOLDFAST_CHAOS_SECONDS", seconds_default));
        do {
            EXPECT_TRUE(crowd_.see_answers(answers_between)) << "nobody is served";
            happens();
        } while (steady_clock::now() < end && !HasFailure());
        EXPECT_TRUE(crowd_.see_answers(answers_between)) << "nobody is served any more";
        crowd_.stop();
        judge();
    }

    void judge() {
        History history;
        for (std::string versions; versions != this->versions();) {
            versions = this->versions();
            history = history_of(recorder_, shop_at(urls_.front(), patience), Cluster::partitions);
        }
        history.clock_error = 1s;
        for (const Finding& finding : check(history)) {
            ADD_FAILURE() << finding;
        }
        for (const StockAnswer& stock : history.stock) {
            EXPECT_GE(stock.total.available, 0) << stock.sku << " is oversold";
        }
        for (const std::string& url : urls_) {
            const AuditReport report = cli::required(cli::connect_http({.url = url})->audit());
            for (const AuditDifference& it : report.differences) {
                ADD_FAILURE() << url << ": " << it.what << ": kept " << it.kept
                              << ", by the events " << it.events;
            }
        }
        const Crowd::Seen seen = crowd_.seen();
        std::printf(
            "%llu answers, %llu of them again, %llu out of stock; %llu requests without an answer, "
            "of %llu nobody knew; %zu events\n",
            static_cast<unsigned long long>(seen.answers),
            static_cast<unsigned long long>(seen.replayed),
            static_cast<unsigned long long>(seen.refused),
            static_cast<unsigned long long>(seen.tries - seen.answers),
            static_cast<unsigned long long>(seen.unknown), history.log.size());
    }
    // Of all partitions: while it is the same, nothing has happened.
    std::string versions() {
        return cluster_->ask(*database_,
                             "SELECT string_agg(version::text, ' ' ORDER BY partition) "
                             "FROM partition");
    }

    const std::uint64_t seed_ = environment("HOLDFAST_SEED", std::random_device()());
    std::mt19937_64 random_{seed_};
    // What is declared first ends last.
    std::unique_ptr<PostgresServer> database_;
    std::optional<Cluster> cluster_;
    std::vector<std::string> urls_;
    std::optional<Shop> shop_in_process_;  // one node more
    std::chrono::seconds shopper_patience_ = shopper_patience;
    Recorder recorder_;
    Crowd crowd_{
        recorder_,
        [this] {
            std::vector<Shop> shops;
            shops.reserve(urls_.size() + 1);
            for (const std::string& url : urls_) {
                // A key that is repeated in another way would be another request.
                shops.push_back(shop_at(url, shop_in_process_ ? patience : shopper_patience_));
            }
            if (shop_in_process_) {
                shops.push_back(*shop_in_process_);
            }
            return shops;
        },
        seed_};
};

TEST_F(ChaosTest, WithoutAnyFault) {
    shop_while([] {});
    EXPECT_EQ(crowd_.seen().broken, 0U);
    EXPECT_EQ(crowd_.seen().tries, crowd_.seen().answers);
}

// The others go on: nobody waits for the one that is gone.
TEST_F(ChaosTest, NodesAreKilled) {
    shop_while([this] {
        const std::size_t victim = any_node();
        cluster_->node(victim).kill();
        EXPECT_TRUE(crowd_.see_answers(answers_between)) << "the other nodes wait for a dead one";
        cluster_->node(victim).start();
    });
}

TEST_F(ChaosTest, TheDatabaseIsKilled) {
    shop_while([this] {
        database_->kill9();
        EXPECT_TRUE(crowd_.see_tries(10 + draw(50)));
        database_->start();
    });
}

TEST_F(ChaosTest, TheDatabaseIsRestarted) {
    shop_while([this] { database_->restart(); });
}

// Appends are on their way when the network of their node breaks.
TEST_F(ChaosTest, ConnectionsAreCutBeforeTheCommit) {
    shop_while([this] {
        cluster_->network(any_node())
            .cut_when(Direction::to_server, commit_of_an_append, Cut::before, 1 + draw(5));
    });
    EXPECT_GT(cluster_->network(0).cuts(), 0U);
}

TEST_F(ChaosTest, ConnectionsAreCutAfterTheCommit) {
    shop_while([this] {
        TcpProxy& network = cluster_->network(any_node());
        if (draw(2) == 0) {
            network.cut_when(Direction::to_server, commit_of_an_append, Cut::after, 1 + draw(5));
        } else {
            network.cut_when(Direction::to_client, committed,
                             draw(2) == 0 ? Cut::before : Cut::after, 1 + draw(5));
        }
    });
    EXPECT_GT(cluster_->network(0).cuts(), 0U);
}

TEST_F(ChaosTest, TheDatabaseIsSlow) {
    shop_while([this] {
        for (std::size_t i = 0; i < Cluster::size; ++i) {
            cluster_->network(i).delay(Direction::to_client, 5ms * draw(4));
        }
        cluster_->network(any_node()).delay_answers_to(commit_of_an_append, 100ms);
        EXPECT_TRUE(crowd_.see_answers(answers_between));
        for (std::size_t i = 0; i < Cluster::size; ++i) {
            cluster_->network(i).delay(Direction::to_client, 0ms);
            cluster_->network(i).delay_answers_to("", 0ms);
        }
    });
}

// Its clients hear nothing until they give up and go on to the next node.
TEST_F(ChaosTest, ANodeIsPartitionedFromTheStore) {
    shop_while([this] {
        TcpProxy& network = cluster_->network(any_node());
        network.black_hole(true);
        EXPECT_TRUE(crowd_.see_tries(30));
        network.black_hole(false);
    });
}

// A commit was on its way when its node lost the store for longer than it can tell its clients to wait.
TEST_F(ChaosTest, ANodeDoesNotKnowWhatBecameOfItsCommit) {
    shop_while([this] {
        TcpProxy& network = cluster_->network(any_node());
        network.cut_when(Direction::to_server, commit_of_an_append, Cut::after);
        network.refuse(true);
        EXPECT_TRUE(crowd_.see_tries(answers_between));
        network.refuse(false);
    });
}

// It says so, and whoever asks again with his key, of the next node, hears what is true.
TEST_F(ChaosTest, ANodeSaysThatItDoesNotKnow) {
    TcpProxy network(database_->port());
    const auto node = open_hasty_node(cluster_->url(network.port()));
    const cli::OwnServer server(*node, {});
    urls_.push_back(server.url());
    shopper_patience_ = patience;
    shop_while([&] {
        const std::uint64_t unknown = crowd_.seen().unknown;
        // Of an append that only ends what has lapsed nobody hears, nor is there one without a connection.
        for (int appends = 0; appends < 20 && crowd_.seen().unknown == unknown; ++appends) {
            // Of what is cut off before, the database knows nothing; what is cut off after is done.
            network.cut_when(Direction::to_server, commit_of_an_append,
                             draw(2) == 0 ? Cut::before : Cut::after, 1 + draw(3));
            network.refuse(true);
            crowd_.see_unknown(unknown + 1, 5 * hasty);
            network.refuse(false);
        }
        EXPECT_GT(crowd_.seen().unknown, unknown) << "nobody is told";
    });
}

class ChaosWithAffinityTest : public ChaosTest {
protected:
    bool has_affinity() override { return true; }
};

// Commands were passed on to a node that is killed, by one that cannot do them itself.
TEST_F(ChaosWithAffinityTest, TheNodeThatCommandsWerePassedOnToIsLost) {
    shop_while([this] {
        const std::size_t victim = any_node();
        const std::size_t other = (victim + 1 + draw(Cluster::size - 1)) % Cluster::size;
        cluster_->network(victim).delay_answers_to(commit_of_an_append, 100ms);
        EXPECT_TRUE(crowd_.see_tries(10));
        cluster_->network(other).refuse(true);
        cluster_->network(other).cut();
        cluster_->node(victim).kill();
        EXPECT_TRUE(crowd_.see_tries(30));
        cluster_->network(victim).delay_answers_to("", 0ms);
        cluster_->network(other).refuse(false);
        cluster_->node(victim).start();
    });
}

// What the standby does not have nobody is told, though COMMIT said that all was well.
TEST_F(ChaosTest, TheWaitForTheStandbyIsCancelled) {
    const auto standby = database_->add_standby("second");
    const std::string waiting = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    shop_while([&] {
        standby->stop();
        database_->wait_until("SELECT count(*) > 0 " + waiting);
        // Who was cancelled waits no more: without its standby no new connection is good enough.
        for (int i = 0; i < 3; ++i) {
            database_->ask("SELECT pg_cancel_backend(pid) " + waiting);
            EXPECT_TRUE(crowd_.see_tries(10));
        }
        standby->start();
    });
}

TEST_F(ChaosTest, AStandbyTakesOverAndTheOldPrimaryComesBack) {
    std::unique_ptr<PostgresServer> old;
    shop_while([&] {
        auto standby = database_->add_standby("second");
        EXPECT_TRUE(crowd_.see_answers(answers_between));
        database_->kill9();
        EXPECT_TRUE(crowd_.see_tries(answers_between));
        standby->promote();
        cluster_->move_to(*standby);
        old = std::exchange(database_, std::move(standby));
        EXPECT_TRUE(crowd_.see_answers(answers_between));
        old->start();
        const std::string kept = "SELECT sum(version) || ' ' || sum(fence) FROM partition";
        const std::string before = cluster_->ask(*old, kept);
        EXPECT_TRUE(crowd_.see_answers(answers_between));
        EXPECT_EQ(cluster_->ask(*old, kept), before) << "somebody writes to the old primary";
        EXPECT_EQ(old->ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                           "'holdfast'"),
                  "0");
    });
}

// All nodes go by the database's clock: one whose own is an hour off changes nothing.
TEST_F(ChaosTest, TheClockOfANodeIsAnHourOff) {
    for (const std::chrono::seconds off : {3600s, -3600s}) {
        set_time_of_day_ahead(off);
        const auto node = open({.store = cluster_->url(database_->port())});
        shop_in_process_ = shop_of(*node);
        shop_while([] {});
        const Shop shop = shop_of(*node);
        recorder_.submit(shop, ReceiveStock{.sku = "jar", .quantity = 100});
        const auto hold = recorder_.submit(shop, PlaceHold{.cart = "c", .lines = {{"jar", 1, ""}}});
        const Instant told = std::get<HoldAnswer>(hold->result.value()).server_time;
        EXPECT_EQ(database_->ask("SELECT abs(extract(epoch FROM clock_timestamp()) * 1000 - " +
                                 std::to_string(told.time_since_epoch().count()) + ") < 60000"),
                  "t");
        shop_in_process_.reset();
    }
    set_time_of_day_ahead(0s);
}

}  // namespace
}  // namespace holdfast::testing
