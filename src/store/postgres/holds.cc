#include "store/postgres/holds.h"

#include <algorithm>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "store/postgres/tables.h"

namespace holdfast::store::postgres {

namespace {

const std::vector<Type> hold_types = {
    Type::integer, Type::uuid, Type::text,   Type::bigint, Type::text,    Type::text,   Type::text,
    Type::time,    Type::time, Type::bigint, Type::time,   Type::integer, Type::boolean};
const std::vector<Type> line_types = {
    Type::integer, Type::uuid,   Type::integer, Type::integer, Type::text,    Type::text,
    Type::bigint,  Type::bigint, Type::boolean, Type::boolean, Type::boolean, Type::text,
    Type::bigint,  Type::bigint, Type::bigint,  Type::bigint,  Type::bigint,  Type::bigint};
const std::vector<Type> cleared_types = {Type::integer, Type::uuid, Type::integer, Type::integer,
                                         Type::integer};
const std::vector<Type> erased_types = {Type::integer, Type::uuid, Type::boolean};

// Nearly every hold is new and has nothing but what each must have: these write only that, and look for
// no older row.
const std::vector<Type> fresh_hold_types = {Type::integer, Type::uuid, Type::text, Type::bigint,
                                            Type::text,    Type::text, Type::time, Type::time};
const std::vector<Type> fresh_line_types = {
    Type::integer, Type::uuid,    Type::integer, Type::text, Type::text,  Type::bigint,
    Type::bigint,  Type::boolean, Type::boolean, Type::text, Type::bigint};
const Statement add_holds{"add_holds", fmt::format(R"sql(
INSERT INTO hold (partition, id, status, fence, cart, customer, created_at, expires_at)
SELECT {})sql",
                                                   array_rows(fresh_hold_types))};
const Statement add_lines{"add_lines", fmt::format(R"sql(
INSERT INTO hold_line (partition, hold, line, sku, asked_location, wanted, quantity, limited, windowed,
    location, allocated)
SELECT {})sql",
                                                   array_rows(fresh_line_types))};

const Statement put_holds{"put_holds", fmt::format(R"sql(
INSERT INTO hold (partition, id, status, fence, cart, customer, region, created_at, expires_at,
                  heartbeat, beats_until, extensions, secured)
SELECT {}
ON CONFLICT (partition, id) DO UPDATE SET
    status = excluded.status, fence = excluded.fence, cart = excluded.cart,
    customer = excluded.customer, region = excluded.region, created_at = excluded.created_at,
    expires_at = excluded.expires_at, heartbeat = excluded.heartbeat,
    beats_until = excluded.beats_until, extensions = excluded.extensions,
    secured = excluded.secured)sql",
                                                   array_rows(hold_types))};

const Statement put_lines{"put_lines", fmt::format(R"sql(
INSERT INTO hold_line AS old (partition, hold, line, part, sku, asked_location, wanted, quantity, soft,
    limited, windowed, location, allocated, fulfilled, cancelled, returned, backordered, place)
SELECT {}
ON CONFLICT (partition, hold, line, part) DO UPDATE SET
    sku = excluded.sku, asked_location = excluded.asked_location, wanted = excluded.wanted,
    quantity = excluded.quantity, soft = excluded.soft, limited = excluded.limited,
    windowed = excluded.windowed, location = excluded.location, allocated = excluded.allocated,
    fulfilled = excluded.fulfilled, cancelled = excluded.cancelled, returned = excluded.returned,
    backordered = excluded.backordered, place = excluded.place
WHERE old IS DISTINCT FROM excluded)sql",
                                                   array_rows(line_types))};

// Lines and parts that a hold no longer has.
const Statement clear_lines{"clear_lines", fmt::format(R"sql(
DELETE FROM hold_line AS old
USING unnest({}) AS gone (partition, hold, line, last_line, part)
WHERE old.partition = gone.partition AND old.hold = gone.hold
  AND old.line BETWEEN gone.line AND gone.last_line AND old.part >= gone.part)sql",
                                                       array_parameters(cleared_types))};

const Statement erase_holds{"erase_holds", fmt::format(R"sql(
WITH erased AS (
    DELETE FROM hold USING unnest({}) AS gone (partition, id, pending)
    WHERE hold.partition = gone.partition AND hold.id = gone.id
      AND (hold.status = 'pending') = gone.pending
    RETURNING hold.partition, hold.id)
DELETE FROM hold_line AS old USING erased
WHERE old.partition = erased.partition AND old.hold = erased.id)sql",
                                                       array_parameters(erased_types))};

HoldStatements make_statements(std::string_view kind, std::string_view condition) {
    const auto select = [](std::string_view holds) {
        return fmt::format(R"sql(
SELECT h.partition, h.id, h.status, h.fence, h.cart, h.customer, h.region, h.created_at, h.expires_at,
       h.heartbeat, h.beats_until, h.extensions, h.secured,
       l.line, l.sku, l.asked_location, l.wanted, l.quantity, l.soft, l.limited, l.windowed,
       l.location, l.allocated, l.fulfilled, l.cancelled, l.returned, l.backordered, l.place
FROM (SELECT * FROM hold WHERE {}) h
LEFT JOIN hold_line l ON l.partition = h.partition AND l.hold = h.id
ORDER BY h.partition, h.id, l.line, l.part)sql",
                           holds);
    };
    return {
        .find = {fmt::format("find_{}", kind),
                 select(fmt::format(
                     "partition = ($1::integer[])[1] AND id = ($2::uuid[])[1] AND {}", condition))},
        .page = {fmt::format("page_{}", kind),
                 select(fmt::format("(partition, id) > (($1::integer[])[1], ($2::uuid[])[1]) AND "
                                    "partition <= $3::integer AND {} "
                                    "ORDER BY partition, id LIMIT $4::integer",
                                    condition))}};
}

HoldStatus parse_status(std::string_view text) {
    for (int i = 0; i <= static_cast<int>(HoldStatus::lost); ++i) {
        if (const auto status = static_cast<HoldStatus>(i); to_string(status) == text) {
            return status;
        }
    }
    throw StoreError(fmt::format("a hold has the unknown status {}", text));
}

Hold read_hold(Fields& from) {
    Hold hold;
    hold.id = from.uuid();
    hold.status = parse_status(from.text());
    hold.fence = from.number();
    hold.cart = from.text();
    hold.customer = from.text();
    hold.region = from.text();
    hold.created_at = from.time();
    hold.expires_at = from.time();
    hold.heartbeat = Seconds(from.bigint());
    if (!from.null()) {
        hold.beats_until = from.time();
    }
    hold.extensions = from.integer();
    hold.secured = from.boolean();
    return hold;
}

// The next row of a hold: another line, or another location of the last one.
void read_line(Fields& from, Hold& hold, std::int32_t number) {
    const bool same = static_cast<std::size_t>(number) < hold.lines.size();
    HoldLine read;
    HoldLine& line = same ? hold.lines.back() : hold.lines.emplace_back();
    read.sku = from.text();
    read.location = from.text();
    read.wanted = from.bigint();
    read.quantity = from.bigint();
    read.soft = from.boolean();
    read.limited = from.boolean();
    read.windowed = from.boolean();
    if (!same) {
        line = std::move(read);
    }
    if (from.null()) {
        return;
    }
    Allocation& allocation = line.allocations.emplace_back();
    allocation.location = from.text();
    allocation.quantity = from.bigint();
    allocation.fulfilled = from.bigint();
    allocation.cancelled = from.bigint();
    allocation.returned = from.bigint();
    allocation.backordered = from.bigint();
    allocation.place = from.number();
}

bool is_plain(const HoldLine& line) {
    if (line.soft || line.allocations.size() != 1) {
        return false;
    }
    const Allocation& only = line.allocations.front();
    return only.fulfilled == 0 && only.cancelled == 0 && only.returned == 0 &&
           only.backordered == 0 && only.place == 0;
}

bool is_plain(const Hold& hold) {
    return hold.region.empty() && hold.heartbeat.count() == 0 && hold.beats_until == Instant{} &&
           hold.extensions == 0 && !hold.secured &&
           std::ranges::all_of(hold.lines, [](const HoldLine& line) { return is_plain(line); });
}

}  // namespace

HoldColumns::HoldColumns()
    : fresh_holds_(fresh_hold_types),
      fresh_lines_(fresh_line_types),
      holds_(hold_types),
      lines_(line_types),
      cleared_(cleared_types),
      erased_(erased_types) {}

void HoldColumns::put_fresh(PartitionId partition, const Hold& hold) {
    fresh_holds_.integer(partition).uuid(hold.id).text(to_string(hold.status)).number(hold.fence);
    fresh_holds_.text(hold.cart).text(hold.customer).time(hold.created_at).time(hold.expires_at);
    std::int32_t number = 0;
    for (const HoldLine& line : hold.lines) {
        fresh_lines_.integer(partition).uuid(hold.id).integer(number++).text(line.sku);
        fresh_lines_.text(line.location).bigint(line.wanted).bigint(line.quantity);
        fresh_lines_.boolean(line.limited).boolean(line.windowed);
        const Allocation& only = line.allocations.front();
        fresh_lines_.text(only.location).bigint(only.quantity);
    }
}

void HoldColumns::put(PartitionId partition, const Hold& hold, bool fresh) {
    if (fresh && is_plain(hold)) {
        put_fresh(partition, hold);
        return;
    }
    holds_.integer(partition).uuid(hold.id).text(to_string(hold.status)).number(hold.fence);
    holds_.text(hold.cart).text(hold.customer).text(hold.region);
    holds_.time(hold.created_at).time(hold.expires_at).bigint(hold.heartbeat.count());
    hold.beats_until == Instant{} ? holds_.null() : holds_.time(hold.beats_until);
    holds_.integer(hold.extensions).boolean(hold.secured);
    const auto lines = static_cast<std::int32_t>(hold.lines.size());
    for (std::int32_t i = 0; i < lines; ++i) {
        const HoldLine& line = hold.lines[static_cast<std::size_t>(i)];
        put_line(partition, hold.id, i, line);
        if (!fresh) {
            const std::size_t parts = std::max<std::size_t>(line.allocations.size(), 1);
            clear(partition, hold.id, i, i, static_cast<std::int32_t>(parts));
        }
    }
    if (!fresh) {
        clear(partition, hold.id, lines, std::numeric_limits<std::int32_t>::max(), 0);
    }
}

void HoldColumns::put_line(PartitionId partition, HoldId id, std::int32_t number,
                           const HoldLine& line) {
    const auto begin = [&](std::int32_t part) {
        lines_.integer(partition).uuid(id).integer(number).integer(part);
        lines_.text(line.sku).text(line.location).bigint(line.wanted).bigint(line.quantity);
        lines_.boolean(line.soft).boolean(line.limited).boolean(line.windowed);
    };
    if (line.allocations.empty()) {
        begin(0);
        lines_.null().bigint(0).bigint(0).bigint(0).bigint(0).bigint(0).bigint(0);
    }
    std::int32_t part = 0;
    for (const Allocation& allocation : line.allocations) {
        begin(part++);
        lines_.text(allocation.location).bigint(allocation.quantity).bigint(allocation.fulfilled);
        lines_.bigint(allocation.cancelled).bigint(allocation.returned);
        lines_.bigint(allocation.backordered).number(allocation.place);
    }
}

void HoldColumns::clear(PartitionId partition, HoldId id, std::int32_t line, std::int32_t last_line,
                        std::int32_t part) {
    cleared_.integer(partition).uuid(id).integer(line).integer(last_line).integer(part);
}

void HoldColumns::erase(PartitionId partition, HoldId id, bool pending) {
    erased_.integer(partition).uuid(id).boolean(pending);
}

void HoldColumns::take(std::vector<Command>& commands) {
    const auto add = [&](const Statement& statement, Columns& columns) {
        if (!columns.empty()) {
            commands.push_back({.statement = &statement, .parameters = columns.take()});
        }
    };
    add(erase_holds, erased_);
    add(add_holds, fresh_holds_);
    add(add_lines, fresh_lines_);
    add(put_holds, holds_);
    add(clear_lines, cleared_);
    add(put_lines, lines_);
}

const HoldStatements& hold_statements(RowKind kind) {
    static const HoldStatements live = make_statements("live_hold", "status = 'pending'");
    static const HoldStatements past = make_statements("past_hold", "status <> 'pending'");
    return kind == RowKind::live_hold ? live : past;
}

void read_holds(const Result& result,
                const std::function<void(PartitionId, const Hold& hold)>& each) {
    std::optional<Hold> hold;
    PartitionId of = 0;
    for (int i = 0; i < result.rows(); ++i) {
        Fields row = result.row(i);
        const auto partition = static_cast<PartitionId>(row.integer());
        Hold read = read_hold(row);
        if (!hold || hold->id != read.id || of != partition) {
            if (hold) {
                each(of, *hold);
            }
            hold = std::move(read);
            of = partition;
        }
        if (!row.null()) {
            const std::int32_t line = row.integer();
            read_line(row, *hold, line);
        }
    }
    if (hold) {
        each(of, *hold);
    }
}

}  // namespace holdfast::store::postgres
