// Broken invariants end the process, in release builds too: a wrong stock figure is worse than none.
// Never reachable by anything a client sends.
#pragma once

#include <source_location>

namespace holdfast {

[[noreturn]] void assertion_failed(const char* expression, std::source_location where);

}  // namespace holdfast

#define HF_ASSERT(expression)      \
    (static_cast<bool>(expression) \
         ? static_cast<void>(0)    \
         : ::holdfast::assertion_failed(#expression, std::source_location::current()))
