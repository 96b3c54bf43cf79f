// The proof that every unit is accounted for: folds all events of a store anew and compares every
// counter, pending hold and customer's count with the rows that the store keeps.
// Reads only; may run beside a writer, and is then true as of the versions it reports.
#pragma once

#include <holdfast/service.h>
#include "store/store.h"

namespace holdfast::service {

// Differences listed; the audit goes on counting beyond them.
inline constexpr std::size_t audit_differences_max = 1'000;

AuditReport audit(store::Store& store);

}  // namespace holdfast::service
