// A request's target taken apart: the segments of its path and the pairs of its query. What is not plainly
// a path is refused here, so that no spelling of one route can be taken for another.
// Called by routes. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/problem.h"

namespace holdfast::http {

struct Target {
    // Segments as they came: no route has more than five.
    static constexpr std::size_t segments_max = 8;
    std::array<std::string_view, segments_max> segments;
    std::size_t segment_count = 0;
    std::string_view query;

    [[nodiscard]] std::span<const std::string_view> path() const {
        return {segments.data(), segment_count};
    }
};

std::expected<Target, Problem> split_target(std::string_view target);

// A segment or a value of the query with its %XX undone: printable ASCII without spaces, as all ids are.
std::expected<std::string, Problem> decode(std::string_view encoded);

// The pairs of a query. Everybody takes what he knows; what is left at the end is a fault.
class Query {
public:
    static std::expected<Query, Problem> parse(std::string_view query);

    // The value, or nothing when it is not given.
    std::optional<std::string> take(std::string_view name);
    // All values of a parameter that may be given several times.
    std::vector<std::string> take_all(std::string_view name);
    // Names a parameter that nobody took, or that was given twice.
    [[nodiscard]] std::optional<Problem> rest() const;

private:
    struct Pair {
        std::string name;
        std::string value;
        bool taken = false;
    };
    std::vector<Pair> pairs_;
};

}  // namespace holdfast::http
