// The steps from an empty schema to the present format, as SQL. A step that has been in a release is
// never changed: what comes later is a step of its own, at the end.
#pragma once

#include <array>
#include <string_view>

namespace holdfast::store::postgres {

// Format n is what the first n steps make. Each is carried out whole, in one transaction.
extern const std::array<std::string_view, 3> migrations;

}  // namespace holdfast::store::postgres
