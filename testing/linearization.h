// What the checker of histories is to find out, in the words of its definition: whether there is an order of the
// operations, each at some moment between its call and its answer, in which one shop that does one thing after the
// other would have given these answers and written this log. Tries every order (Wing and Gong, with Lowe's memory of
// what was tried), so it is for a dozen operations: of one SKU at one location in one partition, which is defined,
// received, placed, confirmed, released and read. Shares nothing with the checker but the history.
#pragma once

#include "testing/history.h"

namespace holdfast::testing {

bool is_linearizable(const History& history);

}  // namespace holdfast::testing
