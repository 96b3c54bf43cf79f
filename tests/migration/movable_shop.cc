#include "tests/migration/movable_shop.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include <gmock/gmock.h>

#include "app/migration.h"
#include "store/codec.h"
#include "store/postgres/postgres_store.h"
#include "store/rocksdb/rocksdb_store.h"

namespace holdfast::testing {

using ::testing::HasSubstr;

std::unique_ptr<Service> open_place(const std::string& place, std::shared_ptr<const Clock> clock) {
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

bool empty(const std::string& place) {
    return std::ranges::all_of(open_to_move(place)->heads(),
                               [](const store::Head& head) { return head.version == 0; });
}

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

void MigrationTest::SetUp() {
    if (const auto why = PostgresServer::missing()) {
        GTEST_SKIP() << *why;
    }
    places_ = std::make_unique<Places>();
}

service::MigrationReport MigrationTest::move(const std::string& from, const std::string& to,
                                             const service::MigrationOptions& options) {
    return app::migrate(from, to, options);
}

Result<HoldAnswer> MigrationTest::place(Service& service, const std::string& cart,
                                        const std::string& key) {
    return service.submit(PlaceHold{.cart = cart, .lines = {{"mug", 1, ""}, {"tea", 1, ""}}},
                          {.idempotency_key = key});
}

void MigrationTest::stock(Service& service) {
    for (const char* sku : {"mug", "tea"}) {
        ASSERT_TRUE(service.submit(DefineSku{.sku = sku}));
        ASSERT_TRUE(service.submit(ReceiveStock{.sku = sku, .quantity = 100'000}));
    }
}

Result<HoldAnswer> MigrationTest::read(Service& service, HoldId id) {
    std::promise<Result<HoldAnswer>> promise;
    service.read_hold(
        id, [&](Outcome<HoldAnswer> outcome) { promise.set_value(std::move(outcome.result)); });
    return promise.get_future().get();
}

void MigrationTest::open_shop(const std::string& at) {
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

void MigrationTest::sell_while_it_moves(const std::string& from, const std::string& to,
                                        const service::MigrationOptions& options) {
    open_shop(from);
    std::vector<std::unique_ptr<Service>> nodes;
    nodes.push_back(open_place(from));
    nodes.push_back(open_place(from));
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
        service::MigrationOptions moving = options;
        moving.gather_bytes = 1;
        moving.progress = [&](std::uint64_t, std::uint64_t) {
            if (++appends == 30) {
                for (int begin = sold, seen = begin; seen < begin + 50 && !closed; seen = sold) {
                    sold.wait(seen);
                }
            }
        };
        const auto report = move(from, to, moving);
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
    const auto service = open_place(to);
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
    EXPECT_THAT(refusal([&] { open_place(from); }), HasSubstr("was moved to"));
}

}  // namespace holdfast::testing
