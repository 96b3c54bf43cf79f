#include "core/wait_line.h"

#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::core {
namespace {

// What a line says against an ordered map, whoever leaves: the first, the last, or one from between.
void expect_same(const WaitLine& line, const std::map<EntryId, std::string>& model) {
    ASSERT_EQ(line.size(), model.size());
    ASSERT_EQ(line.empty(), model.empty());
    if (!model.empty()) {
        ASSERT_EQ(line.first(), model.begin()->first);
        ASSERT_EQ(line.last(), model.rbegin()->first);
    }
    std::size_t before = 0;
    auto next = model.begin();
    line.for_each_after({}, [&](EntryId id, const WaitEntry& entry) {
        EXPECT_EQ(id, next->first);
        EXPECT_EQ(entry.customer, next->second);
        EXPECT_EQ(line.before(id), before++);
        EXPECT_EQ(line.find(id)->customer, entry.customer);
        ++next;
        return true;
    });
    ASSERT_EQ(before, model.size());
}

TEST(WaitLine, KeepsOrderAndPlacesWhoeverLeavesAndComesBack) {
    std::mt19937 random(20'101'201);
    // From a line that mostly the first leaves to one that mostly others do.
    for (const unsigned firsts : {0U, 50U, 95U}) {
        WaitLine line;
        std::map<EntryId, std::string> model;
        std::map<EntryId, std::string> left;
        std::uint64_t joined = 0;
        for (int step = 0; step < 2'500; ++step) {
            const bool grows = step / 500 % 2 == 0;
            if (model.empty() || random() % 10 < (grows ? 7U : 3U)) {
                const EntryId id{.high = ++joined, .low = random()};
                line.join(id, {.customer = std::to_string(joined), .cart = {}, .quantity = 1});
                model.emplace(id, std::to_string(joined));
            } else {
                auto who = model.begin();
                if (random() % 100 >= firsts) {
                    std::advance(who, static_cast<std::ptrdiff_t>(random() % model.size()));
                }
                const EntryId id = who->first;
                line.leave(id);
                left.insert(model.extract(who));
                ASSERT_EQ(line.find(id), nullptr);
            }
            // Some of those who left come back, wherever they stood.
            if (step % 100 == 99) {
                for (int i = 0; i < 5 && !left.empty(); ++i) {
                    auto who = left.begin();
                    std::advance(who, static_cast<std::ptrdiff_t>(random() % left.size()));
                    line.put_back(who->first, {.customer = who->second, .cart = {}, .quantity = 1});
                    model.insert(left.extract(who));
                }
                expect_same(line, model);
                left.clear();
            }
            if (step % 16 == 0) {
                expect_same(line, model);
            }
        }
        std::size_t after = 0;
        const EntryId middle = std::next(model.begin(), std::ssize(model) / 2)->first;
        line.for_each_after(middle, [&](EntryId id, const WaitEntry&) {
            EXPECT_GT(id, middle);
            return ++after < 3;
        });
        EXPECT_EQ(after, 3U);
    }
}

}  // namespace
}  // namespace holdfast::core
