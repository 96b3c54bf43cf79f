// How the events and rows of a shop stand in another number of partitions: each event goes, with what it says, to
// the partitions that it touches there, and each row to the home of its SKU or hold. What used to follow from a
// version of the old partitions (the ids of alerts, when a SKU was defined) the events say themselves from then
// on, and fences and places in queues have always stood in them: so all of these stay. Versions are counted anew.
// Pure; throws StoreError for rows that no release wrote.
#pragma once

#include <cstdint>
#include <vector>

#include <holdfast/events.h>
#include "core/state.h"
#include "service/partition_rows.h"

namespace holdfast::service {

class Repartition {
public:
    Repartition(std::uint32_t from, std::uint32_t to) : before_(from), after_(to) {}

    // The event as it stands in another place of a log.
    [[nodiscard]] static Event carried(const RecordedEvent& recorded);
    // The version of a partition after an event that touches it.
    [[nodiscard]] static Version next(Version version, const Event& event);

    [[nodiscard]] std::vector<PartitionId> touched_before(const Event& event) const {
        return touched(before_, event);
    }
    [[nodiscard]] std::vector<PartitionId> touched_after(const Event& event) const {
        return touched(after_, event);
    }
    [[nodiscard]] PartitionId home_before(HoldId id) const { return before_.home(id); }
    [[nodiscard]] PartitionId home_after(HoldId id) const { return after_.home(id); }

    [[nodiscard]] std::vector<Rows> carried(std::vector<Rows>&& partitions) const;
    // Greater than all versions that were given out so far, and than the keys of all carried rows.
    [[nodiscard]] Version beyond(const std::vector<store::Head>& before,
                                 const std::vector<store::Head>& after) const;

private:
    static std::vector<PartitionId> touched(const core::State& state, const Event& event);
    void carry(store::RowKind kind, std::size_t partition, RowsOfKind&& rows,
               std::vector<Rows>& to) const;
    // So many old partitions keep their first answers in one new one.
    [[nodiscard]] Version sharing() const;

    core::State before_;  // know which partition is whose home
    core::State after_;
};

}  // namespace holdfast::service
