#include "testing/faulty_store.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "store/codec.h"

namespace holdfast::testing {

using store::AppendDone;
using store::AppendOutcome;
using store::AppendResult;

void FaultyStore::plan(std::size_t passed, Fault fault) {
    const std::lock_guard lock(mutex_);
    planned_[appends_ + passed] = fault;
}

void FaultyStore::fail_reads(bool fail) {
    const std::lock_guard lock(mutex_);
    reads_fail_ = fail;
}

void FaultyStore::during_next_read(std::function<void()> happens) {
    const std::lock_guard lock(mutex_);
    during_read_ = std::move(happens);
}

std::size_t FaultyStore::appends() const {
    const std::lock_guard lock(mutex_);
    return appends_;
}

void FaultyStore::append(store::Batch batch, AppendDone done) {
    std::optional<Fault> fault;
    {
        const std::lock_guard lock(mutex_);
        if (const auto planned = planned_.extract(appends_++)) {
            fault = planned.mapped();
        }
        stopped_ = stopped_ || (fault == Fault::failed && !writer_);
        if (stopped_) {
            fault = Fault::failed;
        }
    }
    if (!fault) {
        inner_.append(std::move(batch), std::move(done));
        return;
    }
    switch (*fault) {
        case Fault::conflict:
            done({AppendOutcome::conflict, "a planned conflict"});
            return;
        case Fault::failed:
            done({AppendOutcome::failed, "a planned failure"});
            return;
        case Fault::unknown_written:
            inner_.append(std::move(batch), [done = std::move(done)](AppendResult) mutable {
                done({AppendOutcome::unknown, "a planned unknown outcome"});
            });
            return;
        case Fault::unknown_not_written:
            done({AppendOutcome::unknown, "a planned unknown outcome"});
            return;
    }
}

void FaultyStore::check_reads() {
    std::function<void()> happens;
    {
        const std::lock_guard lock(mutex_);
        if (reads_fail_ && writer_) {
            throw StoreUnreachable("a planned failure to read");
        }
        if (reads_fail_) {
            throw store::StoreError("a planned failure to read");
        }
        happens = std::exchange(during_read_, nullptr);
    }
    if (happens) {
        happens();
    }
}

std::uint32_t FaultyStore::partition_count() const {
    return inner_.partition_count();
}

std::vector<store::Head> FaultyStore::heads() {
    check_reads();
    return inner_.heads();
}

std::vector<store::Head> FaultyStore::load(const std::vector<store::RowKind>& kinds,
                                           const store::RowSink& sink) {
    check_reads();
    return inner_.load(kinds, sink);
}

std::vector<store::EventBlob> FaultyStore::tail(PartitionId partition, Version after,
                                                std::size_t bytes_max) {
    check_reads();
    return inner_.tail(partition, after, bytes_max);
}

std::optional<std::string> FaultyStore::find(PartitionId partition, store::RowKind kind,
                                             std::string_view key) {
    check_reads();
    return inner_.find(partition, kind, key);
}

void FaultyStore::scan(PartitionId partition, store::RowKind kind, std::string_view after,
                       const std::function<bool(std::string_view, std::string_view)>& sink) {
    check_reads();
    inner_.scan(partition, kind, after, sink);
}

std::vector<HoldId> FaultyStore::holds_of(store::HoldIndex index, std::string_view name,
                                          HoldId after, std::size_t limit,
                                          const std::stop_token& ending) {
    check_reads();
    if (!writer_) {
        return inner_.holds_of(index, name, after, limit, ending);
    }
    auto ids = inner_.holds_of(index, name, after, std::numeric_limits<std::size_t>::max(), ending);
    std::erase_if(ids, [&](HoldId id) {
        return inner_
            .find(partition_of(id.token(), inner_.partition_count()), store::RowKind::live_hold,
                  store::encode_id_key(id))
            .has_value();
    });
    ids.resize(std::min(ids.size(), limit));
    return ids;
}

void FaultyStore::backup(const std::filesystem::path& directory) {
    check_reads();
    inner_.backup(directory);
}

}  // namespace holdfast::testing
