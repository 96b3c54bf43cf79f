// The database's time, for all who share it: this machine's steady clock, set by what the database said.
// It never runs backwards. Any thread.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include <holdfast/clock.h>

namespace holdfast::store::postgres {

class DatabaseClock final : public Clock {
public:
    using Steady = std::chrono::steady_clock;

    [[nodiscard]] Instant now() const override;
    [[nodiscard]] std::chrono::milliseconds steady() const override;
    // The database said that it was `said`, at some moment between the two.
    void set(Steady::time_point asked, Steady::time_point answered, std::chrono::microseconds said);

private:
    mutable std::mutex mutex_;
    std::optional<std::chrono::nanoseconds> ahead_;  // of the steady clock
    mutable Instant last_;
};

}  // namespace holdfast::store::postgres
