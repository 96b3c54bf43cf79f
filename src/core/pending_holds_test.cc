#include "core/pending_holds.h"

#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::core {
namespace {

struct Names {
    std::string cart;
    std::string customer;
};

std::vector<HoldId> with(const std::map<HoldId, Names>& model, std::string Names::* which,
                         const std::string& name) {
    std::vector<HoldId> ids;
    for (const auto& [id, names] : model) {
        if (names.*which == name) {
            ids.push_back(id);
        }
    }
    return ids;
}

void expect_same(const PendingHolds& holds, const std::map<HoldId, Names>& model) {
    ASSERT_EQ(holds.count(), model.size());
    for (int i = 0; i < 40; ++i) {
        const std::string number = std::to_string(i);
        ASSERT_EQ(holds.of_cart("cart-" + number), with(model, &Names::cart, "cart-" + number));
        ASSERT_EQ(holds.of_customer("ann-" + number),
                  with(model, &Names::customer, "ann-" + number));
    }
}

// Against a plain map, while holds come, go, come back and change their names, in tables that grow from nothing.
TEST(PendingHolds, AreFoundByTheirNamesWhateverHappensToThem) {
    std::mt19937 random(20'101'201);
    const auto names = [&random] {
        return Names{.cart = "cart-" + std::to_string(random() % 40),
                     .customer = random() % 3 == 0 ? "" : "ann-" + std::to_string(random() % 40)};
    };
    PendingHolds holds;
    std::map<HoldId, Names> model;
    for (std::uint64_t i = 1; i <= 3000; ++i) {
        if (i == 500) {
            holds.index_names();  // with those that are there already
        }
        const auto some = model.lower_bound({.high = random() % i, .low = 0});
        const Names given = names();
        if (some == model.end() || random() % 2 == 0) {
            const HoldId id{.high = i, .low = random()};
            holds.insert({.id = id, .fence = i},
                         {.cart = given.cart, .customer = given.customer, .region = ""}, {});
            model[id] = given;
        } else if (random() % 3 != 0) {
            holds.erase(some->first);
            model.erase(some);
        } else if (random() % 2 == 0) {
            holds.replace(some->first,
                          {.cart = given.cart, .customer = given.customer, .region = "north"}, {});
            some->second = given;
        } else {
            PendingHold copy = holds.find(some->first)->copy();
            holds.erase(some->first);
            holds.insert(std::move(copy));
        }
        if (i >= 500 && i % 50 == 0) {
            expect_same(holds, model);
        }
    }
    EXPECT_GT(model.size(), 100U);
}

}  // namespace
}  // namespace holdfast::core
