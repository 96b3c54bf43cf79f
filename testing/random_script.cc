#include "testing/random_script.h"

#include <csignal>
#include <iostream>
#include <sstream>

#include <gtest/gtest.h>

namespace holdfast::testing {

namespace {

using Text = rc::Gen<std::string>;

Text word(std::string text) {
    return rc::gen::just(std::move(text));
}

Text one_of(std::vector<std::string> choices) {
    return rc::gen::elementOf(std::move(choices));
}

Text number(int low, int high) {
    return rc::gen::map(rc::gen::inRange(low, high + 1),
                        [](int value) { return std::to_string(value); });
}

template <class... Parts>
Text join(Parts... parts) {
    return rc::gen::apply([](auto... texts) { return (std::string() + ... + texts); },
                          std::move(parts)...);
}

// Now and then a phrase, mostly nothing.
Text perhaps(Text phrase) {
    return rc::gen::weightedOneOf<std::string>({{3, word("")}, {1, std::move(phrase)}});
}

Text sku() {
    return one_of({"mug", "tea"});
}
Text location() {
    return one_of({"main", "berlin"});
}
Text hold() {
    return one_of({"H1", "H2", "H3"});
}
Text entry() {
    return one_of({"W1", "W2", "W3"});
}
Text place() {
    return perhaps(join(word(" at "), location()));
}
Text line() {
    return join(word(" "), sku(), word(" x"), number(1, 5), place());
}

Text lines() {
    return rc::gen::weightedOneOf<std::string>(
        {{4, line()}, {2, join(line(), line())}, {1, join(line(), line(), line())}});
}

Text fence() {
    return perhaps(join(word(" fence "), number(1, 4)));
}

Text ttl() {
    return perhaps(one_of({" ttl 1s", " ttl 20s", " ttl 60s", " ttl 90s"}));
}

// After what it must not contradict: the last word of a policy counts.
Text line_policy() {
    return rc::gen::weightedOneOf<std::string>(
        {{3, word("")},
         {2, join(one_of({" waitlist open", " waitlist fair"}), word(" reserve_at cart"),
                  one_of({" policy strict late_confirm retake", " policy backorder limit 1"}),
                  one_of({" offer_ttl 20s", ""}))}});
}

Text policy() {
    return join(one_of({"", " ttl 60s", " ttl 20s checkout_ttl 30s max_ttl 60s max_life 100s",
                        " ttl 30s checkout_ttl 90s max_ttl 90s max_life 120s max_extensions 1"}),
                rc::gen::weightedOneOf<std::string>(
                    {{4, perhaps(word(" late_confirm refuse"))},
                     {3, join(one_of({" policy backorder", " policy preorder"}),
                              one_of({"", " limit 0", " limit 2", " limit 5"}),
                              one_of({"", " late_confirm refuse", " late_confirm backorder"}))}}),
                perhaps(one_of({" reserve_at checkout", " reserve_at payment"})),
                perhaps(word(" fulfilment at_confirm")),
                perhaps(one_of({" max_per_cart 2", " max_per_cart 4"})),
                perhaps(one_of({" safety_stock 1", " safety_stock 3"})),
                perhaps(join(one_of({" max_per_customer 2", " max_per_customer 4"}),
                             one_of({"", " customer_window 60s", " customer_window 90s",
                                     " customer_window 600s"}))),
                perhaps(one_of({" allocation most_available", " allocation nearest"})),
                perhaps(one_of({" low_stock 2", " low_stock 4"})),
                perhaps(word(" reorder_point 3 reorder_quantity 10")), line_policy(),
                perhaps(word(" split")));
}

Text place_hold() {
    return join(word("hold "), hold(), word(" cart C"), number(1, 3),
                one_of({"", " customer U1", " customer U2"}),
                perhaps(one_of({" region eu", " region uk"})), ttl(),
                perhaps(one_of({" heartbeat 5s", " heartbeat 20s"})), perhaps(word(" partial")),
                perhaps(word(" confirm")), lines());
}

// Confirm, fulfil, cancel and return: mostly of everything.
Text with_lines(const std::string& verb) {
    return join(word(verb + " "), hold(), fence(), perhaps(lines()));
}

Text step() {
    return rc::gen::weightedOneOf<std::string>({
        {14, place_hold()},
        {4, join(word("amend "), hold(), fence(), perhaps(word(" region uk")), lines())},
        {4, join(word("extend "), hold(), fence(), ttl())},
        {2, join(word("heartbeat "), hold(), fence())},
        {2, join(word("secure "), hold(), fence())},
        {8, with_lines("confirm")},
        {2, join(word("release "), hold(), fence())},
        {8, with_lines("fulfil")},
        {4, with_lines("cancel")},
        {7, with_lines("return")},
        {6, join(word("tick "), one_of({"1s", "1s", "5s", "5s", "20s", "30s", "60s", "600s"}))},
        {5, join(word("receive "), sku(), word(" "), number(1, 6), place(),
                 perhaps(word(" reference PO")))},
        {1, join(word("expect "), sku(), word(" "), number(0, 4), place(),
                 word(" reference PO in 60s"))},
        {2, join(word("adjust "), sku(), one_of({" +1", " +3", " -1", " -2", " -4"}), place())},
        {2, join(word("move "), sku(), word(" "), number(1, 3),
                 one_of({" from returned to available", " from available to damaged",
                         " from damaged to repair", " from repair to available",
                         " from returned to damaged"}),
                 place())},
        {2, join(word("transfer "), sku(), word(" "), number(1, 3),
                 one_of({" from main to berlin", " from berlin to main"}))},
        {3, join(word("join "), entry(), word(" customer "), one_of({"U1", "U2", "U3"}),
                 perhaps(one_of({" region eu", " region uk"})), line())},
        {1, join(word("leave "), entry())},
        {2, join(word("offer "), hold(), word(" of "), entry())},
        {2, join(word("sku "), sku(), policy())},
        {1, join(word("alerts "), sku())},
        {2,
         join(word("acknowledge "), sku(),
              one_of({" low_stock", " out_of_stock", " back_in_stock", " reorder", " shortfall"}),
              one_of({" by anna", " by ben"}))},
        {1, join(word("location "), location(), one_of({"", " region eu", " region uk"}),
                 word(" priority "), number(0, 2))},
    });
}

// The facts that a saved scenario says, when there are any.
constexpr std::string_view facts = "for extensions secured at x1";

// The script as a scenario, with what the model answers, and how it looks at the end.
std::string replayable(const Scenario& scenario, std::size_t steps, const std::string& answers,
                       const std::string& expected, const std::string& actual) {
    return "the answers differ at step " + std::to_string(steps) + " of " +
           std::to_string(scenario.steps.size()) + "; as a scenario, with what is expected:\n\n" +
           answers + "\nexpected:\n" + expected + "\nactual:\n" + actual;
}

std::string told_step(const Step& step, const std::string& answer) {
    return step.text + (answer.empty() ? "" : "  -> " + answer) + "\n";
}

}  // namespace

rc::Gen<Script> random_script() {
    return rc::gen::container<Script>(step());
}

Scenario parse_script(const Script& script) {
    std::string text =
        "sku mug\nsku tea\nlocation berlin region eu priority 1\nreceive mug 4\nreceive tea 4\n";
    for (const std::string& one : script) {
        text += one + "\n";
    }
    return parse_scenario("script", text);
}

std::string as_scenario(const Script& script, Target& target) {
    Player player(target);
    std::string text;
    for (const Step& step : parse_script(script).steps) {
        text += told_step(step, player.play(step, facts));
    }
    return text;
}

std::optional<std::string> compare(const Script& script, Target& expected, Target& actual,
                                   Compare what) {
    const Scenario scenario = parse_script(script);
    Player model(expected);
    Player subject(actual);
    std::string answers;
    for (std::size_t i = 0; i < scenario.steps.size(); ++i) {
        const Step& step = scenario.steps[i];
        const bool about_alerts = std::holds_alternative<ShowAlerts>(step.action) ||
                                  std::holds_alternative<Acknowledge>(step.action);
        if (about_alerts && what != Compare::everything) {
            continue;
        }
        std::string wanted = model.play(step, facts);
        std::string got = subject.play(step, facts);
        answers += told_step(step, wanted);
        if (wanted == got && what != Compare::answers) {
            const bool alerts = what == Compare::everything;
            wanted = model.everything(alerts);
            got = subject.everything(alerts);
        }
        if (wanted != got) {
            return replayable(scenario, i + 1, answers, wanted, got);
        }
        if (const std::string wrong = subject.check_counters(); !wrong.empty()) {
            return replayable(scenario, i + 1, answers, "counters that add up", wrong);
        }
    }
    return std::nullopt;
}

namespace {

// What is being played, for the case that a broken invariant ends the process.
const Script* current = nullptr;

void show_script(int) {
    for (const std::string& step : current == nullptr ? Script{} : *current) {
        std::cerr << step << "\n";
    }
}

}  // namespace

void check_scripts(const std::string& name, int count,
                   const std::function<std::optional<std::string>(const Script&)>& property) {
    rc::detail::TestParams params = rc::detail::configuration().testParams;
    params.maxSuccess = count;
    params.maxSize = 300;  // steps of the longest script
    std::cout << name << ": seed " << params.seed << ", " << count << " scripts\n";
    rc::detail::TestMetadata metadata;
    metadata.id = name;
    metadata.description = name;
    std::string failure;
    std::signal(SIGABRT, show_script);
    const auto result = rc::detail::checkTestable(
        [&] {
            const Script script = *random_script();
            current = &script;
            auto differs = property(script);
            current = nullptr;
            if (differs) {
                failure = std::move(*differs);
                RC_FAIL("see below");
            }
        },
        metadata, params);
    std::signal(SIGABRT, SIG_DFL);
    if (!result.is<rc::detail::SuccessResult>()) {
        std::ostringstream message;
        rc::detail::printResultMessage(result, message);
        ADD_FAILURE() << message.str() << "\n" << failure;
    }
}

}  // namespace holdfast::testing
