#include "service/partition_rows.h"

#include "store/codec.h"

namespace holdfast::service {
namespace {

using store::RowKind;

template <class Row>
std::string bytes_of(const Row& row) {
    std::string bytes;
    store::encode(bytes, row);
    return bytes;
}

std::string canonical(RowKind kind, std::string_view value) {
    switch (kind) {
        case RowKind::sku:
            return bytes_of(store::decode_sku_row(value));
        case RowKind::location:
            return bytes_of(store::decode_location_row(value));
        case RowKind::stock:
            return bytes_of(store::decode_counters(value));
        case RowKind::live_hold:
        case RowKind::past_hold:
            return bytes_of(store::decode_hold(value));
        case RowKind::customer:
            return bytes_of(store::decode_customer_row(value));
        case RowKind::waiting:
            return bytes_of(store::decode_waiter_row(value));
        case RowKind::shopper:
            return bytes_of(store::decode_shopper_row(value));
        case RowKind::incoming:
            return bytes_of(store::decode_receipt_row(value));
        case RowKind::alert:
            return bytes_of(store::decode_alert(value));
        case RowKind::answers:
        case RowKind::claim:
            return std::string(value);
    }
    return std::string(value);
}

}  // namespace

const std::vector<RowKind>& kinds_of_rows() {
    static const std::vector<RowKind> kinds = {
        RowKind::stock,    RowKind::sku,      RowKind::location, RowKind::live_hold,
        RowKind::customer, RowKind::answers,  RowKind::claim,    RowKind::waiting,
        RowKind::shopper,  RowKind::incoming, RowKind::alert};
    return kinds;
}

PartitionRows load_rows(store::Store& store) {
    PartitionRows rows;
    rows.partitions.resize(store.partition_count());
    rows.heads = store.load(kinds_of_rows(), [&rows](RowKind kind, PartitionId partition,
                                                     std::string_view key, std::string_view value) {
        rows.partitions[partition][kind].emplace(key, canonical(kind, value));
    });
    return rows;
}

}  // namespace holdfast::service
