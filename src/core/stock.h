// The rules of stock work: what may be defined, received, corrected, moved and transferred.
// Pure. Called by decide() only.
#pragma once

#include "core/decide.h"

namespace holdfast::core {

Decision define_sku(const State& state, const DefineSku& command);
Decision define_location(const State& state, const DefineLocation& command);
Decision receive_stock(const State& state, const ReceiveStock& command);
Decision expect_stock(const State& state, const ExpectStock& command);
Decision adjust_stock(const State& state, const AdjustStock& command);
Decision move_stock(const State& state, const MoveStock& command, const Given& given);
Decision transfer_stock(const State& state, const TransferStock& command, const Given& given);

}  // namespace holdfast::core
