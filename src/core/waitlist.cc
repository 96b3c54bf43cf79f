#include "core/waitlist.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/allocation.h"
#include "core/hold.h"

namespace holdfast::core {
namespace {

// The units for a shopper whose turn it is.
Result<std::vector<HoldLine>> allocate_offer(const State& state, const SkuState& sku,
                                             const SkuQueues::Shopper& shopper, Instant now) {
    const std::vector<LineRequest> lines = {
        {.sku = sku.sku,
         .quantity = shopper.entry.quantity,
         .location = shopper.location == SkuQueues::anywhere
                         ? std::string()
                         : state.locations[shopper.location].name}};
    return allocate(state, {.lines = lines,
                            .now = now,
                            .customer = shopper.entry.customer,
                            .region = shopper.entry.region,
                            .partial = false,
                            .own = nullptr,
                            .stage = Stage::payment,
                            .offer_to = shopper.id});
}

std::optional<Refusal> refuse_to_wait(const State& state, const JoinWaitlist& command) {
    const SkuState* const sku = state.find_sku(command.sku);
    if (sku == nullptr) {
        return unknown_sku(command.sku);
    }
    if (!command.location.empty() && !state.find_location(command.location)) {
        return unknown_location(command.location, "/location");
    }
    if (sku->policy->waitlist == Waitlist::off) {
        return Refusal{.code = RefusalCode::waitlist_off,
                       .detail = fmt::format("SKU '{}' has no waiting line: set its policy's "
                                             "waitlist to open or fair",
                                             command.sku)};
    }
    const auto least = std::min(sku->policy->max_per_cart.value_or(limits::quantity_max),
                                sku->policy->max_per_customer.value_or(limits::quantity_max));
    if (command.quantity > least) {
        return Refusal{.code = RefusalCode::cart_limit_exceeded,
                       .detail = fmt::format("one shopper may have {} of SKU '{}', so waiting for "
                                             "{} is in vain",
                                             least, command.sku, command.quantity),
                       .field = "/quantity",
                       .short_lines = {{.sku = command.sku,
                                        .location = {},
                                        .wanted = command.quantity,
                                        .available = least}}};
    }
    if (sku->queues) {
        const auto waits = sku->queues->customers.find(command.customer);
        if (waits != sku->queues->customers.end()) {
            return Refusal{
                .code = RefusalCode::already_waiting,
                .detail = fmt::format("customer '{}' waits for SKU '{}' already, as "
                                      "'{}': leave the line first",
                                      command.customer, command.sku, to_string(waits->second))};
        }
    }
    return std::nullopt;
}

}  // namespace

Decision join_waitlist(const State& state, const JoinWaitlist& command, const Given& given) {
    if (auto refused = refuse_to_wait(state, command)) {
        return refuse(std::move(*refused));
    }
    return happened(
        WaitlistJoined{.entry = {.high = given.fresh_id.high, .low = given.fresh_id.low},
                       .sku = command.sku,
                       .location = command.location,
                       .customer = command.customer,
                       .cart = command.cart,
                       .quantity = command.quantity,
                       .region = command.region});
}

Decision leave_waitlist(const State& state, const LeaveWaitlist& command) {
    const SkuState* const sku = state.find_sku(command.sku);
    if (sku == nullptr) {
        return refuse(unknown_sku(command.sku));
    }
    const auto shopper = sku->queues ? sku->queues->find_shopper(command.entry) : std::nullopt;
    if (!shopper) {
        return refuse({.code = RefusalCode::unknown_entry,
                       .detail = fmt::format("nobody waits as '{}' for SKU '{}': he has left, or "
                                             "was offered a hold",
                                             to_string(command.entry), command.sku)});
    }
    return happened(WaitlistLeft{.entry = command.entry,
                                 .sku = command.sku,
                                 .customer = shopper->entry.customer,
                                 .reason = LeftBecause::asked});
}

std::optional<OfferUnits> next_offer(const State& state, const SkuState& sku) {
    const bool some = std::ranges::any_of(
        sku.stock, [](const SkuStock& row) { return row.counters.available > 0; });
    if (!some || sku.queues->shoppers.empty()) {
        return std::nullopt;
    }
    std::vector<EntryId> firsts;
    for (const ShopperLine& line : sku.queues->shoppers) {
        firsts.push_back(line.line.first());
    }
    std::ranges::sort(firsts);
    for (const EntryId id : firsts) {
        // Only whether it is his turn is asked here; his limit is judged when it is decided.
        const auto offer = allocate_offer(state, sku, *sku.queues->find_shopper(id), state.time);
        if (offer || offer.error().code != RefusalCode::insufficient_stock) {
            return OfferUnits{.sku = sku.sku, .entry = id};
        }
    }
    return std::nullopt;
}

Decision offer_units(const State& state, const OfferUnits& command, const Given& given) {
    const SkuState& sku = *state.find_sku(command.sku);
    const auto shopper = sku.queues ? sku.queues->find_shopper(command.entry) : std::nullopt;
    if (!shopper) {
        return {};
    }
    auto lines = allocate_offer(state, sku, *shopper, given.now);
    if (!lines && lines.error().code == RefusalCode::insufficient_stock) {
        return {};
    }
    if (!lines) {
        return happened(WaitlistLeft{.entry = command.entry,
                                     .sku = command.sku,
                                     .customer = shopper->entry.customer,
                                     .reason = LeftBecause::limit});
    }
    HoldPlaced placed;
    Hold& hold = placed.hold;
    hold.id = given.fresh_id;
    hold.fence = next_fence(state, hold.id);
    hold.cart = shopper->entry.cart.empty() ? to_string(command.entry) : shopper->entry.cart;
    hold.customer = shopper->entry.customer;
    hold.region = shopper->entry.region;
    hold.lines = std::move(*lines);
    hold.created_at = given.now;
    hold.expires_at = given.now + std::min(sku.policy->offer_ttl, sku.policy->max_ttl);
    WaitlistOffered offered{.entry = command.entry,
                            .sku = command.sku,
                            .customer = hold.customer,
                            .hold = hold.id,
                            .quantity = shopper->entry.quantity,
                            .expires_at = hold.expires_at};
    Decision decision = happened(std::move(placed));
    decision.events.emplace_back(std::move(offered));
    return decision;
}

}  // namespace holdfast::core
