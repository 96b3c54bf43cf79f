// What one append writes, as commands for the server. Knows the codec and the tables, nothing of
// connections. Throws StoreError when something cannot be kept as columns.
#pragma once

#include <map>
#include <vector>

#include "store/batch.h"
#include "store/postgres/connection.h"

namespace holdfast::store::postgres {

// Events and rows, all but the versions of the partitions.
std::vector<Command> changes_of(const Batch& batch);

// Moves the versions on: to be sent first, because it locks the partitions. The fences are those that
// their writer knows, by partition.
Command move_of(const Batch& batch, const std::vector<std::uint64_t>& fences);
// Whether this is what a move says of a version or a fence that is another.
bool not_as_expected(const Failure& failure);

}  // namespace holdfast::store::postgres
