#include "core/validate.h"

#include <algorithm>

#include <boost/locale/utf.hpp>
#include <fmt/format.h>

#include <holdfast/limits.h>

namespace holdfast::core {
namespace {

using Fault = std::optional<Refusal>;

Fault fault(std::string field, std::string detail) {
    return Refusal{.code = RefusalCode::invalid_request,
                   .detail = std::move(detail),
                   .field = std::move(field)};
}

// Shows a value that may be anything in a message that must stay one short line.
std::string shown(std::string_view text) {
    std::string safe;
    for (const char c : text.substr(0, 40)) {
        safe += c >= ' ' && c <= '~' ? c : '?';
    }
    return text.size() > 40 ? safe + "..." : safe;
}

Fault check_id(std::string field, std::string_view text) {
    if (is_id(text)) {
        return {};
    }
    return fault(std::move(field),
                 fmt::format("'{}' is not an id: use 1 to {} printable ASCII characters without "
                             "spaces",
                             shown(text), limits::id_bytes_max));
}

Fault check_optional_id(std::string field, std::string_view text) {
    return text.empty() ? Fault{} : check_id(std::move(field), text);
}

// A store or a client that takes only UTF-8 must not meet anything else: what it refuses is too late to mend.
bool is_text(std::string_view text) {
    namespace utf = boost::locale::utf;
    for (auto at = text.begin(); at != text.end();) {
        const utf::code_point c = utf::utf_traits<char>::decode(at, text.end());
        const bool control = c < ' ' || (c >= 0x7f && c < 0xa0);
        if (control || !utf::is_valid_codepoint(c)) {
            return false;
        }
    }
    return true;
}

Fault check_text(std::string field, std::string_view text) {
    if (text.size() <= limits::text_bytes_max && is_text(text)) {
        return {};
    }
    return fault(std::move(field),
                 fmt::format("'{}' is not acceptable text: use at most {} bytes of UTF-8 without "
                             "control characters",
                             shown(text), limits::text_bytes_max));
}

template <class Number>
Fault check_range(std::string field, Number value, Number low, Number high) {
    if (value >= low && value <= high) {
        return {};
    }
    return fault(std::move(field),
                 fmt::format("{} is out of range: use {} to {}", value, low, high));
}

Fault check_quantity(std::string field, Quantity quantity) {
    return check_range<Quantity>(std::move(field), quantity, 1, limits::quantity_max);
}

Fault check_seconds(std::string field, Seconds seconds, Seconds low, Seconds high) {
    return check_range<std::int64_t>(std::move(field), seconds.count(), low.count(), high.count());
}

Fault check_ttl(std::string field, std::optional<Seconds> ttl) {
    return ttl ? check_seconds(std::move(field), *ttl, limits::ttl_min, limits::hold_life_max)
               : Fault{};
}

// The first of several checks that found something.
template <class... Faults>
Fault first(Faults&&... faults) {
    Fault found;
    static_cast<void>(((found = std::forward<Faults>(faults)) || ...));
    return found;
}

Fault check_lines(const std::vector<LineRequest>& lines, bool required) {
    if (required && lines.empty()) {
        return fault("/lines", "a cart needs at least one line");
    }
    if (lines.size() > limits::lines_max) {
        return fault("/lines", fmt::format("{} lines are too many: use at most {}", lines.size(),
                                           limits::lines_max));
    }
    Quantity sum = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const LineRequest& line = lines[i];
        if (is_id(line.sku) && line.quantity >= 1 && line.quantity <= limits::quantity_max &&
            line.location.empty()) {
            sum += line.quantity;
            continue;
        }
        const std::string at = fmt::format("/lines/{}", i);
        if (Fault found = first(check_id(at + "/sku", line.sku),
                                check_quantity(at + "/quantity", line.quantity),
                                check_optional_id(at + "/location", line.location))) {
            return found;
        }
        sum += line.quantity;
    }
    return check_range<Quantity>("/lines", sum, 0, limits::quantity_max);
}

Fault check_limit(std::string field, std::optional<Quantity> limit, Quantity low) {
    return check_range<Quantity>(std::move(field), limit.value_or(low), low, limits::quantity_max);
}

// How long a limit counts means nothing without the limit.
Fault check_window(const Policy& p) {
    if (p.customer_window && !p.max_per_customer) {
        return fault("/policy/customer_window",
                     "customer_window means nothing without a limit: set max_per_customer too, or "
                     "leave it out");
    }
    return p.customer_window
               ? check_seconds("/policy/customer_window", *p.customer_window,
                               limits::customer_window_min, limits::customer_window_max)
               : Fault{};
}

// A waiting line that nobody can ever be in, or that everybody can pass, is a mistake.
Fault check_waitlist(const Policy& p) {
    if (p.waitlist != Waitlist::off && !promise_limit(p)) {
        return fault("/policy/waitlist",
                     fmt::format("with selling {} and no limit nobody ever waits: set {}_limit, or "
                                 "leave the waitlist off",
                                 to_string(p.selling), to_string(p.selling)));
    }
    if (p.waitlist == Waitlist::fair && p.reserve_at != ReserveAt::cart) {
        return fault("/policy/waitlist",
                     fmt::format("a fair waitlist and reserve_at {} contradict each other: who "
                                 "pays first would pass who waits; use reserve_at cart",
                                 to_string(p.reserve_at)));
    }
    return {};
}

Fault check_reorder(const Policy& p) {
    if ((p.reorder_point == 0) != (p.reorder_quantity == 0)) {
        const std::string_view missing =
            p.reorder_point == 0 ? "reorder_point" : "reorder_quantity";
        return fault(
            fmt::format("/policy/{}", missing),
            fmt::format("reorder_point {} and reorder_quantity {} belong together: set {} too",
                        p.reorder_point, p.reorder_quantity, missing));
    }
    return first(
        check_range<Quantity>("/policy/reorder_point", p.reorder_point, 0, limits::quantity_max),
        check_range<Quantity>("/policy/reorder_quantity", p.reorder_quantity, 0,
                              limits::quantity_max));
}

// What a policy promises beyond stock must not contradict itself.
Fault check_promises(const Policy& p) {
    const auto misplaced = [&p](std::string_view field, std::string_view needs) {
        return fault(fmt::format("/policy/{}", field),
                     fmt::format("{} means nothing with selling {}: leave it out, or sell by {}",
                                 field, to_string(p.selling), needs));
    };
    if (p.backorder_limit && p.selling != Selling::backorder) {
        return misplaced("backorder_limit", "backorder");
    }
    if (p.preorder_limit && p.selling != Selling::preorder) {
        return misplaced("preorder_limit", "preorder");
    }
    if (p.available_on && p.selling != Selling::preorder) {
        return misplaced("available_on", "preorder");
    }
    if (p.selling == Selling::preorder && !p.available_on) {
        return fault("/policy/available_on",
                     "a preorder needs the day on which the SKU is there: name it");
    }
    if (p.late_confirm == LateConfirm::backorder && p.selling == Selling::strict) {
        return fault("/policy/late_confirm",
                     "a strict SKU is never promised beyond stock, so a late payment cannot be "
                     "put on back order: use retake or refuse, or sell by backorder");
    }
    return check_waitlist(p);
}

struct Validator {
    Fault operator()(const PlaceHold& c) const {
        if (Fault found = check_lines(c.lines, true)) {
            return found;
        }
        if (!is_id(c.cart)) {
            return check_id("/cart", c.cart);
        }
        return first(check_optional_id("/customer", c.customer),
                     check_optional_id("/region", c.region), check_ttl("/ttl", c.ttl),
                     check_ttl("/heartbeat", c.heartbeat));
    }
    Fault operator()(const AmendHold& c) const {
        return first(check_lines(c.lines, true), check_optional_id("/region", c.region));
    }
    Fault operator()(const ExtendHold& c) const { return check_ttl("/ttl", c.ttl); }
    Fault operator()(const BeatHold&) const { return {}; }
    Fault operator()(const SecureHold&) const { return {}; }
    Fault operator()(const ConfirmHold& c) const { return check_lines(c.lines, false); }
    Fault operator()(const ReleaseHold&) const { return {}; }
    Fault operator()(const ExpireHolds&) const {
        return fault("", "holds expire by themselves: release the hold instead");
    }
    Fault operator()(const AllocateBackorder&) const {
        return fault("", "units go to those who wait by themselves: receive stock instead");
    }
    Fault operator()(const JoinWaitlist& c) const {
        return first(check_id("/sku", c.sku), check_id("/customer", c.customer),
                     check_quantity("/quantity", c.quantity),
                     check_optional_id("/location", c.location), check_optional_id("/cart", c.cart),
                     check_optional_id("/region", c.region));
    }
    Fault operator()(const LeaveWaitlist& c) const { return check_id("/sku", c.sku); }
    Fault operator()(const OfferUnits&) const {
        return fault("", "units are offered by themselves: receive stock instead");
    }
    Fault operator()(const FulfilHold& c) const {
        return first(check_lines(c.lines, false), check_text("/reference", c.reference));
    }
    Fault operator()(const CancelHold& c) const { return check_lines(c.lines, false); }
    Fault operator()(const ReturnUnits& c) const { return check_lines(c.lines, false); }
    Fault operator()(const DefineSku& c) const {
        const Policy& p = c.policy;
        if (Fault found = check_promises(p)) {
            return found;
        }
        return first(
            check_id("/sku", c.sku),
            check_seconds("/policy/max_life", p.max_life, limits::ttl_min, limits::hold_life_max),
            check_seconds("/policy/max_ttl", p.max_ttl, limits::ttl_min, p.max_life),
            check_seconds("/policy/hold_ttl", p.hold_ttl, limits::ttl_min, p.max_ttl),
            check_seconds("/policy/checkout_ttl", p.checkout_ttl, limits::ttl_min, p.max_ttl),
            check_range("/policy/max_extensions", p.max_extensions, 0, limits::extensions_max),
            check_range<Quantity>("/policy/safety_stock", p.safety_stock, 0, limits::quantity_max),
            check_seconds("/policy/offer_ttl", p.offer_ttl, limits::ttl_min, limits::hold_life_max),
            check_range<Quantity>("/policy/low_stock", p.low_stock, 0, limits::quantity_max),
            check_reorder(p), check_limit("/policy/backorder_limit", p.backorder_limit, 0),
            check_limit("/policy/preorder_limit", p.preorder_limit, 0),
            check_limit("/policy/max_per_cart", p.max_per_cart, 1),
            check_limit("/policy/max_per_customer", p.max_per_customer, 1), check_window(p));
    }
    Fault operator()(const DefineLocation& c) const {
        return first(check_id("/location", c.location), check_optional_id("/region", c.region),
                     check_range("/priority", c.priority, -1'000'000, 1'000'000));
    }
    Fault operator()(const ReceiveStock& c) const {
        return first(check_id("/sku", c.sku), check_id("/location", c.location),
                     check_quantity("/quantity", c.quantity),
                     check_text("/reference", c.reference));
    }
    Fault operator()(const ExpectStock& c) const {
        if (c.reference.empty()) {
            return fault("/reference",
                         "an expected receipt needs a reference: name the order, so that what "
                         "comes in can be taken off it");
        }
        return first(check_id("/sku", c.sku), check_id("/location", c.location),
                     check_range<Quantity>("/quantity", c.quantity, 0, limits::quantity_max),
                     check_text("/reference", c.reference));
    }
    Fault operator()(const AcknowledgeAlert& c) const {
        if (c.person.empty()) {
            return fault("/by", "nobody is named: say who has seen the alert");
        }
        return check_text("/by", c.person);
    }
    Fault operator()(const AdjustStock& c) const {
        if (c.delta == 0) {
            return fault("/delta", "0 changes nothing: give the difference that was counted");
        }
        if (c.reason.empty()) {
            return fault("/reason", "an adjustment needs a reason: say why the count was wrong");
        }
        return first(
            check_id("/sku", c.sku), check_id("/location", c.location),
            check_range<Quantity>("/delta", c.delta, -limits::quantity_max, limits::quantity_max),
            check_text("/reason", c.reason), check_text("/reference", c.reference));
    }
    Fault operator()(const MoveStock& c) const {
        if (c.from == c.to) {
            return fault("/to", fmt::format("units are moved from '{0}' to '{0}': name two states",
                                            to_string(c.to)));
        }
        return first(check_id("/sku", c.sku), check_id("/location", c.location),
                     check_quantity("/quantity", c.quantity),
                     check_text("/reference", c.reference));
    }
    Fault operator()(const TransferStock& c) const {
        if (c.from == c.to) {
            return fault("/to", fmt::format("units are transferred from '{0}' to '{0}': name two "
                                            "locations",
                                            shown(c.to)));
        }
        return first(check_id("/sku", c.sku), check_id("/from", c.from), check_id("/to", c.to),
                     check_quantity("/quantity", c.quantity),
                     check_text("/reference", c.reference));
    }
};

}  // namespace

bool is_id(std::string_view text) {
    return !text.empty() && text.size() <= limits::id_bytes_max &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

std::optional<Refusal> validate(const Command& command) {
    return std::visit(Validator{}, command);
}

}  // namespace holdfast::core
