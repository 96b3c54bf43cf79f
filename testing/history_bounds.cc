// The rules about how much there can have been: 5 and 6.
#include <algorithm>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "testing/history_rules.h"

namespace holdfast::testing {
namespace {

// Units that a hold keeps from everybody else, by SKU.
std::map<std::string, Quantity> kept_units(const Hold& hold) {
    std::map<std::string, Quantity> units;
    const bool live = hold.status == HoldStatus::pending || hold.status == HoldStatus::confirmed ||
                      hold.status == HoldStatus::fulfilled;
    for (const auto& [place, there] : live ? units_of(hold.lines) : UnitsByPlace()) {
        units[place.first] += there.quantity - there.cancelled;
    }
    return units;
}

// What may take units away from a hold: none of the others does.
std::optional<HoldId> may_shrink(const Command& command) {
    if (const auto* release = std::get_if<ReleaseHold>(&command)) {
        return release->id;
    }
    if (const auto* cancel = std::get_if<CancelHold>(&command)) {
        return cancel->id;
    }
    if (const auto* amend = std::get_if<AmendHold>(&command)) {
        return amend->id;
    }
    const auto* const confirm = std::get_if<ConfirmHold>(&command);
    return confirm != nullptr && !confirm->lines.empty() ? std::optional(confirm->id)
                                                         : std::nullopt;
}

// What a request may bring on sale.
std::optional<std::pair<std::string, Quantity>> may_bring(const Command& command) {
    if (const auto* receive = std::get_if<ReceiveStock>(&command)) {
        return std::pair(receive->sku, receive->quantity);
    }
    if (const auto* adjust = std::get_if<AdjustStock>(&command)) {
        return std::pair(adjust->sku, std::max<Quantity>(0, adjust->delta));
    }
    const auto* const move = std::get_if<MoveStock>(&command);
    return move != nullptr && move->to == StockState::available
               ? std::optional(std::pair(move->sku, move->quantity))
               : std::nullopt;
}

// From when until when a hold certainly kept units, and by whose answer.
struct Kept {
    Moment from;
    Moment until = Moment::max();
    std::size_t operation = 0;
    std::map<std::string, Quantity> units;
};

class Bound {
public:
    explicit Bound(const Case& it) : it_(it) {
        for (const LogEntry& entry : it.log.entries()) {
            if (const auto* expired = std::get_if<HoldExpired>(&entry.event())) {
                expired_.emplace(expired->id, entry.recorded->at);
            }
        }
        for (const KeyedRequest& request : it.claims.requests()) {
            const bool may_be_done = request.answered || request.open;
            const auto id =
                request.command == nullptr ? std::nullopt : may_shrink(*request.command);
            if (id && may_be_done) {
                shrinking_[*id].push_back(&request);
            }
        }
    }

    // By hold, one after another.
    [[nodiscard]] std::map<HoldId, std::vector<Kept>> kept() const {
        std::map<HoldId, std::vector<Kept>> kept;
        for (std::size_t i = 0; i < it_.history.operations.size(); ++i) {
            const Operation& op = it_.history.operations[i];
            if (const auto* answer = told<HoldAnswer>(op)) {
                kept[answer->hold.id].push_back({.from = op.returned,
                                                 .until = earliest_end(i, *answer),
                                                 .operation = i,
                                                 .units = kept_units(answer->hold)});
            }
        }
        for (auto& [id, answers] : kept) {
            std::ranges::sort(answers, {}, &Kept::from);
            for (std::size_t i = 0; i + 1 < answers.size(); ++i) {
                answers[i].until = std::min(answers[i].until, answers[i + 1].from);
            }
        }
        return kept;
    }

private:
    // Before that it is certainly as it was answered.
    [[nodiscard]] Moment earliest_end(std::size_t operation, const HoldAnswer& answer) const {
        const KeyedRequest& own = it_.claims.request_of(operation);
        const Moment called = own.called - it_.history.operations[operation].stale;
        Moment end = Moment::max();
        if (const auto found = shrinking_.find(answer.hold.id); found != shrinking_.end()) {
            for (const KeyedRequest* const other : found->second) {
                // What had been answered before this was called is in it already.
                const bool before =
                    !other->open && std::ranges::all_of(other->operations, [&](std::size_t i) {
                        return it_.history.operations[i].returned < called;
                    });
                if (other != &own && !before) {
                    end = std::min(end, other->called);
                }
            }
        }
        const auto expired = expired_.find(answer.hold.id);
        if (expired != expired_.end() && answer.hold.status == HoldStatus::pending) {
            const auto life =
                std::max(expired->second - answer.server_time - it_.history.clock_error,
                         std::chrono::milliseconds(0));
            end = std::min(end, called + life);
        }
        return end;
    }

    const Case& it_;
    std::map<HoldId, Instant> expired_;
    std::map<HoldId, std::vector<const KeyedRequest*>> shrinking_;
};

// What a SKU had for a cart, from version to version of its partition.
class Offered {
public:
    explicit Offered(const Case& it) {
        Books books;
        for (const LogEntry& entry : it.log.entries()) {
            for (const auto& [place, was] : books.apply(entry.event())) {
                const Version version = entry.versions.contains(it.log.home(place.first))
                                            ? entry.versions.at(it.log.home(place.first))
                                            : 0;
                const Policy* const policy = books.policy(place.first);
                Quantity best = 0;
                Quantity sum = 0;
                for (const auto& [location, c] : books.rows(place.first)) {
                    best = std::max(best, c.available);
                    sum += std::max<Quantity>(0, c.available);
                }
                changes_[place][version] = books.counters(place).available;
                changes_[{place.first, ""}][version] =
                    policy != nullptr && policy->split ? sum : best;
            }
            if (const auto* defined = std::get_if<SkuDefined>(&entry.event())) {
                if (defined->policy.selling != Selling::strict ||
                    defined->policy.waitlist != Waitlist::off) {
                    not_simple_.insert(defined->sku);
                }
            }
        }
    }
    // Sold beyond stock, or kept for who waits: what is available is not what a cart can have.
    [[nodiscard]] bool is_simple(const std::string& sku) const {
        return !not_simple_.contains(sku);
    }
    // The least that it had at some moment between these versions, both included.
    [[nodiscard]] Quantity least(const Place& place, Version first, Version last) const {
        const auto found = changes_.find(place);
        if (found == changes_.end()) {
            return 0;
        }
        auto at = found->second.upper_bound(first);
        Quantity least = at == found->second.begin() ? 0 : std::prev(at)->second;
        for (; at != found->second.end() && at->first <= last; ++at) {
            least = std::min(least, at->second);
        }
        return least;
    }

private:
    std::map<Place, std::map<Version, Quantity>> changes_;
    std::set<std::string> not_simple_;
};

// When the versions of a partition can have been the latest, by those who asked for them or were told of them.
class Ages {
public:
    Ages(const Case& it, PartitionId partition)
        : versions_(it.log.last(partition)),
          from_(versions_ + 1, Moment::min()),
          until_(versions_ + 1, Moment::max()) {
        for (const auto& [version, entry] : it.log.of_partition(partition)) {
            from_[version] = it.claims.first_asked(entry).value_or(Moment::min());
        }
        for (std::size_t i = 0; i < it.history.operations.size(); ++i) {
            const Operation& op = it.history.operations[i];
            const auto told = versions_told(it, i);
            const auto found = told.find(partition);
            if (found == told.end() || found->second > versions_) {
                continue;
            }
            // It was the latest at some moment between call and answer.
            const Version version = found->second;
            if (version > 0) {
                until_[version - 1] = std::min(until_[version - 1], op.returned);
            }
            if (version < versions_) {
                from_[version + 1] =
                    std::max(from_[version + 1], it.claims.request_of(i).called - op.stale);
            }
        }
        for (std::size_t i = 1; i <= versions_; ++i) {
            from_[i] = std::max(from_[i], from_[i - 1]);
        }
        for (std::size_t i = versions_; i-- > 0;) {
            until_[i] = std::min(until_[i], until_[i + 1]);
        }
    }
    // The versions that somebody can have seen in this time.
    [[nodiscard]] std::pair<Version, Version> seen_between(Moment from, Moment until) const {
        const auto first = std::ranges::lower_bound(until_, from);
        const auto last = std::ranges::upper_bound(from_, until);
        return {std::min<Version>(static_cast<Version>(first - until_.begin()), versions_),
                static_cast<Version>(last - from_.begin()) - 1};
    }

private:
    std::size_t versions_;
    std::vector<Moment> from_;
    std::vector<Moment> until_;
};

}  // namespace

void check_bound(const Case& it) {
    struct Change {
        Moment at;
        // What there can be grows first, and what is certainly kept shrinks before it grows.
        Quantity kept = 0;
        Quantity supply = 0;
        std::size_t operation = 0;
        bool operator<(const Change& other) const {
            return std::tuple(at, -supply, kept) < std::tuple(other.at, -other.supply, other.kept);
        }
    };
    std::map<std::string, std::vector<Change>> changes;
    for (const KeyedRequest& request : it.claims.requests()) {
        const auto brings = request.command != nullptr && (request.answered || request.open)
                                ? may_bring(*request.command)
                                : std::nullopt;
        if (brings) {
            changes[brings->first].push_back({.at = request.called, .supply = brings->second});
        }
    }
    for (const auto& [id, answers] : Bound(it).kept()) {
        for (const Kept& kept : answers) {
            for (const auto& [sku, units] : kept.units) {
                if (kept.from < kept.until) {
                    changes[sku].push_back(
                        {.at = kept.from, .kept = units, .operation = kept.operation});
                    changes[sku].push_back({.at = kept.until, .kept = -units});
                }
            }
        }
    }
    for (auto& [sku, of_sku] : changes) {
        std::ranges::sort(of_sku, std::less());
        Quantity kept = 0;
        Quantity supply = 0;
        for (const Change& change : of_sku) {
            kept += change.kept;
            supply += change.supply;
            if (change.kept > 0 && kept > supply) {
                it.findings.add(
                    Rule::bound,
                    fmt::format("when {} was answered {} of {} were certainly held or sold, of {} "
                                "that there can have been",
                                name_of(it.history, change.operation), kept, sku, supply));
            }
        }
    }
}

void check_spurious_refusals(const Case& it) {
    const Offered offered(it);
    std::vector<Ages> ages;
    ages.reserve(it.history.partitions);
    for (std::uint32_t i = 0; i < it.history.partitions; ++i) {
        ages.emplace_back(it, static_cast<PartitionId>(i));
    }
    for (std::size_t i = 0; i < it.history.operations.size(); ++i) {
        const Operation& op = it.history.operations[i];
        const Command* const command = command_of(op);
        const auto* const place = command == nullptr ? nullptr : std::get_if<PlaceHold>(command);
        if (place == nullptr || refused(op) != RefusalCode::insufficient_stock) {
            continue;
        }
        for (const ShortLine& line : op.told->error().short_lines) {
            Quantity wanted = 0;
            bool one_place = offered.is_simple(line.sku);
            for (const LineRequest& asked : place->lines) {
                if (asked.sku == line.sku) {
                    wanted += asked.quantity;
                    one_place = one_place && asked.location == line.location;
                }
            }
            const auto [first, last] =
                ages[it.log.home(line.sku)].seen_between(op.called, op.returned);
            const Quantity least = offered.least({line.sku, line.location}, first, last);
            if (one_place && least >= (place->partial ? 1 : wanted)) {
                it.findings.add(Rule::spurious_refusal,
                                fmt::format("{} was refused {} of {}, and at no time between call "
                                            "and answer were there less than {}",
                                            name_of(it.history, i), wanted, line.sku, least));
            }
        }
    }
}

}  // namespace holdfast::testing
