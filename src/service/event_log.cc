#include "service/event_log.h"

#include <utility>

#include "store/codec.h"

namespace holdfast::service {
namespace {

// Bytes read ahead of one partition.
constexpr std::size_t piece_bytes = 1 << 20;

using Place = std::pair<std::uint64_t, std::uint32_t>;

Place place(const RecordedEvent& event) {
    return {event.batch, event.index};
}

}  // namespace

EventLog::EventLog(store::Store& store, std::vector<Version> after)
    : store_(store),
      position_(std::move(after)),
      readers_(position_.size()),
      until_(store.last_batch()) {}

void EventLog::fill(PartitionId partition) {
    Reader& reader = readers_[partition];
    for (const store::EventBlob& blob : store_.tail(partition, position_[partition], piece_bytes)) {
        for (RecordedEvent& event : store::decode_blob(partition, blob)) {
            if (event.version > position_[partition]) {
                reader.ahead.push_back(std::move(event));
            }
        }
    }
    reader.exhausted = reader.ahead.empty();
}

const RecordedEvent* EventLog::first() {
    const RecordedEvent* first = nullptr;
    for (std::size_t i = 0; i < readers_.size(); ++i) {
        Reader& reader = readers_[i];
        if (reader.ahead.empty() && !reader.exhausted) {
            fill(static_cast<PartitionId>(i));
        }
        if (!reader.ahead.empty() && reader.ahead.front().batch <= until_ &&
            (first == nullptr || place(reader.ahead.front()) < place(*first))) {
            first = &reader.ahead.front();
        }
    }
    return first;
}

std::optional<RecordedEvent> EventLog::next() {
    const RecordedEvent* found = first();
    if (found == nullptr) {
        const std::uint64_t last = store_.last_batch();
        if (last == until_) {
            return std::nullopt;
        }
        until_ = last;
        for (Reader& reader : readers_) {
            reader.exhausted = false;
        }
        found = first();
        if (found == nullptr) {
            return std::nullopt;
        }
    }
    RecordedEvent event = *found;
    for (std::size_t i = 0; i < readers_.size(); ++i) {
        auto& ahead = readers_[i].ahead;
        if (!ahead.empty() && place(ahead.front()) == place(event)) {
            position_[i] = ahead.front().version;
            ahead.pop_front();
        }
    }
    return event;
}

}  // namespace holdfast::service
