// Where the time comes from. Only the composition root and tests choose one; nothing else reads time.
// May be called from any thread.
#pragma once

#include <chrono>

#include <holdfast/types.h>

namespace holdfast {

class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Instant now() const = 0;
    // How long it is since some moment of the past. Unlike now() nobody sets it: it never runs backward
    // and never jumps. A clock that is never set back can do without.
    [[nodiscard]] virtual std::chrono::milliseconds steady() const {
        return now().time_since_epoch();
    }
};

}  // namespace holdfast
