#include "tests/http/schema.h"

#include <algorithm>
#include <functional>
#include <map>
#include <regex>
#include <set>

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/split.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace holdfast::http {

namespace json = boost::json;

namespace {

using Segments = std::vector<std::string>;

Segments segments(std::string_view path) {
    Segments split;
    const std::string whole(path.substr(0, path.find('?')));
    boost::split(split, whole, boost::is_any_of("/"));
    return split;
}

bool fits(std::string_view pattern, std::string_view target) {
    const Segments expected = segments(pattern);
    const Segments given = segments(target);
    return std::ranges::equal(
        expected, given, [](const auto& a, const auto& b) { return a.starts_with('{') || a == b; });
}

bool is_type(std::string_view type, const json::value& value) {
    const std::map<std::string_view, bool> types{
        {"object", value.is_object()},
        {"array", value.is_array()},
        {"string", value.is_string()},
        {"boolean", value.is_bool()},
        {"null", value.is_null()},
        {"number", value.is_number()},
        {"integer", value.is_int64() || value.is_uint64()},
    };
    return types.at(type);
}

// What does not constrain a value.
const std::set<std::string_view> notes{"$ref", "description", "default"};

// Whether a value keeps to a keyword that looks at it alone.
bool holds(std::string_view keyword, const json::value& argument, const json::value& value) {
    const auto number = [&] { return value.to_number<double>(); };
    const auto bound = [&] { return argument.to_number<double>(); };
    const auto text = [&] { return std::string(value.as_string()); };
    const auto count = [&] { return static_cast<double>(value.as_array().size()); };
    const std::map<std::string_view, std::function<bool()>> checks{
        {"const", [&] { return value == argument; }},
        {"enum", [&] { return std::ranges::count(argument.as_array(), value) == 1; }},
        {"type",
         [&] {
             const auto types = argument.is_array() ? argument.as_array() : json::array{argument};
             return std::ranges::any_of(types, [&](const json::value& type) {
                 return is_type(std::string(type.as_string()), value);
             });
         }},
        {"required",
         [&] {
             return !value.is_object() ||
                    std::ranges::all_of(argument.as_array(), [&](const json::value& name) {
                        return value.as_object().contains(name.as_string());
                    });
         }},
        {"minimum", [&] { return !value.is_number() || number() >= bound(); }},
        {"maximum", [&] { return !value.is_number() || number() <= bound(); }},
        {"minLength",
         [&] { return !value.is_string() || static_cast<double>(text().size()) >= bound(); }},
        {"maxLength",
         [&] { return !value.is_string() || static_cast<double>(text().size()) <= bound(); }},
        {"minItems", [&] { return !value.is_array() || count() >= bound(); }},
        {"maxItems", [&] { return !value.is_array() || count() <= bound(); }},
        {"pattern",
         [&] {
             return !value.is_string() ||
                    std::regex_search(text(), std::regex(argument.as_string().c_str()));
         }},
    };
    return checks.at(keyword)();  // throws for a keyword that is not known
}

}  // namespace

ApiDocument::ApiDocument(std::string_view text) : root_(json::parse({text.data(), text.size()})) {}

std::vector<std::string> ApiDocument::operations() const {
    std::vector<std::string> all;
    for (const auto& [path, item] : root_.at("paths").as_object()) {
        for (const auto& [method, operation] : item.as_object()) {
            if (method != "parameters") {
                all.push_back(boost::to_upper_copy(std::string(method)) + ' ' + std::string(path));
            }
        }
    }
    return all;
}

const json::value& ApiDocument::resolve(const json::value& maybe_ref) const {
    const json::object* object = maybe_ref.if_object();
    if (object == nullptr || !object->contains("$ref")) {
        return maybe_ref;
    }
    const json::string& pointer = object->at("$ref").as_string();
    return root_.at_pointer(json::string_view(pointer).substr(1));
}

const json::object* ApiDocument::find_operation(std::string_view method,
                                                std::string_view target) const {
    const std::string key = boost::to_lower_copy(std::string(method == "HEAD" ? "GET" : method));
    for (const auto& [path, item] : root_.at("paths").as_object()) {
        if (fits({path.data(), path.size()}, target) && item.as_object().contains(key)) {
            return &item.at(key).as_object();
        }
    }
    return nullptr;
}

std::string ApiDocument::check_answer(std::string_view method, std::string_view target, int status,
                                      std::string_view content_type, std::string_view body) const {
    const std::string type(content_type.substr(0, content_type.find(';')));
    const json::object* operation = find_operation(method, target);
    const json::value* response = &root_.at_pointer("/components/responses/Problem");
    if (operation != nullptr) {
        const json::object& responses = operation->at("responses").as_object();
        const json::value* listed = responses.if_contains(std::to_string(status));
        response = &resolve(listed != nullptr ? *listed : responses.at("default"));
        if (listed == nullptr && status < 400) {
            return "the document does not have this status";
        }
    }
    if (!response->as_object().contains("content")) {
        return body.empty() ? "" : "a body, where the document has none: " + std::string(body);
    }
    const json::object& content = response->at("content").as_object();
    if (!content.contains(type)) {
        return "the document does not have the content type " + type;
    }
    if (!type.ends_with("json")) {
        return {};
    }
    std::string faults;
    const json::value parsed = json::parse({body.data(), body.size()});
    validate(content.at(type).at("schema"), parsed, "", faults);
    if (status >= 400 && parsed.at("status").to_number<int>() != status) {
        faults += "the problem's status is not the answer's\n";
    }
    return faults;
}

std::string ApiDocument::check_request(std::string_view method, std::string_view target,
                                       std::string_view body) const {
    const json::object* operation = find_operation(method, target);
    if (operation == nullptr || !operation->contains("requestBody")) {
        return "the document has no such body";
    }
    const json::value& schema =
        operation->at("requestBody").at("content").at("application/json").at("schema");
    std::string faults;
    validate(schema, json::parse({body.data(), body.size()}), "", faults);
    return faults;
}

void ApiDocument::validate(const json::value& schema, const json::value& value,
                           const std::string& at, std::string& faults) const {
    for (const auto& [keyword, argument] : resolve(schema).as_object()) {
        const std::string_view word(keyword.data(), keyword.size());
        if (notes.contains(word) ||
            check_nested(resolve(schema).as_object(), word, argument, value, at, faults)) {
            continue;
        }
        if (!holds(word, argument, value)) {
            faults += at + ": " + json::serialize(value).substr(0, 200) + " breaks " +
                      std::string(word) + ": " + json::serialize(argument) + '\n';
        }
    }
}

bool ApiDocument::check_nested(const json::object& schema, std::string_view keyword,
                               const json::value& argument, const json::value& value,
                               const std::string& at, std::string& faults) const {
    if (keyword == "oneOf" || keyword == "anyOf") {
        const auto fits_one = [&](const json::value& alternative) {
            std::string its_faults;
            validate(alternative, value, at, its_faults);
            return its_faults.empty();
        };
        const auto fitting = std::ranges::count_if(argument.as_array(), fits_one);
        if (fitting == 0 || (keyword == "oneOf" && fitting > 1)) {
            faults += at + ": fits " + std::to_string(fitting) + " alternatives\n";
        }
        return true;
    }
    if (keyword == "items") {
        for (std::size_t i = 0; value.is_array() && i < value.as_array().size(); ++i) {
            validate(argument, value.as_array()[i], at + '/' + std::to_string(i), faults);
        }
        return true;
    }
    if (keyword != "properties" && keyword != "additionalProperties") {
        return false;
    }
    const json::value* properties = schema.if_contains("properties");
    for (std::size_t i = 0; value.is_object() && i < value.as_object().size(); ++i) {
        const auto& member = value.as_object().begin()[i];
        const json::value* known =
            properties == nullptr ? nullptr : properties->as_object().if_contains(member.key());
        const std::string below = at + '/' + std::string(member.key());
        if (keyword == "properties" && known != nullptr) {
            validate(*known, member.value(), below, faults);
        } else if (keyword == "additionalProperties" && known == nullptr) {
            if (argument.is_bool()) {
                faults += argument.as_bool() ? "" : below + ": is not in the document\n";
            } else {
                validate(argument, member.value(), below, faults);
            }
        }
    }
    return true;
}

}  // namespace holdfast::http
