// The document is the contract: it has every route of the server and no other, and every code. That each
// answer is as it says is checked by the fixture, in every test of HTTP.
#include "http/openapi.h"

#include <algorithm>
#include <set>
#include <string>

#include <boost/beast/http/verb.hpp>
#include <gtest/gtest.h>

#include "http/problem.h"
#include "http/routes.h"
#include "tests/http/schema.h"

namespace holdfast::http {
namespace {

TEST(OpenApi, has_the_routes_of_the_server_and_no_other) {
    const ApiDocument document(openapi_json);
    std::set<std::string> served;
    for (const Route& route : routes()) {
        served.insert(std::string(to_string(route.method)) + ' ' + std::string(route.pattern));
    }
    const auto operations = document.operations();
    EXPECT_EQ(served, std::set<std::string>(operations.begin(), operations.end()));
    EXPECT_EQ(served.size(), routes().size());
}

TEST(OpenApi, has_the_codes_of_the_server_and_no_other) {
    const ApiDocument document(openapi_json);
    std::set<std::string> codes;
    for (int i = 0; i <= static_cast<int>(RefusalCode::outcome_unknown); ++i) {
        codes.emplace(kind_of(static_cast<RefusalCode>(i)).code);
    }
    for (int i = 0; i <= static_cast<int>(HttpFault::internal_error); ++i) {
        codes.emplace(kind_of(static_cast<HttpFault>(i)).code);
    }
    std::set<std::string> listed;
    const auto& schema = document.root().at_pointer("/components/schemas/Problem/properties/code");
    for (const auto& code : schema.at("enum").as_array()) {
        listed.emplace(code.as_string());
    }
    EXPECT_EQ(codes, listed);
}

TEST(OpenApi, says_of_each_route_whether_it_has_a_body) {
    const ApiDocument document(openapi_json);
    for (const Route& route : routes()) {
        std::string method(to_string(route.method));
        std::ranges::transform(method, method.begin(), [](char c) { return std::tolower(c); });
        const auto& operation = document.root()
                                    .at("paths")
                                    .at({route.pattern.data(), route.pattern.size()})
                                    .at(method)
                                    .as_object();
        EXPECT_EQ(operation.contains("requestBody"), route.body != BodyRule::none) << route.pattern;
        if (operation.contains("requestBody")) {
            const auto* required = operation.at("requestBody").as_object().if_contains("required");
            EXPECT_EQ(required != nullptr, route.body != BodyRule::optional) << route.pattern;
        }
    }
}

}  // namespace
}  // namespace holdfast::http
