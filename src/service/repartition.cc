#include "service/repartition.h"

#include <algorithm>

#include "core/evolve.h"
#include "store/codec.h"

namespace holdfast::service {
namespace {

using store::RowKind;

// The routing token of the SKU or hold to which a row belongs.
std::uint16_t token_of(RowKind kind, std::string_view key) {
    switch (kind) {
        case RowKind::sku:
            return routing_token(key);
        case RowKind::stock:
        case RowKind::customer:
            return routing_token(store::decode_pair_key(key).first);
        case RowKind::waiting:
            return routing_token(store::decode_place_key(key).sku);
        case RowKind::shopper:
            return routing_token(store::decode_entry_key(key).first);
        case RowKind::incoming:
            return routing_token(store::decode_receipt_key(key).sku);
        case RowKind::live_hold:
        case RowKind::past_hold:
            return store::decode_id_key(key).token();
        case RowKind::alert:
            return store::decode_alert_key(key).token;
        case RowKind::location:
        case RowKind::answers:
        case RowKind::claim:
            break;
    }
    throw store::StoreError(
        "the store has rows of a kind that no release wrote: the number of its partitions cannot "
        "be changed");
}

}  // namespace

Event Repartition::carried(const RecordedEvent& recorded) {
    Event event = recorded.event;
    if (auto* const defined = std::get_if<SkuDefined>(&event); defined != nullptr) {
        defined->defined_at = defined->defined_at == 0 ? recorded.version : defined->defined_at;
    } else if (auto* const raised = std::get_if<AlertRaised>(&event);
               raised != nullptr && raised->alert.id == AlertId{}) {
        raised->alert.id = {.version = recorded.version, .token = routing_token(raised->alert.sku)};
    }
    return event;
}

Version Repartition::next(Version version, const Event& event) {
    const auto* const changed = std::get_if<PartitionsChanged>(&event);
    return std::max(version + 1, changed != nullptr ? changed->version : 0);
}

std::vector<PartitionId> Repartition::touched(const core::State& state, const Event& event) {
    std::vector<PartitionId> partitions;
    core::touched_partitions(state, event, partitions);
    return partitions;
}

Version Repartition::sharing() const {
    return (before_.partition_count() + after_.partition_count() - 1) / after_.partition_count();
}

Version Repartition::beyond(const std::vector<store::Head>& before,
                            const std::vector<store::Head>& after) const {
    const Version given = std::ranges::max(before, {}, &store::Head::version).version;
    const Version counted = std::ranges::max(after, {}, &store::Head::version).version;
    return std::max((given + 1) * sharing(), counted) + 1;
}

std::vector<Rows> Repartition::carried(std::vector<Rows>&& partitions) const {
    std::vector<Rows> to(after_.partition_count());
    for (std::size_t i = 0; i < partitions.size(); ++i) {
        for (auto& [kind, rows] : partitions[i]) {
            carry(kind, i, std::move(rows), to);
        }
        partitions[i].clear();
    }
    return to;
}

void Repartition::carry(RowKind kind, std::size_t partition, RowsOfKind&& rows,
                        std::vector<Rows>& to) const {
    if (kind == RowKind::location) {
        // The same in every partition, and there is one.
        for (std::size_t i = 0; partition == 0 && i < to.size(); ++i) {
            to[i][kind] = rows;
        }
        return;
    }
    while (!rows.empty()) {
        auto row = rows.extract(rows.begin());
        PartitionId home = 0;
        if (kind == RowKind::answers) {
            // They are found by what is in them. Under numbers of their own, below all that are yet to come.
            home = static_cast<PartitionId>(partition % to.size());
            row.key() = store::encode_version_key(store::decode_version_key(row.key()) * sharing() +
                                                  partition / to.size());
        } else {
            home = partition_of(token_of(kind, row.key()), after_.partition_count());
        }
        to[home][kind].insert(std::move(row));
    }
}

}  // namespace holdfast::service
