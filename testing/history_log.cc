#include "testing/history_log.h"

#include <algorithm>
#include <deque>
#include <set>

#include <fmt/format.h>

namespace holdfast::testing {

void Findings::add(Rule rule, std::string text) {
    if (++counts_[rule] <= findings_max) {
        findings_.push_back({.rule = rule, .text = std::move(text)});
    }
}

std::vector<PartitionId> touched_partitions(const Event& event, std::uint32_t count) {
    std::set<PartitionId> touched;
    const auto sku = [&](const std::string& name) {
        touched.insert(partition_of(routing_token(name), count));
    };
    const auto all = [&](const auto& named) {
        for (const auto& one : named) {
            sku(one.sku);
        }
    };
    if (const auto id = changed_hold(event)) {
        touched.insert(partition_of(id->token(), count));
    }
    std::visit(
        [&]<class E>(const E& e) {
            if constexpr (std::is_same_v<E, LocationDefined>) {
                for (std::uint32_t i = 0; i < count; ++i) {
                    touched.insert(static_cast<PartitionId>(i));
                }
            } else if constexpr (std::is_same_v<E, HoldRefused>) {
                sku(e.short_lines.front().sku);
            } else if constexpr (std::is_same_v<E, AlertRaised>) {
                sku(e.alert.sku);
            } else if constexpr (requires { e.sku; }) {
                sku(e.sku);
            }
            if constexpr (requires { e.hold.lines; }) {
                all(e.hold.lines);
            }
            if constexpr (requires { e.released; }) {
                all(e.released);
            }
            if constexpr (requires { e.confirmed; }) {
                all(e.confirmed);
            }
            if constexpr (requires { e.taken; }) {
                all(e.taken);
            }
            if constexpr (requires { e.fulfilled; }) {
                all(e.fulfilled);
            }
            if constexpr (requires { e.cancelled; }) {
                all(e.cancelled);
            }
            if constexpr (requires { e.returned; }) {
                all(e.returned);
            }
            if constexpr (requires { e.allocated; }) {
                sku(e.allocated.sku);
            }
        },
        event);
    return {touched.begin(), touched.end()};
}

std::string LogEntry::name() const {
    std::string name = fmt::format("{} (partition {}, version {}", type_name(recorded->event),
                                   recorded->partition, recorded->version);
    if (const auto id = changed_hold(recorded->event)) {
        name += ", " + to_string(*id);
    }
    return name + ")";
}

HistoryLog::HistoryLog(const History& history, Findings& findings)
    : history_(history), findings_(findings), by_version_(history.partitions) {
    if (history.log_by_partition) {
        read_partitions();
    } else {
        read_merged();
    }
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        for (const auto& [partition, version] : entries_[i].versions) {
            by_version_[partition].emplace(version, i);
        }
        if (const auto id = changed_hold(entries_[i].event())) {
            of_hold_[*id].push_back(i);
        }
    }
    check_entries();
}

// Each event says one version only: those in the other partitions are counted.
void HistoryLog::read_merged() {
    std::vector<Version> versions(history_.partitions);
    for (const RecordedEvent& recorded : history_.log) {
        LogEntry entry{.recorded = &recorded, .versions = {}};
        for (const PartitionId partition :
             touched_partitions(recorded.event, history_.partitions)) {
            entry.versions[partition] = ++versions[partition];
        }
        const auto own = entry.versions.find(recorded.partition);
        if (own == entry.versions.end()) {
            findings_.add(Rule::sequence,
                          fmt::format("{} stands in partition {}, which it does not concern",
                                      entry.name(), recorded.partition));
        } else if (own->second != recorded.version) {
            findings_.add(Rule::sequence,
                          fmt::format("{} is number {} of its partition: the log has a gap, an "
                                      "event twice, or one that is not in all of its partitions",
                                      entry.name(), own->second));
            versions[recorded.partition] = own->second = recorded.version;
        }
        entries_.push_back(std::move(entry));
    }
}

// Joins the partitions: an event comes when all events before it in each of its partitions have come.
void HistoryLog::read_partitions() {
    using Key = std::pair<std::uint64_t, std::uint32_t>;
    const auto key = [](const RecordedEvent& e) { return Key(e.batch, e.index); };
    std::vector<std::deque<const RecordedEvent*>> logs(history_.partitions);
    std::map<Key, std::map<PartitionId, Version>> places;
    for (const RecordedEvent& recorded : history_.log) {
        auto& log = logs.at(recorded.partition);
        if (recorded.version != (log.empty() ? 0 : log.back()->version) + 1) {
            findings_.add(Rule::sequence,
                          fmt::format("version {} of partition {} follows {}", recorded.version,
                                      recorded.partition, log.empty() ? 0 : log.back()->version));
        }
        log.push_back(&recorded);
        places[key(recorded)].emplace(recorded.partition, recorded.version);
    }
    const auto is_next = [&](const RecordedEvent& event) {
        return std::ranges::all_of(places[key(event)], [&](const auto& place) {
            const auto& log = logs[place.first];
            return !log.empty() && key(*log.front()) == key(event);
        });
    };
    for (;;) {
        const RecordedEvent* first = nullptr;
        const RecordedEvent* next = nullptr;
        for (const auto& log : logs) {
            first = first == nullptr && !log.empty() ? log.front() : first;
            next = next == nullptr && !log.empty() && is_next(*log.front()) ? log.front() : next;
        }
        if (first == nullptr) {
            return;
        }
        if (next == nullptr) {
            next = first;
            findings_.add(Rule::open_operations,
                          "events of several partitions stand there in different orders");
        }
        const LogEntry& entry =
            entries_.emplace_back(LogEntry{.recorded = next, .versions = places[key(*next)]});
        for (const auto& place : entry.versions) {
            auto& log = logs[place.first];
            log.erase(std::ranges::find(log, key(*next), [&](const auto* e) { return key(*e); }));
        }
    }
}

void HistoryLog::check_entries() {
    std::vector<Instant> times(history_.partitions);
    for (const LogEntry& entry : entries_) {
        for (const PartitionId partition : touched_partitions(entry.event(), history_.partitions)) {
            if (!entry.versions.contains(partition)) {
                findings_.add(Rule::open_operations,
                              fmt::format("{} is missing in partition {}, which it concerns: half "
                                          "of it happened",
                                          entry.name(), partition));
            }
        }
        for (const auto& place : entry.versions) {
            Instant& time = times[place.first];
            if (entry.recorded->at < time) {
                findings_.add(Rule::sequence,
                              fmt::format("time runs backwards at {}", entry.name()));
            }
            time = std::max(time, entry.recorded->at);
        }
        const auto id = changed_hold(entry.event());
        const auto fence = given_fence(entry.event());
        if (id && fence) {
            const auto at = entry.versions.find(home(*id));
            if (at != entry.versions.end() && at->second != *fence) {
                findings_.add(
                    Rule::sequence,
                    fmt::format("{} gives fence {}, and its version in the hold's home is {}",
                                entry.name(), *fence, at->second));
            }
        }
    }
}

Version HistoryLog::last(PartitionId partition) const {
    const auto& versions = by_version_.at(partition);
    return versions.empty() ? 0 : versions.rbegin()->first;
}

std::optional<std::size_t> HistoryLog::entry_at(PartitionId partition, Version version) const {
    const auto& versions = by_version_.at(partition);
    const auto after = versions.upper_bound(version);
    return after == versions.begin() ? std::nullopt : std::optional(std::prev(after)->second);
}

const std::vector<std::size_t>& HistoryLog::of_hold(HoldId id) const {
    static const std::vector<std::size_t> none;
    const auto found = of_hold_.find(id);
    return found == of_hold_.end() ? none : found->second;
}

}  // namespace holdfast::testing
