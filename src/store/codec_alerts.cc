// Alerts and levels of stock, as bytes; their grammar stands at the top of codec_events.cc.
#include "store/codec.h"
#include "store/codec_values.h"
#include "store/event_tags.h"

namespace holdfast::store {
namespace {

constexpr std::uint8_t alert_acknowledged = 0x01;

// What both ends of an alert's life begin with.
template <class Event>
void write_change(ByteWriter& out, EventTag tag, const Event& event) {
    write_tag(out, tag);
    out.number(event.alert.version);
    out.number(event.alert.token);
    write_enum(out, event.kind);
    out.text(event.sku);
}

template <class Event>
Event read_change(ByteReader& in) {
    Event event;
    event.alert.version = in.number();
    event.alert.token = static_cast<std::uint16_t>(in.number());
    event.kind = read_enum<AlertKind>(in);
    event.sku = in.text();
    return event;
}

}  // namespace

void write(ByteWriter& out, const Alert& alert) {
    write_enum(out, alert.kind);
    out.text(alert.sku);
    out.signed_number(alert.figure);
    out.signed_number(alert.bound);
    out.signed_number(alert.order);
    write_enum(out, alert.measure);
    out.instant(alert.raised_at);
    out.byte(alert.acknowledged_at ? alert_acknowledged : 0);
    if (alert.acknowledged_at) {
        out.text(alert.acknowledged_by);
        out.instant(*alert.acknowledged_at);
    }
}

Alert read_alert(ByteReader& in) {
    Alert alert;
    alert.kind = read_enum<AlertKind>(in);
    alert.sku = in.text();
    alert.figure = in.signed_number();
    alert.bound = in.signed_number();
    alert.order = in.signed_number();
    alert.measure = read_enum<Measure>(in);
    alert.raised_at = in.instant();
    if (read_flags(in, alert_acknowledged) != 0) {
        alert.acknowledged_by = in.text();
        alert.acknowledged_at = in.instant();
    }
    return alert;
}

void write(ByteWriter& out, const StockLevelChanged& event) {
    write_tag(out, EventTag::level_changed);
    out.text(event.sku);
    write_enum(out, event.level);
    out.signed_number(event.available);
}

StockLevelChanged read_level_changed(ByteReader& in) {
    StockLevelChanged event;
    event.sku = in.text();
    event.level = read_enum<StockLevel>(in);
    event.available = in.signed_number();
    return event;
}

void write(ByteWriter& out, const AlertRaised& event) {
    const bool named = event.alert.id != AlertId{};
    write_tag(out, named ? EventTag::alert_raised_as : EventTag::alert_raised);
    if (named) {
        out.number(event.alert.id.version);
        out.number(event.alert.id.token);
    }
    write(out, event.alert);
}

AlertRaised read_raised_as(ByteReader& in) {
    AlertId id;
    id.version = in.number();
    id.token = static_cast<std::uint16_t>(in.number());
    AlertRaised event{.alert = read_alert(in)};
    event.alert.id = id;
    return event;
}

void write(ByteWriter& out, const AlertAcknowledged& event) {
    write_change(out, EventTag::alert_acknowledged, event);
    out.text(event.person);
}

AlertAcknowledged read_acknowledged(ByteReader& in) {
    auto event = read_change<AlertAcknowledged>(in);
    event.person = in.text();
    return event;
}

void write(ByteWriter& out, const AlertResolved& event) {
    write_change(out, EventTag::alert_resolved, event);
}

AlertResolved read_resolved(ByteReader& in) {
    return read_change<AlertResolved>(in);
}

std::string encode_alert_key(AlertId id) {
    std::string key = encode_version_key(id.version);
    key += static_cast<char>(id.token >> 8);
    key += static_cast<char>(id.token & 0xff);
    return key;
}

AlertId decode_alert_key(std::string_view key) {
    constexpr std::size_t version_bytes = 8;
    if (key.size() != version_bytes + 2) {
        throw CodecError("the key of an alert is damaged: it has not 10 bytes");
    }
    const auto byte = [&](std::size_t i) {
        return static_cast<std::uint8_t>(key[version_bytes + i]);
    };
    return {.version = decode_version_key(key.substr(0, version_bytes)),
            .token = static_cast<std::uint16_t>(byte(0) << 8 | byte(1))};
}

void encode(std::string& out, const Alert& alert) {
    ByteWriter bytes(out);
    write(bytes, alert);
}

Alert decode_alert(std::string_view bytes) {
    return decode_all(bytes, "alert row", read_alert);
}

}  // namespace holdfast::store
