// Decides what a command does. Pure: no I/O, clock, randomness or logging, so that a recorded log
// replays to the same bytes on every machine. All the rules of the shop stand in this folder.
// Called only by the sequencer, on its thread. Cannot fail: a refusal is an answer.
#pragma once

#include <optional>
#include <vector>

#include <holdfast/answers.h>
#include <holdfast/commands.h>
#include <holdfast/events.h>
#include <holdfast/result.h>
#include "core/state.h"

namespace holdfast::core {

// What comes with a command from outside the rules.
struct Given {
    Instant now;
    // For a hold that is placed, or a place in a waiting line.
    HoldId fresh_id;
    // The hold that the command names, when it is not pending: fetched from the store, or null.
    const Hold* past = nullptr;
};

struct Decision {
    // To be evolved in this order.
    std::vector<Event> events;
    // Set: evolve the events and decide the same command again. Holds that had lapsed were in its way.
    bool again = false;
    // Set: nothing was done for the sender. `events` may still hold expiries.
    std::optional<Refusal> refusal;
    // The hold as it will be, for commands that change a past hold or change nothing (a repeated
    // confirm). Otherwise the answer is read from the state, or from HoldPlaced.
    std::optional<Hold> hold;
};

Decision decide(const State& state, const Command& command, const Given& given);

// What is to be decided next so that those who wait get what is there: the sequencer asks after every change,
// until there is nothing. Takes those SKUs off State::to_serve of which nobody waits, or nothing is left.
std::optional<Command> next_to_serve(State& state);

// Says that the command will be decided in a moment, so that what it looks at is in the cache by then: a
// catalogue is larger than any cache, and waiting for memory is most of what a cart costs. Returns
// the number of SKUs.
std::size_t prefetch(const State& state, const Command& command);

// The SKU that a fresh id is to carry in its token, for commands that need one.
std::optional<std::string_view> sku_of_fresh_id(const Command& command);

// The hold that a command names.
std::optional<HoldId> named_hold(const Command& command);

}  // namespace holdfast::core
