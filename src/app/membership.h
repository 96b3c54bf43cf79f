// The nodes that serve the store that open() opened.
#pragma once

#include <memory>

#include <holdfast/options.h>
#include "store/membership.h"

namespace holdfast::app {

// After open(). Null when the store is nobody else's. Throws StoreError.
std::unique_ptr<store::Membership> join(const Options& options);

}  // namespace holdfast::app
