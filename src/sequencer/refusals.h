// What the sequencer answers when it cannot take a command or could not keep it: each says whether
// anything was changed, and what to do. Plain values, any thread.
#pragma once

#include <string>
#include <string_view>

#include <holdfast/refusal.h>
#include "store/store.h"

namespace holdfast::sequencer {

// The queue is full.
Refusal overloaded();
Refusal stopping();
// Its turn came after the instant by which it was to be decided.
Refusal too_late(Instant deadline, Instant now);
// The first request with this key is in a round that is not durable yet.
Refusal key_in_use(std::string_view key);
Refusal key_reused(std::string_view key);
// To those who wait for an append that was not kept, or may not have been.
Refusal store_refusal(const store::AppendResult& result);
// To those whose command could not be decided, since the store could not be read: `why`.
Refusal unreachable(const std::string& why);
// To those who ask after the store failed, or was found to be damaged: `why`.
Refusal stopped(const std::string& why);

}  // namespace holdfast::sequencer
