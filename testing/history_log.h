// The log of a history in one order, each event once, with its version in each partition that it touches; and which
// operation made which event. For the checker of histories only.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "testing/history.h"
#include "testing/history_books.h"

namespace holdfast::testing {

class Findings {
public:
    void add(Rule rule, std::string text);
    [[nodiscard]] std::vector<Finding> take() { return std::move(findings_); }

private:
    std::vector<Finding> findings_;
    std::map<Rule, std::size_t> counts_;
};

// The partitions that an event belongs into, by what it names.
std::vector<PartitionId> touched_partitions(const Event& event, std::uint32_t count);

struct LogEntry {
    const RecordedEvent* recorded = nullptr;
    std::map<PartitionId, Version> versions;

    [[nodiscard]] const Event& event() const { return recorded->event; }
    // "hold.placed (partition 0, version 7)"
    [[nodiscard]] std::string name() const;
};

class HistoryLog {
public:
    // Says what is wrong with the log by itself: rules 1 and 10.
    HistoryLog(const History& history, Findings& findings);

    [[nodiscard]] const std::vector<LogEntry>& entries() const { return entries_; }
    [[nodiscard]] Version last(PartitionId partition) const;
    // The last entry up to this version; nothing before the first.
    [[nodiscard]] std::optional<std::size_t> entry_at(PartitionId partition, Version version) const;
    [[nodiscard]] const std::map<Version, std::size_t>& of_partition(PartitionId partition) const {
        return by_version_.at(partition);
    }
    // The events of a hold, in order.
    [[nodiscard]] const std::vector<std::size_t>& of_hold(HoldId id) const;
    [[nodiscard]] PartitionId home(HoldId id) const {
        return partition_of(id.token(), history_.partitions);
    }
    [[nodiscard]] PartitionId home(const std::string& sku) const {
        return partition_of(routing_token(sku), history_.partitions);
    }

private:
    void read_merged();
    void read_partitions();
    void check_entries();

    const History& history_;
    Findings& findings_;
    std::vector<LogEntry> entries_;
    std::vector<std::map<Version, std::size_t>> by_version_;  // of each partition
    std::map<HoldId, std::vector<std::size_t>> of_hold_;
};

}  // namespace holdfast::testing
