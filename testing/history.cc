#include "testing/history.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <ranges>
#include <set>

#include <fmt/format.h>

#include "testing/history_rules.h"

namespace holdfast::testing {
namespace {

std::string shown(const UnitsByPlace& units) {
    std::string text;
    for (const auto& [place, there] : units) {
        text += fmt::format(" {}@{} x{}+{} shipped {} cancelled {} returned {}", place.first,
                            place.second, there.quantity, there.backordered, there.fulfilled,
                            there.cancelled, there.returned);
    }
    return text.empty() ? " nothing" : text;
}

std::string shown(const Counters& c) {
    return fmt::format(
        "on_hand {} available {} held {} committed {} safety_stock {} returned {} repair {} "
        "damaged {}",
        c.on_hand, c.available, c.held, c.committed, c.safety_stock, c.returned, c.repair,
        c.damaged);
}

// How a hold differs from what the books say; nothing when it does not.
std::optional<std::string> difference(const Hold& hold, const HoldBook* book) {
    if (book == nullptr) {
        return fmt::format("the log has no {}", to_string(hold.id));
    }
    const UnitsByPlace units = units_of(hold.lines);
    const bool timed = hold.status == HoldStatus::pending;
    if (hold.status == book->status && hold.fence == book->fence && units == book->units &&
        hold.cart == book->cart && (!timed || hold.expires_at == book->expires_at)) {
        return std::nullopt;
    }
    return fmt::format(
        "{} is {} of cart {}, fence {}, until {},{}; by the log {} of cart {}, "
        "fence {}, until {},{}",
        to_string(hold.id), to_string(hold.status), hold.cart, hold.fence,
        to_rfc3339(hold.expires_at), shown(units), to_string(book->status), book->cart, book->fence,
        to_rfc3339(book->expires_at), shown(book->units));
}

std::optional<std::string> difference(const StockAnswer& stock, const Books& books) {
    std::map<std::string, Counters> told;
    for (const StockRow& row : stock.locations) {
        told[row.location] = row.counters;
    }
    std::map<std::string, Counters> kept = books.rows(stock.sku);
    for (const auto& [location, counters] : told) {
        kept.try_emplace(location);
    }
    for (const auto& [location, counters] : kept) {
        if (!(told[location] == counters)) {
            return fmt::format("{}@{} is {}; by the log {}", stock.sku, location,
                               shown(told[location]), shown(counters));
        }
    }
    return std::nullopt;
}

std::optional<std::string> difference(const SkuAvailability& told, const Books& books) {
    const Policy* const policy = books.policy(told.sku);
    if (policy == nullptr) {
        return fmt::format("the log has no SKU {}", told.sku);
    }
    if (policy->selling != Selling::strict || policy->waitlist != Waitlist::off) {
        return std::nullopt;  // what is promised already is not for a newcomer
    }
    Quantity available = 0;
    for (const auto& [location, counters] : books.rows(told.sku)) {
        available += std::max<Quantity>(0, counters.available);
    }
    if (available == told.total.available) {
        return std::nullopt;
    }
    return fmt::format("{} of {} are available; by the log {}", told.total.available, told.sku,
                       available);
}

// How an answer, or what of it concerns one partition, differs from the books.
std::optional<std::string> difference(const Case& it, const Operation& op, PartitionId partition,
                                      const Books& books) {
    if (const auto* hold = told<HoldAnswer>(op)) {
        return difference(hold->hold, books.hold(hold->hold.id));
    }
    if (const auto* stock = told<StockAnswer>(op)) {
        return difference(*stock, books);
    }
    if (const auto* sku = told<SkuAnswer>(op)) {
        const Policy* const policy = books.policy(sku->sku);
        return policy != nullptr && *policy == sku->policy
                   ? std::nullopt
                   : std::optional(fmt::format("{} has another policy by the log", sku->sku));
    }
    if (const auto* answer = told<AvailabilityAnswer>(op)) {
        for (const SkuAvailability& sku : answer->skus) {
            if (it.log.home(sku.sku) == partition) {
                if (auto found = difference(sku, books)) {
                    return found;
                }
            }
        }
    }
    return std::nullopt;
}

// A count, or a buffer against miscounting, may leave less than nothing available.
bool is_a_fact(const Event& event) {
    return std::holds_alternative<StockAdjusted>(event) ||
           std::holds_alternative<SkuDefined>(event);
}

bool is_negative(const Counters& c) {
    return std::min({c.on_hand, c.held, c.committed, c.returned, c.repair, c.damaged}) < 0;
}

bool is_whole(const Counters& c) {
    return c.on_hand ==
           c.available + c.held + c.committed + c.safety_stock + c.returned + c.repair + c.damaged;
}

}  // namespace

std::map<PartitionId, Version> versions_told(const Case& it, std::size_t operation) {
    const Operation& op = it.history.operations[operation];
    if (const auto* hold = told<HoldAnswer>(op)) {
        return {{it.log.home(hold->hold.id), hold->version}};
    }
    if (const auto* stock = told<StockAnswer>(op)) {
        return {{it.log.home(stock->sku), stock->version}};
    }
    if (const auto* sku = told<SkuAnswer>(op)) {
        return {{it.log.home(sku->sku), sku->version}};
    }
    if (const auto* location = told<LocationAnswer>(op)) {
        return {{PartitionId{0}, location->version}};
    }
    std::map<PartitionId, Version> versions;
    if (const auto* answer = told<AvailabilityAnswer>(op)) {
        for (const SkuAvailability& sku : answer->skus) {
            versions[it.log.home(sku.sku)] = sku.version;
        }
    }
    return versions;
}

// The log itself is checked where it is read, and who has the same event where events are claimed.
void check_sequence(const Case& it) {
    for (std::size_t i = 0; i < it.history.operations.size(); ++i) {
        for (const auto& [partition, version] : versions_told(it, i)) {
            if (version > it.log.last(partition)) {
                it.findings.add(
                    Rule::sequence,
                    fmt::format("{} was told version {} of partition {}, whose log ends at {}",
                                name_of(it.history, i), version, partition,
                                it.log.last(partition)));
            }
        }
    }
}

namespace {

// Nothing is seen before anybody asked for it.
void check_foresight(const Case& it) {
    struct Asked {
        Moment at = Moment::min();
        std::size_t entry = 0;
    };
    // By partition and version: of this and all before it, what was asked for last.
    std::vector<std::vector<Asked>> asked(it.history.partitions);
    for (std::uint32_t i = 0; i < it.history.partitions; ++i) {
        const auto partition = static_cast<PartitionId>(i);
        asked[i].resize(it.log.last(partition) + 1);
        for (const auto& [version, entry] : it.log.of_partition(partition)) {
            asked[i][version] = {.at = it.claims.first_asked(entry).value_or(Moment::min()),
                                 .entry = entry};
        }
        for (std::size_t version = 1; version < asked[i].size(); ++version) {
            if (asked[i][version].at < asked[i][version - 1].at) {
                asked[i][version] = asked[i][version - 1];
            }
        }
    }
    for (std::size_t i = 0; i < it.history.operations.size(); ++i) {
        for (const auto& [partition, version] : versions_told(it, i)) {
            const Asked& last = asked.at(partition).at(std::min(version, it.log.last(partition)));
            if (last.at > it.history.operations[i].returned) {
                it.findings.add(
                    Rule::real_time,
                    fmt::format("{} was told version {} of partition {} before anybody had asked "
                                "for its {}",
                                name_of(it.history, i), version, partition,
                                it.log.entries()[last.entry].name()));
            }
        }
    }
}

}  // namespace

void check_real_time(const Case& it) {
    struct Point {
        Moment at;
        bool returned = false;  // after what was called at the same moment
        std::size_t operation = 0;
        auto operator<=>(const Point&) const = default;
    };
    std::vector<Point> points;
    for (std::size_t i = 0; i < it.history.operations.size(); ++i) {
        const Operation& op = it.history.operations[i];
        if (op.told && *op.told) {
            points.push_back({.at = it.claims.request_of(i).called - op.stale, .operation = i});
            points.push_back({.at = op.returned, .returned = true, .operation = i});
        }
    }
    std::ranges::sort(points);
    struct Seen {
        Version version = 0;
        std::size_t operation = 0;
    };
    std::vector<Seen> seen(it.history.partitions);
    for (const Point& point : points) {
        for (const auto& [partition, version] : versions_told(it, point.operation)) {
            Seen& latest = seen.at(partition);
            if (point.returned) {
                if (version > latest.version) {
                    latest = {.version = version, .operation = point.operation};
                }
                continue;
            }
            // What changes something comes strictly after all that was seen before.
            const auto own = it.claims.own_version(point.operation, partition);
            if (version < latest.version || (own && *own <= latest.version)) {
                it.findings.add(
                    Rule::real_time,
                    fmt::format("{} was told version {} of partition {}, though {} had been told "
                                "{} before it was called",
                                name_of(it.history, point.operation), own ? *own : version,
                                partition, name_of(it.history, latest.operation), latest.version));
            }
        }
    }
    check_foresight(it);
}

void check_replay(const Case& it) {
    // Who is to be looked at after so many entries of the log.
    std::map<std::size_t, std::vector<std::pair<std::size_t, PartitionId>>> due;
    for (std::size_t i = 0; i < it.history.operations.size(); ++i) {
        for (const auto& [partition, version] : versions_told(it, i)) {
            const auto entry = it.log.entry_at(partition, version);
            due[entry ? *entry + 1 : 0].emplace_back(i, partition);
        }
    }
    Books books;
    for (std::size_t entries = 0; entries <= it.log.entries().size(); ++entries) {
        if (entries > 0) {
            books.apply(it.log.entries()[entries - 1].event());
        }
        for (const auto& [operation, partition] : due[entries]) {
            if (const auto found =
                    difference(it, it.history.operations[operation], partition, books)) {
                it.findings.add(Rule::replay, fmt::format("{} was told that {}, at that version",
                                                          name_of(it.history, operation), *found));
            }
        }
    }
}

void check_conservation(const Case& it) {
    Books books;
    std::map<Place, Counters> claims;  // held and committed only, as the holds say
    for (const LogEntry& entry : it.log.entries()) {
        const Event& event = entry.event();
        const auto id = changed_hold(event);
        std::set<Place> places;
        const auto count = [&](Quantity sign) {
            const HoldBook* const hold = id ? books.hold(*id) : nullptr;
            for (const auto& [place, units] : hold != nullptr ? hold->units : UnitsByPlace()) {
                claims[place].held += sign * hold->held(place);
                claims[place].committed += sign * hold->committed(place);
                places.insert(place);
            }
        };
        count(-1);
        const std::map<Place, Counters> before = books.apply(event);
        count(1);
        std::ranges::copy(before | std::views::keys, std::inserter(places, places.end()));
        for (const Place& place : places) {
            const Counters c = books.counters(place);
            const auto was = before.find(place);
            const bool taken =
                was != before.end() && c.available < was->second.available && !is_a_fact(event);
            const Counters& by_holds = claims[place];
            if (is_negative(c) || (taken && c.available < 0) || !is_whole(c) ||
                c.held != by_holds.held || c.committed != by_holds.committed) {
                it.findings.add(Rule::conservation,
                                fmt::format("{} leaves {}@{} with {}; its holds have {} held and "
                                            "{} committed",
                                            entry.name(), place.first, place.second, shown(c),
                                            by_holds.held, by_holds.committed));
            }
        }
    }
}

void check_durability(const Case& it) {
    for (const std::size_t orphan : it.claims.orphans()) {
        it.findings.add(Rule::durability, fmt::format("nobody can have asked for {}",
                                                      it.log.entries()[orphan].name()));
    }
    Books books;
    for (const LogEntry& entry : it.log.entries()) {
        books.apply(entry.event());
    }
    for (const StockAnswer& stock : it.history.stock) {
        if (const auto found = difference(stock, books)) {
            it.findings.add(Rule::durability, "at the end " + *found);
        }
        const PartitionId home = it.log.home(stock.sku);
        if (stock.version > it.log.last(home)) {
            it.findings.add(Rule::durability,
                            fmt::format("at the end partition {} is at version {}, and its log "
                                        "ends at {}",
                                        home, stock.version, it.log.last(home)));
        }
    }
    std::map<HoldId, const Hold*> left;
    for (const Hold& hold : it.history.holds) {
        left.emplace(hold.id, &hold);
        if (const auto found = difference(hold, books.hold(hold.id))) {
            it.findings.add(Rule::durability, "at the end " + *found);
        }
    }
    for (std::size_t i = 0; i < it.history.operations.size() && !left.empty(); ++i) {
        const auto* const answer = told<HoldAnswer>(it.history.operations[i]);
        if (answer != nullptr && !left.contains(answer->hold.id)) {
            it.findings.add(Rule::durability,
                            fmt::format("{} was granted {}, which is not there at the end",
                                        name_of(it.history, i), to_string(answer->hold.id)));
        }
    }
}

std::ostream& operator<<(std::ostream& out, Rule rule) {
    constexpr std::array<std::string_view, 10> names = {
        "sequence",         "real time",   "replay",      "conservation", "bound",
        "spurious refusal", "idempotency", "hold states", "durability",   "open operations"};
    return out << static_cast<int>(rule) << " " << names.at(static_cast<std::size_t>(rule) - 1);
}

std::ostream& operator<<(std::ostream& out, const Finding& finding) {
    return out << "rule " << finding.rule << ": " << finding.text;
}

std::vector<Finding> check(const History& history) {
    Findings findings;
    const HistoryLog log(history, findings);
    const Claims claims(history, log, findings);
    const Case it{.history = history, .log = log, .claims = claims, .findings = findings};
    check_sequence(it);
    check_real_time(it);
    check_replay(it);
    check_conservation(it);
    check_bound(it);
    check_spurious_refusals(it);
    check_idempotency(it);
    check_hold_states(it);
    check_durability(it);
    check_open_operations(it);
    return findings.take();
}

}  // namespace holdfast::testing
