#include "sequencer/recent_holds.h"

#include <gtest/gtest.h>

namespace holdfast::sequencer {
namespace {

Hold hold(std::uint64_t number, Fence fence = 1) {
    Hold made;
    made.id = {.high = number, .low = 7};
    made.fence = fence;
    made.lines.resize(1);
    return made;
}

constexpr std::uint64_t many = 20'000;  // more than are kept

TEST(RecentHoldsTest, WhatIsNotDurableStays) {
    RecentHolds recent;
    for (std::uint64_t i = 1; i <= many; ++i) {
        recent.put(hold(i), 2);
    }
    recent.forget(1);
    EXPECT_NE(recent.find({.high = 1, .low = 7}), nullptr);
    EXPECT_NE(recent.find({.high = many, .low = 7}), nullptr);
}

TEST(RecentHoldsTest, OfWhatIsDurableTheOldestGo) {
    RecentHolds recent;
    for (std::uint64_t i = 1; i <= many; ++i) {
        recent.put(hold(i), 2);
    }
    recent.forget(2);
    EXPECT_EQ(recent.find({.high = 1, .low = 7}), nullptr);
    EXPECT_NE(recent.find({.high = many, .low = 7}), nullptr);
}

TEST(RecentHoldsTest, AHoldThatChangedAgainCountsAsNew) {
    RecentHolds recent;
    recent.put(hold(1), 1);
    for (std::uint64_t i = 2; i <= many; ++i) {
        recent.put(hold(i), 2);
    }
    recent.put(hold(1, 5), 3);
    recent.forget(2);
    const Hold* found = recent.find({.high = 1, .low = 7});
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->fence, 5U);
}

}  // namespace
}  // namespace holdfast::sequencer
