#include "testing/scenario.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

#include <fmt/format.h>

namespace holdfast::testing {

namespace {

using std::chrono::milliseconds;

// Larger than any fence that a test sees.
constexpr Fence nobodys_fence = 1'000'000'000;

// How much of an answer is told.
struct Asked {
    bool everything = false;
    bool deadline = false;
    bool region = false;
    bool extensions = false;
    bool secured = false;
    bool lines = false;
    bool places = false;
    bool short_lines = false;
    std::set<std::string, std::less<>> words;
};

Asked what_is_asked(std::string_view expected) {
    Asked asked;
    std::istringstream stream{std::string(expected)};
    std::size_t count = 0;
    for (std::string word; stream >> word; ++count) {
        asked.words.insert(word);
        asked.lines |= word.size() > 1 && word[0] == 'x' && word[1] >= '0' && word[1] <= '9';
    }
    asked.everything = expected == "*";
    asked.deadline = asked.words.contains("for");
    asked.region = asked.words.contains("region");
    asked.extensions = asked.words.contains("extensions");
    asked.secured = asked.words.contains("secured");
    asked.places = asked.everything || asked.words.contains("at");
    asked.short_lines = asked.everything || count > 1;
    return asked;
}

std::string duration_text(milliseconds duration) {
    return duration.count() % 1'000 == 0 ? std::to_string(duration.count() / 1'000) + "s"
                                         : std::to_string(duration.count()) + "ms";
}

std::string_view status_text(HoldStatus status) {
    static constexpr std::array<std::string_view, 8> names = {"pending",  "confirmed", "fulfilled",
                                                              "released", "expired",   "cancelled",
                                                              "returned", "lost"};
    return names.at(static_cast<std::size_t>(status));
}

void tell_progress(std::string& out, std::string_view name, const HoldLine& line,
                   Quantity Allocation::* member) {
    Quantity sum = 0;
    for (const Allocation& allocation : line.allocations) {
        sum += allocation.*member;
    }
    if (sum != 0) {
        out.append(" ").append(name).append(" ").append(std::to_string(sum));
    }
}

void tell_line(std::string& out, const HoldLine& line, const Asked& asked) {
    out += " " + line.sku + " x" + std::to_string(line.quantity);
    if (line.wanted != line.quantity) {
        out += " of " + std::to_string(line.wanted);
    }
    out += line.soft ? " soft" : "";
    if (asked.places && !line.allocations.empty()) {
        out += " at";
        for (const Allocation& allocation : line.allocations) {
            out += " " + allocation.location;
            if (line.allocations.size() > 1 || asked.everything) {
                out += " " + std::to_string(allocation.quantity);
            }
            if (asked.everything) {
                out += "/" + std::to_string(allocation.fulfilled) + "/" +
                       std::to_string(allocation.cancelled) + "/" +
                       std::to_string(allocation.returned) + "/" +
                       std::to_string(allocation.backordered);
            }
        }
    }
    tell_progress(out, "backordered", line, &Allocation::backordered);
    tell_progress(out, "fulfilled", line, &Allocation::fulfilled);
    tell_progress(out, "cancelled", line, &Allocation::cancelled);
    tell_progress(out, "returned", line, &Allocation::returned);
    if (asked.everything && (line.limited || !line.location.empty())) {
        out += std::string(" (") + line.location + (line.limited ? " limited" : "") +
               (line.windowed ? " for a while)" : ")");
    }
}

std::string tell_hold(const HoldAnswer& answer, std::string_view status, const Asked& asked) {
    const Hold& hold = answer.hold;
    std::string out(status);
    if (asked.deadline) {
        out += " for " + duration_text(hold.deadline() - answer.server_time);
    }
    if (asked.everything) {
        // An offer's cart may be the id of its entry, which is another one in each target.
        out += " cart " + hold.cart.substr(0, hold.cart.find('_')) + " customer " + hold.customer +
               " created " + to_rfc3339(hold.created_at) + " expires " +
               to_rfc3339(hold.expires_at);
        if (hold.heartbeat.count() > 0) {
            out += " heartbeat " + duration_text(hold.heartbeat) + " beats " +
                   to_rfc3339(hold.beats_until);
        }
    }
    if ((asked.region || asked.everything) && !hold.region.empty()) {
        out += " region " + hold.region;
    }
    if (asked.extensions || asked.everything) {
        out += " extensions " + std::to_string(hold.extensions);
    }
    if ((asked.secured || asked.everything) && hold.secured) {
        out += " secured";
    }
    if (asked.lines || asked.everything) {
        for (const HoldLine& line : hold.lines) {
            tell_line(out, line, asked);
        }
    }
    return out;
}

struct NamedCounter {
    std::string_view name;
    Quantity Counters::* member;
};
constexpr std::array<NamedCounter, 8> counter_names = {{{"on_hand", &Counters::on_hand},
                                                        {"available", &Counters::available},
                                                        {"held", &Counters::held},
                                                        {"committed", &Counters::committed},
                                                        {"safety_stock", &Counters::safety_stock},
                                                        {"returned", &Counters::returned},
                                                        {"repair", &Counters::repair},
                                                        {"damaged", &Counters::damaged}}};

std::string tell_counters(const Counters& counters, Quantity backordered, const Asked& asked) {
    std::string out;
    for (const NamedCounter& counter : counter_names) {
        const Quantity value = counters.*counter.member;
        if (value != 0 || asked.words.contains(counter.name)) {
            out.append(out.empty() ? "" : " ").append(counter.name).append(" ");
            out.append(std::to_string(value));
        }
    }
    if (backordered != 0 || asked.words.contains("backordered")) {
        out.append(out.empty() ? "" : " ").append("backordered ");
        out.append(std::to_string(backordered));
    }
    return out.empty() ? "nothing" : out;
}

std::string tell_incoming(const std::vector<ExpectedReceipt>& expected, std::string_view location,
                          const Asked& asked) {
    Quantity sum = 0;
    for (const ExpectedReceipt& receipt : expected) {
        sum += location.empty() || receipt.location == location ? receipt.quantity : 0;
    }
    return sum != 0 || asked.words.contains("incoming") ? " incoming " + std::to_string(sum) : "";
}

std::string tell_refusal(const Refusal& refusal, const Asked& asked) {
    std::string out(to_string(refusal.code));
    if (!asked.short_lines) {
        return out;
    }
    for (const ShortLine& line : refusal.short_lines) {
        out += " " + line.sku + (line.location.empty() ? "" : " at " + line.location) + " wanted " +
               std::to_string(line.wanted) + " available " + std::to_string(line.available);
    }
    return out;
}

std::string tell_stock(const Result<StockAnswer>& stock, const std::string& location,
                       const Asked& asked) {
    if (!stock) {
        return tell_refusal(stock.error(), asked);
    }
    if (location.empty()) {
        return tell_counters(stock->total, stock->backordered, asked) +
               tell_incoming(stock->expected, "", asked);
    }
    for (const StockRow& row : stock->locations) {
        if (row.location == location) {
            return tell_counters(row.counters, row.backordered, asked) +
                   tell_incoming(stock->expected, location, asked);
        }
    }
    return tell_counters(Counters{}, 0, asked);
}

bool adds_up(const Counters& counters) {
    return counters.on_hand == counters.available + counters.held + counters.committed +
                                   counters.safety_stock + counters.returned + counters.repair +
                                   counters.damaged;
}

// The id and the fence of a command, when it has them.
void name_hold(Command& command, HoldId id, std::optional<Fence> fence) {
    std::visit(
        [&](auto& named) {
            if constexpr (requires { named.id; }) {
                named.id = id;
                named.fence = fence;
            }
        },
        command);
}

bool is_refusal(std::string_view answer) {
    const std::string_view code = answer.substr(0, answer.find(' '));
    for (int value = 0; value <= static_cast<int>(RefusalCode::outcome_unknown); ++value) {
        if (to_string(static_cast<RefusalCode>(value)) == code) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::optional<HoldId> find_offer(
    EntryId entry, const std::function<Page<RecordedEvent>(const std::string&)>& read) {
    Page<RecordedEvent> page;
    do {
        page = read(page.next);
        for (const RecordedEvent& recorded : page.items) {
            const auto* offered = std::get_if<WaitlistOffered>(&recorded.event);
            if (offered != nullptr && offered->entry == entry) {
                return offered->hold;
            }
        }
    } while (!page.items.empty());
    return std::nullopt;
}

std::vector<Alert> alerts_of(const Page<AlertAnswer>& page) {
    std::vector<Alert> alerts;
    for (const AlertAnswer& answer : page.items) {
        alerts.push_back(answer.alert);
    }
    return alerts;
}

Command Player::resolve(const Step& step) const {
    Command command = std::get<Command>(step.action);
    const auto hold = holds_.find(step.label);
    const HoldId id = hold == holds_.end() ? HoldId{} : hold->second;
    std::optional<Fence> fence;
    if (step.fence > 0) {
        const auto given = fences_.find(step.label);
        const std::size_t count = given == fences_.end() ? 0 : given->second.size();
        fence = step.fence <= count ? given->second[step.fence - 1] : nobodys_fence;
    }
    name_hold(command, id, fence);
    if (auto* leave = std::get_if<LeaveWaitlist>(&command)) {
        leave->entry = waiting(step.label).id;
        leave->sku = waiting(step.label).sku;
    }
    return command;
}

void Player::remember(const std::string& label, const Hold& hold) {
    std::vector<Fence>& fences = fences_[label];
    if (holds_[label] != hold.id) {
        holds_[label] = hold.id;
        fences.clear();
    }
    if (fences.empty() || fences.back() != hold.fence) {
        fences.push_back(hold.fence);
    }
}

std::string Player::play(const Step& step, std::string_view expected) {
    const Asked asked = what_is_asked(expected);
    if (const auto* tick = std::get_if<Tick>(&step.action)) {
        target_.advance(tick->by);
        return "";
    }
    if (const auto* show = std::get_if<ShowStock>(&step.action)) {
        return tell_stock(target_.read_stock(show->sku), show->location, asked);
    }
    if (std::holds_alternative<ShowHold>(step.action)) {
        const auto hold = holds_.find(step.label);
        const auto answer = target_.read_hold(hold == holds_.end() ? HoldId{} : hold->second);
        if (!answer) {
            return tell_refusal(answer.error(), asked);
        }
        remember(step.label, answer->hold);
        return tell_hold(*answer, status_text(answer->hold.status), asked);
    }
    if (std::holds_alternative<ShowPlace>(step.action)) {
        return place(step.label);
    }
    if (const auto* take = std::get_if<TakeOffer>(&step.action)) {
        const auto hold = target_.offer_to(waiting(take->entry).id);
        if (!hold) {
            return "nothing";
        }
        const auto answer = target_.read_hold(*hold);
        remember(step.label, answer->hold);
        return tell_hold(*answer, status_text(answer->hold.status), asked);
    }
    if (const auto* show = std::get_if<ShowAlerts>(&step.action)) {
        return alerts(show->sku);
    }
    if (const auto* seen = std::get_if<Acknowledge>(&step.action)) {
        return acknowledge(*seen);
    }
    return play_command(step, expected);
}

// Velocity and ghosts are not told: their causes lie in hours of traffic, not in a story.
std::string Player::alerts(const std::string& sku) {
    std::vector<Alert> standing = target_.alerts(sku);
    std::ranges::sort(standing, {}, &Alert::kind);
    std::string told;
    for (const Alert& alert : standing) {
        if (alert.kind == AlertKind::velocity || alert.kind == AlertKind::ghost_holds) {
            continue;
        }
        told += (told.empty() ? "" : ", ") + std::string(to_string(alert.kind));
        if (alert.kind != AlertKind::out_of_stock) {
            told += " " + std::to_string(alert.figure);
        }
        if (alert.bound > 0) {
            told += " of " + std::to_string(alert.bound);
        }
        if (alert.order > 0) {
            told += " order " + std::to_string(alert.order);
        }
        if (alert.acknowledged_at) {
            told += " seen by " + alert.acknowledged_by;
        }
    }
    return told.empty() ? "nothing" : told;
}

std::string Player::acknowledge(const Acknowledge& step) {
    AcknowledgeAlert command{.alert = {}, .person = step.person};
    for (const Alert& alert : target_.alerts(step.sku)) {
        command.alert = alert.kind == step.kind ? alert.id : command.alert;
    }
    const Outcome<Answer> outcome = target_.submit({std::move(command), {}});
    return outcome.result ? "done" : std::string(to_string(outcome.result.error().code));
}

Player::Waiting Player::waiting(const std::string& label) const {
    const auto entry = entries_.find(label);
    return entry == entries_.end() ? Waiting{.sku = "nothing", .id = {}} : entry->second;
}

std::string Player::place(const std::string& label) {
    const auto entry = target_.read_entry(waiting(label).sku, waiting(label).id);
    return entry ? "waiting " + std::to_string(entry->place)
                 : std::string(to_string(entry.error().code));
}

std::string Player::play_command(const Step& step, std::string_view expected) {
    const Asked asked = what_is_asked(expected);
    const Command command = resolve(step);
    if (const auto* define = std::get_if<DefineSku>(&command)) {
        skus_.insert(define->sku);
    }
    const Outcome<Answer> outcome =
        target_.submit({command,
                        {.idempotency_key = step.key,
                         .fingerprint = std::hash<std::string>{}(step.text),
                         .deadline = std::nullopt}});
    std::string told = "done";
    if (!outcome.result) {
        told = tell_refusal(outcome.result.error(), asked);
    } else if (const auto* answer = std::get_if<HoldAnswer>(&*outcome.result)) {
        remember(step.label, answer->hold);
        const bool placed = std::holds_alternative<PlaceHold>(command) &&
                            answer->hold.status == HoldStatus::pending;
        told = tell_hold(*answer, placed ? "placed" : status_text(answer->hold.status), asked);
    } else if (const auto* entry = std::get_if<EntryAnswer>(&*outcome.result)) {
        entries_[step.label] = {.sku = entry->sku, .id = entry->entry};
        told = to_string(entry->status);
        told += entry->place > 0 ? " " + std::to_string(entry->place) : "";
    }
    return outcome.replayed ? told + " replayed" : told;
}

std::string Player::check_counters() {
    for (const std::string& sku : skus_) {
        const Result<StockAnswer> stock = target_.read_stock(sku);
        if (!stock) {
            return sku + ": " + stock.error().detail;
        }
        std::vector<StockRow> rows = stock->locations;
        rows.push_back({"(all)", stock->total, stock->backordered});
        for (const StockRow& row : rows) {
            if (!adds_up(row.counters)) {
                return sku + " at " + row.location + ": " + tell_counters(row.counters, 0, Asked{});
            }
        }
    }
    return "";
}

std::string Player::everything(bool with_alerts) {
    Asked asked;
    asked.everything = true;
    asked.places = true;
    std::string out;
    for (const std::string& sku : skus_) {
        if (const Result<StockAnswer> stock = target_.read_stock(sku)) {
            for (const StockRow& row : stock->locations) {
                out += sku + " at " + row.location + ": " +
                       tell_counters(row.counters, row.backordered, asked) +
                       tell_incoming(stock->expected, row.location, asked) + "\n";
            }
        }
    }
    for (const std::string& sku : with_alerts ? skus_ : std::set<std::string>()) {
        out += sku + " alerts: " + alerts(sku) + "\n";
    }
    for (const auto& [label, entry] : entries_) {
        out += label + ": " + place(label) + "\n";
    }
    for (const auto& [label, id] : holds_) {
        if (const Result<HoldAnswer> answer = target_.read_hold(id)) {
            out +=
                label + ": " + tell_hold(*answer, status_text(answer->hold.status), asked) + "\n";
        }
    }
    return out;
}

std::optional<std::string> run(const Scenario& scenario, Target& target) {
    Player player(target);
    for (const Step& step : scenario.steps) {
        const std::string actual = player.play(step, step.expected);
        const std::string place =
            scenario.file + ":" + std::to_string(step.line) + ": " + step.text + "\n";
        const bool as_expected = step.expected.empty()
                                     ? !is_refusal(actual.substr(0, actual.find(' ')))
                                     : actual == step.expected;
        if (!as_expected) {
            return fmt::format("{}  expected: {}\n  actual:   {}", place,
                               step.expected.empty() ? "anything but a refusal" : step.expected,
                               actual);
        }
        if (const std::string wrong = player.check_counters(); !wrong.empty()) {
            return fmt::format("{}  counters do not add up: {}", place, wrong);
        }
    }
    return std::nullopt;
}

}  // namespace holdfast::testing
