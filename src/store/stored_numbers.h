// Enumerators <-> the numbers that stand for them in the stored format: named one by one, so that the
// order of an enumeration may change and what is on disk keeps its meaning. Never renumber, never
// reuse; a new enumerator fails to compile here until it has a number. Used by the codec only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <holdfast/alert.h>
#include <holdfast/answers.h>
#include <holdfast/commands.h>
#include <holdfast/events.h>
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

constexpr std::uint8_t stored_number(Waitlist waitlist) {
    switch (waitlist) {
        case Waitlist::off:
            return 1;
        case Waitlist::open:
            return 2;
        case Waitlist::fair:
            return 3;
    }
    return 0;
}

constexpr std::uint8_t stored_number(LeftBecause reason) {
    switch (reason) {
        case LeftBecause::asked:
            return 1;
        case LeftBecause::limit:
            return 2;
    }
    return 0;
}

constexpr std::uint8_t stored_number(EntryStatus status) {
    switch (status) {
        case EntryStatus::waiting:
            return 1;
        case EntryStatus::offered:
            return 2;
        case EntryStatus::left:
            return 3;
    }
    return 0;
}

constexpr std::uint8_t stored_number(AlertKind kind) {
    switch (kind) {
        case AlertKind::low_stock:
            return 1;
        case AlertKind::out_of_stock:
            return 2;
        case AlertKind::back_in_stock:
            return 3;
        case AlertKind::reorder:
            return 4;
        case AlertKind::shortfall:
            return 5;
        case AlertKind::velocity:
            return 6;
        case AlertKind::ghost_holds:
            return 7;
    }
    return 0;
}

constexpr std::uint8_t stored_number(Measure measure) {
    switch (measure) {
        case Measure::nothing:
            return 1;
        case Measure::holds:
            return 2;
        case Measure::releases:
            return 3;
        case Measure::expiries:
            return 4;
    }
    return 0;
}

constexpr std::uint8_t stored_number(StockLevel level) {
    switch (level) {
        case StockLevel::in:
            return 1;
        case StockLevel::low:
            return 2;
        case StockLevel::out:
            return 3;
        case StockLevel::never:
            break;  // is not announced
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

struct StoredCode {
    RefusalCode code;
    std::uint8_t number;
};
inline constexpr auto stored_codes = std::to_array<StoredCode>({
    {RefusalCode::invalid_request, 1},
    {RefusalCode::idempotency_key_reused, 2},
    {RefusalCode::idempotency_key_in_use, 3},
    {RefusalCode::unknown_sku, 4},
    {RefusalCode::unknown_location, 5},
    {RefusalCode::unknown_hold, 6},
    {RefusalCode::insufficient_stock, 7},
    {RefusalCode::customer_required, 8},
    {RefusalCode::customer_limit_exceeded, 9},
    {RefusalCode::ttl_too_long, 10},
    {RefusalCode::max_extensions_reached, 11},
    {RefusalCode::max_life_reached, 12},
    {RefusalCode::heartbeat_not_requested, 13},
    {RefusalCode::stale_fence, 14},
    {RefusalCode::quantity_exceeds_hold, 15},
    {RefusalCode::quantity_out_of_range, 16},
    {RefusalCode::too_many_locations, 17},
    {RefusalCode::hold_pending, 18},
    {RefusalCode::hold_confirmed, 19},
    {RefusalCode::hold_fulfilled, 20},
    {RefusalCode::hold_released, 21},
    {RefusalCode::hold_expired, 22},
    {RefusalCode::hold_cancelled, 23},
    {RefusalCode::hold_returned, 24},
    {RefusalCode::overloaded, 25},
    {RefusalCode::deadline_exceeded, 26},
    {RefusalCode::stopping, 27},
    {RefusalCode::store_failed, 28},
    {RefusalCode::outcome_unknown, 29},
    {RefusalCode::cart_limit_exceeded, 30},
    {RefusalCode::reserved_at_payment, 31},
    {RefusalCode::hold_lost, 32},
    {RefusalCode::unknown_entry, 33},
    {RefusalCode::waitlist_off, 34},
    {RefusalCode::already_waiting, 35},
    {RefusalCode::too_many_receipts, 36},
    {RefusalCode::unknown_alert, 37},
});
static_assert(stored_codes.size() == static_cast<std::size_t>(RefusalCode::outcome_unknown) + 1,
              "a new code needs a number");

constexpr std::uint8_t stored_number(RefusalCode code) {
    for (const StoredCode& stored : stored_codes) {
        if (stored.code == code) {
            return stored.number;
        }
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
