// The stored format, version 1.
//
//   number   = unsigned LEB128, 1 to 10 bytes
//   signed   = number of (n << 1) ^ (n >> 63)
//   text     = number of bytes, bytes
//   id       = high, low: 8 bytes each, big-endian
//   instant  = signed milliseconds since the Unix epoch
//   enum     = 1 byte, stored_numbers.h
//   list(x)  = number of elements, each x
//
//   hold     = id flags number:fence text:cart text:customer instant:created signed:expires-created
//              [signed:heartbeat seconds, signed:beats_until-created] [signed:extensions] [text:region]
//              list(line)
//              flags: bits 0-3 status, 0x10 secured, 0x20 beats, 0x40 extended, 0x80 a region was named
//   line     = text:sku flags signed:quantity [text:location] [signed:wanted]
//              (text:location of its only allocation | nothing | list(allocation))
//              flags: 0x01 limited, 0x02 a location was named, 0x04 wanted differs from quantity,
//              0x08 one allocation of all units, of which nothing has become yet, 0x10 (with 0x02 and
//              0x08) at the named location, 0x20 soft, 0x40 units wait, 0x80 windowed
//   allocation = text:location signed:quantity signed:fulfilled signed:cancelled signed:returned
//              [signed:backordered number:place] when units of the line wait
//   policy   = enum:selling enum:late_confirm enum:allocation flags signed: hold_ttl checkout_ttl max_ttl
//              max_life max_extensions safety_stock [max_per_customer]
//              [number:further, and what it names, in this order: 0x01 signed:backorder_limit
//              0x02 signed:preorder_limit 0x04 instant:available_on 0x08 enum:reserve_at
//              0x10 enum:fulfilment 0x20 signed:max_per_cart 0x40 enum:waitlist 0x80 signed:offer_ttl
//              0x100 signed:low_stock 0x200 signed:customer_window seconds
//              0x400 signed:reorder_point signed:reorder_quantity]
//              flags: 0x01 split, 0x02 max_per_customer, 0x04 further fields
//   counters = signed: on_hand available held committed safety_stock returned repair damaged
//
//   rows       sku = policy number:defined_at    location = text:region signed:priority
//              stock = counters    live_hold, past_hold = hold
//              customer = signed:counted for good [list(id signed:quantity instant:since
//              signed:window seconds)] when some are counted for a while
//              waiting = id signed:quantity
//              incoming = signed:quantity instant:expected_at
//              shopper = text:location text:customer text:cart signed:quantity [text:region]
//              alert = alert (codec_events.cc), without its id
//   answers  = 1 instant:at number:count, then each: text:key number:fingerprint tag answer
//              tag 1 hold number:version instant:server_time
//              tag 2 text:sku policy number:version number:defined_at
//              tag 3 text:sku list(text:location counters) counters:total number:version instant:as_of
//              tag 4 text:location text:region signed:priority number:version
//              tag 5 as 3, then signed:backordered of each location, list(text:location text:reference
//              signed:quantity instant:expected_at)
//              tag 6 id enum:status text:sku text:location text:customer text:cart signed:quantity
//              signed:place bool:offered [id:hold] number:version instant:server_time
//              tag 7 as 6, then text:region, which is not empty
//              tag 8 number:version number:token alert number:version instant:server_time
//   blob     = 1 number:batch instant:at, then each event: number:index event (codec_events.cc)
//
// A change that old bytes do not survive raises the leading 1 of answers and blobs, and the format
// version of the stores, which refuse what is newer than themselves.
#include "store/codec.h"

#include <algorithm>

#include "store/codec_values.h"

namespace holdfast::store {

namespace {

// Of list elements, for the check that a count can be true.
constexpr std::size_t allocation_bytes_min = 5;
constexpr std::size_t windowed_bytes_min = 19;
constexpr std::size_t line_bytes_min = 4;
constexpr std::size_t event_bytes_min = 4;

constexpr std::uint8_t hold_status_mask = 0x0f;
constexpr std::uint8_t hold_secured = 0x10;
constexpr std::uint8_t hold_beats = 0x20;
constexpr std::uint8_t hold_extended = 0x40;
constexpr std::uint8_t hold_region = 0x80;

constexpr std::uint8_t line_limited = 0x01;
constexpr std::uint8_t line_named = 0x02;
constexpr std::uint8_t line_wanted = 0x04;
constexpr std::uint8_t line_whole = 0x08;
constexpr std::uint8_t line_whole_at_named = 0x10;
constexpr std::uint8_t line_soft = 0x20;
constexpr std::uint8_t line_waits = 0x40;
constexpr std::uint8_t line_windowed = 0x80;

void write(ByteWriter& out, const Allocation& allocation, bool waits) {
    out.text(allocation.location);
    out.signed_number(allocation.quantity);
    out.signed_number(allocation.fulfilled);
    out.signed_number(allocation.cancelled);
    out.signed_number(allocation.returned);
    if (waits) {
        out.signed_number(allocation.backordered);
        out.number(allocation.place);
    }
}

Allocation read_allocation(ByteReader& in, bool waits) {
    Allocation allocation;
    allocation.location = in.text();
    allocation.quantity = in.signed_number();
    allocation.fulfilled = in.signed_number();
    allocation.cancelled = in.signed_number();
    allocation.returned = in.signed_number();
    if (waits) {
        allocation.backordered = in.signed_number();
        allocation.place = in.number();
    }
    return allocation;
}

// Nearly every line is: one allocation of all its units, nothing shipped yet.
bool is_whole(const HoldLine& line) {
    if (line.allocations.size() != 1) {
        return false;
    }
    const Allocation& only = line.allocations.front();
    return only.quantity == line.quantity && only.fulfilled == 0 && only.cancelled == 0 &&
           only.returned == 0 && only.backordered == 0;
}

void write(ByteWriter& out, const HoldLine& line) {
    const bool named = !line.location.empty();
    const bool whole = is_whole(line);
    const bool at_named = whole && named && line.allocations.front().location == line.location;
    std::uint8_t flags = line.limited ? line_limited : 0;
    flags |= named ? line_named : 0;
    flags |= line.wanted != line.quantity ? line_wanted : 0;
    flags |= whole ? line_whole : 0;
    flags |= at_named ? line_whole_at_named : 0;
    flags |= line.soft ? line_soft : 0;
    flags |= line.windowed ? line_windowed : 0;
    const bool waits = !whole && std::ranges::any_of(line.allocations, [](const Allocation& a) {
        return a.backordered != 0;
    });
    flags |= waits ? line_waits : 0;

    out.text(line.sku);
    out.byte(flags);
    out.signed_number(line.quantity);
    if (named) {
        out.text(line.location);
    }
    if (line.wanted != line.quantity) {
        out.signed_number(line.wanted);
    }
    if (at_named) {
        return;
    }
    if (whole) {
        out.text(line.allocations.front().location);
        return;
    }
    out.number(line.allocations.size());
    for (const Allocation& allocation : line.allocations) {
        write(out, allocation, waits);
    }
}

HoldLine read_line(ByteReader& in) {
    HoldLine line;
    line.sku = in.text();
    const std::uint8_t flags = in.byte();  // each of its bits means something
    line.limited = (flags & line_limited) != 0;
    line.windowed = (flags & line_windowed) != 0;
    line.soft = (flags & line_soft) != 0;
    line.quantity = in.signed_number();
    if ((flags & line_named) != 0) {
        line.location = in.text();
    }
    line.wanted = (flags & line_wanted) != 0 ? in.signed_number() : line.quantity;
    if ((flags & line_whole) != 0) {
        Allocation& only = line.allocations.emplace_back();
        only.location = (flags & line_whole_at_named) != 0 ? line.location : in.text();
        only.quantity = line.quantity;
        return line;
    }
    const std::size_t count = in.count(allocation_bytes_min);
    line.allocations.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        line.allocations.push_back(read_allocation(in, (flags & line_waits) != 0));
    }
    return line;
}

}  // namespace

void write(ByteWriter& out, const Counters& counters) {
    out.signed_number(counters.on_hand);
    out.signed_number(counters.available);
    out.signed_number(counters.held);
    out.signed_number(counters.committed);
    out.signed_number(counters.safety_stock);
    out.signed_number(counters.returned);
    out.signed_number(counters.repair);
    out.signed_number(counters.damaged);
}

Counters read_counters(ByteReader& in) {
    Counters counters;
    counters.on_hand = in.signed_number();
    counters.available = in.signed_number();
    counters.held = in.signed_number();
    counters.committed = in.signed_number();
    counters.safety_stock = in.signed_number();
    counters.returned = in.signed_number();
    counters.repair = in.signed_number();
    counters.damaged = in.signed_number();
    return counters;
}

void write(ByteWriter& out, const Hold& hold) {
    const bool beats = hold.heartbeat.count() != 0 || hold.beats_until != Instant{};
    const bool regional = !hold.region.empty();
    std::uint8_t flags = stored_number(hold.status);
    flags |= hold.secured ? hold_secured : 0;
    flags |= beats ? hold_beats : 0;
    flags |= hold.extensions != 0 ? hold_extended : 0;
    flags |= regional ? hold_region : std::uint8_t{0};

    out.id(hold.id);
    out.byte(flags);
    out.number(hold.fence);
    out.text(hold.cart);
    out.text(hold.customer);
    out.instant(hold.created_at);
    out.instant_after(hold.created_at, hold.expires_at);
    if (beats) {
        out.signed_number(hold.heartbeat.count());
        out.instant_after(hold.created_at, hold.beats_until);
    }
    if (hold.extensions != 0) {
        out.signed_number(hold.extensions);
    }
    if (regional) {
        out.text(hold.region);
    }
    out.number(hold.lines.size());
    for (const HoldLine& line : hold.lines) {
        write(out, line);
    }
}

Hold read_hold(ByteReader& in) {
    Hold hold;
    hold.id = in.id();
    const std::uint8_t flags = in.byte();  // each of its bits means something
    const auto status = from_stored_number<HoldStatus>(flags & hold_status_mask);
    if (!status) {
        in.fail("an unknown hold status");
    }
    hold.status = *status;
    hold.secured = (flags & hold_secured) != 0;
    hold.fence = in.number();
    hold.cart = in.text();
    hold.customer = in.text();
    hold.created_at = in.instant();
    hold.expires_at = in.instant_after(hold.created_at);
    if ((flags & hold_beats) != 0) {
        hold.heartbeat = Seconds(in.signed_number());
        hold.beats_until = in.instant_after(hold.created_at);
    }
    if ((flags & hold_extended) != 0) {
        hold.extensions = in.small_number();
    }
    if ((flags & hold_region) != 0) {
        hold.region = in.text();
    }
    const std::size_t count = in.count(line_bytes_min);
    hold.lines.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        hold.lines.push_back(read_line(in));
    }
    return hold;
}

std::array<char, 16> id_key(HoldId id) {
    std::array<char, 16> key{};
    put_big(key.data(), id.high);
    put_big(key.data() + 8, id.low);
    return key;
}

std::string encode_id_key(HoldId id) {
    const auto key = id_key(id);
    return {key.data(), key.size()};
}

HoldId decode_id_key(std::string_view key) {
    return decode_all(key, "hold key", [](ByteReader& in) { return in.id(); });
}

std::string encode_version_key(Version version) {
    std::string key(8, '\0');
    put_big(key.data(), version);
    return key;
}

Version decode_version_key(std::string_view key) {
    if (key.size() != 8) {
        ByteReader(key, "version key").fail("not 8 bytes");
    }
    return get_big(key.data());
}

std::string encode_pair_key(std::string_view first, std::string_view second) {
    std::string key;
    key.reserve(first.size() + 1 + second.size());
    key.append(first).append(1, '\0').append(second);
    return key;
}

std::pair<std::string_view, std::string_view> decode_pair_key(std::string_view key) {
    const std::size_t middle = key.find('\0');
    if (middle == std::string_view::npos) {
        ByteReader(key, "pair of names").fail("no separator");
    }
    return {key.substr(0, middle), key.substr(middle + 1)};
}

std::string encode_place_key(std::string_view sku, std::string_view location, Version place) {
    std::string key = encode_pair_key(sku, location);
    key += '\0';
    return key + encode_version_key(place);
}

PlaceKey decode_place_key(std::string_view key) {
    constexpr std::size_t place_bytes = 9;
    if (key.size() < place_bytes || key[key.size() - place_bytes] != '\0') {
        ByteReader(key, "place in a queue").fail("no separator");
    }
    const auto [sku, location] = decode_pair_key(key.substr(0, key.size() - place_bytes));
    return {.sku = sku,
            .location = location,
            .place = decode_version_key(key.substr(key.size() - place_bytes + 1))};
}

std::string encode_entry_key(std::string_view sku, EntryId id) {
    const auto bytes = id_key({.high = id.high, .low = id.low});
    return encode_pair_key(sku, {bytes.data(), bytes.size()});
}

std::pair<std::string_view, EntryId> decode_entry_key(std::string_view key) {
    const auto [sku, bytes] = decode_pair_key(key);
    const HoldId id = decode_id_key(bytes);
    return {sku, {.high = id.high, .low = id.low}};
}

void encode(std::string& out, const ShopperRow& row) {
    ByteWriter bytes(out);
    bytes.text(row.location);
    bytes.text(row.customer);
    bytes.text(row.cart);
    bytes.signed_number(row.quantity);
    if (!row.region.empty()) {
        bytes.text(row.region);
    }
}

std::string encode_receipt_key(std::string_view sku, std::string_view location,
                               std::string_view reference) {
    return encode_pair_key(sku, encode_pair_key(location, reference));
}

ReceiptKey decode_receipt_key(std::string_view key) {
    const auto [sku, rest] = decode_pair_key(key);
    const auto [location, reference] = decode_pair_key(rest);
    return {.sku = sku, .location = location, .reference = reference};
}

void encode(std::string& out, const ReceiptRow& row) {
    ByteWriter bytes(out);
    bytes.signed_number(row.quantity);
    bytes.instant(row.expected_at);
}

void encode(std::string& out, const WaiterRow& row) {
    ByteWriter bytes(out);
    bytes.id(row.hold);
    bytes.signed_number(row.quantity);
}

void encode(std::string& out, const SkuRow& row) {
    ByteWriter bytes(out);
    write(bytes, row.policy);
    bytes.number(row.defined_at);
}

void encode(std::string& out, const LocationRow& row) {
    ByteWriter bytes(out);
    bytes.text(row.region);
    bytes.signed_number(row.priority);
}

void encode(std::string& out, const Counters& counters) {
    ByteWriter bytes(out);
    write(bytes, counters);
}

void encode(std::string& out, const Hold& hold) {
    ByteWriter bytes(out);
    write(bytes, hold);
}

void encode(std::string& out, const CustomerRow& row) {
    ByteWriter bytes(out);
    bytes.signed_number(row.for_good);
    if (row.windowed.empty()) {
        return;
    }
    bytes.number(row.windowed.size());
    for (const WindowedRow& units : row.windowed) {
        bytes.id(units.hold);
        bytes.signed_number(units.quantity);
        bytes.instant(units.since);
        bytes.signed_number(units.window.count());
    }
}

SkuRow decode_sku_row(std::string_view bytes) {
    return decode_all(bytes, "sku row", [](ByteReader& in) {
        SkuRow row;
        row.policy = read_policy(in);
        row.defined_at = in.number();
        return row;
    });
}

WaiterRow decode_waiter_row(std::string_view bytes) {
    return decode_all(bytes, "waiting row", [](ByteReader& in) {
        WaiterRow row;
        row.hold = in.id();
        row.quantity = in.signed_number();
        return row;
    });
}

ShopperRow decode_shopper_row(std::string_view bytes) {
    return decode_all(bytes, "shopper row", [](ByteReader& in) {
        ShopperRow row;
        row.location = in.text();
        row.customer = in.text();
        row.cart = in.text();
        row.quantity = in.signed_number();
        if (in.left() > 0) {
            row.region = in.text();
        }
        return row;
    });
}

ReceiptRow decode_receipt_row(std::string_view bytes) {
    return decode_all(bytes, "incoming row", [](ByteReader& in) {
        ReceiptRow row;
        row.quantity = in.signed_number();
        row.expected_at = in.instant();
        return row;
    });
}

LocationRow decode_location_row(std::string_view bytes) {
    return decode_all(bytes, "location row", [](ByteReader& in) {
        LocationRow row;
        row.region = in.text();
        row.priority = in.small_number();
        return row;
    });
}

Counters decode_counters(std::string_view bytes) {
    return decode_all(bytes, "stock row", read_counters);
}

Hold decode_hold(std::string_view bytes) {
    return decode_all(bytes, "hold row", read_hold);
}

CustomerRow decode_customer_row(std::string_view bytes) {
    return decode_all(bytes, "customer row", [](ByteReader& in) {
        CustomerRow row;
        row.for_good = in.signed_number();
        const std::size_t count = in.left() == 0 ? 0 : in.count(windowed_bytes_min);
        row.windowed.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            WindowedRow& units = row.windowed.emplace_back();
            units.hold = in.id();
            units.quantity = in.signed_number();
            units.since = in.instant();
            units.window = Seconds(in.signed_number());
        }
        return row;
    });
}

void encode_blob_header(std::string& out, std::uint64_t batch, Instant at) {
    ByteWriter bytes(out);
    bytes.byte(format_version);
    bytes.number(batch);
    bytes.instant(at);
}

void encode(std::string& out, std::uint32_t index, const Event& event) {
    ByteWriter bytes(out);
    bytes.number(index);
    write_event(bytes, event);
}

std::vector<RecordedEvent> decode_blob(PartitionId partition, const EventBlob& blob) {
    ByteReader in(blob.bytes, "event blob");
    if (blob.last < blob.first) {
        in.fail("its versions run backwards");
    }
    check_format(in);
    const std::uint64_t batch = in.number();
    const Instant at = in.instant();
    const auto read = [&](Version version) {
        const std::uint64_t index = in.number();
        if (index > std::numeric_limits<std::uint32_t>::max()) {
            in.fail("an index of more than 32 bits");
        }
        return RecordedEvent{.partition = partition,
                             .version = version,
                             .batch = batch,
                             .index = static_cast<std::uint32_t>(index),
                             .at = at,
                             .event = read_event(in)};
    };
    std::vector<RecordedEvent> events = {read(blob.first)};
    if (const auto* changed = std::get_if<PartitionsChanged>(&events.front().event);
        changed != nullptr && changed->version == blob.last && in.left() == 0) {
        events.front().version = blob.last;  // the one event that moves it on by more than one
        return events;
    }
    const std::uint64_t further = blob.last - blob.first;
    if (further > in.left() / event_bytes_min) {
        in.fail("fewer events than versions");
    }
    events.reserve(static_cast<std::size_t>(further) + 1);
    for (std::uint64_t i = 1; i <= further; ++i) {
        events.push_back(read(blob.first + i));
    }
    in.expect_end();
    return events;
}

}  // namespace holdfast::store
