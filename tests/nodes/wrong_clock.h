// The time of day of this process, as a test wants it. Where it is linked, everything in the process goes by it that
// asks the machine for the time of day.
#pragma once

#include <chrono>

namespace holdfast::testing {

void set_time_of_day_ahead(std::chrono::seconds by);

}  // namespace holdfast::testing
