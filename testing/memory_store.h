// A store in memory with the exact semantics of the seam, for tests: it keeps its data while engines
// on it come and go, and can hold appends back so that a test sees what happens while they are on
// their way. Any thread; a test's own thread answers the appends that it lets go.
#pragma once

#include <array>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <tuple>

#include "store/store.h"

namespace holdfast::testing {

class MemoryStore final : public store::Store {
public:
    explicit MemoryStore(std::uint32_t partitions = 1) : partitions_(partitions) {}

    // From now on appends wait: nothing of them is visible or answered before they are let go.
    void hold_back();
    // Waits until so many appends are held back.
    void wait_until_held_back(std::size_t count);
    [[nodiscard]] std::size_t held_back() const;
    // Carries out the oldest append that waits; there must be one.
    void let_one_go();
    // Carries out all that wait, and those to come at once.
    void let_go();

    [[nodiscard]] std::uint32_t partition_count() const override;
    std::vector<store::Head> heads() override;
    std::vector<store::Head> load(const std::vector<store::RowKind>& kinds,
                                  const store::RowSink& sink) override;
    std::vector<store::EventBlob> tail(PartitionId partition, Version after,
                                       std::size_t bytes_max) override;
    void append(store::Batch batch, store::AppendDone done) override;
    [[nodiscard]] std::optional<std::string> find(PartitionId partition, store::RowKind kind,
                                                  std::string_view key) override;
    void scan(
        PartitionId partition, store::RowKind kind, std::string_view after,
        const std::function<bool(std::string_view key, std::string_view value)>& sink) override;
    std::vector<HoldId> holds_of(store::HoldIndex index, std::string_view name, HoldId after,
                                 std::size_t limit, const std::stop_token& ending) override;
    // There is nothing to copy to a disk: throws StoreError.
    void backup(const std::filesystem::path& directory) override;

private:
    using Rows = std::map<std::string, std::string, std::less<>>;

    struct Partition {
        store::Head head;
        std::map<store::RowKind, Rows> rows;
        std::map<Version, store::EventBlob> blobs;  // by last version
        Version indexed = 0;                        // whose events are in holds_by_name_
    };
    struct Waiting {
        store::Batch batch;
        store::AppendDone done;
    };

    [[nodiscard]] std::vector<store::Head> heads_now() const;
    store::AppendResult apply(const store::Batch& batch);
    void index_new_events();

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Partition> partitions_;
    bool holding_back_ = false;
    std::deque<Waiting> waiting_;
    std::array<std::map<std::string, std::set<HoldId>, std::less<>>, 2> holds_by_name_;
};

}  // namespace holdfast::testing
