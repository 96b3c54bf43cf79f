// Connections for reads, and the reads that are more than one statement. Any thread. Throws StoreError.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "store/postgres/primary.h"
#include "store/store.h"

namespace holdfast::store::postgres {

// A few connections, made when they are needed. Who finds none free waits.
class Readers {
public:
    Readers(Primary& primary, std::size_t connections_max)
        : primary_(primary), may_be_made_(connections_max) {}

    // What `read` returns, with a connection for it alone. One that throws is not used again.
    template <class Read>
    auto with(Read read) {
        std::unique_ptr<Connection> connection = take();
        try {
            if (!connection || primary_.gone(*connection)) {
                connection = primary_.connect();
            }
            auto found = read(*connection);
            give_back(std::move(connection));
            return found;
        } catch (...) {
            give_back(nullptr);
            throw;
        }
    }

private:
    // Null: one may be made.
    std::unique_ptr<Connection> take();
    void give_back(std::unique_ptr<Connection> connection);

    Primary& primary_;
    std::mutex mutex_;
    std::condition_variable given_back_;
    std::vector<std::unique_ptr<Connection>> idle_;
    std::size_t may_be_made_;
};

// From where to where rows are read.
struct Range {
    std::int32_t partition = 0;
    std::string after;  // a key of that partition
    std::int32_t last_partition = 0;
};
// Rows of one kind, by partition and key, until the sink returns false.
void read_rows(
    Connection& connection, RowKind kind, Range range,
    const std::function<bool(PartitionId, std::string_view key, std::string_view value)>& sink);
std::optional<std::string> find_row(Connection& connection, PartitionId partition, RowKind kind,
                                    std::string_view key);
struct Tail {
    std::vector<EventBlob> blobs;
    std::uint64_t batch = 0;  // the append of the last of them
};
Tail read_tail(Connection& connection, Since from, std::size_t bytes_max);
// As Store::tails(): one for each.
Command ask_tails(std::span<const Since> from, std::size_t bytes_max);
std::vector<Tail> tails_in(const Result& result, std::span<const Since> from);
// First answers with later versions. There may be more of them than the result has: these are asked for.
Command ask_answers(std::span<const Since> from);
void read_answers(Connection& connection, Result result, std::span<const Head> until,
                  const AnswersSink& sink);

}  // namespace holdfast::store::postgres
