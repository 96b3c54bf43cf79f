#include "core/undo.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "core/decide.h"
#include "core/evolve.h"
#include "testing/core_target.h"
#include "testing/random_script.h"

namespace holdfast::testing {
namespace {

// The number of events of each kind that were taken back.
using Times = std::array<std::size_t, std::variant_size_v<Event>>;

std::string differs_from_its_events(const CoreTarget& target) {
    core::State folded(target.state().partition_count());
    for (const TimedEvent& timed : target.events()) {
        core::evolve(folded, timed.event, timed.at);
    }
    return core::difference(target.state(), folded);
}

// A day on which a target goes astray now and then, and comes back.
class Day {
public:
    Day(const Script& script, std::uint32_t partitions)
        : scenario_(parse_script(script)), target_(partitions) {}

    // What differs from a day that went straight, or nothing.
    std::optional<std::string> play() {
        CoreTarget straight(target_.state().partition_count());
        Player other(straight);
        Player player(target_);
        const std::size_t count = scenario_.steps.size();
        // Once before all is defined that every script begins with.
        const std::set<std::size_t> astray_at{*rc::gen::inRange<std::size_t>(0, 6),
                                              *rc::gen::inRange<std::size_t>(0, count),
                                              *rc::gen::inRange<std::size_t>(0, count)};
        for (std::size_t i = 0; i < count; ++i) {
            const Step& step = scenario_.steps[i];
            if (std::string wrong = astray_at.contains(i) ? go_astray(player) : std::string();
                !wrong.empty()) {
                return fmt::format("astray before {}: {}", step.text, wrong);
            }
            const std::string expected = other.play(step, "*") + other.everything();
            const std::string actual = player.play(step, "*") + player.everything();
            if (actual != expected) {
                return fmt::format("{}\nexpected:\n{}\nactual:\n{}", step.text, expected, actual);
            }
        }
        const auto same = [](const TimedEvent& a, const TimedEvent& b) {
            return a.at == b.at && a.event == b.event;
        };
        return std::ranges::equal(target_.events(), straight.events(), same)
                   ? std::nullopt
                   : std::optional<std::string>("the events differ");
    }

private:
    // What is wrong afterwards; the player knows nothing of it.
    std::string go_astray(Player player) {
        const std::vector<core::SkuIndex> to_serve = target_.state().to_serve;
        target_.set_mark();
        play_some(player);
        if (std::string wrong = go_further_astray(player); !wrong.empty()) {
            return "the inner one: " + wrong;
        }
        play_some(player);
        target_.roll_back();
        return target_.state().to_serve == to_serve ? differs_from_its_events(target_)
                                                    : "other SKUs are to be served";
    }
    std::string go_further_astray(Player player) {
        target_.set_mark();
        play_some(player);
        target_.roll_back();
        return differs_from_its_events(target_);
    }

    // Some steps of the day in their order, often those that define everything.
    void play_some(Player& player) {
        const std::size_t count = scenario_.steps.size();
        const auto first =
            *rc::gen::oneOf(rc::gen::just<std::size_t>(0), rc::gen::inRange<std::size_t>(0, count));
        const auto length = *rc::gen::inRange<std::size_t>(0, 60);
        for (std::size_t i = first; i < std::min(first + length, count); ++i) {
            player.play(scenario_.steps[i], "*");
        }
    }

    Scenario scenario_;
    CoreTarget target_;
};

TEST(Undo, TakesBackWhateverHappened) {
    check_scripts("undo", 1'000, [](const Script& script) { return Day(script, 1).play(); });
}

TEST(Undo, TakesBackWhateverHappenedOverThreePartitions) {
    check_scripts("undo, 3 partitions", 1'000,
                  [](const Script& script) { return Day(script, 3).play(); });
}

// From each step on, the rest of the story.
void check_every_rest(const Scenario& scenario, Times& undone) {
    CoreTarget target(3);
    Player player(target);
    for (std::size_t i = 0; i < scenario.steps.size(); ++i) {
        target.set_mark();
        Player astray = player;
        for (std::size_t j = i; j < scenario.steps.size(); ++j) {
            astray.play(scenario.steps[j], "");
        }
        const std::vector<TimedEvent> before = target.events();
        target.roll_back();
        for (std::size_t j = target.events().size(); j < before.size(); ++j) {
            ++undone[before[j].event.index()];
        }
        ASSERT_EQ(differs_from_its_events(target), "") << scenario.steps[i].text;
        player.play(scenario.steps[i], "");
    }
}

TEST(Undo, TakesBackTheRestOfEveryScenario) {
    Times undone{};
    for (const auto& entry : std::filesystem::directory_iterator("tests/scenarios")) {
        if (entry.path().extension() == ".scenario") {
            SCOPED_TRACE(entry.path());
            check_every_rest(read_scenario(entry.path()), undone);
        }
    }
    for (std::size_t kind = 0; kind < undone.size(); ++kind) {
        // Which refusals are recorded is the sequencer's business, and only a move changes the partitions.
        if (kind != Event(HoldRefused{}).index() && kind != Event(PartitionsChanged{}).index()) {
            EXPECT_GT(undone[kind], 0U) << "no event of kind " << kind << " was taken back";
        }
    }
}

// What was still to be served then is so again, though the rest of the day served it.
TEST(Undo, WhatWasToBeServedIsSoAgain) {
    core::State state;
    const auto evolve = [&](const Event& event) { core::evolve(state, event, Instant{}); };
    evolve(SkuDefined{.sku = "mug", .policy = {.waitlist = Waitlist::fair}});
    evolve(SkuDefined{.sku = "tea", .policy = {.waitlist = Waitlist::fair}});
    evolve(WaitlistJoined{.entry = {1, 1}, .sku = "tea", .customer = "anna", .quantity = 1});
    ASSERT_EQ(state.to_serve, std::vector<core::SkuIndex>{1});

    core::Undo undo(state);
    EXPECT_FALSE(core::next_to_serve(state));
    const Event joined =
        WaitlistJoined{.entry = {2, 1}, .sku = "mug", .customer = "ben", .quantity = 1};
    undo.before(state, joined);
    evolve(joined);
    ASSERT_EQ(state.to_serve, std::vector<core::SkuIndex>{0});
    undo.roll_back(state);

    EXPECT_EQ(state.to_serve, std::vector<core::SkuIndex>{1});
    EXPECT_TRUE(state.skus[1].queues->to_be_served);
    EXPECT_FALSE(state.skus[0].queues->to_be_served);
}

}  // namespace
}  // namespace holdfast::testing
