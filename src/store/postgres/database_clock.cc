#include "store/postgres/database_clock.h"

#include <algorithm>

namespace holdfast::store::postgres {

Instant DatabaseClock::now() const {
    const std::lock_guard lock(mutex_);
    const auto since =
        Steady::now().time_since_epoch() + ahead_.value_or(std::chrono::nanoseconds(0));
    last_ = std::max(last_, Instant(std::chrono::floor<std::chrono::milliseconds>(since)));
    return last_;
}

std::chrono::milliseconds DatabaseClock::steady() const {
    return std::chrono::floor<std::chrono::milliseconds>(Steady::now().time_since_epoch());
}

void DatabaseClock::set(Steady::time_point asked, Steady::time_point answered,
                        std::chrono::microseconds said) {
    const std::chrono::nanoseconds least = said - answered.time_since_epoch();
    const std::chrono::nanoseconds most = said - asked.time_since_epoch();
    const std::lock_guard lock(mutex_);
    // What was known already is kept as far as it may be true: one slow answer says little.
    ahead_ = std::clamp(ahead_.value_or(least + (most - least) / 2), least, most);
}

}  // namespace holdfast::store::postgres
