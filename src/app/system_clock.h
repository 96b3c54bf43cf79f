// The machine's own clock, for the program; tests bring theirs. Any thread. Cannot fail.
#pragma once

#include <holdfast/clock.h>

namespace holdfast::app {

class SystemClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override {
        return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    }
    [[nodiscard]] std::chrono::milliseconds steady() const override {
        return std::chrono::floor<std::chrono::milliseconds>(
            std::chrono::steady_clock::now().time_since_epoch());
    }
};

}  // namespace holdfast::app
