// The time that rounds are decided at: the clock's, but it never runs backward and never stands still.
// Where the clock was set back it goes on at the rate of steady time, ahead of the clock, until the
// clock has caught up; where the clock jumps ahead it follows. One thread; behind() any.
#pragma once

#include <atomic>
#include <chrono>

#include <holdfast/clock.h>

namespace holdfast::sequencer {

class EngineTime {
public:
    // `last`: when the last event happened. The clock must outlive it.
    EngineTime(const Clock& clock, Instant last);

    [[nodiscard]] Instant now();
    // Something has happened at this moment, by another's clock: time is there too.
    void not_before(Instant at);
    // How far the clock was behind when now() was last asked.
    [[nodiscard]] std::chrono::milliseconds behind() const { return behind_; }

private:
    const Clock& clock_;
    Instant last_;
    std::chrono::milliseconds ahead_;  // of steady time: never less than it was
    std::atomic<std::chrono::milliseconds> behind_;
};

}  // namespace holdfast::sequencer
