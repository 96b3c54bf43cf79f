// Reads that go to the store's rows and log rather than to the state in memory. What they see is
// durable. They wait for the disk: call them on a thread that may wait. Throw StoreError.
#pragma once

#include <stop_token>
#include <string_view>

#include <holdfast/service.h>
#include "store/store.h"

namespace holdfast::service {

Refusal bad_cursor(std::string_view cursor);
// `pending`: ids of holds that match the filter's cart or customer and that the store's index may lack; in
// ascending order. Looks at a bounded number of holds: a page may have fewer than `limit`, or none, and
// still a `next`. Ends early, with what it has, when `ending` is requested.
Result<Page<Hold>> find_holds(store::Store& store, const HoldFilter& filter,
                              const std::vector<HoldId>& pending, const std::stop_token& ending);
Result<Page<RecordedEvent>> read_events(store::Store& store, std::string_view after,
                                        std::size_t limit);

}  // namespace holdfast::service
