// The spelling of codes and kinds: as in the API, so that one grep finds everything.
#include <array>

#include <holdfast/answers.h>
#include <holdfast/assert.h>
#include <holdfast/events.h>
#include <holdfast/hold.h>
#include <holdfast/refusal.h>

namespace holdfast {

namespace {

constexpr auto code_names = std::to_array<std::string_view>({
    // In the order of the enumerators.
    "invalid_request",
    "idempotency_key_reused",
    "idempotency_key_in_use",
    "unknown_sku",
    "unknown_location",
    "unknown_hold",
    "unknown_entry",
    "unknown_alert",
    "insufficient_stock",
    "customer_required",
    "customer_limit_exceeded",
    "cart_limit_exceeded",
    "reserved_at_payment",
    "waitlist_off",
    "already_waiting",
    "ttl_too_long",
    "max_extensions_reached",
    "max_life_reached",
    "heartbeat_not_requested",
    "stale_fence",
    "quantity_exceeds_hold",
    "quantity_out_of_range",
    "too_many_locations",
    "too_many_receipts",
    "hold_pending",
    "hold_confirmed",
    "hold_fulfilled",
    "hold_released",
    "hold_expired",
    "hold_cancelled",
    "hold_returned",
    "hold_lost",
    "overloaded",
    "deadline_exceeded",
    "stopping",
    "store_failed",
    "outcome_unknown",
});
static_assert(code_names.size() == static_cast<std::size_t>(RefusalCode::outcome_unknown) + 1);
static_assert(code_names.back() == "outcome_unknown");

}  // namespace

std::string_view to_string(RefusalCode code) {
    return code_names[static_cast<std::size_t>(code)];
}

std::string_view to_string(HoldStatus status) {
    switch (status) {
        case HoldStatus::pending:
            return "pending";
        case HoldStatus::confirmed:
            return "confirmed";
        case HoldStatus::fulfilled:
            return "fulfilled";
        case HoldStatus::released:
            return "released";
        case HoldStatus::expired:
            return "expired";
        case HoldStatus::cancelled:
            return "cancelled";
        case HoldStatus::returned:
            return "returned";
        case HoldStatus::lost:
            return "lost";
    }
    HF_ASSERT(!"a hold status without a name");
}

std::string_view to_string(StockState state) {
    switch (state) {
        case StockState::available:
            return "available";
        case StockState::returned:
            return "returned";
        case StockState::repair:
            return "repair";
        case StockState::damaged:
            return "damaged";
    }
    HF_ASSERT(!"a stock state without a name");
}

std::string_view to_string(Selling selling) {
    switch (selling) {
        case Selling::strict:
            return "strict";
        case Selling::backorder:
            return "backorder";
        case Selling::preorder:
            return "preorder";
    }
    HF_ASSERT(!"a way of selling without a name");
}

std::string_view to_string(ReserveAt stage) {
    switch (stage) {
        case ReserveAt::cart:
            return "cart";
        case ReserveAt::checkout:
            return "checkout";
        case ReserveAt::payment:
            return "payment";
    }
    HF_ASSERT(!"a stage without a name");
}

std::string_view to_string(Fulfilment fulfilment) {
    return fulfilment == Fulfilment::tracked ? "tracked" : "at_confirm";
}

std::string_view to_string(LateConfirm rule) {
    switch (rule) {
        case LateConfirm::retake:
            return "retake";
        case LateConfirm::refuse:
            return "refuse";
        case LateConfirm::backorder:
            return "backorder";
    }
    HF_ASSERT(!"a rule for late payments without a name");
}

std::string_view to_string(Waitlist waitlist) {
    switch (waitlist) {
        case Waitlist::off:
            return "off";
        case Waitlist::open:
            return "open";
        case Waitlist::fair:
            return "fair";
    }
    HF_ASSERT(!"a kind of waiting line without a name");
}

std::string_view to_string(ShopperStatus status) {
    switch (status) {
        case ShopperStatus::in_stock:
            return "in_stock";
        case ShopperStatus::low_stock:
            return "low_stock";
        case ShopperStatus::out_of_stock:
            return "out_of_stock";
        case ShopperStatus::backorder:
            return "backorder";
        case ShopperStatus::preorder:
            return "preorder";
        case ShopperStatus::waitlist:
            return "waitlist";
    }
    HF_ASSERT(!"a status of a SKU without a name");
}

std::string_view to_string(EntryStatus status) {
    switch (status) {
        case EntryStatus::waiting:
            return "waiting";
        case EntryStatus::offered:
            return "offered";
        case EntryStatus::left:
            return "left";
    }
    HF_ASSERT(!"a status in a waiting line without a name");
}

std::string_view to_string(LeftBecause reason) {
    return reason == LeftBecause::asked ? "asked" : "limit";
}

std::string_view to_string(AlertKind kind) {
    switch (kind) {
        case AlertKind::low_stock:
            return "low_stock";
        case AlertKind::out_of_stock:
            return "out_of_stock";
        case AlertKind::back_in_stock:
            return "back_in_stock";
        case AlertKind::reorder:
            return "reorder";
        case AlertKind::shortfall:
            return "shortfall";
        case AlertKind::velocity:
            return "velocity";
        case AlertKind::ghost_holds:
            return "ghost_holds";
    }
    HF_ASSERT(!"a kind of alert without a name");
}

std::string_view to_string(Measure measure) {
    switch (measure) {
        case Measure::nothing:
            return "nothing";
        case Measure::holds:
            return "holds";
        case Measure::releases:
            return "releases";
        case Measure::expiries:
            return "expiries";
    }
    HF_ASSERT(!"a measure without a name");
}

std::string_view to_string(AllocationRule rule) {
    switch (rule) {
        case AllocationRule::priority:
            return "priority";
        case AllocationRule::most_available:
            return "most_available";
        case AllocationRule::nearest:
            return "nearest";
    }
    HF_ASSERT(!"an allocation rule without a name");
}

namespace {

struct TypeName {
    std::string_view operator()(const HoldPlaced&) const { return "hold.placed"; }
    std::string_view operator()(const HoldRefused&) const { return "hold.refused"; }
    std::string_view operator()(const HoldAmended&) const { return "hold.amended"; }
    std::string_view operator()(const HoldExtended&) const { return "hold.extended"; }
    std::string_view operator()(const HoldSecured&) const { return "hold.secured"; }
    std::string_view operator()(const HoldConfirmed&) const { return "hold.confirmed"; }
    std::string_view operator()(const HoldReleased&) const { return "hold.released"; }
    std::string_view operator()(const HoldExpired&) const { return "hold.expired"; }
    std::string_view operator()(const HoldLost&) const { return "hold.lost"; }
    std::string_view operator()(const BackorderAllocated&) const { return "backorder.allocated"; }
    std::string_view operator()(const WaitlistJoined&) const { return "waitlist.joined"; }
    std::string_view operator()(const WaitlistLeft&) const { return "waitlist.left"; }
    std::string_view operator()(const WaitlistOffered&) const { return "waitlist.offered"; }
    std::string_view operator()(const HoldFulfilled&) const { return "hold.fulfilled"; }
    std::string_view operator()(const HoldCancelled&) const { return "hold.cancelled"; }
    std::string_view operator()(const HoldReturned&) const { return "hold.returned"; }
    std::string_view operator()(const SkuDefined&) const { return "sku.defined"; }
    std::string_view operator()(const LocationDefined&) const { return "location.defined"; }
    std::string_view operator()(const StockReceived&) const { return "stock.received"; }
    std::string_view operator()(const StockAdjusted&) const { return "stock.adjusted"; }
    std::string_view operator()(const StockMoved&) const { return "stock.moved"; }
    std::string_view operator()(const StockExpected&) const { return "stock.expected"; }
    std::string_view operator()(const StockTransferred&) const { return "stock.transferred"; }
    std::string_view operator()(const StockLevelChanged& e) const {
        switch (e.level) {
            case StockLevel::low:
                return "stock.low";
            case StockLevel::out:
                return "stock.out";
            case StockLevel::in:
                return "stock.back";
            case StockLevel::never:
                break;
        }
        HF_ASSERT(!"a level of stock without an event");
    }
    std::string_view operator()(const AlertRaised&) const { return "alert.raised"; }
    std::string_view operator()(const AlertAcknowledged&) const { return "alert.acknowledged"; }
    std::string_view operator()(const AlertResolved&) const { return "alert.resolved"; }
    std::string_view operator()(const PartitionsChanged&) const { return "partitions.changed"; }
};

}  // namespace

std::string_view type_name(const Event& event) {
    return std::visit(TypeName{}, event);
}

}  // namespace holdfast
