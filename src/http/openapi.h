// api/openapi.yaml as JSON, put into the program when it is built.
#pragma once

#include <string_view>

namespace holdfast::http {

extern const std::string_view openapi_json;

}  // namespace holdfast::http
