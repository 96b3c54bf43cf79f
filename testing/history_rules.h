// The rules of testing/history.h, one function each. For the checker and its tests.
#pragma once

#include "testing/history_claims.h"
#include "testing/history_log.h"

namespace holdfast::testing {

struct Case {
    const History& history;
    const HistoryLog& log;
    const Claims& claims;
    Findings& findings;
};

void check_sequence(const Case& it);
void check_real_time(const Case& it);
void check_replay(const Case& it);
void check_conservation(const Case& it);
void check_bound(const Case& it);
void check_spurious_refusals(const Case& it);
void check_idempotency(const Case& it);
void check_hold_states(const Case& it);
void check_durability(const Case& it);
void check_open_operations(const Case& it);

// The versions that an operation was told, one for each partition that it looked at.
std::map<PartitionId, Version> versions_told(const Case& it, std::size_t operation);

}  // namespace holdfast::testing
