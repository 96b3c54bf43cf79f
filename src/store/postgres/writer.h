// Carries out appends on a thread of its own, one after another, over a connection of its own. Knows the
// fences of the partitions; finds out by itself what became of an append whose connection broke.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "store/postgres/primary.h"
#include "store/store.h"

namespace holdfast::store::postgres {

class Writer {
public:
    struct Options {
        std::chrono::milliseconds resolve_within;
        bool for_move = false;  // appends to a store that is closed to others
    };
    // `where` for messages.
    Writer(Primary& primary, std::string where, std::uint32_t partitions, Options options);
    // Carries out what was accepted.
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    void append(Batch batch, AppendDone done);
    // Whether the next append would be carried out at once.
    [[nodiscard]] bool idle() const { return accepted_ == 0; }

private:
    struct Task {
        Batch batch;
        AppendDone done;
    };
    struct Standing {
        Version version = 0;
        std::uint64_t batch = 0;
    };

    void run();
    void learn(const Batch& batch);
    AppendResult carry_out(const Batch& batch);
    // Nothing: nothing was written, and the same may be tried again.
    std::optional<AppendResult> try_once(const Batch& batch, const std::vector<Command>& changes);
    std::optional<AppendResult> refused(const Batch& batch, const Failure& failure);
    std::optional<AppendResult> resolve(const Batch& batch, const std::string& why);
    std::optional<AppendResult> look(const Batch& batch);

    void connect();
    void lock(const Batch& batch);
    void unlock();
    [[nodiscard]] bool has_locks(const Batch& batch) const;
    // Takes note of the fences in a result of partitions.
    std::map<PartitionId, Standing> read_partitions(const Result& result);
    std::optional<AppendResult> conflict(const Batch& batch,
                                         const std::map<PartitionId, Standing>& standing) const;

    Primary& primary_;
    const std::string where_;
    const Options options_;
    std::unique_ptr<Connection> connection_;
    std::vector<std::uint64_t> fences_;  // by partition
    // What the transaction that is open has locked.
    std::map<PartitionId, Standing> locked_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Task> tasks_;
    std::atomic<std::size_t> accepted_ = 0;  // and not carried out
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace holdfast::store::postgres
