// Rows as columns, in PostgreSQL's binary formats: arrays as they are sent, fields as they are read.
// Knows the formats only, nothing of connections. One thread at a time. Reading throws StoreError when a
// field is not what it should be.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <libpq-fe.h>

#include <holdfast/types.h>

namespace holdfast::store::postgres {

enum class Type : std::uint8_t { boolean, integer, bigint, text, bytes, uuid, time };
// As it stands in SQL.
std::string_view sql_name(Type type);

// The parameters of one statement: each a value, or an array.
class Parameters {
public:
    Parameters& integer(std::int32_t value);
    Parameters& bigint(std::uint64_t value);
    Parameters& text(std::string_view value);
    Parameters& add(std::string&& binary) {
        values_.push_back(std::move(binary));
        return *this;
    }
    [[nodiscard]] std::span<const std::string> values() const { return values_; }

private:
    std::vector<std::string> values_;
};

// Rows, collected by column. Fields are added in the order of the columns, row after row.
class Columns {
public:
    explicit Columns(const std::vector<Type>& types);

    Columns& boolean(bool value);
    Columns& integer(std::int32_t value);
    Columns& bigint(std::int64_t value);
    // Versions, fences and numbers of batches: none reaches 2^63.
    Columns& number(std::uint64_t value) { return bigint(static_cast<std::int64_t>(value)); }
    Columns& text(std::string_view value);
    Columns& bytes(std::string_view value);
    Columns& uuid(HoldId value);
    // Throws StoreError for what PostgreSQL has no time for.
    Columns& time(Instant value);
    Columns& null();

    [[nodiscard]] bool empty() const { return rows_ == 0 && at_ == 0; }
    // An array for each column. Nothing is left.
    Parameters take();

private:
    struct Array {
        Type type;
        bool has_null = false;
        std::string bytes;
    };

    std::string& next(Type type, std::size_t bytes);

    std::vector<Array> arrays_;
    std::size_t at_ = 0;
    std::uint32_t rows_ = 0;
};

// The fields of one row of a result, read in the order of its columns.
class Fields {
public:
    Fields(const PGresult* result, int row) : result_(result), row_(row) {}

    bool boolean();
    std::int32_t integer();
    std::int64_t bigint();
    std::uint64_t number() { return static_cast<std::uint64_t>(bigint()); }
    std::string_view text();
    std::string_view bytes() { return text(); }
    HoldId uuid();
    Instant time();
    // With microseconds: for the clock.
    std::chrono::microseconds moment();
    // Whether the next field is null: then it is passed.
    bool null();

private:
    const char* field(std::size_t bytes);

    const PGresult* result_;
    int row_;
    int column_ = 0;
};

}  // namespace holdfast::store::postgres
