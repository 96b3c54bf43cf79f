#include "tests/nodes/wrong_clock.h"

#include <atomic>
#include <ctime>

#include <sys/syscall.h>
#include <unistd.h>

namespace holdfast::testing {

namespace {

std::atomic<std::time_t> ahead_s = 0;

}  // namespace

void set_time_of_day_ahead(std::chrono::seconds by) {
    ahead_s = by.count();
}

}  // namespace holdfast::testing

// Found before the C library's, by the C++ library too.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
    const auto status = static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
    if (clock == CLOCK_REALTIME) {
        time->tv_sec += holdfast::testing::ahead_s.load();
    }
    return status;
}
