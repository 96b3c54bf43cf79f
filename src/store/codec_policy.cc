// The policy's part of the stored format; its grammar stands at the top of codec.cc.
#include "store/codec_values.h"

namespace holdfast::store {

namespace {

constexpr std::uint8_t policy_split = 0x01;
constexpr std::uint8_t policy_customer_limit = 0x02;
constexpr std::uint8_t policy_further = 0x04;

// Fields of a policy that are written only where they differ from the default.
constexpr std::uint64_t further_backorder_limit = 0x01;
constexpr std::uint64_t further_preorder_limit = 0x02;
constexpr std::uint64_t further_available_on = 0x04;
constexpr std::uint64_t further_reserve_at = 0x08;
constexpr std::uint64_t further_fulfilment = 0x10;
constexpr std::uint64_t further_cart_limit = 0x20;
constexpr std::uint64_t further_waitlist = 0x40;
constexpr std::uint64_t further_offer_ttl = 0x80;
constexpr std::uint64_t further_low_stock = 0x100;
constexpr std::uint64_t further_customer_window = 0x200;
constexpr std::uint64_t further_reorder = 0x400;
constexpr std::uint64_t further_known = 0x7ff;

std::uint64_t further_fields(const Policy& policy) {
    std::uint64_t fields = 0;
    fields |= policy.backorder_limit ? further_backorder_limit : 0;
    fields |= policy.preorder_limit ? further_preorder_limit : 0;
    fields |= policy.available_on ? further_available_on : 0;
    fields |= policy.reserve_at != ReserveAt::cart ? further_reserve_at : 0;
    fields |= policy.fulfilment != Fulfilment::tracked ? further_fulfilment : 0;
    fields |= policy.max_per_cart ? further_cart_limit : 0;
    fields |= policy.waitlist != Waitlist::off ? further_waitlist : 0;
    fields |= policy.low_stock != 0 ? further_low_stock : 0;
    fields |= policy.reorder_point != 0 || policy.reorder_quantity != 0 ? further_reorder : 0;
    fields |= policy.offer_ttl != Policy().offer_ttl ? further_offer_ttl : 0;
    fields |= policy.customer_window ? further_customer_window : 0;
    return fields;
}

void write_further(ByteWriter& out, const Policy& policy, std::uint64_t fields) {
    const auto has = [fields](std::uint64_t field) { return (fields & field) != 0; };
    out.number(fields);
    if (has(further_backorder_limit)) {
        out.signed_number(*policy.backorder_limit);
    }
    if (has(further_preorder_limit)) {
        out.signed_number(*policy.preorder_limit);
    }
    if (has(further_available_on)) {
        out.instant(*policy.available_on);
    }
    if (has(further_reserve_at)) {
        write_enum(out, policy.reserve_at);
    }
    if (has(further_fulfilment)) {
        write_enum(out, policy.fulfilment);
    }
    if (has(further_cart_limit)) {
        out.signed_number(*policy.max_per_cart);
    }
    if (has(further_waitlist)) {
        write_enum(out, policy.waitlist);
    }
    if (has(further_offer_ttl)) {
        out.signed_number(policy.offer_ttl.count());
    }
    if (has(further_low_stock)) {
        out.signed_number(policy.low_stock);
    }
    if (has(further_customer_window)) {
        out.signed_number(policy.customer_window->count());
    }
    if (has(further_reorder)) {
        out.signed_number(policy.reorder_point);
        out.signed_number(policy.reorder_quantity);
    }
}

void read_further(ByteReader& in, Policy& policy) {
    const std::uint64_t fields = in.number();
    if ((fields & ~further_known) != 0) {
        in.fail("an unknown field of a policy");
    }
    const auto has = [fields](std::uint64_t field) { return (fields & field) != 0; };
    if (has(further_backorder_limit)) {
        policy.backorder_limit = in.signed_number();
    }
    if (has(further_preorder_limit)) {
        policy.preorder_limit = in.signed_number();
    }
    if (has(further_available_on)) {
        policy.available_on = in.instant();
    }
    if (has(further_reserve_at)) {
        policy.reserve_at = read_enum<ReserveAt>(in);
    }
    if (has(further_fulfilment)) {
        policy.fulfilment = read_enum<Fulfilment>(in);
    }
    if (has(further_cart_limit)) {
        policy.max_per_cart = in.signed_number();
    }
    if (has(further_waitlist)) {
        policy.waitlist = read_enum<Waitlist>(in);
    }
    if (has(further_offer_ttl)) {
        policy.offer_ttl = Seconds(in.signed_number());
    }
    if (has(further_low_stock)) {
        policy.low_stock = in.signed_number();
    }
    if (has(further_customer_window)) {
        policy.customer_window = Seconds(in.signed_number());
    }
    if (has(further_reorder)) {
        policy.reorder_point = in.signed_number();
        policy.reorder_quantity = in.signed_number();
    }
}

}  // namespace

void write(ByteWriter& out, const Policy& policy) {
    write_enum(out, policy.selling);
    write_enum(out, policy.late_confirm);
    write_enum(out, policy.allocation);
    const std::uint64_t further = further_fields(policy);
    out.byte(static_cast<std::uint8_t>((policy.split ? policy_split : 0) |
                                       (policy.max_per_customer ? policy_customer_limit : 0) |
                                       (further != 0 ? policy_further : 0)));
    out.signed_number(policy.hold_ttl.count());
    out.signed_number(policy.checkout_ttl.count());
    out.signed_number(policy.max_ttl.count());
    out.signed_number(policy.max_life.count());
    out.signed_number(policy.max_extensions);
    out.signed_number(policy.safety_stock);
    if (policy.max_per_customer) {
        out.signed_number(*policy.max_per_customer);
    }
    if (further != 0) {
        write_further(out, policy, further);
    }
}

Policy read_policy(ByteReader& in) {
    Policy policy;
    policy.selling = read_enum<Selling>(in);
    policy.late_confirm = read_enum<LateConfirm>(in);
    policy.allocation = read_enum<AllocationRule>(in);
    const std::uint8_t flags =
        read_flags(in, policy_split | policy_customer_limit | policy_further);
    policy.split = (flags & policy_split) != 0;
    policy.hold_ttl = Seconds(in.signed_number());
    policy.checkout_ttl = Seconds(in.signed_number());
    policy.max_ttl = Seconds(in.signed_number());
    policy.max_life = Seconds(in.signed_number());
    policy.max_extensions = in.small_number();
    policy.safety_stock = in.signed_number();
    if ((flags & policy_customer_limit) != 0) {
        policy.max_per_customer = in.signed_number();
    }
    if ((flags & policy_further) != 0) {
        read_further(in, policy);
    }
    return policy;
}

}  // namespace holdfast::store
