// Finds the units for the lines of a cart: which location serves each, and which lines are short.
// Reads the state, changes nothing. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <holdfast/commands.h>
#include <holdfast/hold.h>
#include <holdfast/result.h>
#include "core/state.h"

namespace holdfast::core {

// How far the sale has come: decides which SKUs' units are taken, and which are only wished for.
enum class Stage : std::uint8_t { cart, checkout, payment };

struct AllocationRequest {
    // Equal (SKU, location) pairs are summed; the order of first appearance is kept.
    const std::vector<LineRequest>& lines;
    Instant now;
    std::string_view customer;
    std::string_view region;
    bool partial = false;
    // A hold whose units count as free for this cart: the one that is being amended.
    const Hold* own = nullptr;
    Stage stage = Stage::cart;
    // The cart is an offer to who stands there in the SKU's waiting line: then only those who came before
    // him go first. None: a newcomer.
    std::optional<EntryId> offer_to;
    // The payment of a hold that had lapsed: only policies whose `late_confirm` says so promise units.
    bool late = false;
};

// The lines with their allocations, or the refusal, which names every short line.
Result<std::vector<HoldLine>> allocate(const State& state, const AllocationRequest& request);

}  // namespace holdfast::core
