// A store that cannot be opened, read or trusted: broken infrastructure, so an exception. Its text
// says what happened, to which store, and what to do.
#pragma once

#include <stdexcept>

namespace holdfast {

class StoreError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Not for good: the store may be reached again.
class StoreUnreachable : public StoreError {
public:
    using StoreError::StoreError;
};

}  // namespace holdfast
