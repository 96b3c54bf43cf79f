// The event logs of all partitions as one: merged in the order of the appends that wrote them, an
// event that touches several partitions once. Reads the store in pieces. Throws StoreError.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include <holdfast/events.h>
#include "store/store.h"

namespace holdfast::sequencer {

class EventLog {
public:
    // Bytes read ahead of one partition.
    static constexpr std::size_t piece_bytes = 1 << 20;

    // What happened after these versions, one for each partition, up to `until`: heads as of one moment, so
    // that an event of several partitions is either seen in all of them or in none.
    EventLog(store::Store& store, std::vector<Version> after, std::vector<store::Head> until);
    // Up to the heads of the news, which are of after these versions.
    EventLog(store::Store& store, std::vector<Version> after, store::News&& news);

    // Nothing when all was handed out.
    std::optional<RecordedEvent> next();
    // The versions up to which events were handed out.
    [[nodiscard]] const std::vector<Version>& position() const { return position_; }

private:
    void fill();
    void read_ahead(PartitionId partition, const std::vector<store::EventBlob>& blobs);
    [[nodiscard]] const RecordedEvent* first();

    store::Store& store_;
    std::vector<Version> position_;
    std::vector<std::deque<RecordedEvent>> ahead_;  // by partition
    std::vector<store::Head> until_;
};

}  // namespace holdfast::sequencer
