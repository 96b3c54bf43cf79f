#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include "testing/scenario.h"

namespace holdfast::testing {

namespace {

using std::chrono::milliseconds;

// Reads one step word by word. Every complaint is a ScenarioError without the place, which parse_scenario
// puts before it.
class Words {
public:
    explicit Words(const std::string& text) {
        std::istringstream stream(text);
        words_.assign(std::istream_iterator<std::string>(stream), {});
    }

    [[nodiscard]] bool done() const { return next_ == words_.size(); }
    bool accept(std::string_view word) {
        const bool there = !done() && words_[next_] == word;
        next_ += there ? 1 : 0;
        return there;
    }
    void expect(std::string_view word) {
        if (!accept(word)) {
            throw ScenarioError("expected \"" + std::string(word) + "\"" + found());
        }
    }
    std::string text(std::string_view what) {
        if (done()) {
            throw ScenarioError("expected " + std::string(what) + ", found the end of the line");
        }
        return words_[next_++];
    }
    template <class Number>
    Number number(std::string_view what) {
        const std::string word = text(what);
        const bool plus = word.starts_with('+');
        Number value{};
        const auto [end, error] =
            std::from_chars(word.data() + plus, word.data() + word.size(), value);
        if (error != std::errc{} || end != word.data() + word.size()) {
            throw ScenarioError("expected " + std::string(what) + ", found \"" + word + "\"");
        }
        return value;
    }
    milliseconds duration() {
        const std::string word = text("a duration");
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
        const std::string_view unit(end, word.data() + word.size());
        static const std::map<std::string_view, int> units = {
            {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}};
        if (error != std::errc{} || !units.contains(unit)) {
            throw ScenarioError("expected a duration such as 600s, found \"" + word + "\"");
        }
        return milliseconds(value * units.at(unit));
    }
    Seconds seconds() { return std::chrono::duration_cast<Seconds>(duration()); }
    template <class Value>
    Value one_of(const std::map<std::string_view, Value>& names) {
        const std::string word = text("a choice");
        if (const auto found = names.find(word); found != names.end()) {
            return found->second;
        }
        std::string choices;
        for (const auto& [name, value] : names) {
            choices.append(choices.empty() ? "" : ", ").append(name);
        }
        throw ScenarioError("expected one of " + choices + ", found \"" + word + "\"");
    }
    [[nodiscard]] std::string found() const {
        return done() ? ", found the end of the line" : ", found \"" + words_[next_] + "\"";
    }

private:
    std::vector<std::string> words_;
    std::size_t next_ = 0;
};

// Units at which something happens.
bool read_bound(Words& words, Policy& policy) {
    static constexpr std::array<std::pair<std::string_view, Quantity Policy::*>, 4> bounds = {
        {{"safety_stock", &Policy::safety_stock},
         {"low_stock", &Policy::low_stock},
         {"reorder_point", &Policy::reorder_point},
         {"reorder_quantity", &Policy::reorder_quantity}}};
    for (const auto& [name, bound] : bounds) {
        if (words.accept(name)) {
            policy.*bound = words.number<Quantity>("a quantity");
            return true;
        }
    }
    return false;
}

Policy read_policy(Words& words) {
    Policy policy;
    while (!words.done()) {
        if (words.accept("policy")) {
            policy.backorder_limit = policy.preorder_limit = std::nullopt;
            policy.available_on = std::nullopt;
            policy.selling = words.one_of<Selling>({{"strict", Selling::strict},
                                                    {"backorder", Selling::backorder},
                                                    {"preorder", Selling::preorder}});
            if (policy.selling == Selling::preorder) {
                policy.available_on = Instant(std::chrono::days(30));
            }
        } else if (words.accept("limit")) {
            auto& limit = policy.selling == Selling::preorder ? policy.preorder_limit
                                                              : policy.backorder_limit;
            limit = words.number<Quantity>("a quantity");
        } else if (words.accept("available_on")) {
            policy.available_on = Instant(words.duration());
        } else if (words.accept("reserve_at")) {
            policy.reserve_at = words.one_of<ReserveAt>({{"cart", ReserveAt::cart},
                                                         {"checkout", ReserveAt::checkout},
                                                         {"payment", ReserveAt::payment}});
        } else if (words.accept("fulfilment")) {
            policy.fulfilment = words.one_of<Fulfilment>(
                {{"tracked", Fulfilment::tracked}, {"at_confirm", Fulfilment::at_confirm}});
        } else if (words.accept("max_per_cart")) {
            policy.max_per_cart = words.number<Quantity>("a quantity");
        } else if (words.accept("ttl")) {
            policy.hold_ttl = words.seconds();
        } else if (words.accept("checkout_ttl")) {
            policy.checkout_ttl = words.seconds();
        } else if (words.accept("max_ttl")) {
            policy.max_ttl = words.seconds();
        } else if (words.accept("max_life")) {
            policy.max_life = words.seconds();
        } else if (words.accept("max_extensions")) {
            policy.max_extensions = words.number<int>("a count");
        } else if (words.accept("late_confirm")) {
            policy.late_confirm =
                words.one_of<LateConfirm>({{"retake", LateConfirm::retake},
                                           {"refuse", LateConfirm::refuse},
                                           {"backorder", LateConfirm::backorder}});
        } else if (words.accept("max_per_customer")) {
            policy.max_per_customer = words.number<Quantity>("a quantity");
        } else if (words.accept("customer_window")) {
            policy.customer_window = words.seconds();
        } else if (words.accept("waitlist")) {
            policy.waitlist = words.one_of<Waitlist>(
                {{"off", Waitlist::off}, {"open", Waitlist::open}, {"fair", Waitlist::fair}});
        } else if (words.accept("offer_ttl")) {
            policy.offer_ttl = words.seconds();
        } else if (words.accept("allocation")) {
            policy.allocation =
                words.one_of<AllocationRule>({{"priority", AllocationRule::priority},
                                              {"most_available", AllocationRule::most_available},
                                              {"nearest", AllocationRule::nearest}});
        } else if (words.accept("split")) {
            policy.split = true;
        } else if (!read_bound(words, policy)) {
            throw ScenarioError("no such policy" + words.found());
        }
    }
    return policy;
}

std::string read_location(Words& words) {
    return words.accept("at") ? words.text("a location") : "main";
}

StockState read_state(Words& words) {
    return words.one_of<StockState>({{"available", StockState::available},
                                     {"returned", StockState::returned},
                                     {"repair", StockState::repair},
                                     {"damaged", StockState::damaged}});
}

std::vector<LineRequest> read_lines(Words& words) {
    std::vector<LineRequest> lines;
    while (!words.done()) {
        LineRequest line;
        line.sku = words.text("a SKU");
        const std::string count = words.text("a quantity such as x2");
        const auto [end, error] =
            std::from_chars(count.data() + 1, count.data() + count.size(), line.quantity);
        if (!count.starts_with('x') || error != std::errc{} || end != count.data() + count.size()) {
            throw ScenarioError("expected a quantity such as x2 after \"" + line.sku +
                                "\", found \"" + count + "\"");
        }
        if (words.accept("at")) {
            line.location = words.text("a location");
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

PlaceHold read_place(Words& words) {
    PlaceHold command;
    words.expect("cart");
    command.cart = words.text("a cart");
    for (bool more = true; more;) {
        if (words.accept("customer")) {
            command.customer = words.text("a customer");
        } else if (words.accept("region")) {
            command.region = words.text("a region");
        } else if (words.accept("ttl")) {
            command.ttl = words.seconds();
        } else if (words.accept("heartbeat")) {
            command.heartbeat = words.seconds();
        } else if (words.accept("partial")) {
            command.partial = true;
        } else if (words.accept("confirm")) {
            command.confirm = true;
        } else {
            more = false;
        }
    }
    command.lines = read_lines(words);
    return command;
}

AmendHold read_amend(Words& words) {
    AmendHold command;
    if (words.accept("region")) {
        command.region = words.text("a region");
    }
    command.lines = read_lines(words);
    return command;
}

ExtendHold read_extend(Words& words) {
    ExtendHold command;
    if (words.accept("ttl")) {
        command.ttl = words.seconds();
    }
    return command;
}

// What every hold's step may name before its own words.
void read_hold_options(Words& words, Step& step) {
    step.label = words.text("a hold's label");
    if (words.accept("fence")) {
        step.fence = words.number<std::size_t>("the number of a fence");
    }
}

template <class Command>
Command read_with_lines(Words& words) {
    Command command;
    command.lines = read_lines(words);
    return command;
}

std::optional<Action> read_hold_action(const std::string& verb, Words& words, Step& step) {
    static const std::map<std::string_view, Action (*)(Words&)> verbs = {
        {"hold", [](Words& rest) -> Action { return read_place(rest); }},
        {"amend", [](Words& rest) -> Action { return read_amend(rest); }},
        {"extend", [](Words& rest) -> Action { return read_extend(rest); }},
        {"heartbeat", [](Words&) -> Action { return BeatHold{}; }},
        {"secure", [](Words&) -> Action { return SecureHold{}; }},
        {"release", [](Words&) -> Action { return ReleaseHold{}; }},
        {"confirm", [](Words& rest) -> Action { return read_with_lines<ConfirmHold>(rest); }},
        {"fulfil", [](Words& rest) -> Action { return read_with_lines<FulfilHold>(rest); }},
        {"cancel", [](Words& rest) -> Action { return read_with_lines<CancelHold>(rest); }},
        {"return", [](Words& rest) -> Action { return read_with_lines<ReturnUnits>(rest); }},
        {"show", [](Words&) -> Action { return ShowHold{}; }}};
    const auto found = verbs.find(verb);
    if (found == verbs.end()) {
        return std::nullopt;
    }
    read_hold_options(words, step);
    return found->second(words);
}

Action read_stock_work(const std::string& verb, Words& words) {
    const std::string sku = words.text("a SKU");
    const auto quantity = words.number<Quantity>("a quantity");
    if (verb == "receive" || verb == "expect") {
        std::string location = read_location(words);
        std::string reference = words.accept("reference") ? words.text("a reference") : "";
        if (verb == "receive") {
            return ReceiveStock{.sku = sku,
                                .location = std::move(location),
                                .quantity = quantity,
                                .reference = std::move(reference)};
        }
        words.expect("in");
        return ExpectStock{.sku = sku,
                           .location = std::move(location),
                           .quantity = quantity,
                           .expected_at = Instant(std::chrono::hours(24)) + words.duration(),
                           .reference = std::move(reference)};
    }
    if (verb == "adjust") {
        std::string location = read_location(words);
        std::string reason = words.accept("reason") ? words.text("a reason") : "count";
        return AdjustStock{.sku = sku,
                           .location = std::move(location),
                           .delta = quantity,
                           .reason = std::move(reason),
                           .reference = ""};
    }
    words.expect("from");
    if (verb == "move") {
        MoveStock command{.sku = sku, .quantity = quantity, .reference = ""};
        command.from = read_state(words);
        words.expect("to");
        command.to = read_state(words);
        command.location = read_location(words);
        return command;
    }
    TransferStock command{.sku = sku, .from = "", .to = "", .quantity = quantity, .reference = ""};
    command.from = words.text("a location");
    words.expect("to");
    command.to = words.text("a location");
    return command;
}

std::optional<Action> read_waitlist_action(const std::string& verb, Words& words, Step& step) {
    if (verb != "join" && verb != "leave" && verb != "place" && verb != "offer") {
        return std::nullopt;
    }
    step.label = words.text("a label");
    if (verb == "offer") {
        words.expect("of");
        return TakeOffer{words.text("a label")};
    }
    if (verb != "join") {
        return verb == "leave" ? Action(LeaveWaitlist{}) : ShowPlace{};
    }
    JoinWaitlist command;
    words.expect("customer");
    command.customer = words.text("a customer");
    command.cart = words.accept("cart") ? words.text("a cart") : "";
    command.region = words.accept("region") ? words.text("a region") : "";
    std::vector<LineRequest> lines = read_lines(words);
    if (lines.size() != 1) {
        throw ScenarioError("expected one line such as mug x1");
    }
    command.sku = std::move(lines[0].sku);
    command.quantity = lines[0].quantity;
    command.location = std::move(lines[0].location);
    return command;
}

Acknowledge read_acknowledge(Words& words) {
    Acknowledge action{.sku = words.text("a SKU")};
    action.kind = words.one_of<AlertKind>({{"low_stock", AlertKind::low_stock},
                                           {"out_of_stock", AlertKind::out_of_stock},
                                           {"back_in_stock", AlertKind::back_in_stock},
                                           {"reorder", AlertKind::reorder},
                                           {"shortfall", AlertKind::shortfall}});
    words.expect("by");
    action.person = words.text("a person");
    return action;
}

Action read_action(const std::string& verb, Words& words, Step& step) {
    if (std::optional<Action> action = read_hold_action(verb, words, step)) {
        return std::move(*action);
    }
    if (verb == "tick") {
        return Tick{words.duration()};
    }
    if (verb == "sku") {
        std::string sku = words.text("a SKU");
        return DefineSku{.sku = std::move(sku), .policy = read_policy(words)};
    }
    if (verb == "location") {
        DefineLocation command{.location = words.text("a location"), .region = ""};
        if (words.accept("region")) {
            command.region = words.text("a region");
        }
        if (words.accept("priority")) {
            command.priority = words.number<int>("a priority");
        }
        return command;
    }
    if (verb == "stock") {
        std::string sku = words.text("a SKU");
        return ShowStock{.sku = std::move(sku),
                         .location = words.accept("at") ? words.text("a location") : ""};
    }
    if (verb == "alerts") {
        return ShowAlerts{words.text("a SKU")};
    }
    if (verb == "acknowledge") {
        return read_acknowledge(words);
    }
    if (std::optional<Action> action = read_waitlist_action(verb, words, step)) {
        return std::move(*action);
    }
    if (verb == "receive" || verb == "expect" || verb == "adjust" || verb == "move" ||
        verb == "transfer") {
        return read_stock_work(verb, words);
    }
    throw ScenarioError("no such step: \"" + verb + "\"");
}

// The words of a text with single spaces between them.
std::string squeeze(std::string_view text) {
    std::istringstream stream{std::string(text)};
    std::string out;
    for (std::string word; stream >> word;) {
        out.append(out.empty() ? "" : " ").append(word);
    }
    return out;
}

Step read_step(std::string_view line) {
    Step step;
    const std::size_t arrow = line.find("->");
    std::string done = squeeze(line.substr(0, arrow));
    step.text = done;
    if (arrow != std::string_view::npos) {
        step.expected = squeeze(line.substr(arrow + 2));
    }
    // The key stands last, whatever the command.
    if (const std::size_t at = done.rfind(" key "); at != std::string::npos) {
        step.key = done.substr(at + 5);
        done.resize(at);
    }
    Words words(done);
    const std::string verb = words.text("a step");
    step.action = read_action(verb, words, step);
    if (!words.done()) {
        throw ScenarioError("nothing more was expected" + words.found());
    }
    return step;
}

}  // namespace

bool Scenario::uses_keys() const {
    return std::ranges::any_of(steps, [](const Step& step) { return !step.key.empty(); });
}

Scenario parse_scenario(std::string file, std::string_view text) {
    Scenario scenario{.file = std::move(file), .steps = {}};
    std::istringstream stream{std::string(text)};
    int number = 0;
    for (std::string line; std::getline(stream, line);) {
        ++number;
        line.resize(std::min(line.size(), line.find('#')));
        if (squeeze(line).empty()) {
            continue;
        }
        try {
            scenario.steps.push_back(read_step(line));
            scenario.steps.back().line = number;
        } catch (const ScenarioError& error) {
            throw ScenarioError(scenario.file + ":" + std::to_string(number) + ": " + error.what());
        }
    }
    return scenario;
}

Scenario read_scenario(const std::filesystem::path& path) {
    std::ifstream file(path);
    if (!file) {
        throw ScenarioError(path.string() + ": cannot be opened");
    }
    return parse_scenario(path.string(), std::string(std::istreambuf_iterator<char>(file), {}));
}

}  // namespace holdfast::testing
