// Reads the members of an object that the server sent; those that are left out or null have the default of
// their kind. Called by the wire's readers. Pure; any thread.
// A member that is not what it should be is a Failure that quotes the object.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>

#include <holdfast/types.h>
#include "cli/wire.h"

namespace holdfast::cli {

[[noreturn]] void not_an_answer(const boost::json::value& body, const std::string& why);

class Members {
public:
    explicit Members(const boost::json::value& value) : value_(value) {
        if (!value.is_object()) {
            not_an_answer(value, "an object was expected");
        }
    }
    [[nodiscard]] const boost::json::value* find(std::string_view name) const {
        const boost::json::value* found = value_.get_object().if_contains(name);
        return found == nullptr || found->is_null() ? nullptr : found;
    }
    // One that must be there.
    [[nodiscard]] const boost::json::value& need(std::string_view name) const {
        const boost::json::value* found = find(name);
        return found == nullptr ? (wrong(name), value_) : *found;
    }
    template <class T>
    [[nodiscard]] T get(std::string_view name) const {
        const boost::json::value* found = find(name);
        if (found == nullptr) {
            return T{};
        }
        auto value = boost::json::try_value_to<T>(*found);
        return value ? std::move(*value) : (wrong(name), T{});
    }
    [[nodiscard]] std::string text(std::string_view name) const { return get<std::string>(name); }
    [[nodiscard]] Quantity number(std::string_view name) const { return get<std::int64_t>(name); }
    [[nodiscard]] HoldId hold_id() const {
        const auto id = parse_hold_id(text("id"));
        return id ? *id : (wrong("id"), HoldId{});
    }
    [[nodiscard]] Instant instant(std::string_view name) const {
        const boost::json::value* found = find(name);
        if (found == nullptr) {
            return Instant{};
        }
        const auto at = parse_rfc3339(text(name));
        return at ? *at : (wrong(name), Instant{});
    }
    [[nodiscard]] const boost::json::array& list(std::string_view name) const {
        static const boost::json::array none;
        const boost::json::value* found = find(name);
        if (found != nullptr && !found->is_array()) {
            wrong(name);
        }
        return found == nullptr ? none : found->get_array();
    }
    template <class Enum>
    [[nodiscard]] Enum choice(std::string_view name, Enum last) const {
        const auto value = parse_word(text(name), last);
        return value ? *value : (wrong(name), last);
    }
    [[noreturn]] void wrong(std::string_view name) const {
        not_an_answer(value_, "`" + std::string(name) + "` is not what it should be");
    }

private:
    const boost::json::value& value_;
};

}  // namespace holdfast::cli
