// The part of JSON Schema that api/openapi.yaml uses, and that document itself: so that every answer a test
// sees is held to it. A keyword that is not understood is a fault, never ignored.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

namespace holdfast::http {

class ApiDocument {
public:
    explicit ApiDocument(std::string_view text);

    // "GET /v1/holds/{id}" for each operation.
    [[nodiscard]] std::vector<std::string> operations() const;
    [[nodiscard]] const boost::json::value& root() const { return root_; }

    // What is wrong with an answer, as lines; empty when it is as the document says. A target that no
    // path of the document fits may only be answered by a problem.
    [[nodiscard]] std::string check_answer(std::string_view method, std::string_view target,
                                           int status, std::string_view content_type,
                                           std::string_view body) const;
    // The same for a request's body.
    [[nodiscard]] std::string check_request(std::string_view method, std::string_view target,
                                            std::string_view body) const;

private:
    [[nodiscard]] const boost::json::value& resolve(const boost::json::value& maybe_ref) const;
    [[nodiscard]] const boost::json::object* find_operation(std::string_view method,
                                                            std::string_view target) const;
    // `at` says where the value stands; what is wrong is added to `faults`.
    void validate(const boost::json::value& schema, const boost::json::value& value,
                  const std::string& at, std::string& faults) const;
    // False when the keyword does not look inside the value.
    bool check_nested(const boost::json::object& schema, std::string_view keyword,
                      const boost::json::value& argument, const boost::json::value& value,
                      const std::string& at, std::string& faults) const;

    boost::json::value root_;
};

}  // namespace holdfast::http
