// The real server under load from several clients is killed with SIGKILL at random moments and started
// again, over and over on one data directory. HOLDFAST_SEED repeats a run, HOLDFAST_CRASHES lengthens it.
#include <atomic>
#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>

#include "cli/ledger.h"
#include "cli/server_process.h"
#include "testing/scratch_directory.h"
#include "tests/crash/shopper.h"

namespace holdfast::cli {
namespace {

constexpr int shopper_count = 6;
constexpr int crashes_default = 36;
// A crash comes after so many answers at most.
constexpr int answers_max = 400;

std::uint64_t environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class CrashTest : public ::testing::Test {
protected:
    CrashTest() : seed_(environment("HOLDFAST_SEED", std::random_device()())), random_(seed_) {
        RecordProperty("seed", std::to_string(seed_));
        std::printf("HOLDFAST_SEED=%llu\n", static_cast<unsigned long long>(seed_));
        const char* program = std::getenv("HOLDFAST_BINARY");
        program_ = program != nullptr ? program : "build/release/holdfast";
        server_.emplace(program_, std::vector<std::string>{"--data", scratch_.path() / "data"},
                        scratch_.path() / "log");
        for (int number = 0; number < shopper_count; ++number) {
            shoppers_.emplace_back(number, random_());
        }
        const auto connection = connect_http({.url = server_->url()});
        for (const std::string& sku : Shopper::skus) {
            required(connection->submit(DefineSku{.sku = sku}).result);
        }
    }

    int draw(int most) { return std::uniform_int_distribution<int>(0, most)(random_); }

    // Everybody shops until the server is killed, after a random number of answers.
    void shop_until_killed() {
        std::atomic<int> left = 1 + draw(answers_max);
        std::vector<std::jthread> threads;
        for (Shopper& shopper : shoppers_) {
            threads.emplace_back([&, url = server_->url()] {
                shopper.shop(url, [&] {
                    if (--left == 0) {
                        left.notify_one();
                    }
                });
            });
        }
        for (int now = left; now > 0; now = left) {
            left.wait(now);
        }
        server_->kill();
    }

    // A third of the crashes is followed by another while the server recovers.
    void crash_while_recovering() {
        if (draw(2) == 0) {
            const std::string line = "( " + program_ + " serve --listen 127.0.0.1:0 --data " +
                                     (scratch_.path() / "data").string() + " & sleep 0.0" +
                                     std::to_string(10 + draw(39)) +
                                     "; kill -9 $!; wait $! ) >/dev/null 2>&1";
            static_cast<void>(std::system(line.c_str()));
            ++crashes_in_recovery_;
        }
    }

    void check_counters(Connection& connection) {
        std::map<std::string, Expected> expected;
        for (const Shopper& shopper : shoppers_) {
            shopper.add_to(expected);
        }
        for (const std::string& sku : Shopper::skus) {
            const Counters found = required(connection.stock(sku)).total;
            const Expected& it = expected[sku];
            EXPECT_EQ(found.on_hand, it.received - it.shipped + it.returned) << sku;
            EXPECT_EQ(found.committed, it.committed) << sku;
            EXPECT_EQ(found.returned, it.returned) << sku;
            // Some short holds may have lapsed since their shoppers looked.
            EXPECT_LE(found.held, it.held) << sku;
            EXPECT_EQ(found.available + found.held, found.on_hand - it.committed - it.returned)
                << sku;
            EXPECT_GE(found.available, 0) << sku;
        }
    }

    void check_audit(Connection& connection) {
        const AuditReport report = required(connection.audit());
        for (const AuditDifference& it : report.differences) {
            ADD_FAILURE() << it.what << ": kept " << it.kept << ", by the events " << it.events;
        }
    }

    // From the log: each cart was granted as often as its shopper was told, and the counters are what
    // the events add up to.
    void check_log(Connection& connection) {
        Ledger ledger;
        std::map<std::string, int> placed;
        Page<RecordedEvent> page;
        do {
            page = required(connection.events(page.next, limits::page_max));
            for (const RecordedEvent& recorded : page.items) {
                ledger.add(recorded);
                if (const auto* event = std::get_if<HoldPlaced>(&recorded.event)) {
                    ++placed[event->hold.cart];
                }
            }
        } while (page.items.size() == limits::page_max);
        for (const Shopper& shopper : shoppers_) {
            for (const auto& [cart, granted] : shopper.carts()) {
                EXPECT_EQ(placed[cart], granted ? 1 : 0) << cart;
                placed.erase(cart);
            }
        }
        EXPECT_TRUE(placed.empty()) << placed.begin()->first << " belongs to nobody";
        for (const auto& [name, row] : ledger.rows()) {
            const Counters& counters = row.counters;
            Counters found = required(connection.stock(name.first)).total;
            // Short holds may have lapsed since the end of the log was read.
            const Quantity lapsed = counters.held - found.held;
            found.held += lapsed;
            found.available -= lapsed;
            EXPECT_EQ(counters, found) << name.first;
        }
    }

    std::uint64_t seed_;
    std::mt19937_64 random_;
    holdfast::testing::ScratchDirectory scratch_;
    std::string program_;
    std::optional<ServerProcess> server_;
    std::vector<Shopper> shoppers_;
    int crashes_in_recovery_ = 0;
};

TEST_F(CrashTest, WhatWasAcknowledgedIsThereAndNothingIsHalfThere) {
    const auto crashes = environment("HOLDFAST_CRASHES", crashes_default);
    for (std::uint64_t crash = 1; crash <= crashes && !HasFailure(); ++crash) {
        SCOPED_TRACE("crash " + std::to_string(crash));
        shop_until_killed();
        crash_while_recovering();
        server_->start();
        for (Shopper& shopper : shoppers_) {
            shopper.check(server_->url());
        }
        const auto connection = connect_http({.url = server_->url()});
        check_counters(*connection);
        check_audit(*connection);
    }
    const auto connection = connect_http({.url = server_->url()});
    check_log(*connection);
    std::uint64_t answers = 0;
    std::uint64_t doubts = 0;
    std::uint64_t done = 0;
    for (const Shopper& shopper : shoppers_) {
        answers += shopper.answers();
        doubts += shopper.doubts();
        done += shopper.doubts_done();
    }
    std::printf(
        "%llu crashes, %d more while recovering; %llu answers; of %llu commands in doubt "
        "%llu had been carried out\n",
        static_cast<unsigned long long>(crashes), crashes_in_recovery_,
        static_cast<unsigned long long>(answers), static_cast<unsigned long long>(doubts),
        static_cast<unsigned long long>(done));
    EXPECT_GT(doubts, 0U);
}

}  // namespace
}  // namespace holdfast::cli
