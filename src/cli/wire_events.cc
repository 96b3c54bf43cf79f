// Events as the feed shows them, back into what they were.
#include <functional>
#include <map>

#include "cli/members.h"
#include "cli/wire.h"

namespace holdfast::cli {

namespace {

namespace json = boost::json;

std::vector<Part> parts(const Members& data, std::string_view name) {
    std::vector<Part> parts;
    for (const json::value& item : data.list(name)) {
        const Members part(item);
        parts.push_back({.sku = part.text("sku"),
                         .location = part.text("location"),
                         .quantity = part.number("quantity"),
                         .backordered = part.number("backordered")});
    }
    return parts;
}

// The fields that many events have.
template <class E>
E read(const Members& data) {
    E event;
    if constexpr (requires { event.id; }) {
        event.id = data.hold_id();
    }
    if constexpr (requires { event.fence; }) {
        event.fence = data.get<std::uint64_t>("fence");
    }
    if constexpr (requires { event.customer; }) {
        event.customer = data.text("customer");
    }
    if constexpr (requires { event.hold.id; }) {
        event.hold = hold_from(data.need("hold"));
    }
    if constexpr (requires { event.expires_at; }) {
        event.expires_at = data.instant("expires_at");
    }
    if constexpr (requires { event.status; }) {
        event.status = data.choice("status", HoldStatus::lost);
    }
    if constexpr (requires { event.sku; }) {
        event.sku = data.text("sku");
    }
    if constexpr (requires { event.location; }) {
        event.location = data.text("location");
    }
    if constexpr (requires { event.quantity; }) {
        event.quantity = data.number("quantity");
    }
    if constexpr (requires { event.reference; }) {
        event.reference = data.text("reference");
    }
    if constexpr (requires { event.taken; }) {
        event.taken = parts(data, "taken");
    }
    if constexpr (requires { event.released; }) {
        event.released = parts(data, "released");
    }
    return event;
}

Event refused(const Members& data) {
    auto event = read<HoldRefused>(data);
    event.code = data.choice("code", RefusalCode::outcome_unknown);
    event.cart = data.text("cart");
    event.short_lines = short_lines_from(data.list("short"));
    event.others = data.number("others");
    return event;
}

Event extended(const Members& data) {
    auto event = read<HoldExtended>(data);
    event.beats_until = data.instant("beats_until");
    event.extensions = static_cast<int>(data.number("extensions"));
    return event;
}

Event confirmed(const Members& data) {
    auto event = read<HoldConfirmed>(data);
    event.confirmed = parts(data, "confirmed");
    event.late = data.get<bool>("late");
    return event;
}

Event lost(const Members& data) {
    auto event = read<HoldLost>(data);
    event.short_lines = short_lines_from(data.list("short"));
    return event;
}

Event allocated(const Members& data) {
    return BackorderAllocated{.id = data.hold_id(),
                              .status = data.choice("status", HoldStatus::lost),
                              .allocated = {.sku = data.text("sku"),
                                            .location = data.text("location"),
                                            .quantity = data.number("quantity"),
                                            .backordered = data.number("backordered")}};
}

EntryId entry(const Members& data) {
    const auto id = parse_entry_id(data.text("entry"));
    return id ? *id : (data.wrong("entry"), EntryId{});
}

Event joined(const Members& data) {
    auto event = read<WaitlistJoined>(data);
    event.entry = entry(data);
    event.cart = data.text("cart");
    event.region = data.text("region");
    return event;
}

Event left(const Members& data) {
    auto event = read<WaitlistLeft>(data);
    event.entry = entry(data);
    event.reason = data.choice("reason", LeftBecause::limit);
    return event;
}

Event offered(const Members& data) {
    return WaitlistOffered{.entry = entry(data),
                           .sku = data.text("sku"),
                           .customer = data.text("customer"),
                           .hold = parse_hold_id(data.text("hold")).value_or(HoldId{}),
                           .quantity = data.number("quantity"),
                           .expires_at = data.instant("expires_at")};
}

Event fulfilled(const Members& data) {
    auto event = read<HoldFulfilled>(data);
    event.fulfilled = parts(data, "fulfilled");
    return event;
}

Event cancelled(const Members& data) {
    auto event = read<HoldCancelled>(data);
    event.cancelled = parts(data, "cancelled");
    return event;
}

Event returned(const Members& data) {
    auto event = read<HoldReturned>(data);
    event.returned = parts(data, "returned");
    event.shipped_from = data.get<std::vector<std::string>>("shipped_from");
    return event;
}

Event sku_defined(const Members& data) {
    auto event = read<SkuDefined>(data);
    event.policy = policy_from(data.need("policy"));
    return event;
}

Event location_defined(const Members& data) {
    auto event = read<LocationDefined>(data);
    event.region = data.text("region");
    event.priority = static_cast<int>(data.number("priority"));
    return event;
}

Event received(const Members& data) {
    auto event = read<StockReceived>(data);
    event.expected = data.number("expected");
    return event;
}

Event announced(const Members& data) {
    auto event = read<StockExpected>(data);
    event.expected_at = data.instant("expected_at");
    return event;
}

Event adjusted(const Members& data) {
    auto event = read<StockAdjusted>(data);
    event.delta = data.number("delta");
    event.reason = data.text("reason");
    return event;
}

Event moved(const Members& data) {
    auto event = read<StockMoved>(data);
    event.from = data.choice("from", StockState::damaged);
    event.to = data.choice("to", StockState::damaged);
    return event;
}

Event transferred(const Members& data) {
    auto event = read<StockTransferred>(data);
    event.from = data.text("from");
    event.to = data.text("to");
    return event;
}

template <StockLevel Level>
Event level(const Members& data) {
    return StockLevelChanged{
        .sku = data.text("sku"), .level = Level, .available = data.number("available")};
}

Event raised(const Members& data) {
    AlertRaised event{.alert = alert_from(data)};
    event.alert.id = {};  // follows from the event's version
    return event;
}

template <class E>
E change_of_alert(const Members& data) {
    const auto id = parse_alert_id(data.text("id"));
    E event;
    event.alert = id ? *id : (data.wrong("id"), AlertId{});
    event.kind = data.choice("kind", AlertKind::ghost_holds);
    event.sku = data.text("sku");
    return event;
}

Event acknowledged(const Members& data) {
    auto event = change_of_alert<AlertAcknowledged>(data);
    event.person = data.text("by");
    return event;
}

Event resolved(const Members& data) {
    return change_of_alert<AlertResolved>(data);
}

Event partitions_changed(const Members& data) {
    // Its version is the event's.
    return PartitionsChanged{.partitions = data.get<std::uint32_t>("partitions"), .version = 0};
}

template <class E>
Event plain(const Members& data) {
    return read<E>(data);
}

using Reader = Event (*)(const Members&);

// By the name that the event has everywhere.
const std::map<std::string_view, Reader>& readers() {
    static const std::map<std::string_view, Reader> table = {
        {"hold.placed", plain<HoldPlaced>},
        {"hold.refused", refused},
        {"hold.amended", plain<HoldAmended>},
        {"hold.extended", extended},
        {"hold.secured", plain<HoldSecured>},
        {"hold.confirmed", confirmed},
        {"hold.released", plain<HoldReleased>},
        {"hold.expired", plain<HoldExpired>},
        {"hold.lost", lost},
        {"backorder.allocated", allocated},
        {"waitlist.joined", joined},
        {"waitlist.left", left},
        {"waitlist.offered", offered},
        {"hold.fulfilled", fulfilled},
        {"hold.cancelled", cancelled},
        {"hold.returned", returned},
        {"sku.defined", sku_defined},
        {"location.defined", location_defined},
        {"stock.received", received},
        {"stock.expected", announced},
        {"stock.adjusted", adjusted},
        {"stock.moved", moved},
        {"stock.transferred", transferred},
        {"stock.low", level<StockLevel::low>},
        {"stock.out", level<StockLevel::out>},
        {"stock.back", level<StockLevel::in>},
        {"alert.raised", raised},
        {"alert.acknowledged", acknowledged},
        {"alert.resolved", resolved},
        {"partitions.changed", partitions_changed}};
    return table;
}

}  // namespace

RecordedEvent event_from(const json::value& body) {
    const Members members(body);
    const std::string type = members.text("type");
    const auto reader = readers().find(type);
    if (reader == readers().end()) {
        not_an_answer(body, "an event of the unknown type \"" + type + "\"");
    }
    return {.partition = members.get<std::uint16_t>("partition"),
            .version = members.get<std::uint64_t>("version"),
            .batch = members.get<std::uint64_t>("batch"),
            .index = members.get<std::uint32_t>("index"),
            .at = members.instant("at"),
            .event = reader->second(Members(members.need("data")))};
}

}  // namespace holdfast::cli
