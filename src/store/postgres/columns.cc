#include "store/postgres/columns.h"

#include <boost/endian/conversion.hpp>

#include <holdfast/assert.h>
#include <holdfast/store_error.h>
#include "store/bytes.h"

namespace holdfast::store::postgres {

namespace {

// PostgreSQL counts time from the year 2000.
constexpr std::chrono::microseconds epoch_2000 =
    std::chrono::sys_days(std::chrono::year(2000) / 1 / 1).time_since_epoch();
// Some 200,000 years: what fits into microseconds.
constexpr std::int64_t milliseconds_max = INT64_C(6'000'000'000'000'000);

void put32(std::string& out, std::uint32_t value) {
    unsigned char bytes[4];
    boost::endian::store_big_u32(bytes, value);
    out.append(reinterpret_cast<const char*>(bytes), sizeof bytes);
}

void put64(std::string& out, std::uint64_t value) {
    char bytes[8];
    put_big(bytes, value);
    out.append(bytes, sizeof bytes);
}

// The numbers under which PostgreSQL knows its own types: they are the same in every server.
std::uint32_t oid(Type type) {
    switch (type) {
        case Type::boolean:
            return 16;
        case Type::integer:
            return 23;
        case Type::bigint:
            return 20;
        case Type::text:
            return 25;
        case Type::bytes:
            return 17;
        case Type::uuid:
            return 2950;
        case Type::time:
            return 1184;
    }
    HF_ASSERT(!"a type without a number");
}

constexpr std::size_t array_header_bytes = 20;

}  // namespace

std::string_view sql_name(Type type) {
    switch (type) {
        case Type::boolean:
            return "boolean";
        case Type::integer:
            return "integer";
        case Type::bigint:
            return "bigint";
        case Type::text:
            return "text";
        case Type::bytes:
            return "bytea";
        case Type::uuid:
            return "uuid";
        case Type::time:
            return "timestamptz";
    }
    HF_ASSERT(!"a type without a name");
}

Parameters& Parameters::integer(std::int32_t value) {
    put32(values_.emplace_back(), static_cast<std::uint32_t>(value));
    return *this;
}

Parameters& Parameters::bigint(std::uint64_t value) {
    put64(values_.emplace_back(), value);
    return *this;
}

Parameters& Parameters::text(std::string_view value) {
    values_.emplace_back(value);
    return *this;
}

Columns::Columns(const std::vector<Type>& types) {
    for (const Type type : types) {
        arrays_.push_back({.type = type, .bytes = std::string(array_header_bytes, '\0')});
    }
}

std::string& Columns::next(Type type, std::size_t bytes) {
    Array& array = arrays_[at_];
    HF_ASSERT(array.type == type);
    if (++at_ == arrays_.size()) {
        at_ = 0;
        ++rows_;
    }
    put32(array.bytes, static_cast<std::uint32_t>(bytes));
    return array.bytes;
}

Columns& Columns::boolean(bool value) {
    next(Type::boolean, 1) += value ? '\1' : '\0';
    return *this;
}

Columns& Columns::integer(std::int32_t value) {
    put32(next(Type::integer, 4), static_cast<std::uint32_t>(value));
    return *this;
}

Columns& Columns::bigint(std::int64_t value) {
    put64(next(Type::bigint, 8), static_cast<std::uint64_t>(value));
    return *this;
}

Columns& Columns::text(std::string_view value) {
    next(Type::text, value.size()) += value;
    return *this;
}

Columns& Columns::bytes(std::string_view value) {
    next(Type::bytes, value.size()) += value;
    return *this;
}

Columns& Columns::uuid(HoldId value) {
    std::string& out = next(Type::uuid, 16);
    put64(out, value.high);
    put64(out, value.low);
    return *this;
}

Columns& Columns::time(Instant value) {
    const std::int64_t milliseconds = value.time_since_epoch().count();
    if (milliseconds > milliseconds_max || milliseconds < -milliseconds_max) {
        throw StoreError("a time of " + std::to_string(milliseconds) +
                         " ms cannot be kept: PostgreSQL has no such year");
    }
    put64(next(Type::time, 8),
          static_cast<std::uint64_t>((value.time_since_epoch() - epoch_2000).count()));
    return *this;
}

Columns& Columns::null() {
    arrays_[at_].has_null = true;
    next(arrays_[at_].type, UINT32_MAX);
    return *this;
}

Parameters Columns::take() {
    HF_ASSERT(at_ == 0);
    Parameters parameters;
    for (Array& array : arrays_) {
        std::string header;
        put32(header, 1);  // dimensions
        put32(header, array.has_null ? 1 : 0);
        put32(header, oid(array.type));
        put32(header, rows_);
        put32(header, 1);  // the first index
        array.bytes.replace(0, array_header_bytes, header);
        parameters.add(std::move(array.bytes));
        array = {.type = array.type, .bytes = std::string(array_header_bytes, '\0')};
    }
    rows_ = 0;
    return parameters;
}

const char* Fields::field(std::size_t bytes) {
    if (PQgetisnull(result_, row_, column_) != 0 ||
        static_cast<std::size_t>(PQgetlength(result_, row_, column_)) != bytes) {
        throw StoreError(std::string("the column ") + PQfname(result_, column_) +
                         " is not what this program made: has somebody changed the tables?");
    }
    return PQgetvalue(result_, row_, column_++);
}

bool Fields::boolean() {
    return *field(1) != 0;
}

std::int32_t Fields::integer() {
    return static_cast<std::int32_t>(
        boost::endian::load_big_u32(reinterpret_cast<const unsigned char*>(field(4))));
}

std::int64_t Fields::bigint() {
    return static_cast<std::int64_t>(get_big(field(8)));
}

std::string_view Fields::text() {
    const auto bytes = static_cast<std::size_t>(PQgetlength(result_, row_, column_));
    return {field(bytes), bytes};
}

HoldId Fields::uuid() {
    const char* const bytes = field(16);
    return {.high = get_big(bytes), .low = get_big(bytes + 8)};
}

std::chrono::microseconds Fields::moment() {
    return std::chrono::microseconds(bigint()) + epoch_2000;
}

Instant Fields::time() {
    return Instant(std::chrono::floor<std::chrono::milliseconds>(moment()));
}

bool Fields::null() {
    if (PQgetisnull(result_, row_, column_) == 0) {
        return false;
    }
    ++column_;
    return true;
}

}  // namespace holdfast::store::postgres
