#include <charconv>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <holdfast/assert.h>
#include <holdfast/types.h>

namespace holdfast {
namespace {

constexpr std::string_view id_prefix = "hold_";
constexpr std::string_view hex_digits = "0123456789abcdef";

// All of `text` as a number in `base`, or nothing.
template <class Number>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
    Number number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number, base);
    if (error != std::errc{} || stop != end) {
        return std::nullopt;
    }
    return number;
}

bool all_of_class(std::string_view text, std::string_view allowed) {
    return text.find_first_not_of(allowed) == std::string_view::npos;
}

}  // namespace

void assertion_failed(const char* expression, std::source_location where) {
    // No logger: the process may be in any state.
    std::fprintf(stderr, "holdfast: broken invariant: %s (%s:%u, %s)\n", expression,
                 where.file_name(), where.line(), where.function_name());
    std::abort();
}

void append(std::string& out, HoldId id) {
    out += id_prefix;
    for (const std::uint64_t half : {id.high, id.low}) {
        for (int shift = 60; shift >= 0; shift -= 4) {
            out += hex_digits[(half >> shift) & 15];
        }
    }
}

std::string to_string(HoldId id) {
    std::string text;
    append(text, id);
    return text;
}

std::optional<HoldId> parse_hold_id(std::string_view text) {
    if (text.size() != id_prefix.size() + 32 || !text.starts_with(id_prefix)) {
        return std::nullopt;
    }
    text.remove_prefix(id_prefix.size());
    if (!all_of_class(text, hex_digits)) {
        return std::nullopt;
    }
    return HoldId{*parse_number<std::uint64_t>(text.substr(0, 16), 16),
                  *parse_number<std::uint64_t>(text.substr(16), 16)};
}

std::uint16_t routing_token(std::string_view sku) {
    return static_cast<std::uint16_t>(XXH3_64bits(sku.data(), sku.size()) >> 48);
}

PartitionId partition_of(std::uint16_t token, std::uint32_t partition_count) {
    return static_cast<PartitionId>((std::uint32_t{token} * partition_count) >> 16);
}

void append(std::string& out, Instant at) {
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss time{at - day};
    // Three of these stand in every answer: so without a formatting library.
    const auto digits = [&out](std::int64_t number, int count, char after) {
        const std::size_t end = out.size() + static_cast<std::size_t>(count);
        out.resize(end);
        for (std::size_t i = end; i-- > end - static_cast<std::size_t>(count); number /= 10) {
            out[i] = static_cast<char>('0' + number % 10);
        }
        out += after;
    };
    digits(int(date.year()), 4, '-');
    digits(unsigned(date.month()), 2, '-');
    digits(unsigned(date.day()), 2, 'T');
    digits(time.hours().count(), 2, ':');
    digits(time.minutes().count(), 2, ':');
    digits(time.seconds().count(), 2, '.');
    digits(time.subseconds().count(), 3, 'Z');
}

std::string to_rfc3339(Instant at) {
    std::string text;
    append(text, at);
    return text;
}

std::optional<Instant> parse_rfc3339(std::string_view text) {
    constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd";
    constexpr std::string_view digits = "0123456789";
    if (text.size() < shape.size() + 1 || text.back() != 'Z') {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const bool is_digit = digits.contains(text[i]);
        if (shape[i] == 'd' ? !is_digit : text[i] != shape[i]) {
            return std::nullopt;
        }
    }
    const std::string_view fraction = text.substr(shape.size(), text.size() - shape.size() - 1);
    if (!fraction.empty() &&
        (fraction.size() != 4 || fraction[0] != '.' || !all_of_class(fraction.substr(1), digits))) {
        return std::nullopt;
    }
    const auto number = [text](std::size_t from, std::size_t count) {
        return *parse_number<unsigned>(text.substr(from, count));
    };
    const std::chrono::year_month_day date{std::chrono::year(int(number(0, 4))),
                                           std::chrono::month(number(5, 2)),
                                           std::chrono::day(number(8, 2))};
    if (!date.ok() || number(11, 2) > 23 || number(14, 2) > 59 || number(17, 2) > 59) {
        return std::nullopt;
    }
    const unsigned milliseconds =
        fraction.empty() ? 0 : *parse_number<unsigned>(fraction.substr(1));
    return std::chrono::sys_days{date} + std::chrono::hours(number(11, 2)) +
           std::chrono::minutes(number(14, 2)) + std::chrono::seconds(number(17, 2)) +
           std::chrono::milliseconds(milliseconds);
}

}  // namespace holdfast
