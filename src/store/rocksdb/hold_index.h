// Finds holds by cart and customer, from an index that a background thread writes behind the appends:
// they come in no order, and written with them would make every append several times as dear. It is
// made from the events, so it is never wrong, only behind; a query first catches up with what was durable
// when it came.
// Any thread. Throws StoreError.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <rocksdb/db.h>

#include "store/rocksdb/writer.h"
#include "store/store.h"

namespace holdfast::store {

class HoldIndexer {
public:
    using Tail =
        std::function<std::vector<EventBlob>(PartitionId, Version after, std::size_t bytes_max)>;

    // `appends_so_far` tells whether the store is busy. The database and the heads outlive this.
    HoldIndexer(rocksdb::DB& database, const std::vector<LiveHead>& heads, Tail tail,
                std::function<std::uint32_t()> appends_so_far);
    ~HoldIndexer();
    HoldIndexer(const HoldIndexer&) = delete;
    HoldIndexer& operator=(const HoldIndexer&) = delete;

    std::vector<HoldId> holds_of(HoldIndex index, std::string_view name, HoldId after,
                                 std::size_t limit, const std::stop_token& ending);

private:
    void run();
    void catch_up(const std::stop_token& ending);
    // Reads a little of what is new. False: there is nothing.
    bool step();
    bool step(PartitionId partition);
    void carry_out(rocksdb::WriteBatch& write);
    Version read_marker(PartitionId partition) const;

    rocksdb::DB& database_;
    const std::vector<LiveHead>& heads_;
    Tail tail_;
    std::function<std::uint32_t()> appends_so_far_;
    std::mutex mutex_;
    std::condition_variable ended_;
    bool ending_ = false;
    std::vector<Version> indexed_;
    std::thread thread_;
};

}  // namespace holdfast::store
