#include "http/target.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace holdfast::http {
namespace {

std::unexpected<Problem> bad(std::string detail) {
    return std::unexpected(problem(HttpFault::bad_request, std::move(detail)));
}

bool is_visible(char c) {
    return c > ' ' && c <= '~';
}

// RFC 9112 3.2.2: a server must accept the absolute form, which only proxies send.
std::string_view without_origin(std::string_view target) {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (target.starts_with(scheme)) {
            const std::size_t slash = target.find('/', scheme.size());
            return slash == std::string_view::npos ? "/" : target.substr(slash);
        }
    }
    return target;
}

}  // namespace

std::expected<Target, Problem> split_target(std::string_view target) {
    std::string_view rest = without_origin(target);
    if (!rest.starts_with('/') || !std::ranges::all_of(rest, is_visible) || rest.contains('#')) {
        return bad(fmt::format(
            "the target '{}' is not a path of printable ASCII that begins with /", shown(target)));
    }
    Target split;
    if (const std::size_t mark = rest.find('?'); mark != std::string_view::npos) {
        split.query = rest.substr(mark + 1);
        rest = rest.substr(0, mark);
    }
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const std::string_view segment = rest.substr(0, rest.find('/'));
        rest.remove_prefix(segment.size());
        if (segment.empty() || split.segment_count == Target::segments_max) {
            return std::unexpected(
                problem(HttpFault::unknown_route,
                        fmt::format("there is nothing at '{}': see /openapi.json", shown(target))));
        }
        if (segment == "." || segment == "..") {
            return bad(fmt::format("the target '{}' has a relative segment", shown(target)));
        }
        split.segments[split.segment_count++] = segment;
    }
    return split;
}

std::expected<std::string, Problem> decode(std::string_view encoded) {
    // Nearly always all of it.
    const auto plain =
        std::ranges::find_if_not(encoded, [](char c) { return c != '%' && is_visible(c); }) -
        encoded.begin();
    std::string text(encoded.substr(0, static_cast<std::size_t>(plain)));
    for (std::size_t i = text.size(); i < encoded.size(); ++i) {
        char c = encoded[i];
        if (c == '%') {
            unsigned char byte = 0;
            const char* digits = encoded.data() + i + 1;
            const char* end = encoded.data() + std::min(i + 3, encoded.size());
            const auto [stop, error] = std::from_chars(digits, end, byte, 16);
            if (error != std::errc{} || stop != digits + 2) {
                return bad(fmt::format("'{}' has a % without two hex digits", shown(encoded)));
            }
            c = static_cast<char>(byte);
            i += 2;
        }
        if (!is_visible(c)) {
            return bad(fmt::format("'{}' has a character that is not printable ASCII, or a space",
                                   shown(encoded)));
        }
        text += c;
    }
    if (text == "." || text == "..") {
        return bad(fmt::format("'{}' is a relative segment", shown(encoded)));
    }
    return text;
}

std::expected<Query, Problem> Query::parse(std::string_view query) {
    Query parsed;
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        const std::size_t equals = pair.find('=');
        const bool has_value = equals != std::string_view::npos;
        auto name = decode(pair.substr(0, equals));
        auto value = decode(has_value ? pair.substr(equals + 1) : std::string_view{});
        if (!name || !value) {
            return std::unexpected(std::move(name ? value.error() : name.error()));
        }
        parsed.pairs_.push_back({std::move(*name), std::move(*value), false});
    }
    return parsed;
}

std::optional<std::string> Query::take(std::string_view name) {
    const auto found = std::ranges::find(pairs_, name, &Pair::name);
    if (found == pairs_.end()) {
        return std::nullopt;
    }
    found->taken = true;
    return found->value;
}

std::vector<std::string> Query::take_all(std::string_view name) {
    std::vector<std::string> values;
    for (Pair& pair : pairs_) {
        if (pair.name == name) {
            pair.taken = true;
            values.push_back(pair.value);
        }
    }
    return values;
}

std::optional<Problem> Query::rest() const {
    const auto unknown = std::ranges::find(pairs_, false, &Pair::taken);
    if (unknown == pairs_.end()) {
        return std::nullopt;
    }
    const bool twice = std::ranges::count(pairs_, unknown->name, &Pair::name) > 1;
    const std::string name = shown(unknown->name);
    return problem(HttpFault::bad_request,
                   twice ? fmt::format("the query parameter '{}' is given twice", name)
                         : fmt::format("there is no query parameter '{}' here", name));
}

}  // namespace holdfast::http
