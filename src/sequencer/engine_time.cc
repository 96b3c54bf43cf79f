#include "sequencer/engine_time.h"

#include <algorithm>

namespace holdfast::sequencer {

EngineTime::EngineTime(const Clock& clock, Instant last)
    : clock_(clock), last_(last), ahead_(last.time_since_epoch() - clock.steady()) {}

Instant EngineTime::now() {
    // In this order: whatever comes between the two readings, time is not ahead of the clock for it.
    const Instant clock = clock_.now();
    const std::chrono::milliseconds steady = clock_.steady();
    ahead_ = std::max(ahead_, clock.time_since_epoch() - steady);
    last_ = std::max(last_, Instant(steady + ahead_));
    behind_ = last_ - clock;
    return last_;
}

void EngineTime::not_before(Instant at) {
    ahead_ = std::max(ahead_, at.time_since_epoch() - clock_.steady());
    last_ = std::max(last_, at);
}

}  // namespace holdfast::sequencer
