// Deliberate faults, for testing the tests (scripts/break-it): HF_FAULT(name) stands exactly where the mistake
// would be made. `false`, and so nothing at all, unless the build has HOLDFAST_FAULTS; then the one that is
// named in the environment variable HOLDFAST_FAULT is made.
#pragma once

#ifdef HOLDFAST_FAULTS

#include <cstdlib>
#include <string_view>

namespace holdfast {

inline bool is_chosen_fault(std::string_view name) {
    static const char* const chosen = std::getenv("HOLDFAST_FAULT");
    return chosen != nullptr && name == chosen;
}

}  // namespace holdfast

#define HF_FAULT(name) ::holdfast::is_chosen_fault(#name)

#else

#define HF_FAULT(name) false

#endif
