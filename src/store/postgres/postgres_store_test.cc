// What only this store is: its tables, made by several at once, with their guards; its clock and its URL.
#include "store/postgres/postgres_store.h"

#include <algorithm>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/codec.h"
#include "store/postgres/connection.h"
#include "store/postgres/database_clock.h"
#include "testing/postgres_server.h"
#include "testing/store_batches.h"

namespace holdfast::store {
namespace {

using namespace std::chrono_literals;
using holdfast::testing::append_and_wait;
using holdfast::testing::BatchMaker;
using holdfast::testing::bytes_of;
using holdfast::testing::hold_number;
using holdfast::testing::PostgresServer;
using holdfast::testing::PostgresSession;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string refusal(const std::function<void()>& attempt) {
    try {
        attempt();
        return "";
    } catch (const StoreError& error) {
        return error.what();
    }
}

class PostgresTables : public ::testing::Test {
protected:
    void SetUp() override {
        if (const auto why = PostgresServer::missing()) {
            GTEST_SKIP() << *why;
        }
        url_ = PostgresServer::shared().url_of_new_schema();
        schema_ = url_.substr(url_.rfind('=') + 1);
    }
    [[nodiscard]] std::unique_ptr<Store> open() const {
        return open_postgres({.url = url_, .partitions = 4});
    }
    // One value, found by a person.
    std::string ask(const std::string& sql) const {
        const PostgresSession session(PostgresServer::shared().url());
        session.ask("SET search_path = " + schema_);
        return session.ask(sql);
    }

    std::string url_;
    std::string schema_;
};

TEST_F(PostgresTables, AreMadeOnceBySeveralAtOnce) {
    constexpr int nodes = 8;
    std::vector<std::unique_ptr<Store>> stores(nodes);
    std::vector<std::thread> threads;
    for (int i = 0; i < nodes; ++i) {
        threads.emplace_back([&, i] {
            stores[i] =
                open_postgres({.url = url_, .partitions = static_cast<std::uint32_t>(3 + i)});
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    std::set<std::uint16_t> writers;
    for (const auto& store : stores) {
        ASSERT_TRUE(store);
        EXPECT_EQ(store->partition_count(), stores[0]->partition_count());
        EXPECT_EQ(store->heads().size(), store->partition_count());
        writers.insert(store->writer().value());
    }
    EXPECT_EQ(writers.size(), nodes);
    EXPECT_FALSE(writers.contains(0));
    EXPECT_EQ(ask("SELECT format FROM meta"), "3");
}

TEST_F(PostgresTables, OfANewerFormatAreRefused) {
    (void)open();
    ask("UPDATE meta SET format = 999");
    EXPECT_THAT(refusal([&] { (void)open(); }), AllOf(HasSubstr("format 999"), HasSubstr("newer")));
}

TEST_F(PostgresTables, KeepTheNumberOfPartitions) {
    (void)open();
    EXPECT_EQ(open_postgres({.url = url_, .partitions = 9})->partition_count(), 4U);
}

TEST_F(PostgresTables, RefuseACounterThatIsWrong) {
    const auto store = open();
    const auto append = [&](const Counters& counters) {
        return append_and_wait(
            *store, BatchMaker(1)
                        .add(0, 0, {SkuDefined{.sku = "mug"}})
                        .put(RowKind::stock, 0, encode_pair_key("mug", "main"), bytes_of(counters))
                        .take());
    };
    const AppendResult lost = append({.on_hand = 5, .available = 2, .held = 2});
    EXPECT_EQ(lost.outcome, AppendOutcome::failed);
    EXPECT_THAT(lost.error, HasSubstr("every_unit_accounted_for"));
    const AppendResult negative = append({.on_hand = 5, .available = 6, .held = -1});
    EXPECT_EQ(negative.outcome, AppendOutcome::failed);
    EXPECT_THAT(negative.error, HasSubstr("no_counter_below_zero"));
    EXPECT_EQ(ask("SELECT count(*) FROM stock"), "0");
    EXPECT_EQ(ask("SELECT sum(version) FROM partition"), "0");
    // More sold than there is, is a fact.
    EXPECT_EQ(append({.on_hand = 1, .available = -1, .committed = 2}).outcome,
              AppendOutcome::appended);
}

TEST_F(PostgresTables, CanBeReadByPeople) {
    const auto store = open();
    Hold hold = hold_number(1, "c-81", "u-9");
    ASSERT_EQ(
        append_and_wait(
            *store,
            BatchMaker(77, hold.created_at)
                .add(1, 0,
                     {StockReceived{.sku = "a \"b\", {c}\\", .location = "main", .quantity = 5},
                      HoldPlaced{hold}})
                .put_hold(RowKind::live_hold, 1, hold)
                .take())
            .outcome,
        AppendOutcome::appended);
    EXPECT_EQ(ask("SELECT status || ' ' || cart || ' ' || customer FROM hold"), "pending c-81 u-9");
    EXPECT_EQ(ask("SELECT 'hold_' || replace(hold::text, '-', '') FROM hold_line"),
              to_string(hold.id));
    EXPECT_EQ(ask("SELECT sku || ' ' || quantity || ' ' || location FROM hold_line"), "mug 1 main");
    EXPECT_EQ(ask("SELECT string_agg(concat_ws(' ', version, type, subject, batch), '; ' "
                  "ORDER BY version) FROM event_log"),
              "1 stock.received a \"b\", {c}\\ 77; 2 hold.placed " + to_string(hold.id) + " 77");
    EXPECT_EQ(ask("SELECT extract(epoch FROM created_at) * 1000 = 1795000000001 FROM hold"), "t");
    EXPECT_EQ(ask("SELECT count(*) FROM pg_class WHERE relnamespace = current_schema::regnamespace "
                  "AND relkind IN ('r', 'v') AND obj_description(oid, 'pg_class') IS NULL"),
              "0");
}

TEST_F(PostgresTables, LinesThatAHoldNoLongerHasAreGone) {
    const auto store = open();
    Hold hold = hold_number(1, "c");
    hold.lines.resize(3, hold.lines[0]);
    for (HoldLine& line : hold.lines) {
        line.wanted = line.quantity = 3;
        line.allocations.resize(3, line.allocations[0]);
    }
    const auto put = [&](std::uint64_t number) {
        return append_and_wait(*store, BatchMaker(number)
                                           .add(0, number - 1, {HoldAmended{.hold = hold}})
                                           .put_hold(RowKind::live_hold, 0, hold)
                                           .take());
    };
    ASSERT_EQ(put(1).outcome, AppendOutcome::appended);
    hold.lines.pop_back();
    hold.lines[0].allocations.resize(1);
    hold.lines[1].allocations.clear();
    ASSERT_EQ(put(2).outcome, AppendOutcome::appended);
    EXPECT_EQ(ask("SELECT string_agg(line || '.' || part, ' ' ORDER BY line, part) FROM hold_line"),
              "0.0 1.0");
    EXPECT_EQ(store->find(0, RowKind::live_hold, encode_id_key(hold.id)), bytes_of(hold));
}

// Each kind of rows with everything that it can say, and with as little as it can.
struct KeyAndValue {
    RowKind kind;
    std::string key;
    std::string value;
};
std::vector<KeyAndValue> all_kinds() {
    const HoldId id = hold_number(1, "c").id;
    Hold full = hold_number(2, "cart \xc3\xa9", "u");
    full.status = HoldStatus::returned;
    full.region = "eu";
    full.heartbeat = Seconds(30);
    full.beats_until = full.created_at + 30s;
    full.extensions = 2;
    full.secured = true;
    full.lines.push_back({.sku = "tea",
                          .location = "berlin",
                          .wanted = 9,
                          .quantity = 7,
                          .allocations = {{.location = "berlin",
                                           .quantity = 4,
                                           .fulfilled = 3,
                                           .cancelled = 1,
                                           .returned = 2,
                                           .backordered = 1,
                                           .place = 17},
                                          {.location = "rome", .quantity = 2}},
                          .limited = true,
                          .windowed = true});
    full.lines.push_back({.sku = "pot", .wanted = 1, .quantity = 1, .soft = true});
    Hold no_lines = hold_number(3, "c");
    no_lines.lines.clear();
    Policy policy{.selling = Selling::backorder, .backorder_limit = 5, .max_per_customer = 2};
    return {{RowKind::sku, "mug", bytes_of(SkuRow{.policy = policy, .defined_at = 3})},
            {RowKind::sku, "tea", bytes_of(SkuRow{})},
            {RowKind::location, "main", bytes_of(LocationRow{.region = "eu", .priority = -2})},
            {RowKind::stock, encode_pair_key("mug", "main"),
             bytes_of(Counters{28, 7, 6, 5, 4, 3, 2, 1})},
            {RowKind::live_hold, encode_id_key(no_lines.id), bytes_of(no_lines)},
            {RowKind::past_hold, encode_id_key(full.id), bytes_of(full)},
            {RowKind::customer, encode_pair_key("mug", "u"), bytes_of(CustomerRow{.for_good = 2})},
            {RowKind::customer, encode_pair_key("mug", "v"),
             bytes_of(CustomerRow{.for_good = 1,
                                  .windowed = {{id, 2, Instant(5s), 60s}, {full.id, 1, {}, 90s}}})},
            {RowKind::answers, encode_version_key(9), "\x01\x02"},
            {RowKind::claim, encode_id_key(id), ""},
            {RowKind::waiting, encode_place_key("mug", "main", 7),
             bytes_of(WaiterRow{.hold = id, .quantity = 3})},
            {RowKind::shopper, encode_entry_key("mug", {.high = 1, .low = 2}),
             bytes_of(ShopperRow{"main", "u", "c", 2, "eu"})},
            {RowKind::incoming, encode_receipt_key("mug", "main", "PO 7"),
             bytes_of(ReceiptRow{.quantity = 9, .expected_at = Instant(1'795'000'000'123ms)})},
            {RowKind::alert, encode_alert_key({.version = 5, .token = 65'535}),
             bytes_of(Alert{.kind = AlertKind::velocity,
                            .sku = "mug",
                            .figure = 7,
                            .measure = Measure::holds,
                            .raised_at = Instant(5s),
                            .acknowledged_by = "ann",
                            .acknowledged_at = Instant(6s)})},
            {RowKind::alert, encode_alert_key({.version = 6, .token = 1}),
             bytes_of(Alert{.kind = AlertKind::reorder, .sku = "tea", .raised_at = Instant(7s)})}};
}

TEST_F(PostgresTables, GiveBackEveryKindOfRowAsItWas) {
    const auto store = open();
    const auto rows = all_kinds();
    const auto loaded = [&] {
        std::vector<std::string> found;
        std::set<RowKind> kinds;
        for (const KeyAndValue& row : rows) {
            if (kinds.insert(row.kind).second) {
                store->load({row.kind}, [&](RowKind, PartitionId partition, std::string_view key,
                                            std::string_view value) {
                    found.push_back(fmt::format("{} {} {}", partition, key, value));
                });
            }
        }
        return found;
    };
    std::vector<std::string> expected;
    // Written twice, to put them over rows that are there already.
    for (std::uint64_t number = 1; number <= 2; ++number) {
        BatchMaker batch(number);
        batch.add(2, number - 1, {SkuDefined{.sku = "mug"}});
        expected.clear();
        for (const KeyAndValue& row : rows) {
            batch.put(row.kind, 2, row.key, row.value);
            expected.push_back(fmt::format("2 {} {}", row.key, row.value));
        }
        ASSERT_EQ(append_and_wait(*store, batch.take()).error, "");
        EXPECT_EQ(loaded(), expected);
    }
    for (const KeyAndValue& row : rows) {
        EXPECT_EQ(store->find(2, row.kind, row.key), row.value);
        EXPECT_EQ(store->find(1, row.kind, row.key), std::nullopt);
        std::vector<std::string> scanned;
        store->scan(2, row.kind, "", [&](std::string_view key, std::string_view) {
            scanned.emplace_back(key);
            return true;
        });
        EXPECT_THAT(scanned, ::testing::Contains(row.key));
    }
    BatchMaker batch(3);
    batch.add(2, 2, {SkuDefined{.sku = "mug"}});
    for (const KeyAndValue& row : rows) {
        batch.erase(row.kind, 2, row.key);
    }
    ASSERT_EQ(append_and_wait(*store, batch.take()).error, "");
    EXPECT_THAT(loaded(), ElementsAre());
    EXPECT_EQ(ask("SELECT count(*) FROM hold_line"), "0");
}

TEST_F(PostgresTables, CannotKeepAHoldUnderAnotherKind) {
    const auto store = open();
    const auto result =
        append_and_wait(*store, BatchMaker(1)
                                    .add(0, 0, {SkuDefined{.sku = "mug"}})
                                    .put_hold(RowKind::past_hold, 0, hold_number(1, "c"))
                                    .take());
    EXPECT_EQ(result.outcome, AppendOutcome::failed);
    EXPECT_THAT(result.error, HasSubstr("hold_"));
}

TEST_F(PostgresTables, AreNotBackedUpFromHere) {
    const auto store = open();
    EXPECT_THAT(refusal([&] { store->backup("/nowhere"); }), HasSubstr("pg_basebackup"));
}

TEST_F(PostgresTables, TellTheTimeOfTheDatabase) {
    const auto store = open();
    const auto clock = store->clock();
    ASSERT_TRUE(clock);
    const auto database = [&] {
        return Instant(std::chrono::milliseconds(
            std::stoll(ask("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"))));
    };
    const Instant before = database();
    (void)store->heads();
    EXPECT_GE(clock->now(), before - 50ms);
    EXPECT_LE(clock->now(), database() + 50ms);
}

TEST(PostgresClock, FollowsTheDatabaseAndNeverRunsBackwards) {
    postgres::DatabaseClock clock;
    const auto start = postgres::DatabaseClock::Steady::now();
    const auto said = [&](std::chrono::milliseconds at) {
        return std::chrono::microseconds(std::chrono::hours(500'000)) + at;
    };
    clock.set(start, start + 2ms, said(0ms));
    const Instant first = clock.now();
    EXPECT_GE(first, Instant(std::chrono::hours(500'000)) - 2ms);
    // An hour was taken back: it stands still until it is that late again.
    clock.set(start, start, said(-1h));
    EXPECT_EQ(clock.now(), first);
    clock.set(start, start, said(1h));
    EXPECT_GE(clock.now(), Instant(std::chrono::hours(500'001)));
    // A slow answer fits what is known: nothing changes.
    const Instant before = clock.now();
    clock.set(start - 1s, start + 10s, said(1h));
    EXPECT_LT(clock.now() - before, 1s);
    EXPECT_GE(clock.now(), before);
}

TEST(PostgresUrl, IsTakenApart) {
    const auto address = postgres::parse_url(
        "postgres://ann:s3cret@a,b:5433/shop?schema=my%20own&connect_timeout=1");
    EXPECT_EQ(address.schema, "my own");
    EXPECT_EQ(address.parameters.at("host"), "a,b");
    EXPECT_EQ(address.parameters.at("password"), "s3cret");
    EXPECT_EQ(address.parameters.at("connect_timeout"), "1");
    EXPECT_EQ(address.parameters.at("target_session_attrs"), "read-write");
    EXPECT_THAT(address.shown, AllOf(HasSubstr("shop"), HasSubstr("my own"), Not(HasSubstr("s3"))));
    EXPECT_EQ(postgres::parse_url("postgresql:///shop").schema, "holdfast");
    EXPECT_EQ(postgres::parse_url("postgres://h/d?schema=x").parameters.count("schema"), 0U);
    EXPECT_EQ(postgres::quoted("a\"b"), "\"a\"\"b\"");
}

TEST(PostgresUrl, IsRefusedWithoutItsPassword) {
    for (const char* url :
         {"mysql://ann:s3cret@h/d", "postgres://ann:s3cret@h:port/d?x",
          "postgres://ann:s3cret@h/d?schema=", "postgres://ann:s3cret@h/d?schema=%zz",
          "postgres://ann:s3cret@h/d?unknown=1"}) {
        EXPECT_THAT(refusal([&] { (void)postgres::parse_url(url); }),
                    AllOf(HasSubstr("postgres://user@host"), Not(HasSubstr("s3cret"))))
            << url;
    }
    EXPECT_THAT(
        refusal([] { (void)open_postgres({.url = "postgres://ann:s3cret@127.0.0.1:1/d"}); }),
        AllOf(HasSubstr("127.0.0.1:1/d"), Not(HasSubstr("s3cret"))));
}

}  // namespace
}  // namespace holdfast::store
