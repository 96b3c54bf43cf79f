// Where the time comes from. Only the composition root and tests choose one; nothing else reads time.
#pragma once

#include <holdfast/types.h>

namespace holdfast {

class Clock {
public:
    virtual ~Clock() = default;
    // May be called from any thread.
    [[nodiscard]] virtual Instant now() const = 0;
};

}  // namespace holdfast
