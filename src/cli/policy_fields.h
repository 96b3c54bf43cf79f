// The fields of a policy by the names that the API gives them, for files and tables.
// Called by import, export and show. Pure. A value that cannot be read is a message.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/policy.h>

namespace holdfast::cli {

// What a value is in JSON; CSV has only texts.
enum class FieldKind : std::uint8_t { text, number, truth };

const std::vector<std::string_view>& policy_field_names();
FieldKind policy_field_kind(std::string_view name);
std::string policy_field(const Policy& policy, std::string_view name);
// What was wrong, or nothing. An empty value leaves the field at its default.
std::optional<std::string> set_policy_field(Policy& policy, std::string_view name,
                                            const std::string& value);

}  // namespace holdfast::cli
