#include "store/postgres/mover.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "store/postgres/changes.h"
#include "store/postgres/schema.h"

namespace holdfast::store::postgres {

namespace {

// Others lock the same rows, in no order that could be relied on.
constexpr int attempts_max = 10;

// Far above all fences that were ever given out.
constexpr std::int64_t closed_by = std::int64_t{1} << 62;

const Statement begin_appends{"begin_appends", "BEGIN"};
const Statement commit_appends{"commit_appends", "COMMIT"};
const Statement read_fences{"read_fences", "SELECT fence FROM partition ORDER BY partition"};

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

AppendResult Mover::append_all(const std::vector<Batch>& batches) {
    if (!filling_ || primary_.gone(*filling_)) {
        filling_.reset();
        filling_ = primary_.connect();
    }
    std::vector<std::uint64_t> fences;
    const Result partitions = filling_->query(read_fences, {});
    fences.reserve(static_cast<std::size_t>(partitions.rows()));
    for (int i = 0; i < partitions.rows(); ++i) {
        fences.push_back(static_cast<std::uint64_t>(partitions.row(i).bigint()));
    }
    std::vector<Command> commands = {{.statement = &begin_appends}};
    for (const Batch& batch : batches) {
        commands.push_back(move_of(batch, fences));
        std::ranges::move(changes_of(batch), std::back_inserter(commands));
    }
    commands.push_back({.statement = &commit_appends});
    if (const std::optional<Failure> failure = filling_->pipeline(commands)) {
        filling_.reset();
        return {failure->lost               ? AppendOutcome::unknown
                : not_as_expected(*failure) ? AppendOutcome::conflict
                                            : AppendOutcome::failed,
                failure->text};
    }
    if (std::string warning = filling_->take_warning(); !warning.empty()) {
        return {AppendOutcome::unknown, std::move(warning)};
    }
    for (const Batch& batch : batches) {
        for (const PartitionStep& step : batch.steps) {
            primary_.history().learn(step.partition, {.version = step.next, .batch = batch.number});
        }
    }
    return {};
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
