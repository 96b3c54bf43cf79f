// event = tag, then by tag (the rest of the grammar stands in codec.cc; tags are never reused):
//    1 placed     hold
//    2 refused    enum:code text:cart text:customer list(short line) signed:others
//    3 amended    hold list(part):released
//    4 extended   id number:fence instant:expires_at instant:beats_until signed:extensions
//    5 secured    id number:fence instant:expires_at
//    6 confirmed  id number:fence text:customer list(part):confirmed list(part):released
//                 flags [list(part):taken]    flags: 0x01 late, 0x02 soft lines took something
//    7 released   id number:fence text:customer list(part)
//    8 expired    the same
//    9 fulfilled  id number:fence enum:status list(part) text:reference
//   10 cancelled  id number:fence enum:status text:customer list(part)
//   11 returned   id number:fence enum:status text:customer list(part) list(text):shipped_from
//   12 firmed     id number:fence instant:expires_at text:customer list(part):taken hold with the lines
//   13 lost       id number:fence text:customer list(part):released list(short line)
//   14 allocated  id enum:status part
//   15 joined     id text:sku text:location text:customer text:cart signed:quantity
//   16 left       id text:sku text:customer enum:reason
//   17 offered    id text:sku text:customer id:hold signed:quantity instant:expires_at
//   18 joined     as 15, then text:region, which is not empty
//   32 sku        text:sku policy
//   33 location   text:location text:region signed:priority
//   34 received   text:sku text:location signed:quantity text:reference
//   35 adjusted   text:sku text:location signed:delta text:reason text:reference
//   36 moved      text:sku text:location signed:quantity enum:from enum:to text:reference
//   37 transfer   text:sku text:from text:to signed:quantity text:reference
//   38 expected   text:sku text:location signed:quantity instant:expected_at text:reference
//   39 received   as 34, then signed:expected, which is not 0
//   40 level      text:sku enum:level signed:available
//   41 sku        as 32, then number:defined_at, which is not 0
//   48 raised     alert
//   49 acknowledged   number:version number:token enum:kind text:sku text:person
//   50 resolved   number:version number:token enum:kind text:sku
//   51 raised     number:version number:token of its id, then as 48
//   64 partitions number:partitions number:version
//   alert      = enum:kind text:sku signed:figure signed:bound signed:order enum:measure instant:raised_at
//                flags [text:acknowledged_by instant:acknowledged_at]    flags: 0x01 acknowledged
//   part       = text:sku text:location signed:quantity flags [signed:backordered number:place]
//                flags: 0x01 limited, 0x02 units wait, 0x04 windowed
//   short line = text:sku text:location signed:wanted signed:available
#include <holdfast/limits.h>
#include "store/codec_values.h"
#include "store/event_tags.h"

namespace holdfast::store {

namespace {

constexpr std::size_t part_bytes_min = 4;
constexpr std::size_t short_line_bytes_min = 4;

constexpr std::uint8_t part_limited = 0x01;
constexpr std::uint8_t part_waits = 0x02;
constexpr std::uint8_t part_windowed = 0x04;
constexpr std::uint8_t confirmed_late = 0x01;
constexpr std::uint8_t confirmed_taken = 0x02;

void write(ByteWriter& out, const Part& part) {
    const bool waits = part.backordered != 0 || part.place != 0;
    out.text(part.sku);
    out.text(part.location);
    out.signed_number(part.quantity);
    out.byte(static_cast<std::uint8_t>((part.limited ? part_limited : 0) |
                                       (waits ? part_waits : 0) |
                                       (part.windowed ? part_windowed : 0)));
    if (waits) {
        out.signed_number(part.backordered);
        out.number(part.place);
    }
}

Part read_part(ByteReader& in) {
    Part part;
    part.sku = in.text();
    part.location = in.text();
    part.quantity = in.signed_number();
    const std::uint8_t flags = read_flags(in, part_limited | part_waits | part_windowed);
    part.limited = (flags & part_limited) != 0;
    part.windowed = (flags & part_windowed) != 0;
    if ((flags & part_waits) != 0) {
        part.backordered = in.signed_number();
        part.place = in.number();
    }
    return part;
}

void write(ByteWriter& out, const std::vector<Part>& parts) {
    out.number(parts.size());
    for (const Part& part : parts) {
        write(out, part);
    }
}

void write(ByteWriter& out, const std::vector<ShortLine>& lines) {
    out.number(lines.size());
    for (const ShortLine& line : lines) {
        out.text(line.sku);
        out.text(line.location);
        out.signed_number(line.wanted);
        out.signed_number(line.available);
    }
}

std::vector<ShortLine> read_short_lines(ByteReader& in) {
    const std::size_t count = in.count(short_line_bytes_min);
    std::vector<ShortLine> lines;
    lines.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        ShortLine& line = lines.emplace_back();
        line.sku = in.text();
        line.location = in.text();
        line.wanted = in.signed_number();
        line.available = in.signed_number();
    }
    return lines;
}

std::vector<Part> read_parts(ByteReader& in) {
    const std::size_t count = in.count(part_bytes_min);
    std::vector<Part> parts;
    parts.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        parts.push_back(read_part(in));
    }
    return parts;
}

// What every change of a hold begins with.
template <class HoldEvent>
void write_change(ByteWriter& out, EventTag tag, const HoldEvent& event) {
    write_tag(out, tag);
    out.id(event.id);
    out.number(event.fence);
}
template <class HoldEvent>
HoldEvent read_change(ByteReader& in) {
    HoldEvent event;
    event.id = in.id();
    event.fence = in.number();
    return event;
}

void write(ByteWriter& out, const HoldPlaced& event) {
    write_tag(out, EventTag::hold_placed);
    write(out, event.hold);
}

void write(ByteWriter& out, const HoldRefused& event) {
    write_tag(out, EventTag::hold_refused);
    write_enum(out, event.code);
    out.text(event.cart);
    out.text(event.customer);
    write(out, event.short_lines);
    out.signed_number(event.others);
}

HoldRefused read_refused(ByteReader& in) {
    HoldRefused event;
    event.code = read_enum<RefusalCode>(in);
    event.cart = in.text();
    event.customer = in.text();
    event.short_lines = read_short_lines(in);
    event.others = in.signed_number();
    return event;
}

void write(ByteWriter& out, const HoldAmended& event) {
    write_tag(out, EventTag::hold_amended);
    write(out, event.hold);
    write(out, event.released);
}

HoldAmended read_amended(ByteReader& in) {
    HoldAmended event;
    event.hold = read_hold(in);
    event.released = read_parts(in);
    return event;
}

void write(ByteWriter& out, const HoldExtended& event) {
    write_change(out, EventTag::hold_extended, event);
    out.instant(event.expires_at);
    out.instant(event.beats_until);
    out.signed_number(event.extensions);
}

HoldExtended read_extended(ByteReader& in) {
    auto event = read_change<HoldExtended>(in);
    event.expires_at = in.instant();
    event.beats_until = in.instant();
    event.extensions = in.small_number();
    return event;
}

// The lines that became firm stand in a hold of nothing else.
void write(ByteWriter& out, const HoldSecured& event) {
    if (!event.lines.empty()) {
        write_change(out, EventTag::hold_firmed, event);
        out.instant(event.expires_at);
        out.text(event.customer);
        write(out, event.taken);
        write(out, Hold{.id = event.id, .cart = {}, .customer = {}, .lines = event.lines});
        return;
    }
    write_change(out, EventTag::hold_secured, event);
    out.instant(event.expires_at);
}

HoldSecured read_secured(ByteReader& in) {
    auto event = read_change<HoldSecured>(in);
    event.expires_at = in.instant();
    return event;
}

HoldSecured read_firmed(ByteReader& in) {
    auto event = read_secured(in);
    event.customer = in.text();
    event.taken = read_parts(in);
    event.lines = read_hold(in).lines;
    return event;
}

void write(ByteWriter& out, const HoldConfirmed& event) {
    write_change(out, EventTag::hold_confirmed, event);
    out.text(event.customer);
    write(out, event.confirmed);
    write(out, event.released);
    out.byte(static_cast<std::uint8_t>((event.late ? confirmed_late : 0) |
                                       (event.taken.empty() ? 0 : confirmed_taken)));
    if (!event.taken.empty()) {
        write(out, event.taken);
    }
}

HoldConfirmed read_confirmed(ByteReader& in) {
    auto event = read_change<HoldConfirmed>(in);
    event.customer = in.text();
    event.confirmed = read_parts(in);
    event.released = read_parts(in);
    const std::uint8_t flags = read_flags(in, confirmed_late | confirmed_taken);
    event.late = (flags & confirmed_late) != 0;
    if ((flags & confirmed_taken) != 0) {
        event.taken = read_parts(in);
    }
    return event;
}

template <class Ended>
void write_ended(ByteWriter& out, EventTag tag, const Ended& event) {
    write_change(out, tag, event);
    out.text(event.customer);
    write(out, event.released);
}
template <class Ended>
Ended read_ended(ByteReader& in) {
    auto event = read_change<Ended>(in);
    event.customer = in.text();
    event.released = read_parts(in);
    return event;
}

void write(ByteWriter& out, const HoldReleased& event) {
    write_ended(out, EventTag::hold_released, event);
}

void write(ByteWriter& out, const HoldExpired& event) {
    write_ended(out, EventTag::hold_expired, event);
}

void write(ByteWriter& out, const HoldLost& event) {
    write_ended(out, EventTag::hold_lost, event);
    write(out, event.short_lines);
}

HoldLost read_lost(ByteReader& in) {
    auto event = read_ended<HoldLost>(in);
    event.short_lines = read_short_lines(in);
    return event;
}

void write(ByteWriter& out, const BackorderAllocated& event) {
    write_tag(out, EventTag::backorder_allocated);
    out.id(event.id);
    write_enum(out, event.status);
    write(out, event.allocated);
}

BackorderAllocated read_allocated(ByteReader& in) {
    BackorderAllocated event;
    event.id = in.id();
    event.status = read_enum<HoldStatus>(in);
    event.allocated = read_part(in);
    return event;
}

void write(ByteWriter& out, const HoldFulfilled& event) {
    write_change(out, EventTag::hold_fulfilled, event);
    write_enum(out, event.status);
    write(out, event.fulfilled);
    out.text(event.reference);
}

HoldFulfilled read_fulfilled(ByteReader& in) {
    auto event = read_change<HoldFulfilled>(in);
    event.status = read_enum<HoldStatus>(in);
    event.fulfilled = read_parts(in);
    event.reference = in.text();
    return event;
}

void write(ByteWriter& out, const HoldCancelled& event) {
    write_change(out, EventTag::hold_cancelled, event);
    write_enum(out, event.status);
    out.text(event.customer);
    write(out, event.cancelled);
}

HoldCancelled read_cancelled(ByteReader& in) {
    auto event = read_change<HoldCancelled>(in);
    event.status = read_enum<HoldStatus>(in);
    event.customer = in.text();
    event.cancelled = read_parts(in);
    return event;
}

void write(ByteWriter& out, const HoldReturned& event) {
    write_change(out, EventTag::hold_returned, event);
    write_enum(out, event.status);
    out.text(event.customer);
    write(out, event.returned);
    out.number(event.shipped_from.size());
    for (const std::string& location : event.shipped_from) {
        out.text(location);
    }
}

HoldReturned read_returned(ByteReader& in) {
    auto event = read_change<HoldReturned>(in);
    event.status = read_enum<HoldStatus>(in);
    event.customer = in.text();
    event.returned = read_parts(in);
    const std::size_t count = in.count(1);
    event.shipped_from.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        event.shipped_from.push_back(in.text());
    }
    return event;
}

void write(ByteWriter& out, const SkuDefined& event) {
    write_tag(out, event.defined_at == 0 ? EventTag::sku_defined : EventTag::sku_defined_at);
    out.text(event.sku);
    write(out, event.policy);
    if (event.defined_at != 0) {
        out.number(event.defined_at);
    }
}

SkuDefined read_sku_defined(ByteReader& in, bool with_version) {
    SkuDefined event;
    event.sku = in.text();
    event.policy = read_policy(in);
    event.defined_at = with_version ? in.number() : 0;
    return event;
}

void write(ByteWriter& out, const PartitionsChanged& event) {
    write_tag(out, EventTag::partitions_changed);
    out.number(event.partitions);
    out.number(event.version);
}

PartitionsChanged read_partitions_changed(ByteReader& in) {
    PartitionsChanged event;
    const std::uint64_t partitions = in.number();
    if (partitions == 0 || partitions > limits::partitions_max) {
        in.fail("a number of partitions that there cannot be");
    }
    event.partitions = static_cast<std::uint32_t>(partitions);
    event.version = in.number();
    return event;
}

void write(ByteWriter& out, const LocationDefined& event) {
    write_tag(out, EventTag::location_defined);
    out.text(event.location);
    out.text(event.region);
    out.signed_number(event.priority);
}

LocationDefined read_location_defined(ByteReader& in) {
    LocationDefined event;
    event.location = in.text();
    event.region = in.text();
    event.priority = in.small_number();
    return event;
}

void write(ByteWriter& out, const StockReceived& event) {
    write_tag(out, event.expected == 0 ? EventTag::stock_received : EventTag::expected_received);
    out.text(event.sku);
    out.text(event.location);
    out.signed_number(event.quantity);
    out.text(event.reference);
    if (event.expected != 0) {
        out.signed_number(event.expected);
    }
}

StockReceived read_received(ByteReader& in, bool expected) {
    StockReceived event;
    event.sku = in.text();
    event.location = in.text();
    event.quantity = in.signed_number();
    event.reference = in.text();
    event.expected = expected ? in.signed_number() : 0;
    return event;
}

void write(ByteWriter& out, const StockExpected& event) {
    write_tag(out, EventTag::stock_expected);
    out.text(event.sku);
    out.text(event.location);
    out.signed_number(event.quantity);
    out.instant(event.expected_at);
    out.text(event.reference);
}

StockExpected read_expected(ByteReader& in) {
    StockExpected event;
    event.sku = in.text();
    event.location = in.text();
    event.quantity = in.signed_number();
    event.expected_at = in.instant();
    event.reference = in.text();
    return event;
}

void write(ByteWriter& out, const StockAdjusted& event) {
    write_tag(out, EventTag::stock_adjusted);
    out.text(event.sku);
    out.text(event.location);
    out.signed_number(event.delta);
    out.text(event.reason);
    out.text(event.reference);
}

StockAdjusted read_adjusted(ByteReader& in) {
    StockAdjusted event;
    event.sku = in.text();
    event.location = in.text();
    event.delta = in.signed_number();
    event.reason = in.text();
    event.reference = in.text();
    return event;
}

void write(ByteWriter& out, const StockMoved& event) {
    write_tag(out, EventTag::stock_moved);
    out.text(event.sku);
    out.text(event.location);
    out.signed_number(event.quantity);
    write_enum(out, event.from);
    write_enum(out, event.to);
    out.text(event.reference);
}

StockMoved read_moved(ByteReader& in) {
    StockMoved event;
    event.sku = in.text();
    event.location = in.text();
    event.quantity = in.signed_number();
    event.from = read_enum<StockState>(in);
    event.to = read_enum<StockState>(in);
    event.reference = in.text();
    return event;
}

void write(ByteWriter& out, const StockTransferred& event) {
    write_tag(out, EventTag::stock_transferred);
    out.text(event.sku);
    out.text(event.from);
    out.text(event.to);
    out.signed_number(event.quantity);
    out.text(event.reference);
}

StockTransferred read_transferred(ByteReader& in) {
    StockTransferred event;
    event.sku = in.text();
    event.from = in.text();
    event.to = in.text();
    event.quantity = in.signed_number();
    event.reference = in.text();
    return event;
}

}  // namespace

void write_event(ByteWriter& out, const Event& event) {
    std::visit([&out](const auto& value) { write(out, value); }, event);
}

void encode_hold_placed(std::string& out, std::uint32_t index, std::string_view hold) {
    {
        ByteWriter bytes(out);
        bytes.number(index);
        write_tag(bytes, EventTag::hold_placed);
    }
    out += hold;
}

Event read_event(ByteReader& in) {
    const auto tag = static_cast<EventTag>(in.byte());
    switch (tag) {
        case EventTag::hold_placed:
            return HoldPlaced{.hold = read_hold(in)};
        case EventTag::hold_refused:
            return read_refused(in);
        case EventTag::hold_amended:
            return read_amended(in);
        case EventTag::hold_extended:
            return read_extended(in);
        case EventTag::hold_secured:
            return read_secured(in);
        case EventTag::hold_confirmed:
            return read_confirmed(in);
        case EventTag::hold_released:
            return read_ended<HoldReleased>(in);
        case EventTag::hold_expired:
            return read_ended<HoldExpired>(in);
        case EventTag::hold_firmed:
            return read_firmed(in);
        case EventTag::hold_lost:
            return read_lost(in);
        case EventTag::backorder_allocated:
            return read_allocated(in);
        case EventTag::waitlist_joined:
        case EventTag::waitlist_joined_from:
            return read_waitlist_joined(in, tag == EventTag::waitlist_joined_from);
        case EventTag::waitlist_left:
            return read_waitlist_left(in);
        case EventTag::waitlist_offered:
            return read_waitlist_offered(in);
        case EventTag::hold_fulfilled:
            return read_fulfilled(in);
        case EventTag::hold_cancelled:
            return read_cancelled(in);
        case EventTag::hold_returned:
            return read_returned(in);
        case EventTag::sku_defined:
        case EventTag::sku_defined_at:
            return read_sku_defined(in, tag == EventTag::sku_defined_at);
        case EventTag::location_defined:
            return read_location_defined(in);
        case EventTag::stock_received:
        case EventTag::expected_received:
            return read_received(in, tag == EventTag::expected_received);
        case EventTag::stock_expected:
            return read_expected(in);
        case EventTag::stock_adjusted:
            return read_adjusted(in);
        case EventTag::stock_moved:
            return read_moved(in);
        case EventTag::stock_transferred:
            return read_transferred(in);
        case EventTag::level_changed:
            return read_level_changed(in);
        case EventTag::alert_raised:
            return AlertRaised{.alert = read_alert(in)};
        case EventTag::alert_raised_as:
            return read_raised_as(in);
        case EventTag::alert_acknowledged:
            return read_acknowledged(in);
        case EventTag::alert_resolved:
            return read_resolved(in);
        case EventTag::partitions_changed:
            return read_partitions_changed(in);
    }
    in.fail("an unknown kind of event");
}

}  // namespace holdfast::store
