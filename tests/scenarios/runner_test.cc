// What the runner of scenarios says when something is not as it should be.
#include <gtest/gtest.h>

#include "testing/core_target.h"
#include "testing/scenario.h"

namespace holdfast::testing {
namespace {

std::optional<std::string> play(std::string_view text, Target& target) {
    return run(parse_scenario("story.scenario", text), target);
}

std::string complaint_about(std::string_view text) {
    try {
        parse_scenario("story.scenario", text);
    } catch (const ScenarioError& error) {
        return error.what();
    }
    return "none";
}

TEST(ScenarioRunner, ShowsPlaceExpectedAndActual) {
    CoreTarget core;
    EXPECT_EQ(play("sku mug\n\nhold H1 cart C1 mug x1 -> placed\n", core),
              "story.scenario:3: hold H1 cart C1 mug x1\n"
              "  expected: placed\n"
              "  actual:   insufficient_stock");
}

TEST(ScenarioRunner, ExpectsNoRefusalWhereNothingIsSaid) {
    CoreTarget core;
    EXPECT_EQ(play("receive mug 1\n", core),
              "story.scenario:1: receive mug 1\n"
              "  expected: anything but a refusal\n"
              "  actual:   unknown_sku");
}

TEST(ScenarioRunner, ComparesCountersThatAreNotNamedTo0) {
    CoreTarget core;
    EXPECT_EQ(play("sku mug\nreceive mug 1\nstock mug -> on_hand 1 held 0\n", core),
              "story.scenario:3: stock mug\n"
              "  expected: on_hand 1 held 0\n"
              "  actual:   on_hand 1 available 1 held 0");
}

// Says one unit more than there is.
class Liar final : public CoreTarget {
public:
    Result<StockAnswer> read_stock(const std::string& sku) override {
        auto answer = CoreTarget::read_stock(sku);
        for (StockRow& row : answer->locations) {
            ++row.counters.available;
        }
        return answer;
    }
};

TEST(ScenarioRunner, SeesCountersThatDoNotAddUpAfterAnyLine) {
    Liar liar;
    EXPECT_EQ(play("sku mug\nreceive mug 1\n", liar),
              "story.scenario:2: receive mug 1\n"
              "  counters do not add up: mug at main: on_hand 1 available 2");
}

TEST(ScenarioParser, NamesTheLineAndTheWord) {
    EXPECT_EQ(complaint_about("# fine\nsell mug 1\n"), "story.scenario:2: no such step: \"sell\"");
    EXPECT_EQ(complaint_about("tick 5\n"),
              "story.scenario:1: expected a duration such as 600s, found \"5\"");
    EXPECT_EQ(complaint_about("hold H1 cart C1 mug 2\n"),
              "story.scenario:1: expected a quantity such as x2 after \"mug\", found \"2\"");
    EXPECT_EQ(complaint_about("sku mug allocation random\n"),
              "story.scenario:1: expected one of most_available, nearest, priority, found "
              "\"random\"");
    EXPECT_EQ(complaint_about("release H1 now\n"),
              "story.scenario:1: nothing more was expected, found \"now\"");
    EXPECT_EQ(complaint_about("confirm\n"),
              "story.scenario:1: expected a hold's label, found the end of the line");
}

}  // namespace
}  // namespace holdfast::testing
