// Events as the feed shows them: an envelope, and what happened as `data`.
#include "http/answer_json.h"

namespace holdfast::http {
namespace {

void write_fields(JsonWriter& json, const Part& part) {
    json.field("sku", part.sku);
    json.field("location", part.location);
    json.field("quantity", part.quantity);
    if (part.backordered > 0) {
        json.field("backordered", part.backordered);
    }
}

template <std::size_t Size>
void write_parts(JsonWriter& json, const char (&name)[Size], const std::vector<Part>& parts) {
    json.name(name);
    json.open_array();
    for (const Part& part : parts) {
        json.open_object();
        write_fields(json, part);
        json.close_object();
    }
    json.close_array();
}

template <std::size_t Size>
void write_optional_parts(JsonWriter& json, const char (&name)[Size],
                          const std::vector<Part>& parts) {
    if (!parts.empty()) {
        write_parts(json, name, parts);
    }
}

// Writes the fields of one event's data.
struct Data {
    JsonWriter& json;
    Version version;  // of the event

    void operator()(const HoldPlaced& event) const {
        json.name("hold");
        write(json, event.hold);
    }
    void operator()(const HoldRefused& event) const {
        json.field("code", to_string(event.code));
        json.field("cart", event.cart);
        json.optional_field("customer", event.customer);
        write_short(json, event.short_lines);
        json.field("others", event.others);
    }
    void operator()(const HoldAmended& event) const {
        json.name("hold");
        write(json, event.hold);
        write_parts(json, "released", event.released);
    }
    void operator()(const HoldExtended& event) const {
        json.field("id", event.id);
        json.field("fence", event.fence);
        json.field("expires_at", event.expires_at);
        json.field("beats_until", event.beats_until);
        json.field("extensions", event.extensions);
    }
    void operator()(const HoldSecured& event) const {
        json.field("id", event.id);
        json.field("fence", event.fence);
        json.field("expires_at", event.expires_at);
        json.optional_field("customer", event.customer);
        write_optional_parts(json, "taken", event.taken);
    }
    void operator()(const HoldConfirmed& event) const {
        json.field("id", event.id);
        json.field("fence", event.fence);
        json.optional_field("customer", event.customer);
        write_parts(json, "confirmed", event.confirmed);
        write_optional_parts(json, "taken", event.taken);
        write_parts(json, "released", event.released);
        json.field("late", event.late);
    }
    void operator()(const HoldReleased& event) const { ended(event); }
    void operator()(const HoldExpired& event) const { ended(event); }
    void operator()(const HoldLost& event) const {
        ended(event);
        write_short(json, event.short_lines);
    }
    void operator()(const BackorderAllocated& event) const {
        json.field("id", event.id);
        json.field("status", to_string(event.status));
        write_fields(json, event.allocated);
    }
    void operator()(const WaitlistJoined& event) const {
        json.field("entry", to_string(event.entry));
        json.field("sku", event.sku);
        json.optional_field("location", event.location);
        json.field("customer", event.customer);
        json.optional_field("cart", event.cart);
        json.field("quantity", event.quantity);
        json.optional_field("region", event.region);
    }
    void operator()(const WaitlistLeft& event) const {
        json.field("entry", to_string(event.entry));
        json.field("sku", event.sku);
        json.field("customer", event.customer);
        json.field("reason", to_string(event.reason));
    }
    void operator()(const WaitlistOffered& event) const {
        json.field("entry", to_string(event.entry));
        json.field("sku", event.sku);
        json.field("customer", event.customer);
        json.field("hold", event.hold);
        json.field("quantity", event.quantity);
        json.field("expires_at", event.expires_at);
    }
    void operator()(const HoldFulfilled& event) const {
        json.field("id", event.id);
        json.field("fence", event.fence);
        json.field("status", to_string(event.status));
        write_parts(json, "fulfilled", event.fulfilled);
        json.optional_field("reference", event.reference);
    }
    void operator()(const HoldCancelled& event) const {
        json.field("id", event.id);
        json.field("fence", event.fence);
        json.field("status", to_string(event.status));
        json.optional_field("customer", event.customer);
        write_parts(json, "cancelled", event.cancelled);
    }
    void operator()(const HoldReturned& event) const {
        json.field("id", event.id);
        json.field("fence", event.fence);
        json.field("status", to_string(event.status));
        json.optional_field("customer", event.customer);
        write_parts(json, "returned", event.returned);
        json.name("shipped_from");
        json.open_array();
        for (const std::string& location : event.shipped_from) {
            json.value(location);
        }
        json.close_array();
    }
    void operator()(const SkuDefined& event) const {
        json.field("sku", event.sku);
        json.name("policy");
        write(json, event.policy);
    }
    void operator()(const LocationDefined& event) const {
        json.field("location", event.location);
        json.optional_field("region", event.region);
        json.field("priority", event.priority);
    }
    void operator()(const StockReceived& event) const {
        json.field("sku", event.sku);
        json.field("location", event.location);
        json.field("quantity", event.quantity);
        json.optional_field("reference", event.reference);
        if (event.expected > 0) {
            json.field("expected", event.expected);
        }
    }
    void operator()(const StockExpected& event) const {
        json.field("sku", event.sku);
        json.field("location", event.location);
        json.field("quantity", event.quantity);
        json.field("expected_at", event.expected_at);
        json.field("reference", event.reference);
    }
    void operator()(const StockAdjusted& event) const {
        json.field("sku", event.sku);
        json.field("location", event.location);
        json.field("delta", event.delta);
        json.field("reason", event.reason);
        json.optional_field("reference", event.reference);
    }
    void operator()(const StockMoved& event) const {
        json.field("sku", event.sku);
        json.field("location", event.location);
        json.field("quantity", event.quantity);
        json.field("from", to_string(event.from));
        json.field("to", to_string(event.to));
        json.optional_field("reference", event.reference);
    }
    void operator()(const StockTransferred& event) const {
        json.field("sku", event.sku);
        json.field("from", event.from);
        json.field("to", event.to);
        json.field("quantity", event.quantity);
        json.optional_field("reference", event.reference);
    }

    void operator()(const StockLevelChanged& event) const {
        json.field("sku", event.sku);
        json.field("available", event.available);
    }
    void operator()(const AlertRaised& event) const {
        const AlertId made{.version = version, .token = routing_token(event.alert.sku)};
        json.field("id", to_string(event.alert.id == AlertId{} ? made : event.alert.id));
        write_fields(json, event.alert);
    }
    void operator()(const AlertAcknowledged& event) const {
        alert(event);
        json.field("by", event.person);
    }
    void operator()(const AlertResolved& event) const { alert(event); }
    void operator()(const PartitionsChanged& event) const {
        json.field("partitions", event.partitions);
    }

    template <class Changed>
    void alert(const Changed& event) const {
        json.field("id", to_string(event.alert));
        json.field("kind", to_string(event.kind));
        json.field("sku", event.sku);
    }
    template <class Ended>
    void ended(const Ended& event) const {
        json.field("id", event.id);
        json.field("fence", event.fence);
        json.optional_field("customer", event.customer);
        write_parts(json, "released", event.released);
    }
};

}  // namespace

void write(JsonWriter& json, const RecordedEvent& recorded) {
    json.open_object();
    json.field("type", type_name(recorded.event));
    json.field("at", recorded.at);
    json.field("partition", recorded.partition);
    json.field("version", recorded.version);
    // The same pair in every partition that an event touches: who reads them all drops the copies.
    json.field("batch", recorded.batch);
    json.field("index", recorded.index);
    json.name("data");
    json.open_object();
    std::visit(Data{json, recorded.version}, recorded.event);
    json.close_object();
    json.close_object();
}

}  // namespace holdfast::http
