#include "store/postgres/writer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

#include <holdfast/assert.h>
#include <holdfast/fault.h>
#include "store/postgres/changes.h"
#include "store/postgres/mover.h"

namespace holdfast::store::postgres {

namespace {

using Steady = std::chrono::steady_clock;

const Statement begin{"begin", "BEGIN"};
const Statement commit{"commit", "COMMIT"};
// In the order of the partitions, so that of two writers one waits, and neither for ever.
const Statement lock_partitions{"lock_partitions", R"sql(
SELECT partition, version, batch, fence FROM partition WHERE partition = ANY ($1::integer[])
ORDER BY partition FOR UPDATE)sql"};
const Statement read_partition_rows{
    "read_partitions",
    "SELECT partition, version, batch, fence FROM partition WHERE partition = ANY ($1::integer[])"};
const Statement read_all_partitions{"read_all_partitions",
                                    "SELECT partition, version, batch, fence FROM partition"};
// Waits for a transaction that is still on its way, and shuts out one that has yet to arrive.
const Statement raise_fences{"raise_fences", R"sql(
UPDATE partition SET fence = fence + 1 WHERE partition = ANY ($1::integer[])
RETURNING partition, version, batch, fence)sql"};
const Statement find_event{
    "find_event", "SELECT batch FROM event WHERE partition = $1::integer AND version = $2::bigint"};

// How often an append is tried that meets nothing but fences, or connections that break.
constexpr int attempts_max = 10;
constexpr std::chrono::milliseconds between_connections{50};
// The server was made a standby, or the database read-only: another one may have taken over.
constexpr std::string_view read_only = "25006";

Parameters partitions_of(const Batch& batch) {
    Columns partitions({Type::integer});
    for (const PartitionStep& step : batch.steps) {
        partitions.integer(step.partition);
    }
    return partitions.take();
}

}  // namespace

Writer::Writer(Primary& primary, std::string where, std::uint32_t partitions, Options options)
    : primary_(primary),
      where_(std::move(where)),
      options_(options),
      fences_(partitions),
      thread_([this] { run(); }) {}

Writer::~Writer() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void Writer::append(Batch batch, AppendDone done) {
    ++accepted_;
    {
        const std::lock_guard lock(mutex_);
        tasks_.push_back({std::move(batch), std::move(done)});
    }
    changed_.notify_one();
}

void Writer::run() {
    ::pthread_setname_np(::pthread_self(), "hf-store");  // shown by top and perf
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return ending_ || !tasks_.empty(); });
        if (tasks_.empty()) {
            return;
        }
        Task task = std::move(tasks_.front());
        tasks_.pop_front();
        lock.unlock();
        AppendResult result = carry_out(task.batch);
        if (result.outcome == AppendOutcome::appended) {
            learn(task.batch);
        }
        --accepted_;  // first: who is told may append again at once
        task.done(std::move(result));
        lock.lock();
    }
}

void Writer::learn(const Batch& batch) {
    for (const PartitionStep& step : batch.steps) {
        if (step.next > step.expected) {
            primary_.history().learn(step.partition, {.version = step.next, .batch = batch.number});
        }
    }
}

AppendResult Writer::carry_out(const Batch& batch) {
    for (const PartitionStep& step : batch.steps) {
        HF_ASSERT(step.partition < fences_.size() && step.next >= step.expected);
    }
    std::string last;
    try {
        const std::vector<Command> changes = changes_of(batch);
        for (int attempt = 1; attempt <= attempts_max; ++attempt) {
            try {
                connect();
                if (auto result = try_once(batch, changes)) {
                    return std::move(*result);
                }
            } catch (const DatabaseError& error) {
                // Nothing of the append is there: it had not been sent, or it was refused.
                const bool reached = connection_ != nullptr;
                connection_.reset();
                if (!reached || !error.failure().lost) {
                    return {AppendOutcome::failed, error.what()};
                }
                last = error.what();
            }
        }
    } catch (const StoreError& error) {
        connection_.reset();  // it may have locks
        return {AppendOutcome::failed, error.what()};
    }
    return {AppendOutcome::failed,
            fmt::format("append {} was given up after {} attempts, and nothing of it is there: {}",
                        batch.number, attempts_max,
                        last.empty() ? "other writers keep losing their connections" : last)};
}

void Writer::connect() {
    if (connection_ && !primary_.gone(*connection_)) {
        return;
    }
    connection_.reset();
    locked_.clear();
    auto connection = primary_.connect();
    read_partitions(connection->query(read_all_partitions, {}));
    connection_ = std::move(connection);
}

std::map<PartitionId, Writer::Standing> Writer::read_partitions(const Result& result) {
    std::map<PartitionId, Standing> standing;
    for (int i = 0; i < result.rows(); ++i) {
        Fields row = result.row(i);
        const auto partition = static_cast<PartitionId>(row.integer());
        const Version version = row.number();
        standing[partition] = {.version = version, .batch = row.number()};
        const std::int64_t fence = row.bigint();
        if (is_closed(fence) && !options_.for_move) {
            throw StoreError(fmt::format(
                "the store at {} was moved to another one and takes no more changes: open it again "
                "to read where it went",
                where_));
        }
        fences_.at(partition) = static_cast<std::uint64_t>(fence);
    }
    return standing;
}

std::optional<AppendResult> Writer::conflict(
    const Batch& batch, const std::map<PartitionId, Standing>& standing) const {
    for (const PartitionStep& step : batch.steps) {
        const auto found = standing.find(step.partition);
        if (found == standing.end()) {
            return AppendResult{
                AppendOutcome::failed,
                fmt::format("the table partition at {} has no row {}: has somebody deleted it?",
                            where_, step.partition)};
        }
        if (found->second.version != step.expected) {
            return AppendResult{AppendOutcome::conflict,
                                fmt::format("partition {} is at version {}, not {}", step.partition,
                                            found->second.version, step.expected)};
        }
    }
    return std::nullopt;
}

bool Writer::has_locks(const Batch& batch) const {
    return !locked_.empty() && std::ranges::all_of(batch.steps, [&](const PartitionStep& step) {
        return locked_.contains(step.partition);
    });
}

void Writer::lock(const Batch& batch) {
    unlock();
    connection_->run("BEGIN");
    locked_ = read_partitions(connection_->query(lock_partitions, partitions_of(batch)));
}

void Writer::unlock() {
    if (!locked_.empty()) {
        locked_.clear();
        connection_->run("ROLLBACK");
    }
}

std::optional<AppendResult> Writer::try_once(const Batch& batch,
                                             const std::vector<Command>& changes) {
    std::vector<Command> commands;
    if (batch.lock && !batch.steps.empty()) {
        if (!has_locks(batch)) {
            lock(batch);
        }
        if (auto found = conflict(batch, locked_)) {
            return found;
        }
    } else {
        unlock();
        commands.push_back({.statement = &begin});
    }
    if (!batch.steps.empty()) {
        commands.push_back(move_of(batch, fences_));
    }
    commands.insert(commands.end(), changes.begin(), changes.end());
    commands.push_back({.statement = &commit});
    locked_.clear();
    const std::optional<Failure> failure = connection_->pipeline(commands);
    const std::string warning = connection_->take_warning();
    if (failure && failure->lost && HF_FAULT(sent_again_blindly)) {
        connection_.reset();
        return std::nullopt;
    }
    if (failure ? failure->lost : !warning.empty() && !HF_FAULT(standby_not_waited_for)) {
        return resolve(batch, failure ? failure->text : warning);
    }
    return failure ? refused(batch, *failure) : AppendResult{};
}

// The server has said that it wrote nothing.
std::optional<AppendResult> Writer::refused(const Batch& batch, const Failure& failure) {
    if (failure.state == read_only) {
        connection_.reset();
        return std::nullopt;
    }
    connection_->run("ROLLBACK");
    if (failure.state == "40001" || failure.state == "40P01") {
        return AppendResult{AppendOutcome::conflict, failure.text};
    }
    if (not_as_expected(failure)) {
        return conflict(
            batch, read_partitions(connection_->query(read_partition_rows, partitions_of(batch))));
    }
    return AppendResult{AppendOutcome::failed, fmt::format("{}. Nothing of append {} was written",
                                                           failure.text, batch.number)};
}

std::optional<AppendResult> Writer::resolve(const Batch& batch, const std::string& why) {
    const auto deadline = Steady::now() + options_.resolve_within;
    std::string last = why;
    do {
        try {
            connection_.reset();
            connect();
            if (!batch.steps.empty()) {
                return look(batch);
            }
            break;
        } catch (const StoreError& error) {
            last = error.what();
        }
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, between_connections);  // earlier when another append comes: no harm
    } while (Steady::now() < deadline);
    connection_.reset();
    return AppendResult{
        AppendOutcome::unknown,
        fmt::format(
            "the connection broke while append {} was carried out, and it could not be found "
            "out what became of it: {}",
            batch.number, last)};
}

std::optional<AppendResult> Writer::look(const Batch& batch) {
    connection_->run("BEGIN");
    const auto standing = read_partitions(connection_->query(raise_fences, partitions_of(batch)));
    bool written = false;
    for (const PartitionStep& step : batch.steps) {
        const auto found = standing.find(step.partition);
        written |= found != standing.end() && found->second.batch == batch.number;
        if (step.next > step.expected) {
            const Result event = connection_->query(
                find_event, Parameters().integer(step.partition).bigint(step.next));
            written |= event.rows() > 0 && event.row(0).number() == batch.number;
        }
    }
    // Its own commit makes what was found as durable as it is itself: unless the server says otherwise.
    connection_->run("COMMIT");
    if (std::string warning = connection_->take_warning(); !warning.empty()) {
        throw StoreError(warning);
    }
    return written ? AppendResult{} : conflict(batch, standing);
}

}  // namespace holdfast::store::postgres
