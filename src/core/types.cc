#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <holdfast/alert.h>
#include <holdfast/assert.h>
#include <holdfast/policy.h>
#include <holdfast/types.h>

namespace holdfast {
namespace {

constexpr std::string_view id_prefix = "hold_";
constexpr std::string_view entry_prefix = "wait_";
constexpr std::string_view alert_prefix = "alert_";
static_assert(id_prefix.size() == entry_prefix.size());
constexpr std::string_view hex_digits = "0123456789abcdef";

// All of `text` as a decimal number, or nothing.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
    Number number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || stop != end) {
        return std::nullopt;
    }
    return number;
}

bool all_of_class(std::string_view text, std::string_view allowed) {
    return text.find_first_not_of(allowed) == std::string_view::npos;
}

void append_id(std::string& out, std::string_view prefix, std::uint64_t high, std::uint64_t low) {
    std::array<char, id_prefix.size() + 32> text{};
    char* at = std::ranges::copy(prefix, text.begin()).out;
    for (const std::uint64_t half : {high, low}) {
        for (int shift = 60; shift >= 0; shift -= 4) {
            *at++ = hex_digits[(half >> shift) & 15];
        }
    }
    out.append(text.data(), text.size());
}

template <class Id>
std::optional<Id> parse_id(std::string_view prefix, std::string_view text) {
    if (text.size() != prefix.size() + 32 || !text.starts_with(prefix)) {
        return std::nullopt;
    }
    text.remove_prefix(prefix.size());
    std::array<std::uint64_t, 2> halves{};
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && (c < 'a' || c > 'f')) {
            return std::nullopt;
        }
        std::uint64_t& half = halves[i / 16];
        half = half << 4 | static_cast<std::uint64_t>(is_digit ? c - '0' : c - 'a' + 10);
    }
    return Id{.high = halves[0], .low = halves[1]};
}

}  // namespace

void assertion_failed(const char* expression, std::source_location where) {
    // No logger: the process may be in any state.
    std::fprintf(stderr, "holdfast: broken invariant: %s (%s:%u, %s)\n", expression,
                 where.file_name(), where.line(), where.function_name());
    std::abort();
}

void append(std::string& out, HoldId id) {
    append_id(out, id_prefix, id.high, id.low);
}

std::string to_string(HoldId id) {
    std::string text;
    append(text, id);
    return text;
}

std::string to_string(EntryId id) {
    std::string text;
    append_id(text, entry_prefix, id.high, id.low);
    return text;
}

std::optional<HoldId> parse_hold_id(std::string_view text) {
    return parse_id<HoldId>(id_prefix, text);
}

std::optional<EntryId> parse_entry_id(std::string_view text) {
    return parse_id<EntryId>(entry_prefix, text);
}

std::string to_string(AlertId id) {
    return fmt::format("{}{:016x}{:04x}", alert_prefix, id.version, id.token);
}

std::optional<AlertId> parse_alert_id(std::string_view text) {
    constexpr std::size_t version_digits = 16;
    AlertId id;
    if (text.size() != alert_prefix.size() + version_digits + 4) {
        return std::nullopt;
    }
    const char* const digits = text.data() + alert_prefix.size();
    std::from_chars(digits, digits + version_digits, id.version, 16);
    std::from_chars(digits + version_digits, text.data() + text.size(), id.token, 16);
    return to_string(id) == text ? std::optional(id) : std::nullopt;
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
    // Three of these stand in every answer: so without a formatting library, and in one piece.
    constexpr std::string_view shape = "0000-00-00T00:00:00.000Z";
    std::array<char, shape.size()> text{};
    std::ranges::copy(shape, text.begin());
    const auto digits = [&text](std::size_t first, std::size_t count, std::uint32_t number) {
        for (std::size_t i = first + count; i-- > first; number /= 10) {
            text[i] = static_cast<char>('0' + number % 10);
        }
    };
    const auto value = [](auto count) { return static_cast<std::uint32_t>(count); };
    digits(0, 4, value(int(date.year())));
    digits(5, 2, value(unsigned(date.month())));
    digits(8, 2, value(unsigned(date.day())));
    digits(11, 2, value(time.hours().count()));
    digits(14, 2, value(time.minutes().count()));
    digits(17, 2, value(time.seconds().count()));
    digits(20, 3, value(time.subseconds().count()));
    out.append(text.data(), text.size());
}

std::optional<Quantity> promise_limit(const Policy& policy) {
    switch (policy.selling) {
        case Selling::strict:
            return 0;
        case Selling::backorder:
            return policy.backorder_limit;
        case Selling::preorder:
            return policy.preorder_limit;
    }
    HF_ASSERT(!"a way of selling without a limit");
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
