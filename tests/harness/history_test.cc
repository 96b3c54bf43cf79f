// The checker of histories: one story that is true, and what each rule says when somebody tells it wrongly.
#include "testing/history.h"

#include <algorithm>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/history_books.h"
#include "testing/history_log.h"

namespace holdfast::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Instant opening{std::chrono::days(100)};

// A shop with two SKUs in two partitions. Writes its log, and what its clients ask and are told, one after another
// and a second each: tests then change either.
class Story {
public:
    Story() {
        history.partitions = 2;
        tell(DefineSku{.sku = mug}, SkuDefined{.sku = mug});
        tell(DefineSku{.sku = tea}, SkuDefined{.sku = tea});
        receive(mug, 3);
        receive(tea, 3);
    }

    void receive(const std::string& sku, Quantity quantity) {
        tell(ReceiveStock{.sku = sku, .quantity = quantity},
             StockReceived{.sku = sku, .location = "main", .quantity = quantity});
    }
    Hold place(const std::string& cart, std::vector<std::string> skus,
               const std::string& key = {}) {
        PlaceHold command{.cart = cart};
        Hold hold{.id = {.high = ++holds_, .low = routing_token(skus.front())},
                  .fence = next_version(skus.front()),
                  .cart = cart,
                  .created_at = now(),
                  .expires_at = now() + seconds(600)};
        for (const std::string& sku : skus) {
            command.lines.push_back({.sku = sku, .quantity = 1, .location = ""});
            hold.lines.push_back({.sku = sku,
                                  .wanted = 1,
                                  .quantity = 1,
                                  .allocations = {{.location = "main", .quantity = 1}}});
        }
        tell(command, HoldPlaced{hold}, key);
        return hold;
    }
    Hold confirm(Hold hold) {
        hold.status = HoldStatus::confirmed;
        return change(ConfirmHold{.id = hold.id}, hold,
                      HoldConfirmed{.id = hold.id, .confirmed = parts(hold)});
    }
    Hold release(Hold hold) {
        hold.status = HoldStatus::released;
        return change(ReleaseHold{.id = hold.id}, hold,
                      HoldReleased{.id = hold.id, .released = parts(hold)});
    }
    void expire(const Hold& hold) {
        happen(HoldExpired{
            .id = hold.id, .fence = next_version(hold.lines.front().sku), .released = parts(hold)});
    }
    // A purchase of one unit that was refused.
    void refuse(const std::string& cart, const std::string& sku, const std::string& key = {}) {
        Refusal refusal{.code = RefusalCode::insufficient_stock, .detail = "sold out"};
        refusal.short_lines.push_back({.sku = sku, .wanted = 1, .available = 0});
        ask(PlaceHold{.cart = cart, .lines = {{.sku = sku, .quantity = 1, .location = ""}}},
            std::unexpected(refusal), key);
    }
    void read(const std::string& sku) { ask(ReadStock{sku}, stock(sku)); }

    void happen(Event event) {
        const auto touched = touched_partitions(event, 2);
        for (const PartitionId partition : touched) {
            ++versions_.at(partition);
        }
        books_.apply(event);
        history.log.push_back({.partition = touched.front(),
                               .version = versions_.at(touched.front()),
                               .batch = history.log.size() + 1,
                               .at = now(),
                               .event = std::move(event)});
    }
    Operation& ask(Asked asked, std::optional<Result<Told>> told, const std::string& key = {}) {
        const Moment called(seconds(10 * history.operations.size()) + passed_);
        history.operations.push_back({.called = called,
                                      .returned = called + seconds(1),
                                      .key = key,
                                      .asked = std::move(asked),
                                      .told = std::move(told)});
        return history.operations.back();
    }
    // The servers' clock alone.
    void set_clock(milliseconds by) { passed_by_server_ += by; }
    void pass(milliseconds time) {
        passed_ += time;
        passed_by_server_ += time;
    }
    [[nodiscard]] StockAnswer stock(const std::string& sku) const {
        StockAnswer answer{.sku = sku, .version = next_version(sku) - 1};
        for (const auto& [location, counters] : books_.rows(sku)) {
            answer.locations.push_back({.location = location, .counters = counters});
        }
        return answer;
    }
    // The stock and the holds at the end, as they are.
    void end() {
        history.stock = {stock(mug), stock(tea)};
        for (const auto& [id, hold] : last_) {
            history.holds.push_back(hold);
            history.holds.back().status = books_.hold(id)->status;
            history.holds.back().fence = books_.hold(id)->fence;
        }
    }
    // The log as the partitions have it.
    void split_log() {
        std::vector<RecordedEvent> log;
        std::map<PartitionId, Version> versions;
        for (const RecordedEvent& recorded : history.log) {
            for (const PartitionId partition : touched_partitions(recorded.event, 2)) {
                log.push_back(recorded);
                log.back().partition = partition;
                log.back().version = ++versions[partition];
            }
        }
        history.log = std::move(log);
        history.log_by_partition = true;
    }

    History history;
    const std::string mug = sku_in(0);
    const std::string tea = sku_in(1);

private:
    static std::string sku_in(PartitionId partition) {
        std::string sku = "sku";
        while (partition_of(routing_token(sku), 2) != partition) {
            sku += "-";
        }
        return sku;
    }
    static std::vector<Part> parts(const Hold& hold) {
        std::vector<Part> parts;
        parts.reserve(hold.lines.size());
        for (const HoldLine& line : hold.lines) {
            parts.push_back({.sku = line.sku, .location = "main", .quantity = line.quantity});
        }
        return parts;
    }
    [[nodiscard]] Instant now() const {
        return opening + seconds(history.log.size()) + passed_by_server_;
    }
    [[nodiscard]] Version next_version(const std::string& sku) const {
        return versions_.at(partition_of(routing_token(sku), 2)) + 1;
    }
    template <class C, class E>
    Hold change(C command, Hold hold, E event) {
        hold.fence = event.fence = next_version(hold.lines.front().sku);
        happen(std::move(event));
        answer(std::move(command), hold, {});
        return hold;
    }
    void tell(DefineSku command, SkuDefined event) {
        happen(std::move(event));
        const Version version = next_version(command.sku) - 1;
        ask(Command(command),
            SkuAnswer{.sku = command.sku, .version = version, .defined_at = version});
    }
    void tell(ReceiveStock command, StockReceived event) {
        happen(std::move(event));
        ask(Command(command), stock(command.sku));
    }
    void tell(PlaceHold command, HoldPlaced event, const std::string& key) {
        const Hold hold = event.hold;
        happen(std::move(event));
        answer(std::move(command), hold, key);
    }
    void answer(Command command, const Hold& hold, const std::string& key) {
        last_[hold.id] = hold;
        ask(std::move(command),
            HoldAnswer{.hold = hold,
                       .version = next_version(hold.lines.front().sku) - 1,
                       .server_time = history.log.back().at},
            key);
    }

    Books books_;
    std::map<PartitionId, Version> versions_ = {{0, 0}, {1, 0}};
    std::map<HoldId, Hold> last_;
    std::uint64_t holds_ = 0;
    milliseconds passed_{0};
    milliseconds passed_by_server_{0};
};

class HistoryTest : public ::testing::Test {
protected:
    // The rules that were broken, for the test's own judgement.
    std::set<Rule> broken() {
        std::set<Rule> rules;
        text_.clear();
        for (const Finding& finding : check(story_.history)) {
            rules.insert(finding.rule);
            text_ += ::testing::PrintToString(finding) + "\n";
        }
        return rules;
    }
    Operation& operation(std::size_t from_the_end) {
        return *(story_.history.operations.end() - 1 - static_cast<long>(from_the_end));
    }
    HoldAnswer& hold_answer(std::size_t from_the_end) {
        return std::get<HoldAnswer>(**operation(from_the_end).told);
    }

    Story story_;
    const std::string& mug_ = story_.mug;
    const std::string& tea_ = story_.tea;
    std::string text_;
};

TEST_F(HistoryTest, ATrueStoryPasses) {
    const Hold first = story_.place("a", {mug_, tea_}, "key-a");
    story_.history.operations.push_back(operation(0));  // asked again, and given the first answer
    const Hold second = story_.place("b", {mug_});
    const Hold third = story_.place("c", {mug_});
    story_.refuse("d", mug_);
    story_.release(second);
    story_.read(mug_);
    story_.confirm(first);
    story_.pass(seconds(900));
    story_.expire(third);
    story_.read(mug_);
    story_.place("d", {mug_});
    operation(0).told.reset();                                       // nobody heard it
    story_.ask(Command(ReleaseHold{.id = first.id}), std::nullopt);  // nobody did it
    story_.end();
    EXPECT_THAT(broken(), IsEmpty()) << text_;
    story_.split_log();
    EXPECT_THAT(broken(), IsEmpty()) << text_;
}

TEST_F(HistoryTest, Rule1FindsAGapInTheLog) {
    const Hold hold = story_.place("a", {mug_});
    story_.pass(seconds(900));
    story_.expire(hold);
    story_.place("b", {mug_});
    story_.history.log.erase(story_.history.log.end() - 2);
    EXPECT_THAT(broken(), Contains(Rule::sequence)) << text_;
    EXPECT_THAT(text_, ::testing::HasSubstr("gap"));
}

TEST_F(HistoryTest, Rule1FindsOneVersionForTwoChanges) {
    story_.receive(mug_, 1);
    story_.ask(operation(0).asked, operation(0).told);
    EXPECT_THAT(broken(), Contains(Rule::sequence)) << text_;
    EXPECT_THAT(text_, ::testing::HasSubstr("both answered"));
}

TEST_F(HistoryTest, Rule1FindsAVersionThatIsNotInTheLog) {
    story_.read(mug_);
    std::get<StockAnswer>(**operation(0).told).version += 5;
    EXPECT_THAT(broken(), ElementsAre(Rule::sequence)) << text_;
}

TEST_F(HistoryTest, Rule2FindsAReadOfThePast) {
    const StockAnswer before = story_.stock(mug_);
    story_.place("a", {mug_});
    story_.ask(ReadStock{mug_}, before);
    EXPECT_THAT(broken(), ElementsAre(Rule::real_time)) << text_;
    operation(0).stale = milliseconds(8'999);  // the hold was granted nine seconds before
    EXPECT_THAT(broken(), ElementsAre(Rule::real_time)) << text_;
    operation(0).stale = milliseconds(9'000);
    EXPECT_THAT(broken(), IsEmpty()) << text_;
}

TEST_F(HistoryTest, Rule2FindsAChangeBeforeItWasAskedFor) {
    story_.place("a", {mug_});
    story_.place("b", {mug_});
    std::swap(operation(0).called, operation(1).called);
    std::swap(operation(0).returned, operation(1).returned);
    EXPECT_THAT(broken(), ElementsAre(Rule::real_time)) << text_;
}

TEST_F(HistoryTest, Rule2FindsWhatIsSeenBeforeItWasAskedFor) {
    const Hold hold = story_.place("a", {mug_});
    story_.confirm(hold);
    story_.read(mug_);
    operation(0).called = operation(0).returned = operation(1).called - seconds(1);
    EXPECT_THAT(broken(), ElementsAre(Rule::real_time)) << text_;
    // Unless somebody else asked for it, who heard nothing.
    story_.ask(Command(ConfirmHold{.id = hold.id}), std::nullopt);
    operation(0).called = operation(1).called;
    EXPECT_THAT(broken(), IsEmpty()) << text_;
}

TEST_F(HistoryTest, Rule3FindsAnAnswerThatTheLogContradicts) {
    story_.place("a", {mug_});
    hold_answer(0).hold.lines.front().allocations.front().location = "elsewhere";
    EXPECT_THAT(broken(), ElementsAre(Rule::replay)) << text_;
}

TEST_F(HistoryTest, Rule3FindsCountersThatTheLogContradicts) {
    story_.place("a", {mug_});
    story_.read(mug_);
    std::get<StockAnswer>(**operation(0).told).locations.front().counters.held = 0;
    EXPECT_THAT(broken(), ElementsAre(Rule::replay)) << text_;
}

TEST_F(HistoryTest, Rule4FindsAnOversell) {
    for (const std::string cart : {"a", "b", "c", "d"}) {
        story_.place(cart, {mug_});
    }
    EXPECT_THAT(broken(), ElementsAre(Rule::conservation, Rule::bound)) << text_;
}

TEST_F(HistoryTest, Rule4FindsUnitsThatGoNowhere) {
    const Hold hold = story_.place("a", {mug_});
    story_.release(hold);
    std::get<HoldReleased>(story_.history.log.back().event).released.clear();
    EXPECT_THAT(broken(), ElementsAre(Rule::conservation)) << text_;
}

// The log is sound by itself: a hold lapsed, and its unit was sold again. But the clients' clock says that the first
// shopper was promised it for ten minutes, and that these have not passed.
TEST_F(HistoryTest, Rule5FindsAnOversellThatTheVersionsHide) {
    const Hold first = story_.place("a", {mug_});
    story_.place("b", {mug_});
    story_.place("c", {mug_});
    story_.set_clock(seconds(900));
    story_.expire(first);
    story_.place("d", {mug_});
    EXPECT_THAT(broken(), ElementsAre(Rule::bound)) << text_;
    story_.history.clock_error = seconds(900);
    EXPECT_THAT(broken(), IsEmpty()) << text_;
}

TEST_F(HistoryTest, Rule6FindsARefusalWhileThereWasEnough) {
    story_.place("a", {mug_});
    story_.place("b", {mug_});
    story_.refuse("c", mug_);
    EXPECT_THAT(broken(), ElementsAre(Rule::spurious_refusal)) << text_;
}

TEST_F(HistoryTest, Rule6LetsARefusalBeThatMayHaveBeenInTime) {
    story_.place("a", {mug_});
    story_.place("b", {mug_});
    const Hold last = story_.place("c", {mug_});
    story_.refuse("d", mug_);
    story_.release(last);
    EXPECT_THAT(broken(), IsEmpty()) << text_;
    operation(1).called = operation(0).returned + milliseconds(1);
    operation(1).returned = operation(1).called;
    EXPECT_THAT(broken(), ElementsAre(Rule::spurious_refusal)) << text_;
}

TEST_F(HistoryTest, Rule6FindsARefusalWhileSomebodyHadSeenEnough) {
    story_.place("a", {mug_});
    story_.place("b", {mug_});
    story_.release(story_.place("c", {mug_}));
    operation(0).told.reset();  // nobody heard of it
    story_.refuse("d", mug_);
    EXPECT_THAT(broken(), IsEmpty()) << text_;
    story_.read(mug_);
    story_.refuse("e", mug_);
    EXPECT_THAT(broken(), ElementsAre(Rule::spurious_refusal)) << text_;
}

TEST_F(HistoryTest, Rule7FindsAKeyThatWasCarriedOutTwice) {
    story_.place("a", {mug_}, "key");
    story_.place("a", {mug_}, "key");
    EXPECT_THAT(broken(), Contains(Rule::idempotency)) << text_;
    // The first time nobody heard of it.
    operation(1).told.reset();
    EXPECT_THAT(broken(), Contains(Rule::idempotency)) << text_;
    EXPECT_THAT(text_, ::testing::HasSubstr("carried out twice"));
}

TEST_F(HistoryTest, Rule7FindsAKeyThatIsRefusedAfterItWasCarriedOut) {
    story_.place("a", {mug_}, "key");
    story_.place("b", {mug_});
    story_.place("c", {mug_});
    story_.refuse("a", mug_, "key");
    EXPECT_THAT(broken(), ElementsAre(Rule::idempotency)) << text_;
}

TEST_F(HistoryTest, Rule7FindsAKeyForTwoRequests) {
    story_.place("a", {mug_}, "key");
    story_.ask(Command(PlaceHold{.cart = "b", .lines = {{mug_, 1, ""}}}), operation(0).told, "key");
    EXPECT_THAT(broken(), Contains(Rule::idempotency)) << text_;
}

TEST_F(HistoryTest, Rule8FindsAHoldThatEndsTooEarly) {
    const Hold hold = story_.place("a", {mug_});
    story_.expire(hold);
    EXPECT_THAT(broken(), ElementsAre(Rule::hold_states)) << text_;
}

TEST_F(HistoryTest, Rule8FindsAHoldThatEndsTwice) {
    const Hold hold = story_.place("a", {mug_});
    story_.confirm(hold);
    story_.pass(seconds(900));
    story_.expire(hold);
    EXPECT_THAT(broken(), Contains(Rule::hold_states)) << text_;
}

TEST_F(HistoryTest, Rule8FindsAHoldThatComesBackToLife) {
    const Hold hold = story_.place("a", {mug_});
    story_.pass(seconds(900));
    story_.confirm(hold);
    EXPECT_THAT(broken(), ElementsAre(Rule::hold_states)) << text_;
}

TEST_F(HistoryTest, Rule9FindsAnAnswerThatWasLost) {
    story_.place("a", {mug_});
    story_.history.log.pop_back();
    EXPECT_THAT(broken(), Contains(Rule::durability)) << text_;
    EXPECT_THAT(text_, ::testing::HasSubstr("the log does not have it"));
}

TEST_F(HistoryTest, Rule9FindsAnEventThatNobodyAskedFor) {
    story_.place("a", {mug_});
    story_.history.operations.pop_back();
    EXPECT_THAT(broken(), ElementsAre(Rule::durability)) << text_;
}

TEST_F(HistoryTest, Rule9FindsAnEventOfWhatWasRefused) {
    story_.place("a", {mug_});
    operation(0).told = Result<Told>(
        std::unexpected(Refusal{.code = RefusalCode::deadline_exceeded, .detail = "late"}));
    EXPECT_THAT(broken(), ElementsAre(Rule::durability)) << text_;
}

TEST_F(HistoryTest, Rule9FindsAnEndThatTheLogContradicts) {
    story_.place("a", {mug_});
    story_.end();
    EXPECT_THAT(broken(), IsEmpty()) << text_;
    story_.history.stock.front().locations.front().counters.available = 3;
    EXPECT_THAT(broken(), ElementsAre(Rule::durability)) << text_;
    story_.history.stock.clear();
    story_.history.holds.front().status = HoldStatus::released;
    EXPECT_THAT(broken(), ElementsAre(Rule::durability)) << text_;
}

TEST_F(HistoryTest, Rule10FindsHalfACart) {
    story_.place("a", {mug_, tea_});
    operation(0).told.reset();
    EXPECT_THAT(broken(), IsEmpty()) << text_;
    std::get<HoldPlaced>(story_.history.log.back().event).hold.lines.pop_back();
    EXPECT_THAT(broken(), Contains(Rule::open_operations)) << text_;
}

TEST_F(HistoryTest, Rule10FindsAnEventInOneOfItsPartitions) {
    story_.place("a", {mug_, tea_});
    operation(0).told.reset();
    story_.split_log();
    EXPECT_THAT(broken(), IsEmpty()) << text_;
    story_.history.log.pop_back();
    EXPECT_THAT(broken(), Contains(Rule::open_operations)) << text_;
}

}  // namespace
}  // namespace holdfast::testing
