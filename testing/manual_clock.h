// A clock that stands still until a test moves it. Any thread.
#pragma once

#include <atomic>

#include <holdfast/clock.h>

namespace holdfast::testing {

class ManualClock final : public Clock {
public:
    explicit ManualClock(Instant start) : now_(start) {}

    [[nodiscard]] Instant now() const override { return now_.load(); }
    [[nodiscard]] std::chrono::milliseconds steady() const override { return passed_.load(); }
    // Time passes. In this order: who looks in between must not think that the clock was set.
    void advance(std::chrono::milliseconds by) {
        passed_ = passed_.load() + by;
        now_ = now_.load() + by;
    }
    // Somebody sets the clock, and no time passes.
    void step(std::chrono::milliseconds by) { now_ = now_.load() + by; }

private:
    std::atomic<Instant> now_;
    std::atomic<std::chrono::milliseconds> passed_;
};

}  // namespace holdfast::testing
