#include "sequencer/event_log.h"

#include <utility>

#include <fmt/format.h>

#include "store/codec.h"

namespace holdfast::sequencer {
namespace {

using Place = std::pair<std::uint64_t, std::uint32_t>;

Place place(const RecordedEvent& event) {
    return {event.batch, event.index};
}

}  // namespace

EventLog::EventLog(store::Store& store, std::vector<Version> after, std::vector<store::Head> until)
    : store_(store),
      position_(std::move(after)),
      ahead_(position_.size()),
      until_(std::move(until)) {}

EventLog::EventLog(store::Store& store, std::vector<Version> after, store::News&& news)
    : EventLog(store, std::move(after), std::move(news.heads)) {
    for (std::size_t i = 0; i < ahead_.size(); ++i) {
        if (position_[i] < until_[i].version) {
            read_ahead(static_cast<PartitionId>(i), news.tails[i]);
        }
    }
}

void EventLog::fill() {
    std::vector<store::Since> from;
    for (std::size_t i = 0; i < ahead_.size(); ++i) {
        if (ahead_[i].empty() && position_[i] < until_[i].version) {
            from.push_back({.partition = static_cast<PartitionId>(i), .after = position_[i]});
        }
    }
    if (from.empty()) {
        return;
    }
    const auto tails = store_.tails(from, piece_bytes);
    for (std::size_t i = 0; i < from.size(); ++i) {
        read_ahead(from[i].partition, tails[i]);
    }
}

void EventLog::read_ahead(PartitionId partition, const std::vector<store::EventBlob>& blobs) {
    for (const store::EventBlob& blob : blobs) {
        if (blob.first > until_[partition].version) {
            break;
        }
        for (RecordedEvent& event : store::decode_blob(partition, blob)) {
            if (event.version > position_[partition]) {
                ahead_[partition].push_back(std::move(event));
            }
        }
    }
    if (ahead_[partition].empty()) {
        throw store::StoreError(
            fmt::format("partition {} is at version {}, but its events after version {} are "
                        "missing: it is damaged; restore a backup",
                        partition, until_[partition].version, position_[partition]));
    }
}

const RecordedEvent* EventLog::first() {
    fill();
    const RecordedEvent* first = nullptr;
    for (const std::deque<RecordedEvent>& events : ahead_) {
        if (!events.empty() && (first == nullptr || place(events.front()) < place(*first))) {
            first = &events.front();
        }
    }
    return first;
}

std::optional<RecordedEvent> EventLog::next() {
    const RecordedEvent* const found = first();
    if (found == nullptr) {
        return std::nullopt;
    }
    RecordedEvent event = *found;
    for (std::size_t i = 0; i < ahead_.size(); ++i) {
        if (!ahead_[i].empty() && place(ahead_[i].front()) == place(event)) {
            position_[i] = ahead_[i].front().version;
            ahead_[i].pop_front();
        }
    }
    return event;
}

}  // namespace holdfast::sequencer
