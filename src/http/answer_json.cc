#include "http/answer_json.h"

namespace holdfast::http {
namespace {

void write(JsonWriter& json, const Allocation& allocation, bool sold) {
    json.open_object();
    json.field("location", allocation.location);
    json.field("quantity", allocation.quantity);
    if (allocation.backordered > 0) {
        json.field("backordered", allocation.backordered);
    }
    if (sold) {
        json.field("fulfilled", allocation.fulfilled);
        json.field("cancelled", allocation.cancelled);
        json.field("returned", allocation.returned);
    }
    json.close_object();
}

Quantity backordered(const HoldLine& line) {
    Quantity sum = 0;
    for (const Allocation& allocation : line.allocations) {
        sum += allocation.backordered;
    }
    return sum;
}

void write(JsonWriter& json, const HoldLine& line, bool sold) {
    json.open_object();
    json.field("sku", line.sku);
    json.optional_field("location", line.location);
    if (line.wanted != line.quantity) {
        json.field("wanted", line.wanted);
    }
    json.field("quantity", line.quantity);
    if (line.soft) {
        json.field("soft", true);
    }
    json.field("backordered", backordered(line));
    json.name("allocations");
    json.open_array();
    for (const Allocation& allocation : line.allocations) {
        write(json, allocation, sold);
    }
    json.close_array();
    json.close_object();
}

// Whether the units of the hold were sold: then each allocation says what became of them.
bool is_sold(HoldStatus status) {
    return status == HoldStatus::confirmed || status == HoldStatus::fulfilled ||
           status == HoldStatus::cancelled || status == HoldStatus::returned;
}

// `version`: null in lists.
void write_hold(JsonWriter& json, const Hold& hold, const Version* version,
                const Instant* server_time) {
    json.open_object();
    json.field("id", hold.id);
    json.field("status", to_string(hold.status));
    json.field("firm", hold.firm());
    json.field("fence", hold.fence);
    if (version != nullptr) {
        json.field("version", *version);
    }
    json.field("cart", hold.cart);
    json.optional_field("customer", hold.customer);
    json.optional_field("region", hold.region);
    json.name("lines");
    json.open_array();
    for (const HoldLine& line : hold.lines) {
        write(json, line, is_sold(hold.status));
    }
    json.close_array();
    json.field("created_at", hold.created_at);
    json.field("expires_at", hold.expires_at);
    if (hold.heartbeat.count() > 0) {
        json.field("heartbeat", hold.heartbeat);
        json.field("beats_until", hold.beats_until);
    }
    if (hold.extensions > 0) {
        json.field("extensions", hold.extensions);
    }
    if (hold.secured) {
        json.field("secured", true);
    }
    if (server_time != nullptr) {
        json.field("server_time", *server_time);
    }
    json.close_object();
}

void write_counters(JsonWriter& json, const Counters& counters) {
    json.field("on_hand", counters.on_hand);
    json.field("available", counters.available);
    json.field("held", counters.held);
    json.field("committed", counters.committed);
    json.field("safety_stock", counters.safety_stock);
    json.field("returned", counters.returned);
    json.field("repair", counters.repair);
    json.field("damaged", counters.damaged);
}

}  // namespace

void write(JsonWriter& json, const Hold& hold) {
    write_hold(json, hold, nullptr, nullptr);
}

void write(JsonWriter& json, const HoldAnswer& answer) {
    write_hold(json, answer.hold, &answer.version, &answer.server_time);
}

void write(JsonWriter& json, const Policy& policy) {
    const auto limit = [&json](auto& name, const auto& most) {
        if (most) {
            json.field(name, *most);
        } else {
            json.name(name);
            json.null();
        }
    };
    json.open_object();
    json.field("selling", to_string(policy.selling));
    if (policy.selling == Selling::backorder) {
        limit("backorder_limit", policy.backorder_limit);
    }
    if (policy.selling == Selling::preorder) {
        limit("preorder_limit", policy.preorder_limit);
        json.field("available_on", *policy.available_on);
    }
    json.field("reserve_at", to_string(policy.reserve_at));
    json.field("fulfilment", to_string(policy.fulfilment));
    json.field("hold_ttl", policy.hold_ttl);
    json.field("checkout_ttl", policy.checkout_ttl);
    json.field("max_ttl", policy.max_ttl);
    json.field("max_life", policy.max_life);
    json.field("max_extensions", policy.max_extensions);
    json.field("late_confirm", to_string(policy.late_confirm));
    json.field("safety_stock", policy.safety_stock);
    json.field("low_stock", policy.low_stock);
    json.field("reorder_point", policy.reorder_point);
    json.field("reorder_quantity", policy.reorder_quantity);
    limit("max_per_cart", policy.max_per_cart);
    limit("max_per_customer", policy.max_per_customer);
    limit("customer_window", policy.customer_window);
    json.field("waitlist", to_string(policy.waitlist));
    json.field("offer_ttl", policy.offer_ttl);
    json.field("allocation", to_string(policy.allocation));
    json.field("split", policy.split);
    json.close_object();
}

void write(JsonWriter& json, const SkuAnswer& answer) {
    json.open_object();
    json.field("sku", answer.sku);
    json.name("policy");
    write(json, answer.policy);
    json.field("defined_at", answer.defined_at);
    json.field("version", answer.version);
    json.close_object();
}

namespace {

// Units announced for a location; empty: for all.
Quantity incoming(const StockAnswer& answer, std::string_view location) {
    Quantity sum = 0;
    for (const ExpectedReceipt& receipt : answer.expected) {
        sum += location.empty() || receipt.location == location ? receipt.quantity : 0;
    }
    return sum;
}

void write_fields(JsonWriter& json, const Availability& found, std::optional<Quantity> cap) {
    json.field("status", to_string(found.status));
    if (cap && found.available > *cap) {
        json.field("available", std::to_string(*cap) + "+");
    } else {
        json.field("available", found.available);
    }
    if (found.restock_on) {
        json.field("restock_on", *found.restock_on);
    }
}

}  // namespace

void write(JsonWriter& json, const SkuAvailability& answer, std::string_view group,
           std::optional<Quantity> cap) {
    json.open_object();
    json.field("sku", answer.sku);
    write_fields(json, answer.total, cap);
    if (!group.empty()) {
        json.name("by");
        json.open_array();
        for (const Availability& part : answer.parts) {
            json.open_object();
            json.field("name", part.name);
            write_fields(json, part, cap);
            json.close_object();
        }
        json.close_array();
    }
    json.field("version", answer.version);
    json.close_object();
}

void write(JsonWriter& json, const StockAnswer& answer) {
    json.open_object();
    json.field("sku", answer.sku);
    json.name("total");
    json.open_object();
    write_counters(json, answer.total);
    json.field("backordered", answer.backordered);
    json.field("incoming", incoming(answer, {}));
    json.close_object();
    json.name("locations");
    json.open_array();
    for (const StockRow& row : answer.locations) {
        json.open_object();
        json.field("location", row.location);
        write_counters(json, row.counters);
        json.field("backordered", row.backordered);
        json.field("incoming", incoming(answer, row.location));
        json.close_object();
    }
    json.close_array();
    json.name("expected");
    json.open_array();
    for (const ExpectedReceipt& receipt : answer.expected) {
        json.open_object();
        json.field("location", receipt.location);
        json.field("reference", receipt.reference);
        json.field("quantity", receipt.quantity);
        json.field("expected_at", receipt.expected_at);
        json.close_object();
    }
    json.close_array();
    json.field("version", answer.version);
    json.field("as_of", answer.as_of);
    json.close_object();
}

void write(JsonWriter& json, const LocationAnswer& answer) {
    json.open_object();
    json.field("location", answer.location);
    json.optional_field("region", answer.region);
    json.field("priority", answer.priority);
    json.field("version", answer.version);
    json.close_object();
}

void write(JsonWriter& json, const EntryAnswer& answer) {
    json.open_object();
    json.field("entry", to_string(answer.entry));
    json.field("status", to_string(answer.status));
    json.field("sku", answer.sku);
    json.optional_field("location", answer.location);
    json.field("customer", answer.customer);
    json.optional_field("cart", answer.cart);
    json.optional_field("region", answer.region);
    if (answer.quantity > 0) {
        json.field("quantity", answer.quantity);
    }
    if (answer.place > 0) {
        json.field("place", answer.place);
    }
    if (answer.hold) {
        json.field("hold", *answer.hold);
    }
    json.field("version", answer.version);
    json.field("server_time", answer.server_time);
    json.close_object();
}

void write_fields(JsonWriter& json, const Alert& alert) {
    json.field("kind", to_string(alert.kind));
    json.field("sku", alert.sku);
    switch (alert.kind) {
        case AlertKind::low_stock:
            json.field("available", alert.figure);
            json.field("low_stock", alert.bound);
            break;
        case AlertKind::out_of_stock:
        case AlertKind::back_in_stock:
            json.field("available", alert.figure);
            break;
        case AlertKind::reorder:
            json.field("available_and_incoming", alert.figure);
            json.field("reorder_point", alert.bound);
            json.field("order", alert.order);
            break;
        case AlertKind::shortfall:
            json.field("missing", alert.figure);
            break;
        case AlertKind::velocity:
            json.field("measure", to_string(alert.measure));
            json.field("per_minute", alert.figure);
            json.field("usually", alert.bound);
            break;
        case AlertKind::ghost_holds:
            json.field("expired", alert.figure);
            json.field("paid", alert.bound);
            break;
    }
    json.field("raised_at", alert.raised_at);
}

void write(JsonWriter& json, const AlertAnswer& answer) {
    json.open_object();
    json.field("id", to_string(answer.alert.id));
    write_fields(json, answer.alert);
    if (answer.alert.acknowledged_at) {
        json.field("acknowledged_by", answer.alert.acknowledged_by);
        json.field("acknowledged_at", *answer.alert.acknowledged_at);
    }
    if (!answer.orders.empty()) {
        json.name("orders");
        json.open_array();
        for (const OrderAtRisk& order : answer.orders) {
            json.open_object();
            json.field("id", order.hold);
            json.field("cart", order.cart);
            if (!order.customer.empty()) {
                json.field("customer", order.customer);
            }
            json.field("location", order.location);
            json.field("quantity", order.quantity);
            json.close_object();
        }
        json.close_array();
    }
    json.field("version", answer.version);
    json.field("server_time", answer.server_time);
    json.close_object();
}

void write(JsonWriter& json, const Answer& answer) {
    std::visit([&json](const auto& its) { write(json, its); }, answer);
}

void write(JsonWriter& json, const AuditReport& report) {
    json.open_object();
    json.field("clean", report.clean());
    json.field("events", report.events);
    json.field("stock_rows", report.stock_rows);
    json.field("pending_holds", report.pending_holds);
    json.name("versions");
    json.open_array();
    for (const Version version : report.versions) {
        json.value(version);
    }
    json.close_array();
    json.name("differences");
    json.open_array();
    for (const AuditDifference& difference : report.differences) {
        json.open_object();
        json.field("what", difference.what);
        json.field("kept", difference.kept);
        json.field("events", difference.events);
        json.close_object();
    }
    json.close_array();
    json.close_object();
}

void write_short(JsonWriter& json, const std::vector<ShortLine>& lines) {
    json.name("short");
    json.open_array();
    for (const ShortLine& line : lines) {
        json.open_object();
        json.field("sku", line.sku);
        json.optional_field("location", line.location);
        json.field("wanted", line.wanted);
        json.field("available", line.available);
        json.close_object();
    }
    json.close_array();
}

}  // namespace holdfast::http
