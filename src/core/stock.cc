#include "core/stock.h"

#include <algorithm>

#include <fmt/format.h>

#include <holdfast/assert.h>
#include <holdfast/limits.h>
#include "core/hold.h"

namespace holdfast::core {
namespace {

Refusal refusal(RefusalCode code, std::string field, std::string detail) {
    return {.code = code, .detail = std::move(detail), .field = std::move(field)};
}

std::optional<Refusal> check_row(const State& state, std::string_view sku,
                                 std::string_view location, std::string field = "/location") {
    if (state.find_sku(sku) == nullptr) {
        return unknown_sku(sku);
    }
    if (!state.find_location(location)) {
        return unknown_location(location, std::move(field));
    }
    return std::nullopt;
}

// The counters of a SKU at a location; all zero where it never had stock.
Counters counters_at(const State& state, std::string_view sku, std::string_view location) {
    const Counters* row = state.find_sku(sku)->at(*state.find_location(location));
    return row == nullptr ? Counters{} : *row;
}

std::optional<Refusal> check_on_hand(const Counters& row, Quantity change, std::string_view field) {
    const Quantity after = row.on_hand + change;
    if (after >= 0 && after <= limits::quantity_max) {
        return std::nullopt;
    }
    return refusal(RefusalCode::quantity_out_of_range, std::string(field),
                   fmt::format("{:+} would make on_hand {}: it must stay between 0 and {}", change,
                               after, limits::quantity_max));
}

Refusal short_of(std::string_view sku, std::string_view location, Quantity wanted,
                 Quantity available, std::string_view state) {
    Refusal refused = refusal(RefusalCode::insufficient_stock, {},
                              fmt::format("{} of SKU '{}' wanted from '{}' at '{}', {} there",
                                          wanted, sku, state, location, available));
    refused.short_lines.push_back({.sku = std::string(sku),
                                   .location = std::string(location),
                                   .wanted = wanted,
                                   .available = std::max<Quantity>(available, 0)});
    return refused;
}

Quantity units_in(const Counters& row, StockState state) {
    switch (state) {
        case StockState::available:
            return row.available;
        case StockState::returned:
            return row.returned;
        case StockState::repair:
            return row.repair;
        case StockState::damaged:
            return row.damaged;
    }
    HF_ASSERT(!"a stock state without a counter");
}

}  // namespace

Refusal unknown_sku(std::string_view sku, std::string field) {
    return refusal(RefusalCode::unknown_sku, std::move(field),
                   fmt::format("SKU '{0}' is not known: define it with PUT /v1/skus/{0}", sku));
}

Refusal unknown_location(std::string_view location, std::string field) {
    return refusal(RefusalCode::unknown_location, std::move(field),
                   fmt::format("location '{0}' is not known: define it with "
                               "PUT /v1/locations/{0}",
                               location));
}

Decision define_sku(const State& state, const DefineSku& command) {
    static_cast<void>(state);
    return happened(SkuDefined{.sku = command.sku, .policy = command.policy});
}

Decision define_location(const State& state, const DefineLocation& command) {
    if (!state.find_location(command.location) && state.locations.size() >= limits::locations_max) {
        return refuse(refusal(RefusalCode::too_many_locations, {},
                              fmt::format("there are {} locations already, and no more are "
                                          "possible: use one of them",
                                          limits::locations_max)));
    }
    return happened(LocationDefined{
        .location = command.location, .region = command.region, .priority = command.priority});
}

Decision receive_stock(const State& state, const ReceiveStock& command) {
    if (auto unknown = check_row(state, command.sku, command.location)) {
        return refuse(std::move(*unknown));
    }
    const Counters row = counters_at(state, command.sku, command.location);
    if (auto outside = check_on_hand(row, command.quantity, "/quantity")) {
        return refuse(std::move(*outside));
    }
    const Incoming* const announced =
        state.find_sku(command.sku)
            ->find_incoming(*state.find_location(command.location), command.reference);
    return happened(StockReceived{
        .sku = command.sku,
        .location = command.location,
        .quantity = command.quantity,
        .reference = command.reference,
        .expected = announced == nullptr ? 0 : std::min(announced->quantity, command.quantity)});
}

Decision expect_stock(const State& state, const ExpectStock& command) {
    if (auto unknown = check_row(state, command.sku, command.location)) {
        return refuse(std::move(*unknown));
    }
    const SkuState& sku = *state.find_sku(command.sku);
    const bool known =
        sku.find_incoming(*state.find_location(command.location), command.reference) != nullptr;
    if (!known && sku.incoming && sku.incoming->size() >= limits::receipts_max) {
        return refuse(refusal(RefusalCode::too_many_receipts, {},
                              fmt::format("SKU '{}' expects {} receipts already: withdraw those "
                                          "that do not come with quantity 0",
                                          command.sku, limits::receipts_max)));
    }
    return happened(StockExpected{.sku = command.sku,
                                  .location = command.location,
                                  .quantity = command.quantity,
                                  .expected_at = command.expected_at,
                                  .reference = command.reference});
}

Decision adjust_stock(const State& state, const AdjustStock& command) {
    if (auto unknown = check_row(state, command.sku, command.location)) {
        return refuse(std::move(*unknown));
    }
    const Counters row = counters_at(state, command.sku, command.location);
    if (auto outside = check_on_hand(row, command.delta, "/delta")) {
        return refuse(std::move(*outside));
    }
    return happened(StockAdjusted{.sku = command.sku,
                                  .location = command.location,
                                  .delta = command.delta,
                                  .reason = command.reason,
                                  .reference = command.reference});
}

Decision move_stock(const State& state, const MoveStock& command, const Given& given) {
    if (auto unknown = check_row(state, command.sku, command.location)) {
        return refuse(std::move(*unknown));
    }
    const Quantity there =
        units_in(counters_at(state, command.sku, command.location), command.from);
    if (there < command.quantity) {
        return refuse_short(state,
                            short_of(command.sku, command.location, command.quantity, there,
                                     to_string(command.from)),
                            given);
    }
    return happened(StockMoved{.sku = command.sku,
                               .location = command.location,
                               .quantity = command.quantity,
                               .from = command.from,
                               .to = command.to,
                               .reference = command.reference});
}

Decision transfer_stock(const State& state, const TransferStock& command, const Given& given) {
    if (auto unknown = check_row(state, command.sku, command.from, "/from")) {
        return refuse(std::move(*unknown));
    }
    if (auto unknown = check_row(state, command.sku, command.to, "/to")) {
        return refuse(std::move(*unknown));
    }
    const Counters from = counters_at(state, command.sku, command.from);
    if (from.available < command.quantity) {
        return refuse_short(state,
                            short_of(command.sku, command.from, command.quantity, from.available,
                                     to_string(StockState::available)),
                            given);
    }
    const Counters to = counters_at(state, command.sku, command.to);
    if (auto outside = check_on_hand(to, command.quantity, "/quantity")) {
        return refuse(std::move(*outside));
    }
    return happened(StockTransferred{.sku = command.sku,
                                     .from = command.from,
                                     .to = command.to,
                                     .quantity = command.quantity,
                                     .reference = command.reference});
}

}  // namespace holdfast::core
