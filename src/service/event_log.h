// The event logs of all partitions as one: merged in the order of the appends that wrote them, an
// event that touches several partitions once. Reads the store in pieces. Throws StoreError.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include <holdfast/events.h>
#include "store/store.h"

namespace holdfast::service {

class EventLog {
public:
    // Starts after these versions, one for each partition.
    EventLog(store::Store& store, std::vector<Version> after);

    // The next event; nothing at the end of the log as it stands now.
    std::optional<RecordedEvent> next();
    // The versions up to which events were handed out.
    [[nodiscard]] const std::vector<Version>& position() const { return position_; }

private:
    struct Reader {
        std::deque<RecordedEvent> ahead;
        bool exhausted = false;  // has nothing more of the appends up to until_
    };
    void fill(PartitionId partition);
    [[nodiscard]] const RecordedEvent* first();

    store::Store& store_;
    std::vector<Version> position_;
    std::vector<Reader> readers_;  // by partition
    // Appends up to this number were complete before the partitions were read, so that an event of
    // several partitions is either seen in all of them or in none.
    std::uint64_t until_;
};

}  // namespace holdfast::service
