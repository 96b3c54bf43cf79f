// A clock that stands still until a test moves it. Any thread.
#pragma once

#include <atomic>

#include <holdfast/clock.h>

namespace holdfast::testing {

class ManualClock final : public Clock {
public:
    explicit ManualClock(Instant start) : now_(start) {}

    [[nodiscard]] Instant now() const override { return now_.load(); }
    void set(Instant now) { now_ = now; }
    void advance(std::chrono::milliseconds by) { now_ = now_.load() + by; }

private:
    std::atomic<Instant> now_;
};

}  // namespace holdfast::testing
