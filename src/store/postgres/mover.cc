#include "store/postgres/mover.h"

#include <fmt/format.h>

#include "store/postgres/schema.h"

namespace holdfast::store::postgres {

namespace {

// Others lock the same rows, in no order that could be relied on.
constexpr int attempts_max = 10;

// Far above all fences that were ever given out.
constexpr std::int64_t closed_by = std::int64_t{1} << 62;

}  // namespace

void Mover::set_notice(const Notice& notice) {
    const auto connection = primary_.connect();
    connection->run("BEGIN");
    change(*connection, notice);
}

void Mover::change(Connection& connection, const Notice& notice) {
    // Opened above what any writer knows, so that none goes on unasked.
    connection.run(
        notice.reason == Notice::Reason::none
            ? fmt::format("UPDATE partition SET fence = fence + {} + 1 WHERE fence < 0", closed_by)
            : fmt::format("UPDATE partition SET fence = fence - {} WHERE fence >= 0", closed_by));
    write_notice(connection, notice);
    connection.run("COMMIT");
    if (const std::string warning = connection.take_warning(); !warning.empty()) {
        throw StoreError(
            fmt::format("what was changed at {} may not be durable: {}", where_, warning));
    }
}

void Mover::hold_others() {
    for (int attempt = 1;; ++attempt) {
        auto connection = primary_.connect();
        try {
            connection->run(
                "BEGIN; SET LOCAL lock_timeout = '30s'; "
                "SET LOCAL idle_in_transaction_session_timeout = 0; "
                "SELECT FROM partition ORDER BY partition FOR UPDATE");
            holding_ = std::move(connection);
            return;
        } catch (const DatabaseError& error) {
            const std::string& state = error.failure().state;
            if ((state != "40P01" && state != "40001") || attempt == attempts_max) {
                throw;
            }
        }
    }
}

void Mover::retire(const Notice& notice) {
    if (!holding_) {
        hold_others();
    }
    change(*holding_, notice);
    holding_.reset();
}

}  // namespace holdfast::store::postgres
