// What a store keeps of its partitions besides events and past holds: all that a start loads, to be written to
// another store and compared with it. Throws StoreError.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "store/store.h"

namespace holdfast::service {

using RowsOfKind = std::map<std::string, std::string, std::less<>>;
using Rows = std::map<store::RowKind, RowsOfKind>;

// As of one moment. Values are as this release writes them: older ones may have written them otherwise.
struct PartitionRows {
    std::vector<store::Head> heads;
    std::vector<Rows> partitions;
};

// In the order in which they are to be written. Past holds are not among them: there may be any number, and
// they come with the events that change them.
const std::vector<store::RowKind>& kinds_of_rows();

PartitionRows load_rows(store::Store& store);

}  // namespace holdfast::service
