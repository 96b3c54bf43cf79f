// Rebuilds what the sequencer keeps in memory from the rows of a store. Throws StoreError when the
// rows contradict each other. Also what the audit compares the events with.
#pragma once

#include "core/state.h"
#include "sequencer/idempotency.h"
#include "store/store.h"

namespace holdfast::sequencer {

// A row of first answers, and the keys that they were given for.
struct KeptAnswers {
    AnswersRow row;
    std::vector<std::string> keys;
};
KeptAnswers kept_answers(PartitionId partition, std::string_view key, std::string_view value);

struct Recovered {
    core::State state;
    Idempotency idempotency;
    std::vector<store::Head> heads;
};
Recovered recover(store::Store& store);

}  // namespace holdfast::sequencer
