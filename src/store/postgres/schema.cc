#include "store/postgres/schema.h"

#include <random>

#include <fmt/format.h>

#include "store/postgres/migrations.h"

namespace holdfast::store::postgres {

namespace {

// Others may be doing the same at the same moment: then one of us sees the other's row in the catalogue.
constexpr int attempts_max = 100;

const Statement read_meta{"read_meta", "SELECT format, partitions FROM meta"};
const Statement next_writer{"next_writer",
                            "UPDATE meta SET writer = writer % 65535 + 1 RETURNING writer"};
const Statement read_id{"read_id", "SELECT store::text FROM meta"};
const Statement find_notice{"find_notice", "SELECT notice FROM meta"};
const Statement put_notice{"put_notice", "UPDATE meta SET notice = $1::text"};
const Statement read_encoding{"read_encoding", "SELECT current_setting('server_encoding')"};

struct Meta {
    std::int32_t format = 0;
    std::int32_t partitions = 0;
};

std::optional<Meta> read(Connection& connection) {
    try {
        const Result result = connection.query(read_meta, {});
        if (result.rows() == 0) {
            return std::nullopt;
        }
        Fields row = result.row(0);
        const std::int32_t format = row.integer();
        return Meta{.format = format, .partitions = row.integer()};
    } catch (const DatabaseError& error) {
        if (error.failure().state == "42P01") {  // no such table
            return std::nullopt;
        }
        throw;
    }
}

std::string random_uuid() {
    std::random_device random;
    return fmt::format("{:08x}-{:04x}-4{:03x}-8{:03x}-{:08x}{:04x}", random(), random() & 0xffff,
                       random() & 0xfff, random() & 0xfff, random(), random() & 0xffff);
}

void make_meta(Connection& connection, const std::string& schema, std::uint32_t partitions) {
    connection.run(fmt::format(R"sql(
BEGIN;
CREATE SCHEMA IF NOT EXISTS {};
CREATE TABLE IF NOT EXISTS meta (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    format integer NOT NULL,
    partitions integer NOT NULL CHECK (partitions > 0),
    store uuid NOT NULL,
    writer integer NOT NULL
);
COMMENT ON TABLE meta IS 'What this schema is: made by Holdfast, which needs no other.';
COMMENT ON COLUMN meta.format IS 'Of these tables. Older programs refuse a newer one.';
COMMENT ON COLUMN meta.writer IS 'The number that was last given to a process.';
INSERT INTO meta (format, partitions, store, writer) VALUES (0, {}, '{}', 0) ON CONFLICT DO NOTHING;
COMMIT)sql",
                               postgres::quoted(schema), partitions, random_uuid()));
}

void bring_forward(Connection& connection) {
    // Lets readers through and no second one in here.
    connection.run("BEGIN; LOCK TABLE meta IN SHARE ROW EXCLUSIVE MODE");
    const auto meta = read(connection);
    for (auto format = static_cast<std::size_t>(meta ? meta->format : 0);
         format < migrations.size(); ++format) {
        connection.run(std::string(migrations[format]));
        if (format == 0) {
            connection.run(
                "INSERT INTO partition (partition) "
                "SELECT generate_series(0, partitions - 1) FROM meta");
        }
    }
    // A newer program may have been here while this one waited.
    connection.run(
        fmt::format("UPDATE meta SET format = {0} WHERE format < {0}; COMMIT", migrations.size()));
}

// What the catalogue answers when two make the same thing at once.
bool made_by_another(const Failure& failure) {
    return failure.state == "23505" || failure.state == "42P06" || failure.state == "42P07" ||
           failure.state == "42710" || failure.state == "40001" || failure.state == "40P01" ||
           failure.state == "XX000";  // "tuple concurrently updated", of a comment
}

}  // namespace

Installed install_schema(Connection& connection, const Address& address, std::uint32_t partitions) {
    if (const Result result = connection.query(read_encoding, {}); result.row(0).text() != "UTF8") {
        throw StoreError(fmt::format(
            "the database at {} is encoded as {}: make one with ENCODING 'UTF8' for the store",
            address.shown, result.row(0).text()));
    }
    for (int attempt = 1;; ++attempt) {
        try {
            auto meta = read(connection);
            if (!meta && partitions == 0) {
                throw StoreError(
                    fmt::format("there is no store at {}: mend the URL, or make one with holdfast "
                                "serve --store",
                                address.shown));
            }
            if (!meta) {
                make_meta(connection, address.schema, partitions);
                meta = read(connection);
            }
            if (meta && meta->format > static_cast<std::int32_t>(migrations.size())) {
                throw StoreError(
                    fmt::format("the tables at {} have format {}, and this program knows only up "
                                "to {}: use the "
                                "program that made them, or a newer one",
                                address.shown, meta->format, migrations.size()));
            }
            if (meta && meta->format == static_cast<std::int32_t>(migrations.size())) {
                const Result writer = connection.query(next_writer, {});
                const Result id = connection.query(read_id, {});
                return {.partitions = static_cast<std::uint32_t>(meta->partitions),
                        .writer = static_cast<std::uint16_t>(writer.row(0).integer()),
                        .id = std::string(id.row(0).text())};
            }
            bring_forward(connection);
        } catch (const DatabaseError& error) {
            if (error.failure().lost || !made_by_another(error.failure()) ||
                attempt == attempts_max) {
                throw;
            }
            connection.run("ROLLBACK");
        }
    }
}

Notice read_notice(Connection& connection) {
    const Result result = connection.query(find_notice, {});
    return decode_notice(result.row(0).text());
}

void write_notice(Connection& connection, const Notice& notice) {
    connection.query(put_notice, Parameters().text(encode(notice)));
}

}  // namespace holdfast::store::postgres
