// What happens around a round that is on its way to disk: what is decided on top of it, a queue that is full,
// requests that come too late, keys that are in use, refusals that are counted.
#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <map>
#include <thread>

#include <gtest/gtest.h>

#include <holdfast/limits.h>
#include "store/codec.h"
#include "testing/mug_shop.h"

namespace holdfast::service {
namespace {

using namespace std::chrono_literals;

class RoundsTest : public testing::MugShop {
protected:
    // Asks without waiting.
    std::future<Outcome<Answer>> ask(Command command, Request request = {}) {
        std::promise<Outcome<Answer>> promise;
        auto answer = promise.get_future();
        engine_->submit_any({std::move(command), std::move(request)},
                            [promise = std::move(promise)](Outcome<Answer> outcome) mutable {
                                promise.set_value(std::move(outcome));
                            });
        return answer;
    }
    std::vector<Outcome<Answer>> submit_many(std::vector<Submission> many) {
        std::promise<std::vector<Outcome<Answer>>> promise;
        engine_->submit_many(std::move(many), [&](std::vector<Outcome<Answer>> outcomes) {
            promise.set_value(std::move(outcomes));
        });
        return promise.get_future().get();
    }
    void wait_until_decided(std::uint64_t commands) {
        while (engine_->statistics().commands < commands) {
            std::this_thread::yield();
        }
    }
    static std::optional<RefusalCode> code(const Outcome<Answer>& outcome) {
        return outcome.result ? std::nullopt : std::optional(outcome.result.error().code);
    }
    Counters mugs() {
        std::promise<Counters> promise;
        engine_->read_stock("mug", [&](Outcome<StockAnswer> outcome) {
            promise.set_value(outcome.result ? outcome.result->total : Counters{});
        });
        return promise.get_future().get();
    }
    static PlaceHold mug(Quantity quantity = 1) {
        return {.cart = "c", .lines = {{"mug", quantity, ""}}};
    }
};

TEST_F(RoundsTest, WhatWasDecidedOnTopOfALostRoundIsNotDone) {
    faults_->plan(0, testing::Fault::unknown_written);
    kept_.hold_back();
    auto first = ask(mug());
    kept_.wait_until_held_back(1);
    auto second = ask(mug());
    wait_until_decided(4);
    kept_.let_go();
    EXPECT_EQ(code(first.get()), RefusalCode::outcome_unknown);
    EXPECT_EQ(code(second.get()), RefusalCode::store_failed);
    reopen();
    EXPECT_EQ(mugs().held, 1);
    EXPECT_TRUE(engine_->audit().clean());
}

// The append fails while what comes after it is being decided.
TEST_F(RoundsTest, AReadOnTopOfALostRoundIsRefused) {
    faults_->plan(0, testing::Fault::unknown_written);
    kept_.hold_back();
    auto first = ask(mug());
    kept_.wait_until_held_back(1);
    faults_->during_next_read([this] { kept_.let_go(); });
    std::promise<Outcome<StockAnswer>> promise;
    engine_->read_stock(
        "mug", [&](Outcome<StockAnswer> outcome) { promise.set_value(std::move(outcome)); });
    // Looks for a hold in the store.
    auto second = ask(ReleaseHold{});
    const Outcome<StockAnswer> seen = promise.get_future().get();
    ASSERT_FALSE(seen.result.has_value());
    EXPECT_EQ(seen.result.error().code, RefusalCode::store_failed);
    EXPECT_EQ(code(first.get()), RefusalCode::outcome_unknown);
    EXPECT_EQ(code(second.get()), RefusalCode::store_failed);
}

TEST_F(RoundsTest, ARoundHasNoMoreBytesThanItMay) {
    const std::string padding(100, '-');
    PlaceHold cart{.cart = "c"};
    std::vector<Submission> definitions;
    for (std::size_t i = 0; i < limits::lines_max; ++i) {
        const std::string sku = std::to_string(i) + padding;
        definitions.push_back({DefineSku{.sku = sku}, {}});
        definitions.push_back({ReceiveStock{.sku = sku, .quantity = 1'000}, {}});
        cart.lines.push_back({.sku = sku, .quantity = 1});
    }
    for (std::size_t i = 0; i < definitions.size(); i += limits::batch_commands_max) {
        const auto first = definitions.begin() + static_cast<std::ptrdiff_t>(i);
        submit_many({first, first + limits::batch_commands_max});
    }
    kept_.hold_back();
    auto first = ask(mug());
    kept_.wait_until_held_back(1);
    // Each row has more bytes than its SKUs.
    std::vector<std::future<Outcome<Answer>>> carts;
    for (std::size_t i = 0; i <= limits::round_bytes_max / (padding.size() * limits::lines_max);
         ++i) {
        carts.push_back(ask(cart));
    }
    kept_.let_one_go();
    kept_.wait_until_held_back(1);
    kept_.let_one_go();
    EXPECT_EQ(carts.front().wait_for(0s), std::future_status::ready);
    EXPECT_EQ(carts.back().wait_for(0s), std::future_status::timeout);
    kept_.let_go();
    EXPECT_EQ(code(first.get()), std::nullopt);
    for (auto& answer : carts) {
        EXPECT_EQ(code(answer.get()), std::nullopt);
    }
}

// A hold lapses while an append is on its way: its end waits for the next round, asleep.
TEST_F(RoundsTest, TheTimerWaitsForTheOpenRound) {
    class CountingClock final : public Clock {
    public:
        [[nodiscard]] Instant now() const override {
            ++looks;
            looks.notify_all();
            return opening + passed.load();
        }
        std::atomic<std::chrono::seconds> passed;
        mutable std::atomic<std::uint64_t> looks = 0;
    };
    const auto clock = std::make_shared<CountingClock>();
    engine_ = std::make_unique<Engine>(std::make_unique<testing::FaultyStore>(kept_), clock);
    kept_.hold_back();
    auto lapsing = ask(PlaceHold{.cart = "c", .lines = {{"mug", 1, ""}}, .ttl = 1s});
    kept_.wait_until_held_back(1);
    auto next = ask(mug());
    wait_until_decided(2);
    clock->passed = 2s;
    auto last = ask(mug());
    wait_until_decided(3);
    const std::uint64_t before = clock->looks;
    auto thousand = std::async(std::launch::async, [&] {
        while (clock->looks < before + 1'000 && kept_.held_back() > 0) {
            std::this_thread::yield();
        }
        return clock->looks >= before + 1'000;
    });
    EXPECT_EQ(thousand.wait_for(50ms), std::future_status::timeout);
    kept_.let_go();
    EXPECT_FALSE(thousand.get());
    for (auto* const held : {&lapsing, &next, &last}) {
        EXPECT_EQ(code(held->get()), std::nullopt);
    }
    engine_->tick();
    EXPECT_EQ(mugs().held, 2);
}

// The rates of a minute are looked at while an append is on its way, and there is nothing to say.
TEST_F(RoundsTest, WhatComesLaterDoesNotHaveTheTimeOfARoundThatCameToNothing) {
    kept_.hold_back();
    auto first = ask(mug());
    kept_.wait_until_held_back(1);
    clock_->advance(61s);
    std::promise<Quantity> seen;
    engine_->read_stock(
        "mug", [&](Outcome<StockAnswer> outcome) { seen.set_value(outcome.result->total.held); });
    while (engine_->statistics().queue_length > 0) {
        std::this_thread::yield();
    }
    clock_->advance(1s);
    auto later = ask(mug());
    wait_until_decided(4);
    kept_.let_go();
    EXPECT_EQ(std::get<HoldAnswer>(*later.get().result).hold.created_at, clock_->now());
    EXPECT_EQ(code(first.get()), std::nullopt);
    EXPECT_EQ(seen.get_future().get(), 1);
}

// Else a repeated request would read all answers of a large round while everybody else waits.
TEST_F(RoundsTest, ARepeatedRequestReadsFewAnswers) {
    const auto keyed = [](std::size_t i) {
        return Request{.idempotency_key = "k" + std::to_string(i), .fingerprint = i};
    };
    constexpr std::size_t count = 90;
    std::vector<Submission> many;
    many.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        many.push_back({mug(), keyed(i)});
    }
    const auto first = submit_many(std::move(many));
    std::size_t rows = 0;
    kept_.scan(0, store::RowKind::answers, "", [&](std::string_view, std::string_view row) {
        EXPECT_LE(store::decode_answers(row).answers.size(), limits::answers_per_row_max);
        ++rows;
        return true;
    });
    EXPECT_EQ(rows, 2);
    for (const bool reopened : {false, true}) {
        if (reopened) {
            reopen();
        }
        for (std::size_t i = 0; i < count; ++i) {
            const Outcome<Answer> again = ask(mug(), keyed(i)).get();
            EXPECT_TRUE(again.replayed);
            EXPECT_EQ(again.result, first[i].result);
        }
    }
    EXPECT_EQ(mugs().held, static_cast<Quantity>(count));
    // A row that is too old goes, and its neighbours with it.
    clock_->advance(limits::idempotency_life + 1ms);
    EXPECT_EQ(code(ask(mug()).get()), std::nullopt);
    kept_.scan(0, store::RowKind::answers, "", [](std::string_view, std::string_view) {
        ADD_FAILURE() << "a row of answers was not erased";
        return false;
    });
}

TEST_F(RoundsTest, ReadsWaitForWhatTheySaw) {
    kept_.hold_back();
    auto held = ask(mug());
    kept_.wait_until_held_back(1);
    std::promise<Counters> promise;
    auto seen = promise.get_future();
    engine_->read_stock(
        "mug", [&](Outcome<StockAnswer> outcome) { promise.set_value(outcome.result->total); });
    EXPECT_EQ(seen.wait_for(0s), std::future_status::timeout);
    kept_.let_go();
    EXPECT_EQ(seen.get().held, 1);
    EXPECT_EQ(code(held.get()), std::nullopt);
}

TEST_F(RoundsTest, AFullQueueRefusesAtOnce) {
    kept_.hold_back();
    std::vector<std::future<Outcome<Answer>>> accepted;
    accepted.push_back(ask(mug()));
    kept_.wait_until_held_back(1);
    // One round fills up while the first is on its way, and then the queue. Releasing a hold that is
    // not there is the cheapest question.
    for (std::size_t i = 0; i < limits::round_commands_max; ++i) {
        accepted.push_back(ask(ReleaseHold{}));
    }
    wait_until_decided(3 + limits::round_commands_max);
    for (std::size_t i = 0; i < limits::queue_length_max; ++i) {
        accepted.push_back(ask(ReleaseHold{}));
    }
    auto refused = ask(mug());
    ASSERT_EQ(refused.wait_for(0s), std::future_status::ready);
    EXPECT_EQ(code(refused.get()), RefusalCode::overloaded);
    kept_.let_go();
    EXPECT_EQ(code(accepted.front().get()), std::nullopt);
    for (std::size_t i = 1; i < accepted.size(); ++i) {
        EXPECT_EQ(code(accepted[i].get()), RefusalCode::unknown_hold);
    }
    EXPECT_EQ(code(ask(mug()).get()), std::nullopt);
}

TEST_F(RoundsTest, ARequestThatComesTooLateIsNotDone) {
    EXPECT_EQ(code(ask(mug(), {.deadline = clock_->now() - 1ms}).get()),
              RefusalCode::deadline_exceeded);
    EXPECT_EQ(code(ask(mug(), {.deadline = clock_->now()}).get()), std::nullopt);
    EXPECT_EQ(mugs().held, 1);
}

TEST_F(RoundsTest, AKeyIsInUseUntilItsFirstAnswerIsDurable) {
    const Request once{.idempotency_key = "k", .fingerprint = 1};
    kept_.hold_back();
    auto first = ask(mug(), once);
    kept_.wait_until_held_back(1);
    auto second = ask(mug(), once);
    wait_until_decided(4);
    kept_.let_go();
    const Outcome<Answer> answer = first.get();
    EXPECT_EQ(code(answer), std::nullopt);
    EXPECT_EQ(code(second.get()), RefusalCode::idempotency_key_in_use);
    const Outcome<Answer> again = ask(mug(), once).get();
    EXPECT_TRUE(again.replayed);
    EXPECT_EQ(again.result, answer.result);
    EXPECT_EQ(mugs().held, 1);
}

TEST_F(RoundsTest, AKeyIsForgottenAfterItsLife) {
    const Request once{.idempotency_key = "k", .fingerprint = 1};
    EXPECT_FALSE(ask(mug(), once).get().replayed);
    clock_->advance(limits::idempotency_life);
    EXPECT_TRUE(ask(mug(), once).get().replayed);
    clock_->advance(1ms);
    // Old keys are thrown out by the next append.
    EXPECT_EQ(code(ask(mug()).get()), std::nullopt);
    EXPECT_FALSE(ask(mug(), once).get().replayed);
    reopen();
    EXPECT_TRUE(ask(mug(), once).get().replayed);
}

TEST_F(RoundsTest, ManyAreAnsweredInTheirOrderTheMalformedOnesToo) {
    std::vector<Submission> many = {{mug(60), {}}, {mug(0), {}}, {mug(60), {}}, {mug(40), {}}};
    const auto outcomes = submit_many(std::move(many));
    ASSERT_EQ(outcomes.size(), 4);
    EXPECT_EQ(code(outcomes[0]), std::nullopt);
    EXPECT_EQ(code(outcomes[1]), RefusalCode::invalid_request);
    EXPECT_EQ(code(outcomes[2]), RefusalCode::insufficient_stock);
    EXPECT_EQ(code(outcomes[3]), std::nullopt);
    EXPECT_EQ(mugs().held, 100);
}

TEST_F(RoundsTest, LostDemandIsRecordedAFewTimesASecondAndTheRestIsCounted) {
    constexpr Quantity lost = 100;
    for (int i = 0; i < lost; ++i) {
        EXPECT_EQ(code(ask(mug(101)).get()), RefusalCode::insufficient_stock);
    }
    clock_->advance(1s);
    engine_->tick();
    std::size_t recorded = 0;
    Quantity others = 0;
    const auto log = engine_->events("", 1'000);
    ASSERT_TRUE(log.has_value());
    for (const RecordedEvent& event : log->items) {
        if (const auto* refused = std::get_if<HoldRefused>(&event.event)) {
            EXPECT_EQ(refused->short_lines, (std::vector<ShortLine>{{"mug", "", 101, 100}}));
            recorded += refused->others == 0 ? 1 : 0;
            others += refused->others;
        }
    }
    EXPECT_EQ(recorded, limits::refusals_per_second_max);
    EXPECT_EQ(others, lost - limits::refusals_per_second_max);
}

TEST_F(RoundsTest, ACartThatMayNotGrowAndAPaymentThatComesTooLateAreLostDemand) {
    PlaceHold place{.cart = "c-1", .customer = "u-1", .lines = {{"mug", 60, ""}}, .ttl = 1s};
    const auto held = engine_->submit(place);
    ASSERT_TRUE(held.has_value());
    const HoldId id = held->hold.id;
    EXPECT_EQ(code(ask(AmendHold{.id = id, .region = "", .lines = {{"mug", 101, ""}}}).get()),
              RefusalCode::insufficient_stock);
    clock_->advance(1s);
    EXPECT_EQ(code(ask(mug(41)).get()), std::nullopt);
    EXPECT_EQ(code(ask(ConfirmHold{.id = id}).get()), RefusalCode::insufficient_stock);
    EXPECT_EQ(code(ask(ConfirmHold{.id = id, .lines = {{"mug", 61, ""}}}).get()),
              RefusalCode::quantity_exceeds_hold);
    std::vector<std::vector<ShortLine>> lost;
    const auto log = engine_->events("", limits::page_max);
    ASSERT_TRUE(log.has_value());
    for (const RecordedEvent& event : log->items) {
        if (const auto* refused = std::get_if<HoldRefused>(&event.event)) {
            EXPECT_EQ(refused->cart, "c-1");
            EXPECT_EQ(refused->customer, "u-1");
            lost.push_back(refused->short_lines);
        }
    }
    EXPECT_EQ(lost, (std::vector<std::vector<ShortLine>>{{{"mug", "", 101, 100}},
                                                         {{"mug", "", 60, 59}}}));
}

TEST_F(RoundsTest, IdsGrowOverRestartsThoughTheClockStandsStill) {
    HoldId last;
    for (int i = 0; i < 5; ++i) {
        const auto answer = engine_->submit(mug());
        ASSERT_TRUE(answer.has_value());
        EXPECT_GT(answer->hold.id.high, last.high);
        last = answer->hold.id;
        reopen();
    }
}

TEST_F(RoundsTest, MoreCommandsAtOnceThanABatchMayHaveAreRefused) {
    std::vector<Submission> crowd;
    crowd.reserve(limits::batch_commands_max + 1);
    for (std::size_t i = 0; i <= limits::batch_commands_max; ++i) {
        crowd.push_back({mug(), {}});
    }
    const auto refused = submit_many(crowd);
    ASSERT_EQ(refused.size(), crowd.size());
    EXPECT_TRUE(std::ranges::all_of(refused, [](const Outcome<Answer>& outcome) {
        return code(outcome) == RefusalCode::invalid_request;
    }));
    EXPECT_EQ(mugs().held, 0);
    crowd.pop_back();
    EXPECT_EQ(code(submit_many(std::move(crowd)).front()), std::nullopt);
    EXPECT_EQ(mugs().held, 100);
}

// What is asked joins the round that is open, and that has a time of its own already.
TEST_F(RoundsTest, ATickEndsWhatIsDueThoughItJoinsAnOlderRound) {
    kept_.hold_back();
    auto lapsing = ask(mug());
    kept_.wait_until_held_back(1);
    auto open = ask(mug());
    wait_until_decided(4);
    clock_->advance(600s);
    auto ticked = std::async(std::launch::async, [&] { engine_->tick(); });
    kept_.let_one_go();
    kept_.wait_until_held_back(1);
    kept_.let_one_go();
    // Now the end of the two is on its way.
    kept_.wait_until_held_back(1);
    EXPECT_EQ(ticked.wait_for(50ms), std::future_status::timeout);
    kept_.let_go();
    ticked.get();
    EXPECT_EQ(code(lapsing.get()), std::nullopt);
    EXPECT_EQ(code(open.get()), std::nullopt);
    EXPECT_EQ(engine_->statistics().holds_expired, 2);
    EXPECT_EQ(mugs().available, 100);
}

TEST_F(RoundsTest, ManyMayCloseAtOnce) {
    auto held = ask(mug());
    {
        std::array<std::jthread, 8> closing;
        for (std::jthread& thread : closing) {
            thread = std::jthread([&] {
                engine_->close();
                EXPECT_FALSE(engine_->statistics().serving);
            });
        }
    }
    EXPECT_EQ(code(held.get()), std::nullopt);
    EXPECT_EQ(code(ask(mug()).get()), RefusalCode::stopping);
}

// One delivery for more orders than one round serves holds nobody else up, and nobody takes their units.
TEST_F(RoundsTest, ALargeDeliveryIsGivenOutOverSeveralRounds) {
    constexpr Quantity orders = 3 * limits::round_served_max;
    ASSERT_TRUE(
        engine_->submit(DefineSku{.sku = "wrench", .policy = {.selling = Selling::backorder}}));
    const PlaceHold wrench{.cart = "c", .lines = {{"wrench", 1, ""}}, .confirm = true};
    std::vector<std::future<Outcome<Answer>>> sold;
    for (Quantity i = 0; i < orders; ++i) {
        sold.push_back(ask(wrench));
    }
    for (auto& answer : sold) {
        ASSERT_EQ(code(answer.get()), std::nullopt);
    }
    const std::uint64_t before = engine_->statistics().rounds;
    const auto outcomes = submit_many(
        {{ReceiveStock{.sku = "wrench", .quantity = orders}, {}}, {mug(), {}}, {wrench, {}}});
    for (const Outcome<Answer>& outcome : outcomes) {
        ASSERT_EQ(code(outcome), std::nullopt);
    }
    EXPECT_EQ(
        std::get<HoldAnswer>(*outcomes[2].result).hold.lines.front().allocations.front().quantity,
        0);
    engine_->tick();
    EXPECT_GE(engine_->statistics().rounds, before + 3);
    std::map<std::uint64_t, std::size_t> served;  // by append
    std::size_t all = 0;
    auto page = engine_->events("", limits::page_max);
    for (; page && !page->items.empty(); page = engine_->events(page->next, limits::page_max)) {
        for (const RecordedEvent& event : page->items) {
            const bool allocated = std::holds_alternative<BackorderAllocated>(event.event);
            served[event.batch] += allocated ? 1 : 0;
            all += allocated ? 1 : 0;
        }
    }
    EXPECT_EQ(all, orders);
    for (const auto& [append, count] : served) {
        EXPECT_LE(count, limits::round_served_max) << "in append " << append;
    }
    EXPECT_TRUE(engine_->audit().clean());
}

// An open line too goes before whoever comes while it is served.
TEST_F(RoundsTest, NobodyPassesALineThatIsBeingServed) {
    constexpr Quantity shoppers = limits::round_served_max + 100;
    ASSERT_TRUE(engine_->submit(DefineSku{.sku = "game", .policy = {.waitlist = Waitlist::open}}));
    std::vector<std::future<Outcome<Answer>>> joined;
    for (Quantity i = 0; i < shoppers; ++i) {
        joined.push_back(
            ask(JoinWaitlist{.sku = "game", .customer = std::to_string(i), .quantity = 1}));
    }
    for (auto& answer : joined) {
        ASSERT_EQ(code(answer.get()), std::nullopt);
    }
    const auto outcomes =
        submit_many({{ReceiveStock{.sku = "game", .quantity = shoppers}, {}},
                     {PlaceHold{.cart = "newcomer", .lines = {{"game", 1, ""}}}, {}}});
    EXPECT_EQ(code(outcomes[0]), std::nullopt);
    EXPECT_EQ(code(outcomes[1]), RefusalCode::insufficient_stock);
    engine_->tick();
    EXPECT_EQ(engine_->submit(PlaceHold{.cart = "late", .lines = {{"game", 1, ""}}}).error().code,
              RefusalCode::insufficient_stock);
    EXPECT_TRUE(engine_->audit().clean());
}

// More holds lapse at once than one round ends: nobody is told that the shop is sold out meanwhile.
class LapsedCrowdTest : public RoundsTest, public ::testing::WithParamInterface<int> {
protected:
    static constexpr Quantity count = 5 * limits::round_expiries_max;

    void SetUp() override {
        RoundsTest::SetUp();
        ASSERT_TRUE(engine_->submit(ReceiveStock{.sku = "mug", .quantity = count - 100}));
        std::vector<std::future<Outcome<Answer>>> held;
        for (Quantity i = 0; i < count; ++i) {
            clock_->advance(std::chrono::milliseconds(GetParam()));
            held.push_back(ask(mug()));
        }
        for (auto& answer : held) {
            const Outcome<Answer> outcome = answer.get();
            ASSERT_EQ(code(outcome), std::nullopt);
            ids_.push_back(std::get<HoldAnswer>(*outcome.result).hold.id);
        }
        ASSERT_EQ(mugs().available, 0);
        clock_->advance(1h);
    }
    void TearDown() override {
        std::map<std::uint64_t, std::size_t> ended;  // by append
        auto page = engine_->events("", limits::page_max);
        for (; page && !page->items.empty(); page = engine_->events(page->next, limits::page_max)) {
            for (const RecordedEvent& event : page->items) {
                ended[event.batch] += std::holds_alternative<HoldExpired>(event.event) ? 1 : 0;
            }
        }
        for (const auto& [append, holds] : ended) {
            EXPECT_LE(holds, limits::round_commands_max) << "in append " << append;
        }
        EXPECT_TRUE(engine_->audit().clean());
    }

    std::vector<HoldId> ids_;
};

TEST_P(LapsedCrowdTest, StandsInNobodysWay) {
    EXPECT_EQ(code(ask(mug(count)).get()), std::nullopt);
    engine_->tick();
    EXPECT_EQ(mugs().held, count);
}

TEST_P(LapsedCrowdTest, StandsInTheWayOfNoBatch) {
    const auto outcomes = submit_many({{mug(count - 1), {}}, {mug(1), {}}, {mug(1), {}}});
    EXPECT_EQ(code(outcomes[0]), std::nullopt);
    EXPECT_EQ(code(outcomes[1]), std::nullopt);
    EXPECT_EQ(code(outcomes[2]), RefusalCode::insufficient_stock);
    EXPECT_EQ(mugs().held, count);
}

// Everything is asked at once, on top of a round that is on its way.
TEST_P(LapsedCrowdTest, LetsEverybodyHaveHisTurnInOrder) {
    kept_.hold_back();
    auto received = ask(ReceiveStock{.sku = "mug", .quantity = 1});
    kept_.wait_until_held_back(1);
    auto late = ask(ConfirmHold{.id = ids_.back()});
    auto extended = ask(ExtendHold{.id = ids_[ids_.size() / 2]});
    auto all = ask(mug(count));
    auto more = ask(mug());
    kept_.let_go();
    EXPECT_EQ(code(received.get()), std::nullopt);
    EXPECT_EQ(code(late.get()), std::nullopt);
    EXPECT_EQ(code(extended.get()), RefusalCode::hold_expired);
    EXPECT_EQ(code(all.get()), std::nullopt);
    EXPECT_EQ(code(more.get()), RefusalCode::insufficient_stock);
}

// With one deadline for all, and with one for each.
INSTANTIATE_TEST_SUITE_P(MillisecondsApart, LapsedCrowdTest, ::testing::Values(0, 1));

}  // namespace
}  // namespace holdfast::service
