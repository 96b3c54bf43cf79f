// The rows of the seam as rows of tables: which columns a key and a value become, and back. All kinds but
// holds, which are two tables (holds.h). Knows the codec and the columns, nothing of connections.
// Throws StoreError for keys and values that are not well-formed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/postgres/columns.h"
#include "store/postgres/connection.h"
#include "store/store.h"

namespace holdfast::store::postgres {

struct Column {
    std::string_view name;
    Type type;
};

// How the rows of one kind are kept. Each table's first column is the partition.
struct Table {
    RowKind kind;
    std::string_view name;
    std::vector<Column> key;
    std::vector<Column> value;
    void (*write_key)(std::string_view key, Columns& to);
    void (*write_value)(std::string_view value, Columns& to);
    std::string (*read_key)(Fields& from);
    std::string (*read_value)(Fields& from);

    // With the partition and the key of each row, and its value.
    [[nodiscard]] std::vector<Type> row_types() const;
    [[nodiscard]] std::vector<Type> key_types() const;
};

const Table& table_of(RowKind kind);

// What is asked of a table. One for each kind, for as long as the program runs. The parameters of each
// are arrays: the partition, the columns of the key and, of put, those of the value.
struct TableStatements {
    Statement put;
    Statement erase;
    Statement find;
    // Two parameters more: the last partition, and how many rows at most. Those behind the key.
    Statement page;
};
const TableStatements& statements_of(RowKind kind);

// "$1::integer[], $2::text[], ..."
std::string array_parameters(const std::vector<Type>& types);
// "unnest($1::integer[]), unnest($2::text[]), ...", to be selected: a row for each element. The same from
// a table function would put each value into a temporary row first.
std::string array_rows(const std::vector<Type>& types);
// The lowest well-formed key that is not below `text`: where a scan begins that names no key.
std::string first_key(RowKind kind, std::string_view text);

}  // namespace holdfast::store::postgres
