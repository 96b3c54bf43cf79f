#include "core/decide.h"

#include <holdfast/fault.h>
#include "core/alerts.h"
#include "core/hold.h"
#include "core/stock.h"
#include "core/waitlist.h"

namespace holdfast::core {
namespace {

// The table of contents of the business.
struct Rules {
    const State& state;
    const Given& given;

    Decision operator()(const PlaceHold& c) const { return place_hold(state, c, given); }
    Decision operator()(const AmendHold& c) const { return amend_hold(state, c, given); }
    Decision operator()(const ExtendHold& c) const { return extend_hold(state, c, given); }
    Decision operator()(const BeatHold& c) const { return beat_hold(state, c, given); }
    Decision operator()(const SecureHold& c) const { return secure_hold(state, c, given); }
    Decision operator()(const ConfirmHold& c) const { return confirm_hold(state, c, given); }
    Decision operator()(const ReleaseHold& c) const { return release_hold(state, c, given); }
    Decision operator()(const ExpireHolds&) const { return expire_holds(state, given); }
    Decision operator()(const AllocateBackorder& c) const {
        return allocate_backorder(state, c, given);
    }
    Decision operator()(const JoinWaitlist& c) const { return join_waitlist(state, c, given); }
    Decision operator()(const LeaveWaitlist& c) const { return leave_waitlist(state, c); }
    Decision operator()(const OfferUnits& c) const { return offer_units(state, c, given); }
    Decision operator()(const FulfilHold& c) const { return fulfil_hold(state, c, given); }
    Decision operator()(const CancelHold& c) const { return cancel_hold(state, c, given); }
    Decision operator()(const ReturnUnits& c) const { return return_units(state, c, given); }
    Decision operator()(const DefineSku& c) const { return define_sku(state, c); }
    Decision operator()(const DefineLocation& c) const { return define_location(state, c); }
    Decision operator()(const ReceiveStock& c) const { return receive_stock(state, c); }
    Decision operator()(const ExpectStock& c) const { return expect_stock(state, c); }
    Decision operator()(const AdjustStock& c) const { return adjust_stock(state, c); }
    Decision operator()(const MoveStock& c) const { return move_stock(state, c, given); }
    Decision operator()(const TransferStock& c) const { return transfer_stock(state, c, given); }
    Decision operator()(const AcknowledgeAlert& c) const { return acknowledge_alert(state, c); }
};

}  // namespace

Decision decide(const State& state, const Command& command, const Given& given) {
    return std::visit(Rules{state, given}, command);
}

std::size_t prefetch(const State& state, const Command& command) {
    const auto* const place = std::get_if<PlaceHold>(&command);
    if (place == nullptr) {
        return 0;
    }
    for (const LineRequest& line : place->lines) {
        state.sku_names.prefetch(state.skus, line.sku);
    }
    return place->lines.size();
}

std::optional<Command> next_to_serve(State& state) {
    while (!state.to_serve.empty()) {
        SkuState& sku = state.skus[state.to_serve.back()];
        for (const StockQueue& queue : sku.queues->orders) {
            if (sku.at(queue.location)->available > 0 && !HF_FAULT(waiting_not_served)) {
                return AllocateBackorder{.hold = queue.orders.begin()->second.hold,
                                         .sku = sku.sku,
                                         .location = state.locations[queue.location].name};
            }
        }
        if (auto offer = next_offer(state, sku)) {
            return *std::move(offer);
        }
        sku.queues->to_be_served = false;
        state.to_serve.pop_back();
    }
    return std::nullopt;
}

std::optional<std::string_view> sku_of_fresh_id(const Command& command) {
    if (const auto* place = std::get_if<PlaceHold>(&command)) {
        return place->lines.front().sku;
    }
    if (const auto* join = std::get_if<JoinWaitlist>(&command)) {
        return join->sku;
    }
    if (const auto* offer = std::get_if<OfferUnits>(&command)) {
        return offer->sku;
    }
    return std::nullopt;
}

std::optional<HoldId> named_hold(const Command& command) {
    return std::visit(
        []<class C>(const C& c) -> std::optional<HoldId> {
            if constexpr (requires { c.id; }) {
                return c.id;
            } else if constexpr (requires { c.hold; }) {
                return c.hold;
            } else {
                return std::nullopt;
            }
        },
        command);
}

}  // namespace holdfast::core
