// Holds as rows of the tables hold and hold_line, and back. A pending hold is a row of RowKind::live_hold,
// any other one of past_hold. Knows the columns, nothing of connections. Throws StoreError.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include <holdfast/hold.h>
#include "store/postgres/columns.h"
#include "store/postgres/connection.h"
#include "store/store.h"

namespace holdfast::store::postgres {

// The holds of one append.
class HoldColumns {
public:
    HoldColumns();
    // `fresh`: there is none with this id yet, nor any of its lines.
    void put(PartitionId partition, const Hold& hold, bool fresh);
    void erase(PartitionId partition, HoldId id, bool pending);
    // What writes them, added at the end. Nothing is left.
    void take(std::vector<Command>& commands);

private:
    void put_fresh(PartitionId partition, const Hold& hold);
    void put_line(PartitionId partition, HoldId id, std::int32_t number, const HoldLine& line);
    void clear(PartitionId partition, HoldId id, std::int32_t line, std::int32_t last_line,
               std::int32_t part);

    Columns fresh_holds_;
    Columns fresh_lines_;
    Columns holds_;
    Columns lines_;
    Columns cleared_;
    Columns erased_;
};

// What is asked of them. The parameters are arrays of one: partition and id.
struct HoldStatements {
    Statement find;
    // Two parameters more: the last partition, and how many holds at most. Those behind the id.
    Statement page;
};
const HoldStatements& hold_statements(RowKind kind);
// Each hold of a result of either.
void read_holds(const Result& result,
                const std::function<void(PartitionId, const Hold& hold)>& each);

}  // namespace holdfast::store::postgres
