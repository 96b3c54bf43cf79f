// The table of contents of the API: method and path -> handler. Compared with api/openapi.yaml by a test.
// Called by exchanges. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <boost/beast/http/verb.hpp>

#include "http/problem.h"
#include "http/target.h"

namespace holdfast::http {

class Exchange;

using Handler = void (*)(Exchange&);

enum class BodyRule : std::uint8_t { none, optional, required, large };

// What a request may have besides a path and a body: If-Match with a hold's fence, or a query.
enum class Extra : std::uint8_t { none, fence, query };

struct Route {
    boost::beast::http::verb method;
    // A segment in braces is a parameter.
    std::string_view pattern;
    Handler handler;
    BodyRule body = BodyRule::none;
    Extra extra = Extra::none;
    std::size_t segments = static_cast<std::size_t>(std::ranges::count(pattern, '/'));
};

std::span<const Route> routes();

struct Match {
    const Route* route = nullptr;
    // The segments that stand for parameters, as they came.
    std::array<std::string_view, 2> parameters;
    // The methods that the path has, when it has not the one asked for.
    std::string allow;
};

// A path that no route has gives neither route nor `allow`. HEAD finds GET.
Match find_route(boost::beast::http::verb method, const Target& target);

}  // namespace holdfast::http
