// The nodes of a store, in its table node, over a connection of their own.
#pragma once

#include <memory>
#include <string>

#include "store/membership.h"

namespace holdfast::store {

// The store must be there: open_postgres() makes it. Throws StoreError.
std::unique_ptr<Membership> join_postgres(const std::string& url);

}  // namespace holdfast::store
