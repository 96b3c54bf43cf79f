// What this process knows of the events that are kept: of each partition the last one it has seen or made. A
// server that takes over must have them all; it may have lost them, and even have others in their place.
// Any thread.
#pragma once

#include <map>
#include <mutex>
#include <string_view>

#include "store/postgres/connection.h"
#include "store/store.h"

namespace holdfast::store::postgres {

class History {
public:
    // The events up to `head.version` are those that append `head.batch` brought there.
    void learn(PartitionId partition, const Head& head);
    // Throws StoreError when the server has not all that is known.
    void check(Connection& connection, std::string_view where) const;

private:
    mutable std::mutex mutex_;
    std::map<PartitionId, Head> last_;
};

}  // namespace holdfast::store::postgres
