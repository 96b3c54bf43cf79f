// What a user can cause is a value; broken infrastructure is an exception; a broken invariant aborts.
#pragma once

#include <expected>

#include <holdfast/refusal.h>

namespace holdfast {

template <class T>
using Result = std::expected<T, Refusal>;

}  // namespace holdfast
