#include "store/postgres/tables.h"

#include <array>

#include <fmt/format.h>

#include <holdfast/assert.h>
#include "store/codec.h"

namespace holdfast::store::postgres {

namespace {

// A piece of the codec's bytes, encoded anew.
template <class Value>
std::string encoded(const Value& value) {
    std::string bytes;
    encode(bytes, value);
    return bytes;
}

std::string text_of(Fields& from) {
    return std::string(from.text());
}

Table sku_table() {
    return {.kind = RowKind::sku,
            .name = "sku",
            .key = {{"sku", Type::text}},
            .value = {{"selling", Type::text},
                      {"reserve_at", Type::text},
                      {"safety_stock", Type::bigint},
                      {"low_stock", Type::bigint},
                      {"reorder_point", Type::bigint},
                      {"max_per_customer", Type::bigint},
                      {"defined_at", Type::bigint},
                      {"policy", Type::bytes}},
            .write_key = [](std::string_view key, Columns& to) { to.text(key); },
            .write_value =
                [](std::string_view value, Columns& to) {
                    const SkuRow row = decode_sku_row(value);
                    const Policy& policy = row.policy;
                    to.text(to_string(policy.selling)).text(to_string(policy.reserve_at));
                    to.bigint(policy.safety_stock).bigint(policy.low_stock);
                    to.bigint(policy.reorder_point);
                    policy.max_per_customer ? to.bigint(*policy.max_per_customer) : to.null();
                    to.number(row.defined_at).bytes(value);
                },
            .read_key = text_of,
            .read_value =
                [](Fields& from) {
                    from.text();
                    from.text();
                    from.bigint();
                    from.bigint();
                    from.bigint();
                    if (!from.null()) {
                        from.bigint();
                    }
                    from.bigint();
                    return std::string(from.bytes());
                }};
}

Table location_table() {
    return {.kind = RowKind::location,
            .name = "location",
            .key = {{"location", Type::text}},
            .value = {{"region", Type::text}, {"priority", Type::integer}},
            .write_key = [](std::string_view key, Columns& to) { to.text(key); },
            .write_value =
                [](std::string_view value, Columns& to) {
                    const LocationRow row = decode_location_row(value);
                    to.text(row.region).integer(row.priority);
                },
            .read_key = text_of,
            .read_value =
                [](Fields& from) {
                    LocationRow row{.region = text_of(from)};
                    row.priority = from.integer();
                    return encoded(row);
                }};
}

void write_pair(std::string_view key, Columns& to) {
    const auto [first, second] = decode_pair_key(key);
    to.text(first).text(second);
}

std::string read_pair(Fields& from) {
    const std::string_view first = from.text();
    return encode_pair_key(first, from.text());
}

Table stock_table() {
    return {.kind = RowKind::stock,
            .name = "stock",
            .key = {{"sku", Type::text}, {"location", Type::text}},
            .value = {{"on_hand", Type::bigint},
                      {"available", Type::bigint},
                      {"held", Type::bigint},
                      {"committed", Type::bigint},
                      {"safety_stock", Type::bigint},
                      {"returned", Type::bigint},
                      {"repair", Type::bigint},
                      {"damaged", Type::bigint}},
            .write_key = write_pair,
            .write_value =
                [](std::string_view value, Columns& to) {
                    const Counters row = decode_counters(value);
                    to.bigint(row.on_hand).bigint(row.available).bigint(row.held);
                    to.bigint(row.committed).bigint(row.safety_stock).bigint(row.returned);
                    to.bigint(row.repair).bigint(row.damaged);
                },
            .read_key = read_pair,
            .read_value =
                [](Fields& from) {
                    Counters row;
                    row.on_hand = from.bigint();
                    row.available = from.bigint();
                    row.held = from.bigint();
                    row.committed = from.bigint();
                    row.safety_stock = from.bigint();
                    row.returned = from.bigint();
                    row.repair = from.bigint();
                    row.damaged = from.bigint();
                    return encoded(row);
                }};
}

Table customer_table() {
    return {.kind = RowKind::customer,
            .name = "customer",
            .key = {{"sku", Type::text}, {"customer", Type::text}},
            .value = {{"units", Type::bigint}, {"windowed", Type::bytes}},
            .write_key = write_pair,
            .write_value =
                [](std::string_view value, Columns& to) {
                    CustomerRow row = decode_customer_row(value);
                    to.bigint(std::exchange(row.for_good, 0));
                    row.windowed.empty() ? to.null() : to.bytes(encoded(row));
                },
            .read_key = read_pair,
            .read_value =
                [](Fields& from) {
                    const Quantity for_good = from.bigint();
                    CustomerRow row;
                    if (!from.null()) {
                        row = decode_customer_row(from.bytes());
                    }
                    row.for_good = for_good;
                    return encoded(row);
                }};
}

Table answers_table() {
    return {
        .kind = RowKind::answers,
        .name = "answers",
        .key = {{"version", Type::bigint}},
        .value = {{"body", Type::bytes}},
        .write_key = [](std::string_view key, Columns& to) { to.number(decode_version_key(key)); },
        .write_value = [](std::string_view value, Columns& to) { to.bytes(value); },
        .read_key = [](Fields& from) { return encode_version_key(from.number()); },
        .read_value = [](Fields& from) { return std::string(from.bytes()); }};
}

Table claim_table() {
    return {.kind = RowKind::claim,
            .name = "claim",
            .key = {{"hold", Type::uuid}},
            .value = {},
            .write_key = [](std::string_view key, Columns& to) { to.uuid(decode_id_key(key)); },
            .write_value = [](std::string_view, Columns&) {},
            .read_key = [](Fields& from) { return encode_id_key(from.uuid()); },
            .read_value = [](Fields&) { return std::string(); }};
}

Table backorder_table() {
    return {.kind = RowKind::waiting,
            .name = "backorder",
            .key = {{"sku", Type::text}, {"location", Type::text}, {"place", Type::bigint}},
            .value = {{"hold", Type::uuid}, {"quantity", Type::bigint}},
            .write_key =
                [](std::string_view key, Columns& to) {
                    const PlaceKey place = decode_place_key(key);
                    to.text(place.sku).text(place.location).number(place.place);
                },
            .write_value =
                [](std::string_view value, Columns& to) {
                    const WaiterRow row = decode_waiter_row(value);
                    to.uuid(row.hold).bigint(row.quantity);
                },
            .read_key =
                [](Fields& from) {
                    const std::string_view sku = from.text();
                    const std::string_view location = from.text();
                    return encode_place_key(sku, location, from.number());
                },
            .read_value =
                [](Fields& from) {
                    const HoldId hold = from.uuid();
                    return encoded(WaiterRow{.hold = hold, .quantity = from.bigint()});
                }};
}

Table waitlist_table() {
    return {.kind = RowKind::shopper,
            .name = "waitlist",
            .key = {{"sku", Type::text}, {"id", Type::uuid}},
            .value = {{"location", Type::text},
                      {"customer", Type::text},
                      {"cart", Type::text},
                      {"quantity", Type::bigint},
                      {"region", Type::text}},
            .write_key =
                [](std::string_view key, Columns& to) {
                    const auto [sku, id] = decode_entry_key(key);
                    to.text(sku).uuid({.high = id.high, .low = id.low});
                },
            .write_value =
                [](std::string_view value, Columns& to) {
                    const ShopperRow row = decode_shopper_row(value);
                    to.text(row.location).text(row.customer).text(row.cart);
                    to.bigint(row.quantity).text(row.region);
                },
            .read_key =
                [](Fields& from) {
                    const std::string_view sku = from.text();
                    const HoldId id = from.uuid();
                    return encode_entry_key(sku, {.high = id.high, .low = id.low});
                },
            .read_value =
                [](Fields& from) {
                    ShopperRow row;
                    row.location = from.text();
                    row.customer = from.text();
                    row.cart = from.text();
                    row.quantity = from.bigint();
                    row.region = from.text();
                    return encoded(row);
                }};
}

Table incoming_table() {
    return {.kind = RowKind::incoming,
            .name = "incoming",
            .key = {{"sku", Type::text}, {"location", Type::text}, {"reference", Type::text}},
            .value = {{"quantity", Type::bigint}, {"expected_at", Type::time}},
            .write_key =
                [](std::string_view key, Columns& to) {
                    const ReceiptKey receipt = decode_receipt_key(key);
                    to.text(receipt.sku).text(receipt.location).text(receipt.reference);
                },
            .write_value =
                [](std::string_view value, Columns& to) {
                    const ReceiptRow row = decode_receipt_row(value);
                    to.bigint(row.quantity).time(row.expected_at);
                },
            .read_key =
                [](Fields& from) {
                    const std::string_view sku = from.text();
                    const std::string_view location = from.text();
                    return encode_receipt_key(sku, location, from.text());
                },
            .read_value =
                [](Fields& from) {
                    const Quantity quantity = from.bigint();
                    return encoded(ReceiptRow{.quantity = quantity, .expected_at = from.time()});
                }};
}

Table alert_table() {
    return {.kind = RowKind::alert,
            .name = "alert",
            .key = {{"version", Type::bigint}, {"token", Type::integer}},
            .value = {{"kind", Type::text},
                      {"sku", Type::text},
                      {"raised_at", Type::time},
                      {"acknowledged_by", Type::text},
                      {"body", Type::bytes}},
            .write_key =
                [](std::string_view key, Columns& to) {
                    const AlertId id = decode_alert_key(key);
                    to.number(id.version).integer(id.token);
                },
            .write_value =
                [](std::string_view value, Columns& to) {
                    const Alert alert = decode_alert(value);
                    to.text(to_string(alert.kind)).text(alert.sku).time(alert.raised_at);
                    to.text(alert.acknowledged_by).bytes(value);
                },
            .read_key =
                [](Fields& from) {
                    const Version version = from.number();
                    return encode_alert_key(
                        {.version = version, .token = static_cast<std::uint16_t>(from.integer())});
                },
            .read_value =
                [](Fields& from) {
                    from.text();
                    from.text();
                    from.time();
                    from.text();
                    return std::string(from.bytes());
                }};
}

const std::array<Table, 10>& tables() {
    static const std::array<Table, 10> all = {
        sku_table(),   location_table(),  stock_table(),    customer_table(), answers_table(),
        claim_table(), backorder_table(), waitlist_table(), incoming_table(), alert_table()};
    return all;
}

// "a, b, c", each of them made by `one`, which gets its number too.
template <class One>
std::string list(const std::vector<Column>& columns, std::string_view between, One one) {
    std::string text;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        text += (i == 0 ? "" : std::string(between)) + one(columns[i], i + 1);
    }
    return text;
}

std::string name(const Column& column, std::size_t) {
    return std::string(column.name);
}

TableStatements make_statements(const Table& table) {
    std::vector<Column> key = {{"partition", Type::integer}};
    key.insert(key.end(), table.key.begin(), table.key.end());
    std::vector<Column> all = key;
    all.insert(all.end(), table.value.begin(), table.value.end());
    const std::string keys = list(key, ", ", name);
    const std::string columns = list(all, ", ", name);
    const std::string updates = list(table.value, ", ", [](const Column& column, std::size_t) {
        return fmt::format("{0} = excluded.{0}", column.name);
    });
    const std::string matches = list(key, " AND ", [&](const Column& column, std::size_t) {
        return fmt::format("{0}.{1} = gone.{1}", table.name, column.name);
    });
    const std::string equal = list(key, " AND ", [](const Column& column, std::size_t n) {
        return fmt::format("{} = (${}::{}[])[1]", column.name, n, sql_name(column.type));
    });
    const std::string values = list(key, ", ", [](const Column& column, std::size_t n) {
        return fmt::format("(${}::{}[])[1]", n, sql_name(column.type));
    });
    return {.put = {fmt::format("put_{}", table.name),
                    fmt::format("INSERT INTO {} ({}) SELECT {} ON CONFLICT ({}) DO {}", table.name,
                                columns, array_rows(table.row_types()), keys,
                                updates.empty() ? "NOTHING" : "UPDATE SET " + updates)},
            .erase = {fmt::format("erase_{}", table.name),
                      fmt::format("DELETE FROM {} USING unnest({}) AS gone ({}) WHERE {}",
                                  table.name, array_parameters(table.key_types()), keys, matches)},
            .find = {fmt::format("find_{}", table.name),
                     fmt::format("SELECT {} FROM {} WHERE {}", columns, table.name, equal)},
            .page = {fmt::format("page_{}", table.name),
                     fmt::format(
                         "SELECT {} FROM {} WHERE ({}) > ({}) AND partition <= ${}::integer "
                         "ORDER BY {} LIMIT ${}::integer",
                         columns, table.name, keys, values, key.size() + 1, keys, key.size() + 2)}};
}

}  // namespace

std::vector<Type> Table::key_types() const {
    std::vector<Type> types = {Type::integer};
    for (const Column& column : key) {
        types.push_back(column.type);
    }
    return types;
}

std::vector<Type> Table::row_types() const {
    std::vector<Type> types = key_types();
    for (const Column& column : value) {
        types.push_back(column.type);
    }
    return types;
}

std::string array_parameters(const std::vector<Type>& types) {
    std::string text;
    for (std::size_t i = 0; i < types.size(); ++i) {
        text += fmt::format("{}${}::{}[]", i == 0 ? "" : ", ", i + 1, sql_name(types[i]));
    }
    return text;
}

std::string array_rows(const std::vector<Type>& types) {
    std::string text;
    for (std::size_t i = 0; i < types.size(); ++i) {
        text += fmt::format("{}unnest(${}::{}[])", i == 0 ? "" : ", ", i + 1, sql_name(types[i]));
    }
    return text;
}

const Table& table_of(RowKind kind) {
    for (const Table& table : tables()) {
        if (table.kind == kind) {
            return table;
        }
    }
    HF_ASSERT(!"a kind of rows without a table");
}

const TableStatements& statements_of(RowKind kind) {
    static const auto all = [] {
        std::array<TableStatements, 10> made;
        for (std::size_t i = 0; i < made.size(); ++i) {
            made[i] = make_statements(tables()[i]);
        }
        return made;
    }();
    return all[static_cast<std::size_t>(&table_of(kind) - tables().data())];
}

std::string first_key(RowKind kind, std::string_view text) {
    const bool empty = text.empty();
    switch (kind) {
        case RowKind::sku:
        case RowKind::location:
            return std::string(text);
        case RowKind::stock:
        case RowKind::customer:
            return text.find('\0') == std::string_view::npos ? encode_pair_key(text, "")
                                                             : std::string(text);
        case RowKind::live_hold:
        case RowKind::past_hold:
        case RowKind::claim:
            return empty ? encode_id_key({}) : std::string(text);
        case RowKind::answers:
            return empty ? encode_version_key(0) : std::string(text);
        case RowKind::waiting:
            return empty ? encode_place_key("", "", 0) : std::string(text);
        case RowKind::shopper:
            return empty ? encode_entry_key("", {}) : std::string(text);
        case RowKind::incoming:
            return empty ? encode_receipt_key("", "", "") : std::string(text);
        case RowKind::alert:
            return empty ? encode_alert_key({}) : std::string(text);
    }
    HF_ASSERT(!"a kind of rows without keys");
}

}  // namespace holdfast::store::postgres
