#include "store/postgres/changes.h"

#include <algorithm>
#include <span>
#include <type_traits>

#include <fmt/format.h>

#include <holdfast/fault.h>
#include "store/codec.h"
#include "store/postgres/holds.h"
#include "store/postgres/tables.h"

namespace holdfast::store::postgres {

namespace {

// What is not as expected cannot be written: no version is less than 0.
const Statement move_partitions{"move_partitions",
                                fmt::format(R"sql(
UPDATE partition SET
    version = CASE WHEN version = step.expected AND fence = step.known THEN step.next ELSE {} END,
    batch = step.number, changed_at = now()
FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
    AS step (id, expected, known, next, number)
WHERE partition = step.id)sql",
                                            HF_FAULT(version_not_compared) ? "step.next" : "-1")};

// The names come as the texts of arrays: an array of arrays has as many in each.
const Statement put_events{"put_events", R"sql(
INSERT INTO event (partition, version, events, batch, at, types, subjects, body)
SELECT unnest($1::integer[]), unnest($2::bigint[]), unnest($3::integer[]), unnest($4::bigint[]),
       unnest($5::timestamptz[]), unnest($6::text[])::text[], unnest($7::text[])::text[],
       unnest($8::bytea[]))sql"};

std::string subject_of(const Event& event) {
    return std::visit(
        [](const auto& e) -> std::string {
            using Kind = std::remove_cvref_t<decltype(e)>;
            if constexpr (requires { e.hold.lines; }) {
                return to_string(e.hold.id);
            } else if constexpr (std::is_same_v<Kind, PartitionsChanged>) {
                return fmt::to_string(e.partitions);
            } else if constexpr (requires { e.sku; }) {
                return e.sku;
            } else if constexpr (std::is_same_v<Kind, LocationDefined>) {
                return e.location;
            } else if constexpr (std::is_same_v<Kind, HoldRefused>) {
                return e.cart;
            } else if constexpr (std::is_same_v<Kind, AlertRaised>) {
                return e.alert.sku;
            } else {
                return to_string(e.id);
            }
        },
        event);
}

// One more element of an array as PostgreSQL writes it: {"a","b"}.
void add_element(std::string& array, std::string_view text) {
    array += array.empty() ? "{\"" : ",\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            array += '\\';
        }
        array += c;
    }
    array += '"';
}

// The holds that this append places, in order: no lines of them are there yet.
using FreshHolds = std::vector<std::pair<PartitionId, HoldId>>;

FreshHolds write_events(const Batch& batch, std::vector<Command>& commands) {
    Columns events({Type::integer, Type::bigint, Type::integer, Type::bigint, Type::time,
                    Type::text, Type::text, Type::bytes});
    FreshHolds fresh;
    for (const PartitionStep& step : batch.steps) {
        if (step.next == step.expected) {
            continue;
        }
        std::string types;
        std::string subjects;
        std::int32_t count = 0;
        for (const RecordedEvent& recorded :
             decode_blob(step.partition,
                         {.first = step.expected + 1, .last = step.next, .bytes = step.events})) {
            ++count;
            add_element(types, type_name(recorded.event));
            add_element(subjects, subject_of(recorded.event));
            if (const auto* placed = std::get_if<HoldPlaced>(&recorded.event)) {
                fresh.emplace_back(step.partition, placed->hold.id);
            }
        }
        events.integer(step.partition).number(step.next);
        events.integer(count);
        events.number(batch.number).time(batch.at).text(types + '}').text(subjects + '}');
        events.bytes(step.events);
    }
    if (!events.empty()) {
        commands.push_back({.statement = &put_events, .parameters = events.take()});
    }
    std::ranges::sort(fresh);
    return fresh;
}

bool is_hold(RowKind kind) {
    return kind == RowKind::live_hold || kind == RowKind::past_hold;
}

// Both kinds of holds are in one table.
RowKind table_kind(const Row& row) {
    return is_hold(row.kind) ? RowKind::live_hold : row.kind;
}

// The rows of one table.
void write_rows(const Batch& batch, std::span<const Row* const> rows,
                std::vector<Command>& commands) {
    const Table& table = table_of(rows.front()->kind);
    Columns put(table.row_types());
    Columns erased(table.key_types());
    for (const Row* const row : rows) {
        Columns& to = row->erase ? erased : put;
        to.integer(row->partition);
        table.write_key(batch.key(*row), to);
        if (!row->erase) {
            table.write_value(batch.value(*row), to);
        }
    }
    const TableStatements& statements = statements_of(table.kind);
    if (!erased.empty()) {
        commands.push_back({.statement = &statements.erase, .parameters = erased.take()});
    }
    if (!put.empty()) {
        commands.push_back({.statement = &statements.put, .parameters = put.take()});
    }
}

void write_holds(const Batch& batch, std::span<const Row* const> rows, const FreshHolds& fresh,
                 std::vector<Command>& commands) {
    HoldColumns holds;
    for (const Row* const row : rows) {
        if (row->erase) {
            holds.erase(row->partition, decode_id_key(batch.key(*row)),
                        row->kind == RowKind::live_hold);
            continue;
        }
        const Hold hold = decode_hold(batch.value(*row));
        if (encode_id_key(hold.id) != batch.key(*row) ||
            (hold.status == HoldStatus::pending) != (row->kind == RowKind::live_hold)) {
            throw StoreError(
                fmt::format("{} cannot be kept under another id or status", to_string(hold.id)));
        }
        holds.put(row->partition, hold,
                  std::ranges::binary_search(fresh, std::pair(row->partition, hold.id)));
    }
    holds.take(commands);
}

// The rows that stay of those with one key, which are in the order of the batch: the last one, of each kind
// of holds. But one that is erased as a pending hold and put as a past one has been changed.
void keep_last(std::span<const Row* const> same, std::vector<const Row*>& kept) {
    const Row* const last = same.back();
    const auto other = std::ranges::find_if(
        same.rbegin(), same.rend(), [&](const Row* row) { return row->kind != last->kind; });
    if (other == same.rend() || !last->erase) {
        kept.push_back(last);
        return;
    }
    kept.push_back(*other);
    if ((*other)->erase) {
        kept.push_back(last);
    }
}

}  // namespace

std::vector<Command> changes_of(const Batch& batch) {
    std::vector<Command> commands;
    const FreshHolds fresh = write_events(batch, commands);
    std::vector<const Row*> rows;
    rows.reserve(batch.rows.size());
    for (const Row& row : batch.rows) {
        rows.push_back(&row);
    }
    // All writers in the same order: of two that touch the same rows one waits, and neither for ever.
    const auto key = [&](const Row* row) {
        return std::tuple(table_kind(*row), row->partition, batch.key(*row));
    };
    std::ranges::stable_sort(rows, {}, key);
    std::vector<const Row*> kept;
    for (std::size_t i = 0; i < rows.size();) {
        const RowKind table = table_kind(*rows[i]);
        kept.clear();
        while (i < rows.size() && table_kind(*rows[i]) == table) {
            std::size_t end = i + 1;
            while (end < rows.size() && key(rows[end]) == key(rows[i])) {
                ++end;
            }
            keep_last(std::span(rows).subspan(i, end - i), kept);
            i = end;
        }
        if (is_hold(table)) {
            write_holds(batch, kept, fresh, commands);
        } else {
            write_rows(batch, kept, commands);
        }
    }
    return commands;
}

Command move_of(const Batch& batch, const std::vector<std::uint64_t>& fences) {
    Columns steps({Type::integer, Type::bigint, Type::bigint, Type::bigint, Type::bigint});
    std::vector<const PartitionStep*> ascending;
    ascending.reserve(batch.steps.size());
    for (const PartitionStep& step : batch.steps) {
        ascending.push_back(&step);
    }
    std::ranges::sort(ascending, {}, &PartitionStep::partition);
    for (const PartitionStep* const step : ascending) {
        steps.integer(step->partition).number(step->expected);
        steps.number(fences.at(step->partition)).number(step->next).number(batch.number);
    }
    return {.statement = &move_partitions, .parameters = steps.take()};
}

bool not_as_expected(const Failure& failure) {
    return failure.state == "23514" && failure.constraint == "version_as_expected";
}

}  // namespace holdfast::store::postgres
