// A store that passes everything on to another one, except for the faults that a test has planned.
// Any thread.
#pragma once

#include <functional>
#include <map>
#include <mutex>

#include "store/store.h"

namespace holdfast::testing {

enum class Fault : std::uint8_t {
    conflict,         // answered; nothing written
    failed,           // answered; nothing written, nor by later appends unless the store is shared
    unknown_written,  // it is there, but nobody says so
    unknown_not_written  // it is not there
};

class FaultyStore final : public store::Store {
public:
    // `inner` outlives it. With a number it is one of several writers that share the store.
    explicit FaultyStore(store::Store& inner, std::optional<std::uint16_t> writer = {})
        : inner_(inner), writer_(writer) {}

    // What becomes of the append that comes after `passed` others, counted from now.
    void plan(std::size_t passed, Fault fault);
    // Reads throw StoreError while set; where the store is shared they say that it may be reached again.
    void fail_reads(bool fail);
    // What happens while the next read is carried out, on its thread.
    void during_next_read(std::function<void()> happens);
    [[nodiscard]] std::size_t appends() const;

    [[nodiscard]] std::uint32_t partition_count() const override;
    [[nodiscard]] std::optional<std::uint16_t> writer() const override { return writer_; }
    [[nodiscard]] std::size_t appends_at_once() const override { return writer_ ? 4 : 1; }
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
    void backup(const std::filesystem::path& directory) override;

private:
    void check_reads();

    store::Store& inner_;
    const std::optional<std::uint16_t> writer_;
    mutable std::mutex mutex_;
    std::map<std::size_t, Fault> planned_;
    std::size_t appends_ = 0;
    bool stopped_ = false;
    bool reads_fail_ = false;
    std::function<void()> during_read_;
};

}  // namespace holdfast::testing
