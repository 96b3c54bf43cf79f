// The events of waiting lines, as bytes; their grammar stands at the top of codec_events.cc.
#include "store/codec_values.h"
#include "store/event_tags.h"

namespace holdfast::store {

void write(ByteWriter& out, const WaitlistJoined& event) {
    write_tag(out,
              event.region.empty() ? EventTag::waitlist_joined : EventTag::waitlist_joined_from);
    out.id(event.entry);
    out.text(event.sku);
    out.text(event.location);
    out.text(event.customer);
    out.text(event.cart);
    out.signed_number(event.quantity);
    if (!event.region.empty()) {
        out.text(event.region);
    }
}

WaitlistJoined read_waitlist_joined(ByteReader& in, bool with_region) {
    WaitlistJoined event;
    event.entry = in.entry_id();
    event.sku = in.text();
    event.location = in.text();
    event.customer = in.text();
    event.cart = in.text();
    event.quantity = in.signed_number();
    event.region = with_region ? in.text() : std::string();
    return event;
}

void write(ByteWriter& out, const WaitlistLeft& event) {
    write_tag(out, EventTag::waitlist_left);
    out.id(event.entry);
    out.text(event.sku);
    out.text(event.customer);
    write_enum(out, event.reason);
}

WaitlistLeft read_waitlist_left(ByteReader& in) {
    WaitlistLeft event;
    event.entry = in.entry_id();
    event.sku = in.text();
    event.customer = in.text();
    event.reason = read_enum<LeftBecause>(in);
    return event;
}

void write(ByteWriter& out, const WaitlistOffered& event) {
    write_tag(out, EventTag::waitlist_offered);
    out.id(event.entry);
    out.text(event.sku);
    out.text(event.customer);
    out.id(event.hold);
    out.signed_number(event.quantity);
    out.instant(event.expires_at);
}

WaitlistOffered read_waitlist_offered(ByteReader& in) {
    WaitlistOffered event;
    event.entry = in.entry_id();
    event.sku = in.text();
    event.customer = in.text();
    event.hold = in.id();
    event.quantity = in.signed_number();
    event.expires_at = in.instant();
    return event;
}

}  // namespace holdfast::store
