#include "store/postgres/postgres_store.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include <holdfast/fault.h>
#include "store/postgres/database_clock.h"
#include "store/postgres/mover.h"
#include "store/postgres/primary.h"
#include "store/postgres/readers.h"
#include "store/postgres/schema.h"
#include "store/postgres/writer.h"

namespace holdfast::store {

namespace {

constexpr std::size_t readers_max = 4;
// Appends at once: so that a node's share of a database's processors is more than one, and a slow commit is waited
// for by some of the partitions only.
constexpr std::size_t writers_count = 4;

const postgres::Statement read_heads{
    "read_heads",
    "SELECT version, batch, fence, clock_timestamp() FROM partition ORDER BY partition"};

const postgres::Statement read_last_events{"read_last_events", R"sql(
SELECT partition, version, event.batch
FROM partition JOIN event USING (partition, version))sql"};

// Through each partition's own part of the index, because the partition leads it.
postgres::Statement holds_statement(std::string_view column, std::string_view condition) {
    return {fmt::format("holds_by_{}", column), fmt::format(R"sql(
SELECT found.id
FROM partition AS p CROSS JOIN LATERAL (
    SELECT id FROM hold
    WHERE hold.partition = p.partition AND {} = $1::text AND status <> 'pending' AND {}
        AND id > ($2::uuid[])[1]
    ORDER BY id LIMIT $3::bigint) AS found
ORDER BY found.id LIMIT $3::bigint)sql",
                                                            column, condition)};
}
const postgres::Statement holds_by_cart = holds_statement("cart", "true");
const postgres::Statement holds_by_customer = holds_statement("customer", "customer <> ''");

class PostgresStore final : public MovableStore {
public:
    PostgresStore(std::unique_ptr<postgres::Primary> primary, std::string where,
                  const PostgresOptions& options, postgres::Installed installed)
        : primary_(std::move(primary)),
          where_(std::move(where)),
          installed_(std::move(installed)),
          for_move_(options.for_move),
          clock_(std::make_shared<postgres::DatabaseClock>()),
          readers_(*primary_, readers_max),
          mover_(*primary_, where_) {
        writers_.reserve(writers_count);
        for (std::size_t i = 0; i < writers_count; ++i) {
            writers_.push_back(std::make_unique<postgres::Writer>(
                *primary_, where_, installed_.partitions,
                postgres::Writer::Options{.resolve_within = options.resolve_within,
                                          .for_move = options.for_move}));
        }
        heads();  // sets the clock
    }

    [[nodiscard]] std::uint32_t partition_count() const override { return installed_.partitions; }
    [[nodiscard]] std::optional<std::uint16_t> writer() const override { return installed_.writer; }
    [[nodiscard]] std::size_t appends_at_once() const override { return writers_.size(); }
    [[nodiscard]] std::shared_ptr<const Clock> clock() const override { return clock_; }
    std::vector<Head> heads() override {
        return readers_.with([this](postgres::Connection& from) { return heads_of(from); });
    }
    std::vector<Head> load(const std::vector<RowKind>& kinds, const RowSink& sink) override;
    std::vector<EventBlob> tail(PartitionId partition, Version after,
                                std::size_t bytes_max) override {
        return learnt(partition, readers_.with([&](postgres::Connection& from) {
            return postgres::read_tail(from, {.partition = partition, .after = after}, bytes_max);
        }));
    }
    std::vector<std::vector<EventBlob>> tails(std::span<const Since> from,
                                              std::size_t bytes_max) override;
    News news(std::span<const Version> after, std::size_t bytes_max,
              const AnswersSink& answers) override;
    void append(Batch batch, AppendDone done) override {
        if (HF_FAULT(answer_before_commit)) {
            std::exchange(done, [](const AppendResult&) {})({});
        }
        // The first that is idle: it also has the locks that the last append wanted to keep.
        const auto idle =
            std::ranges::find_if(writers_, [](const auto& writer) { return writer->idle(); });
        postgres::Writer& writer = idle == writers_.end() ? *writers_.front() : **idle;
        writer.append(std::move(batch), std::move(done));
    }
    [[nodiscard]] std::optional<std::string> find(PartitionId partition, RowKind kind,
                                                  std::string_view key) override {
        return readers_.with([&](postgres::Connection& from) {
            return postgres::find_row(from, partition, kind, key);
        });
    }
    void scan(PartitionId partition, RowKind kind, std::string_view after,
              const std::function<bool(std::string_view, std::string_view)>& sink) override;
    std::vector<HoldId> holds_of(HoldIndex index, std::string_view name, HoldId after,
                                 std::size_t limit, const std::stop_token& ending) override;
    void backup(const std::filesystem::path& directory) override;

    [[nodiscard]] std::string id() const override { return installed_.id; }
    [[nodiscard]] std::string name() const override { return where_; }
    Notice notice() override { return readers_.with(postgres::read_notice); }
    void set_notice(const Notice& notice) override { mover_.set_notice(notice); }
    AppendResult append_all(std::vector<Batch> batches) override {
        return mover_.append_all(batches);
    }
    void hold_others() override { mover_.hold_others(); }
    void retire(const Notice& notice) override { mover_.retire(notice); }

private:
    using Steady = postgres::DatabaseClock::Steady;
    std::vector<Head> heads_of(postgres::Connection& from);
    // It was asked for and answered at these moments.
    std::vector<Head> heads_in(const postgres::Result& result, Steady::time_point asked,
                               Steady::time_point answered, postgres::Connection& from);
    std::vector<std::vector<EventBlob>> learnt(std::vector<postgres::Tail>&& tails,
                                               std::span<const Since> from);
    // Its blobs; and remembers its last one, for a fail-over.
    std::vector<EventBlob> learnt(PartitionId partition, postgres::Tail&& tail);

    const std::unique_ptr<postgres::Primary> primary_;
    const std::string where_;
    const postgres::Installed installed_;
    const bool for_move_;
    const std::shared_ptr<postgres::DatabaseClock> clock_;
    postgres::Readers readers_;
    std::vector<std::unique_ptr<postgres::Writer>> writers_;
    postgres::Mover mover_;
};

std::vector<Head> PostgresStore::heads_of(postgres::Connection& from) {
    const auto asked = Steady::now();
    const postgres::Result result = from.query(read_heads, {});
    return heads_in(result, asked, Steady::now(), from);
}

std::vector<Head> PostgresStore::heads_in(const postgres::Result& result, Steady::time_point asked,
                                          Steady::time_point answered, postgres::Connection& from) {
    std::vector<Head> heads;
    for (int i = 0; i < result.rows(); ++i) {
        postgres::Fields row = result.row(i);
        const Version version = row.number();
        heads.push_back({.version = version, .batch = row.number()});
        if (postgres::is_closed(row.bigint()) && !for_move_) {
            throw StoreError(refusal_of(postgres::read_notice(from), where_));
        }
        if (i == 0) {
            clock_->set(asked, answered, row.moment());
        }
    }
    if (heads.size() != installed_.partitions) {
        throw StoreError(
            fmt::format("the table partition at {} has {} rows, and there are {} partitions: has "
                        "somebody changed it?",
                        where_, heads.size(), installed_.partitions));
    }
    return heads;
}

std::vector<EventBlob> PostgresStore::learnt(PartitionId partition, postgres::Tail&& tail) {
    if (!tail.blobs.empty()) {
        primary_->history().learn(partition,
                                  {.version = tail.blobs.back().last, .batch = tail.batch});
    }
    return std::move(tail.blobs);
}

std::vector<std::vector<EventBlob>> PostgresStore::learnt(std::vector<postgres::Tail>&& tails,
                                                          std::span<const Since> from) {
    std::vector<std::vector<EventBlob>> found;
    found.reserve(tails.size());
    for (std::size_t i = 0; i < tails.size(); ++i) {
        found.push_back(learnt(from[i].partition, std::move(tails[i])));
    }
    return found;
}

std::vector<std::vector<EventBlob>> PostgresStore::tails(std::span<const Since> from,
                                                         std::size_t bytes_max) {
    const postgres::Command asked = postgres::ask_tails(from, bytes_max);
    return learnt(readers_.with([&](postgres::Connection& connection) {
        return postgres::tails_in(connection.query(*asked.statement, asked.parameters), from);
    }),
                  from);
}

News PostgresStore::news(std::span<const Version> after, std::size_t bytes_max,
                         const AnswersSink& answers) {
    const std::vector<Since> from = since(after);
    const std::vector<postgres::Command> questions = {
        {&read_heads, {}}, postgres::ask_tails(from, bytes_max), postgres::ask_answers(from)};
    return readers_.with([&](postgres::Connection& connection) {
        const auto asked = Steady::now();
        std::vector<postgres::Result> found = connection.query(questions);
        News news{.heads = heads_in(found[0], asked, Steady::now(), connection)};
        news.tails = learnt(postgres::tails_in(found[1], from), from);
        postgres::read_answers(connection, std::move(found[2]), news.heads, answers);
        return news;
    });
}

std::vector<Head> PostgresStore::load(const std::vector<RowKind>& kinds, const RowSink& sink) {
    return readers_.with([&](postgres::Connection& from) {
        from.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        std::vector<Head> heads = heads_of(from);
        const postgres::Result last = from.query(read_last_events, {});
        for (int i = 0; i < last.rows(); ++i) {
            postgres::Fields row = last.row(i);
            const auto partition = static_cast<PartitionId>(row.integer());
            const Version version = row.number();
            primary_->history().learn(partition, {.version = version, .batch = row.number()});
        }
        for (const RowKind kind : kinds) {
            postgres::read_rows(
                from, kind,
                {.partition = -1, .last_partition = std::numeric_limits<PartitionId>::max()},
                [&](PartitionId partition, std::string_view key, std::string_view value) {
                    sink(kind, partition, key, value);
                    return true;
                });
        }
        from.run("COMMIT");
        return heads;
    });
}

void PostgresStore::scan(PartitionId partition, RowKind kind, std::string_view after,
                         const std::function<bool(std::string_view, std::string_view)>& sink) {
    readers_.with([&](postgres::Connection& from) {
        postgres::read_rows(
            from, kind,
            {.partition = partition, .after = std::string(after), .last_partition = partition},
            [&](PartitionId, std::string_view key, std::string_view value) {
                return sink(key, value);
            });
        return true;
    });
}

std::vector<HoldId> PostgresStore::holds_of(HoldIndex index, std::string_view name, HoldId after,
                                            std::size_t limit, const std::stop_token& /*ending*/) {
    postgres::Parameters parameters;
    parameters.text(name);
    parameters.add(
        std::string(postgres::Columns({postgres::Type::uuid}).uuid(after).take().values().front()));
    parameters.bigint(limit);
    return readers_.with([&](postgres::Connection& from) {
        const postgres::Result result =
            from.query(index == HoldIndex::cart ? holds_by_cart : holds_by_customer, parameters);
        std::vector<HoldId> ids;
        ids.reserve(static_cast<std::size_t>(result.rows()));
        for (int i = 0; i < result.rows(); ++i) {
            ids.push_back(result.row(i).uuid());
        }
        return ids;
    });
}

void PostgresStore::backup(const std::filesystem::path& directory) {
    throw StoreError(
        fmt::format("cannot back up to {}: the store is a PostgreSQL database; use its own means, "
                    "pg_basebackup with "
                    "an archive of its log, or pg_dump",
                    directory.string()));
}

std::unique_ptr<PostgresStore> open(const PostgresOptions& options) {
    const postgres::Address address = postgres::parse_url(options.url);
    auto primary = std::make_unique<postgres::Primary>(address);
    const auto connection = primary->connect();
    postgres::Installed installed =
        postgres::install_schema(*connection, address, options.partitions);
    if (const Notice notice = postgres::read_notice(*connection);
        notice.reason != Notice::Reason::none && !options.for_move) {
        throw StoreError(refusal_of(notice, address.shown));
    }
    return std::make_unique<PostgresStore>(std::move(primary), address.shown, options,
                                           std::move(installed));
}

}  // namespace

std::unique_ptr<Store> open_postgres(const PostgresOptions& options) {
    return open(options);
}

std::unique_ptr<MovableStore> open_postgres_to_move(PostgresOptions options) {
    options.for_move = true;
    return open(options);
}

}  // namespace holdfast::store
