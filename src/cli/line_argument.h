// Words of the command line that are more than a text: lines of a cart, numbers.
// Called by commands. Pure. A word that cannot be read is a Failure (usage) that quotes it.
#pragma once

#include <string>

#include <holdfast/commands.h>

namespace holdfast::cli {

// "mug=2" or "mug=2@berlin".
LineRequest parse_line(const std::string& text);
// A whole number; `what` says in the message which one it was to be.
Quantity parse_number(const std::string& what, const std::string& text);

}  // namespace holdfast::cli
