// The shape of commands: what can be judged without any state. All ids, texts, numbers and times are
// inside limits.h afterwards, so the rules need not look again.
// Called by the service on the caller's thread. Pure.
#pragma once

#include <optional>

#include <holdfast/commands.h>
#include <holdfast/refusal.h>

namespace holdfast::core {

// The first fault, with its field as a JSON pointer; nothing when the command is well formed.
std::optional<Refusal> validate(const Command& command);

// Whether a text may name something: 1 to limits::id_bytes_max printable ASCII characters, no space.
bool is_id(std::string_view text);

}  // namespace holdfast::core
