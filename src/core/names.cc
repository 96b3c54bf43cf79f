// The spelling of codes and kinds: as in the API, so that one grep finds everything.
#include <holdfast/assert.h>
#include <holdfast/events.h>
#include <holdfast/hold.h>
#include <holdfast/refusal.h>

namespace holdfast {

std::string_view to_string(RefusalCode code) {
    switch (code) {
        case RefusalCode::invalid_request:
            return "invalid_request";
        case RefusalCode::idempotency_key_reused:
            return "idempotency_key_reused";
        case RefusalCode::idempotency_key_in_use:
            return "idempotency_key_in_use";
        case RefusalCode::unknown_sku:
            return "unknown_sku";
        case RefusalCode::unknown_location:
            return "unknown_location";
        case RefusalCode::unknown_hold:
            return "unknown_hold";
        case RefusalCode::insufficient_stock:
            return "insufficient_stock";
        case RefusalCode::customer_required:
            return "customer_required";
        case RefusalCode::customer_limit_exceeded:
            return "customer_limit_exceeded";
        case RefusalCode::ttl_too_long:
            return "ttl_too_long";
        case RefusalCode::max_extensions_reached:
            return "max_extensions_reached";
        case RefusalCode::max_life_reached:
            return "max_life_reached";
        case RefusalCode::heartbeat_not_requested:
            return "heartbeat_not_requested";
        case RefusalCode::cart_limit_exceeded:
            return "cart_limit_exceeded";
        case RefusalCode::reserved_at_payment:
            return "reserved_at_payment";
        case RefusalCode::stale_fence:
            return "stale_fence";
        case RefusalCode::quantity_exceeds_hold:
            return "quantity_exceeds_hold";
        case RefusalCode::quantity_out_of_range:
            return "quantity_out_of_range";
        case RefusalCode::too_many_locations:
            return "too_many_locations";
        case RefusalCode::hold_pending:
            return "hold_pending";
        case RefusalCode::hold_confirmed:
            return "hold_confirmed";
        case RefusalCode::hold_fulfilled:
            return "hold_fulfilled";
        case RefusalCode::hold_released:
            return "hold_released";
        case RefusalCode::hold_expired:
            return "hold_expired";
        case RefusalCode::hold_cancelled:
            return "hold_cancelled";
        case RefusalCode::hold_returned:
            return "hold_returned";
        case RefusalCode::hold_lost:
            return "hold_lost";
        case RefusalCode::overloaded:
            return "overloaded";
        case RefusalCode::deadline_exceeded:
            return "deadline_exceeded";
        case RefusalCode::stopping:
            return "stopping";
        case RefusalCode::store_failed:
            return "store_failed";
        case RefusalCode::outcome_unknown:
            return "outcome_unknown";
    }
    HF_ASSERT(!"a refusal code without a name");
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
    std::string_view operator()(const HoldFulfilled&) const { return "hold.fulfilled"; }
    std::string_view operator()(const HoldCancelled&) const { return "hold.cancelled"; }
    std::string_view operator()(const HoldReturned&) const { return "hold.returned"; }
    std::string_view operator()(const SkuDefined&) const { return "sku.defined"; }
    std::string_view operator()(const LocationDefined&) const { return "location.defined"; }
    std::string_view operator()(const StockReceived&) const { return "stock.received"; }
    std::string_view operator()(const StockAdjusted&) const { return "stock.adjusted"; }
    std::string_view operator()(const StockMoved&) const { return "stock.moved"; }
    std::string_view operator()(const StockTransferred&) const { return "stock.transferred"; }
};

}  // namespace

std::string_view type_name(const Event& event) {
    return std::visit(TypeName{}, event);
}

}  // namespace holdfast
