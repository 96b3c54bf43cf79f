// Enumerators <-> the numbers that stand for them in the stored format: named one by one, so that the
// order of an enumeration may change and what is on disk keeps its meaning. Never renumber, never
// reuse; a new enumerator fails to compile here until it has a number. Used by the codec only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <holdfast/commands.h>
#include <holdfast/hold.h>
#include <holdfast/policy.h>
#include <holdfast/refusal.h>

namespace holdfast::store {

// 0 is nobody's number: it is what zeroed bytes read as.

constexpr std::uint8_t stored_number(HoldStatus status) {
    switch (status) {
        case HoldStatus::pending:
            return 1;
        case HoldStatus::confirmed:
            return 2;
        case HoldStatus::fulfilled:
            return 3;
        case HoldStatus::released:
            return 4;
        case HoldStatus::expired:
            return 5;
        case HoldStatus::cancelled:
            return 6;
        case HoldStatus::returned:
            return 7;
        case HoldStatus::lost:
            return 8;
    }
    return 0;
}

constexpr std::uint8_t stored_number(StockState state) {
    switch (state) {
        case StockState::available:
            return 1;
        case StockState::returned:
            return 2;
        case StockState::repair:
            return 3;
        case StockState::damaged:
            return 4;
    }
    return 0;
}

constexpr std::uint8_t stored_number(Selling selling) {
    switch (selling) {
        case Selling::strict:
            return 1;
        case Selling::backorder:
            return 2;
        case Selling::preorder:
            return 3;
    }
    return 0;
}

constexpr std::uint8_t stored_number(ReserveAt stage) {
    switch (stage) {
        case ReserveAt::cart:
            return 1;
        case ReserveAt::checkout:
            return 2;
        case ReserveAt::payment:
            return 3;
    }
    return 0;
}

constexpr std::uint8_t stored_number(Fulfilment fulfilment) {
    switch (fulfilment) {
        case Fulfilment::tracked:
            return 1;
        case Fulfilment::at_confirm:
            return 2;
    }
    return 0;
}

constexpr std::uint8_t stored_number(LateConfirm late_confirm) {
    switch (late_confirm) {
        case LateConfirm::retake:
            return 1;
        case LateConfirm::refuse:
            return 2;
        case LateConfirm::backorder:
            return 3;
    }
    return 0;
}

constexpr std::uint8_t stored_number(AllocationRule rule) {
    switch (rule) {
        case AllocationRule::priority:
            return 1;
        case AllocationRule::most_available:
            return 2;
        case AllocationRule::nearest:
            return 3;
    }
    return 0;
}

constexpr std::uint8_t stored_number(RefusalCode code) {
    switch (code) {
        case RefusalCode::invalid_request:
            return 1;
        case RefusalCode::idempotency_key_reused:
            return 2;
        case RefusalCode::idempotency_key_in_use:
            return 3;
        case RefusalCode::unknown_sku:
            return 4;
        case RefusalCode::unknown_location:
            return 5;
        case RefusalCode::unknown_hold:
            return 6;
        case RefusalCode::insufficient_stock:
            return 7;
        case RefusalCode::customer_required:
            return 8;
        case RefusalCode::customer_limit_exceeded:
            return 9;
        case RefusalCode::ttl_too_long:
            return 10;
        case RefusalCode::max_extensions_reached:
            return 11;
        case RefusalCode::max_life_reached:
            return 12;
        case RefusalCode::heartbeat_not_requested:
            return 13;
        case RefusalCode::stale_fence:
            return 14;
        case RefusalCode::quantity_exceeds_hold:
            return 15;
        case RefusalCode::quantity_out_of_range:
            return 16;
        case RefusalCode::too_many_locations:
            return 17;
        case RefusalCode::hold_pending:
            return 18;
        case RefusalCode::hold_confirmed:
            return 19;
        case RefusalCode::hold_fulfilled:
            return 20;
        case RefusalCode::hold_released:
            return 21;
        case RefusalCode::hold_expired:
            return 22;
        case RefusalCode::hold_cancelled:
            return 23;
        case RefusalCode::hold_returned:
            return 24;
        case RefusalCode::overloaded:
            return 25;
        case RefusalCode::deadline_exceeded:
            return 26;
        case RefusalCode::stopping:
            return 27;
        case RefusalCode::store_failed:
            return 28;
        case RefusalCode::outcome_unknown:
            return 29;
        case RefusalCode::cart_limit_exceeded:
            return 30;
        case RefusalCode::reserved_at_payment:
            return 31;
        case RefusalCode::hold_lost:
            return 32;
    }
    return 0;
}

template <class Enum>
constexpr std::optional<Enum> from_stored_number(std::uint8_t number) {
    constexpr auto by_number = [] {
        std::array<std::optional<Enum>, 256> table;
        for (unsigned value = 0; value < 256; ++value) {
            const auto enumerator = static_cast<Enum>(value);
            if (const std::uint8_t stored = stored_number(enumerator); stored != 0) {
                table[stored] = enumerator;
            }
        }
        return table;
    }();
    return by_number[number];
}

}  // namespace holdfast::store
