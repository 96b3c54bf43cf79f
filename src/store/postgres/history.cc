#include "store/postgres/history.h"

#include <fmt/format.h>

namespace holdfast::store::postgres {

namespace {

const Statement find_missing{"find_missing", R"sql(
SELECT known.partition, known.version
FROM unnest($1::integer[], $2::bigint[], $3::bigint[]) AS known (partition, version, batch)
WHERE NOT EXISTS (
    SELECT FROM event WHERE event.partition = known.partition AND event.version = known.version
        AND event.batch = known.batch)
ORDER BY known.partition LIMIT 1)sql"};

}  // namespace

void History::learn(PartitionId partition, const Head& head) {
    const std::lock_guard lock(mutex_);
    Head& last = last_[partition];
    if (head.version > last.version) {
        last = head;
    }
}

void History::check(Connection& connection, std::string_view where) const {
    Columns known({Type::integer, Type::bigint, Type::bigint});
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [partition, head] : last_) {
            known.integer(partition).number(head.version).number(head.batch);
        }
    }
    if (known.empty()) {
        return;
    }
    const Result missing = connection.query(find_missing, known.take());
    if (missing.rows() > 0) {
        Fields row = missing.row(0);
        const std::int32_t partition = row.integer();
        throw StoreError(fmt::format(
            "PostgreSQL at {} took over and has lost acknowledged changes: those at version {} of "
            "partition {} are not there, or others are in their place, as after a fail-over to a "
            "standby that had not all of them, or a restored backup. Start again to go on with "
            "what it has",
            where, row.number(), partition));
    }
}

}  // namespace holdfast::store::postgres
