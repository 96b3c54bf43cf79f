#include "store/postgres/readers.h"

#include <algorithm>
#include <map>

#include "store/codec.h"
#include "store/postgres/holds.h"
#include "store/postgres/tables.h"

namespace holdfast::store::postgres {

namespace {

using Sink = std::function<bool(PartitionId, std::string_view key, std::string_view value)>;

// Rows that are asked for at once: few at first, for who wants only the first.
constexpr std::int32_t first_page_rows = 64;
constexpr std::int32_t page_rows_max = 4'096;
// Of each partition, for who follows; what is behind by more asks again.
constexpr std::int32_t tail_rows = 256;

// Of each partition whole blobs until so many bytes are passed.
const Statement read_blobs{"read_blobs", R"sql(
SELECT since.partition, summed.version, summed.events, summed.batch, summed.body
FROM unnest($1::integer[], $2::bigint[]) AS since (partition, after)
JOIN partition ON partition.partition = since.partition AND partition.version > since.after
CROSS JOIN LATERAL (
    SELECT version, events, batch, body, sum(octet_length(body)) OVER (ORDER BY version) AS bytes
    FROM (SELECT version, events, batch, body FROM event
          WHERE event.partition = since.partition AND version > since.after
          ORDER BY version LIMIT $4::integer) AS following) AS summed
WHERE bytes - octet_length(body) <= $3::bigint
ORDER BY since.partition, summed.version)sql"};

const Statement read_new_answers{"read_new_answers", R"sql(
SELECT since.partition, following.version, following.body
FROM unnest($1::integer[], $2::bigint[]) AS since (partition, after)
JOIN partition ON partition.partition = since.partition AND partition.version > since.after
CROSS JOIN LATERAL (
    SELECT version, body FROM answers
    WHERE answers.partition = since.partition AND version > since.after
    ORDER BY version LIMIT $3::integer) AS following
ORDER BY since.partition, following.version)sql"};

Parameters parameters_of(std::span<const Since> from) {
    Columns columns({Type::integer, Type::bigint});
    for (const Since& one : from) {
        columns.integer(one.partition).number(one.after);
    }
    return columns.take();
}

bool is_hold(RowKind kind) {
    return kind == RowKind::live_hold || kind == RowKind::past_hold;
}

// Goes through one page. Returns the rows of the page, and whether the sink wants no more.
struct Page {
    std::int32_t rows = 0;
    bool enough = false;
};

Page read_hold_page(const Result& result, Range& range, const Sink& sink) {
    Page page;
    read_holds(result, [&](PartitionId partition, const Hold& hold) {
        ++page.rows;
        if (page.enough) {
            return;
        }
        range.partition = partition;
        range.after = encode_id_key(hold.id);
        std::string value;
        encode(value, hold);
        page.enough = !sink(partition, range.after, value);
    });
    return page;
}

Page read_table_page(const Table& table, const Result& result, Range& range, const Sink& sink) {
    Page page{.rows = result.rows()};
    for (int i = 0; i < result.rows() && !page.enough; ++i) {
        Fields row = result.row(i);
        range.partition = row.integer();
        range.after = table.read_key(row);
        page.enough =
            !sink(static_cast<PartitionId>(range.partition), range.after, table.read_value(row));
    }
    return page;
}

Parameters key_parameters(RowKind kind, std::int32_t partition, std::string_view key) {
    if (is_hold(kind)) {
        return Columns({Type::integer, Type::uuid})
            .integer(partition)
            .uuid(decode_id_key(key))
            .take();
    }
    const Table& table = table_of(kind);
    Columns columns(table.key_types());
    columns.integer(partition);
    table.write_key(key, columns);
    return columns.take();
}

}  // namespace

std::unique_ptr<Connection> Readers::take() {
    std::unique_lock lock(mutex_);
    given_back_.wait(lock, [this] { return !idle_.empty() || may_be_made_ > 0; });
    if (idle_.empty()) {
        --may_be_made_;
        return nullptr;
    }
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
}

void Readers::give_back(std::unique_ptr<Connection> connection) {
    {
        const std::lock_guard lock(mutex_);
        if (connection) {
            idle_.push_back(std::move(connection));
        } else {
            ++may_be_made_;
        }
    }
    given_back_.notify_one();
}

void read_rows(Connection& connection, RowKind kind, Range range, const Sink& sink) {
    range.after = first_key(kind, range.after);
    for (std::int32_t limit = first_page_rows;; limit = std::min(4 * limit, page_rows_max)) {
        Parameters parameters = key_parameters(kind, range.partition, range.after);
        parameters.integer(range.last_partition).integer(limit);
        const Result result = connection.query(
            is_hold(kind) ? hold_statements(kind).page : statements_of(kind).page, parameters);
        const Page page = is_hold(kind) ? read_hold_page(result, range, sink)
                                        : read_table_page(table_of(kind), result, range, sink);
        if (page.enough || page.rows < limit) {
            return;
        }
    }
}

std::optional<std::string> find_row(Connection& connection, PartitionId partition, RowKind kind,
                                    std::string_view key) {
    const Result result =
        connection.query(is_hold(kind) ? hold_statements(kind).find : statements_of(kind).find,
                         key_parameters(kind, partition, key));
    std::optional<std::string> value;
    Range ignored;
    const Sink take = [&](PartitionId, std::string_view, std::string_view found) {
        value = found;
        return true;
    };
    if (is_hold(kind)) {
        read_hold_page(result, ignored, take);
    } else {
        read_table_page(table_of(kind), result, ignored, take);
    }
    return value;
}

Command ask_tails(std::span<const Since> from, std::size_t bytes_max) {
    return {&read_blobs, parameters_of(from).bigint(bytes_max).integer(tail_rows)};
}

std::vector<Tail> tails_in(const Result& result, std::span<const Since> from) {
    std::vector<Tail> tails(from.size());
    std::size_t at = 0;
    for (int i = 0; i < result.rows(); ++i) {
        Fields row = result.row(i);
        const auto partition = static_cast<PartitionId>(row.integer());
        while (from[at].partition != partition) {
            ++at;
        }
        const Version last = row.number();
        const auto events = static_cast<Version>(row.integer());
        tails[at].batch = row.number();
        tails[at].blobs.push_back(
            {.first = last - events + 1, .last = last, .bytes = std::string(row.bytes())});
    }
    return tails;
}

Tail read_tail(Connection& connection, Since from, std::size_t bytes_max) {
    Tail tail;
    std::size_t bytes = 0;
    while (bytes <= bytes_max) {
        const Command asked = ask_tails({&from, 1}, bytes_max - bytes);
        const Result result = connection.query(*asked.statement, asked.parameters);
        Tail more = std::move(tails_in(result, {&from, 1}).front());
        const std::size_t rows = more.blobs.size();
        for (EventBlob& blob : more.blobs) {
            bytes += blob.bytes.size();
            from.after = blob.last;
            tail.blobs.push_back(std::move(blob));
            tail.batch = more.batch;
        }
        if (rows < static_cast<std::size_t>(tail_rows)) {
            break;
        }
    }
    return tail;
}

Command ask_answers(std::span<const Since> from) {
    return {&read_new_answers, parameters_of(from).integer(tail_rows)};
}

void read_answers(Connection& connection, Result result, std::span<const Head> until,
                  const AnswersSink& sink) {
    while (result.rows() > 0) {
        std::map<PartitionId, std::pair<Version, std::int32_t>> read;  // the last, and how many
        for (int i = 0; i < result.rows(); ++i) {
            Fields row = result.row(i);
            const auto partition = static_cast<PartitionId>(row.integer());
            const Version version = row.number();
            if (version <= until[partition].version) {
                sink(partition, version, row.bytes());
            }
            auto& [last, rows] = read[partition];
            last = version;
            ++rows;
        }
        std::vector<Since> next;
        for (const auto& [partition, page] : read) {
            if (page.second == tail_rows && page.first < until[partition].version) {
                next.push_back({.partition = partition, .after = page.first});
            }
        }
        if (next.empty()) {
            return;
        }
        const Command more = ask_answers(next);
        result = connection.query(*more.statement, more.parameters);
    }
}

}  // namespace holdfast::store::postgres
