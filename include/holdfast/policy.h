// What a shop promises for one SKU. A plain value with the defaults that the documentation names.
#pragma once

#include <compare>
#include <optional>
#include <string_view>

#include <holdfast/limits.h>
#include <holdfast/types.h>

namespace holdfast {

enum class Selling : std::uint8_t { strict, backorder, preorder };
enum class ReserveAt : std::uint8_t { cart, checkout, payment };
enum class Fulfilment : std::uint8_t { tracked, at_confirm };
enum class LateConfirm : std::uint8_t { retake, refuse, backorder };
enum class Waitlist : std::uint8_t { off, open, fair };
enum class AllocationRule : std::uint8_t { priority, most_available, nearest };
std::string_view to_string(Selling selling);
std::string_view to_string(ReserveAt stage);
std::string_view to_string(Fulfilment fulfilment);
std::string_view to_string(LateConfirm rule);
std::string_view to_string(Waitlist waitlist);
std::string_view to_string(AllocationRule rule);

struct Policy {
    Selling selling = Selling::strict;
    // Units that may be promised beyond stock and not be there yet, over all locations; none: as many as
    // are asked for. Each belongs to the `selling` of its name. 0 to limits::quantity_max.
    std::optional<Quantity> backorder_limit;
    std::optional<Quantity> preorder_limit;
    // From when on a preordered SKU is there. Only with `preorder`.
    std::optional<Instant> available_on;
    // When the units of a cart are taken off sale. Before that the hold is soft: a wish without units.
    ReserveAt reserve_at = ReserveAt::cart;
    // Who says that units were shipped: `fulfil`, or the sale itself.
    Fulfilment fulfilment = Fulfilment::tracked;
    // How long a hold lasts when the request does not say. 1 s to max_ttl.
    Seconds hold_ttl{600};
    // How long `secure` lets the shopper pay. 1 s to max_ttl.
    Seconds checkout_ttl{600};
    // The longest ttl a request may ask for. 1 s to max_life.
    Seconds max_ttl{3600};
    // A hold's whole life with all its extensions. 1 s to limits::hold_life_max.
    Seconds max_life{7200};
    // 0 to limits::extensions_max.
    int max_extensions = 3;
    LateConfirm late_confirm = LateConfirm::retake;
    // Units on hand that are never offered, at each location. 0 to limits::quantity_max.
    Quantity safety_stock = 0;
    // At or below so many available units, but not none, shoppers are told that stock is low. 0: never.
    Quantity low_stock = 0;
    // With fewer units there and on their way, people are asked to order so many. 0: never; else both are
    // 1 to limits::quantity_max.
    Quantity reorder_point = 0;
    Quantity reorder_quantity = 0;
    // Units one cart may have. None: no limit. 1 to limits::quantity_max.
    std::optional<Quantity> max_per_cart;
    // Units one customer may hold or own. None: no limit. 1 to limits::quantity_max.
    std::optional<Quantity> max_per_customer;
    // How long units that were bought count against max_per_customer, from when they were taken off sale.
    // None: for good. Only with max_per_customer. limits::customer_window_min to customer_window_max.
    std::optional<Seconds> customer_window;
    // Whether shoppers may line up for units. Those that come free are offered to who waits first; with
    // `fair` nobody else gets any while somebody waits, with `open` what the first cannot use is on sale.
    Waitlist waitlist = Waitlist::off;
    // How long an offer stands before it passes on; max_ttl when that is shorter. 1 s to
    // limits::hold_life_max.
    Seconds offer_ttl{600};
    // Which location serves a line that names none.
    AllocationRule allocation = AllocationRule::priority;
    // Whether one such line may be served from several locations.
    bool split = false;

    auto operator<=>(const Policy&) const = default;
};

// How many units may be promised beyond stock: 0 under the strict policy, none when there is no limit.
std::optional<Quantity> promise_limit(const Policy& policy);

}  // namespace holdfast
