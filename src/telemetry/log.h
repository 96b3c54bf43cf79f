// The program's log: lines on standard error, one per happening, never with anything secret. Any thread.
// Texts that came from outside are escaped, so that nobody can write a line of his own into it.
#pragma once

#include <string_view>

namespace holdfast::telemetry {

// From now on, for programs that open one store after another and have said of the first what it is.
void log_only_warnings();

void log_info(std::string_view message);
void log_warning(std::string_view message);
void log_error(std::string_view message);

}  // namespace holdfast::telemetry
