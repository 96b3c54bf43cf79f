#include "cli/wire.h"

#include <array>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "cli/command.h"
#include "cli/members.h"
#include "http/answer_json.h"

namespace holdfast::cli {

namespace json = boost::json;

namespace {

std::optional<RefusalCode> refusal_code(std::string_view word) {
    return parse_word(word, RefusalCode::outcome_unknown);
}

void put(json::object& object, std::string_view name, const std::string& text) {
    if (!text.empty()) {
        object[name] = text;
    }
}

json::array lines_json(const std::vector<LineRequest>& lines) {
    json::array array;
    for (const LineRequest& line : lines) {
        json::object object{{"sku", line.sku}, {"quantity", line.quantity}};
        put(object, "location", line.location);
        array.push_back(std::move(object));
    }
    return array;
}

template <class C>
json::object fenced(const C& command) {
    json::object body;
    if (command.fence) {
        body["fence"] = *command.fence;
    }
    return body;
}

template <class C>
json::object fenced_lines(const C& command) {
    json::object body = fenced(command);
    if (!command.lines.empty()) {
        body["lines"] = lines_json(command.lines);
    }
    return body;
}

WireRequest hold_request(HoldId id, const std::string& action, json::object body) {
    return {"POST", "/v1/holds/" + to_string(id) + "/" + action, std::move(body)};
}

WireRequest stock_request(const std::string& sku, json::object body) {
    return {"POST", "/v1/skus/" + percent_encoded(sku) + "/stock", std::move(body)};
}

std::string waitlist_target(const std::string& sku) {
    return "/v1/skus/" + percent_encoded(sku) + "/waitlist";
}

struct Writer {
    WireRequest operator()(const PlaceHold& it) const {
        json::object body{{"cart", it.cart}, {"lines", lines_json(it.lines)}};
        put(body, "customer", it.customer);
        put(body, "region", it.region);
        if (it.ttl) {
            body["ttl"] = it.ttl->count();
        }
        if (it.heartbeat) {
            body["heartbeat"] = it.heartbeat->count();
        }
        if (it.partial) {
            body["partial"] = true;
        }
        if (it.confirm) {
            body["confirm"] = true;
        }
        return {"POST", "/v1/holds", std::move(body)};
    }
    WireRequest operator()(const AmendHold& it) const {
        json::object body = fenced(it);
        put(body, "region", it.region);
        body["lines"] = lines_json(it.lines);
        return {"PATCH", "/v1/holds/" + to_string(it.id), std::move(body)};
    }
    WireRequest operator()(const ExtendHold& it) const {
        json::object body = fenced(it);
        if (it.ttl) {
            body["ttl"] = it.ttl->count();
        }
        return hold_request(it.id, "extend", std::move(body));
    }
    WireRequest operator()(const BeatHold& it) const {
        return hold_request(it.id, "heartbeat", fenced(it));
    }
    WireRequest operator()(const SecureHold& it) const {
        return hold_request(it.id, "secure", fenced(it));
    }
    WireRequest operator()(const ConfirmHold& it) const {
        return hold_request(it.id, "confirm", fenced_lines(it));
    }
    WireRequest operator()(const ReleaseHold& it) const {
        return hold_request(it.id, "release", fenced(it));
    }
    WireRequest operator()(const ExpireHolds&) const {
        throw std::logic_error("ExpireHolds is made by the engine, never sent");
    }
    WireRequest operator()(const AllocateBackorder&) const {
        throw std::logic_error("AllocateBackorder is made by the engine, never sent");
    }
    WireRequest operator()(const JoinWaitlist& it) const {
        json::object body{{"customer", it.customer}, {"quantity", it.quantity}};
        put(body, "location", it.location);
        put(body, "cart", it.cart);
        put(body, "region", it.region);
        return {"POST", waitlist_target(it.sku), std::move(body)};
    }
    WireRequest operator()(const LeaveWaitlist& it) const {
        return {"DELETE", waitlist_target(it.sku) + "/" + to_string(it.entry), nullptr};
    }
    WireRequest operator()(const AcknowledgeAlert& it) const {
        return {"POST", "/v1/alerts/" + to_string(it.alert) + "/acknowledge",
                json::object{{"by", it.person}}};
    }
    WireRequest operator()(const OfferUnits&) const {
        throw std::logic_error("OfferUnits is made by the engine, never sent");
    }
    WireRequest operator()(const FulfilHold& it) const {
        json::object body = fenced_lines(it);
        put(body, "reference", it.reference);
        return hold_request(it.id, "fulfil", std::move(body));
    }
    WireRequest operator()(const CancelHold& it) const {
        return hold_request(it.id, "cancel", fenced_lines(it));
    }
    WireRequest operator()(const ReturnUnits& it) const {
        return hold_request(it.id, "return", fenced_lines(it));
    }
    WireRequest operator()(const DefineSku& it) const {
        return {"PUT", "/v1/skus/" + percent_encoded(it.sku),
                json::object{{"policy", to_json(it.policy)}}};
    }
    WireRequest operator()(const DefineLocation& it) const {
        json::object body{{"priority", it.priority}};
        put(body, "region", it.region);
        return {"PUT", "/v1/locations/" + percent_encoded(it.location), std::move(body)};
    }
    WireRequest operator()(const ReceiveStock& it) const {
        json::object body{
            {"action", "receive"}, {"quantity", it.quantity}, {"location", it.location}};
        put(body, "reference", it.reference);
        return stock_request(it.sku, std::move(body));
    }
    WireRequest operator()(const ExpectStock& it) const {
        json::object body{{"action", "expect"},
                          {"quantity", it.quantity},
                          {"location", it.location},
                          {"expected_at", to_rfc3339(it.expected_at)},
                          {"reference", it.reference}};
        return stock_request(it.sku, std::move(body));
    }
    WireRequest operator()(const AdjustStock& it) const {
        json::object body{{"action", "adjust"},
                          {"delta", it.delta},
                          {"location", it.location},
                          {"reason", it.reason}};
        put(body, "reference", it.reference);
        return stock_request(it.sku, std::move(body));
    }
    WireRequest operator()(const MoveStock& it) const {
        json::object body{{"action", "move"},
                          {"quantity", it.quantity},
                          {"location", it.location},
                          {"from", to_string(it.from)},
                          {"to", to_string(it.to)}};
        put(body, "reference", it.reference);
        return stock_request(it.sku, std::move(body));
    }
    WireRequest operator()(const TransferStock& it) const {
        json::object body{
            {"action", "transfer"}, {"quantity", it.quantity}, {"from", it.from}, {"to", it.to}};
        put(body, "reference", it.reference);
        return stock_request(it.sku, std::move(body));
    }
};

// In the order of Command.
constexpr std::array<std::string_view, std::variant_size_v<Command>> batch_words = {
    "hold",    "amend",  "extend",   "heartbeat",  "secure",          "confirm",
    "release", "expire", "allocate", "join",       "leave",           "offer",
    "fulfil",  "cancel", "return",   "define_sku", "define_location", "receive",
    "adjust",  "move",   "transfer", "expect",     "acknowledge"};

std::string_view batch_word(const Command& command) {
    return batch_words.at(command.index());
}

Counters counters_from(const json::value& body) {
    const Members members(body);
    return {.on_hand = members.number("on_hand"),
            .available = members.number("available"),
            .held = members.number("held"),
            .committed = members.number("committed"),
            .safety_stock = members.number("safety_stock"),
            .returned = members.number("returned"),
            .repair = members.number("repair"),
            .damaged = members.number("damaged")};
}

}  // namespace

Policy policy_from(const json::value& body) {
    const Members members(body);
    Policy policy;
    const auto limit = [&members](std::string_view name) {
        return members.find(name) == nullptr ? std::nullopt : std::optional(members.number(name));
    };
    policy.selling = members.choice("selling", Selling::preorder);
    policy.backorder_limit = limit("backorder_limit");
    policy.preorder_limit = limit("preorder_limit");
    if (members.find("available_on") != nullptr) {
        policy.available_on = members.instant("available_on");
    }
    policy.reserve_at = members.choice("reserve_at", ReserveAt::payment);
    policy.fulfilment = members.choice("fulfilment", Fulfilment::at_confirm);
    policy.hold_ttl = Seconds(members.number("hold_ttl"));
    policy.checkout_ttl = Seconds(members.number("checkout_ttl"));
    policy.max_ttl = Seconds(members.number("max_ttl"));
    policy.max_life = Seconds(members.number("max_life"));
    policy.max_extensions = static_cast<int>(members.number("max_extensions"));
    policy.late_confirm = members.choice("late_confirm", LateConfirm::backorder);
    policy.safety_stock = members.number("safety_stock");
    policy.max_per_cart = limit("max_per_cart");
    policy.low_stock = members.number("low_stock");
    policy.reorder_point = members.number("reorder_point");
    policy.reorder_quantity = members.number("reorder_quantity");
    policy.waitlist = members.choice("waitlist", Waitlist::fair);
    policy.offer_ttl = Seconds(members.number("offer_ttl"));
    policy.max_per_customer = limit("max_per_customer");
    if (const auto window = limit("customer_window")) {
        policy.customer_window = Seconds(*window);
    }
    policy.allocation = members.choice("allocation", AllocationRule::nearest);
    policy.split = members.get<bool>("split");
    return policy;
}

namespace {

HoldLine hold_line_from(const json::value& body) {
    const Members members(body);
    HoldLine line{
        .sku = members.text("sku"),
        .location = members.text("location"),
        .wanted = members.number(members.find("wanted") == nullptr ? "quantity" : "wanted"),
        .quantity = members.number("quantity"),
        .allocations = {},
        .soft = members.get<bool>("soft")};
    for (const json::value& item : members.list("allocations")) {
        const Members allocation(item);
        line.allocations.push_back({.location = allocation.text("location"),
                                    .quantity = allocation.number("quantity"),
                                    .fulfilled = allocation.number("fulfilled"),
                                    .cancelled = allocation.number("cancelled"),
                                    .returned = allocation.number("returned"),
                                    .backordered = allocation.number("backordered")});
    }
    return line;
}

}  // namespace

WireRequest to_wire(const Command& command) {
    return std::visit(Writer{}, command);
}

json::object to_batch_item(const Command& command) {
    json::value wire = to_wire(command).body;
    json::object item = wire.is_object() ? std::move(wire.get_object()) : json::object();
    std::visit(
        [&]<class C>(const C& it) {
            if constexpr (requires { it.id; }) {
                item["id"] = to_string(it.id);
            }
            if constexpr (requires { it.entry; }) {
                item["entry"] = to_string(it.entry);
            }
            if constexpr (requires { it.alert; }) {
                item["alert"] = to_string(it.alert);
            }
            if constexpr (std::is_same_v<C, DefineLocation>) {
                item["location"] = it.location;
            } else if constexpr (requires { it.sku; }) {
                item["sku"] = it.sku;
            }
        },
        command);
    item.erase("action");
    item["do"] = batch_word(command);
    return item;
}

std::string percent_encoded(std::string_view text) {
    constexpr std::string_view unreserved =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string encoded;
    for (const char character : text) {
        if (unreserved.find(character) != std::string_view::npos) {
            encoded += character;
        } else {
            const auto byte = static_cast<unsigned char>(character);
            encoded += {'%', digits[byte >> 4U], digits[byte & 15U]};
        }
    }
    return encoded;
}

void not_an_answer(const json::value& body, const std::string& why) {
    // How much of a body that makes no sense is quoted.
    constexpr std::size_t quoted_bytes_max = 200;
    throw Failure(ExitStatus::unreachable,
                  "the server's answer is not one of Holdfast's (" + why +
                      "): " + json::serialize(body).substr(0, quoted_bytes_max) +
                      "; check that --server names a Holdfast server of this version");
}

json::value parse_json(std::string_view body) {
    json::error_code error;
    json::value value = json::parse(body, error);
    if (error) {
        not_an_answer(json::value(body), error.message());
    }
    return value;
}

Hold hold_from(const json::value& body) {
    const Members members(body);
    Hold hold;
    hold.id = members.hold_id();
    hold.status = members.choice("status", HoldStatus::lost);
    hold.fence = members.get<std::uint64_t>("fence");
    hold.cart = members.text("cart");
    hold.customer = members.text("customer");
    hold.region = members.text("region");
    for (const json::value& line : members.list("lines")) {
        hold.lines.push_back(hold_line_from(line));
    }
    hold.created_at = members.instant("created_at");
    hold.expires_at = members.instant("expires_at");
    hold.heartbeat = Seconds(members.number("heartbeat"));
    hold.beats_until = members.instant("beats_until");
    hold.extensions = static_cast<int>(members.number("extensions"));
    hold.secured = members.get<bool>("secured");
    return hold;
}

HoldAnswer hold_answer_from(const json::value& body) {
    const Members members(body);
    return {.hold = hold_from(body),
            .version = members.get<std::uint64_t>("version"),
            .server_time = members.instant("server_time")};
}

SkuAnswer sku_answer_from(const json::value& body) {
    const Members members(body);
    const json::value* policy = members.find("policy");
    return {.sku = members.text("sku"),
            .policy = policy == nullptr ? Policy{} : policy_from(*policy),
            .version = members.get<std::uint64_t>("version"),
            .defined_at = members.get<std::uint64_t>("defined_at")};
}

StockAnswer stock_answer_from(const json::value& body) {
    const Members members(body);
    StockAnswer stock{.sku = members.text("sku"),
                      .locations = {},
                      .total = {},
                      .version = members.get<std::uint64_t>("version"),
                      .as_of = members.instant("as_of")};
    for (const json::value& row : members.list("locations")) {
        stock.locations.push_back({.location = Members(row).text("location"),
                                   .counters = counters_from(row),
                                   .backordered = Members(row).number("backordered")});
    }
    for (const json::value& item : members.list("expected")) {
        const Members receipt(item);
        stock.expected.push_back({.location = receipt.text("location"),
                                  .reference = receipt.text("reference"),
                                  .quantity = receipt.number("quantity"),
                                  .expected_at = receipt.instant("expected_at")});
    }
    if (const json::value* total = members.find("total")) {
        stock.total = counters_from(*total);
        stock.backordered = Members(*total).number("backordered");
    }
    return stock;
}

LocationAnswer location_answer_from(const json::value& body) {
    const Members members(body);
    return {.location = members.text("location"),
            .region = members.text("region"),
            .priority = static_cast<int>(members.number("priority")),
            .version = members.get<std::uint64_t>("version")};
}

EntryAnswer entry_answer_from(const json::value& body) {
    const Members members(body);
    const auto entry = parse_entry_id(members.text("entry"));
    if (!entry) {
        members.wrong("entry");
    }
    return {.entry = *entry,
            .status = members.choice("status", EntryStatus::left),
            .sku = members.text("sku"),
            .location = members.text("location"),
            .customer = members.text("customer"),
            .cart = members.text("cart"),
            .quantity = members.number("quantity"),
            .place = members.number("place"),
            .hold = members.find("hold") == nullptr ? std::nullopt
                                                    : parse_hold_id(members.text("hold")),
            .version = members.get<std::uint64_t>("version"),
            .server_time = members.instant("server_time"),
            .region = members.text("region")};
}

Alert alert_from(const Members& members) {
    const auto id = parse_alert_id(members.text("id"));
    if (!id) {
        members.wrong("id");
    }
    Alert alert{.id = *id,
                .kind = members.choice("kind", AlertKind::ghost_holds),
                .sku = members.text("sku"),
                .raised_at = members.instant("raised_at")};
    switch (alert.kind) {
        case AlertKind::low_stock:
            alert.figure = members.number("available");
            alert.bound = members.number("low_stock");
            break;
        case AlertKind::out_of_stock:
        case AlertKind::back_in_stock:
            alert.figure = members.number("available");
            break;
        case AlertKind::reorder:
            alert.figure = members.number("available_and_incoming");
            alert.bound = members.number("reorder_point");
            alert.order = members.number("order");
            break;
        case AlertKind::shortfall:
            alert.figure = members.number("missing");
            break;
        case AlertKind::velocity:
            alert.measure = members.choice("measure", Measure::expiries);
            alert.figure = members.number("per_minute");
            alert.bound = members.number("usually");
            break;
        case AlertKind::ghost_holds:
            alert.figure = members.number("expired");
            alert.bound = members.number("paid");
            break;
    }
    return alert;
}

AlertAnswer alert_answer_from(const json::value& body) {
    const Members members(body);
    AlertAnswer answer{.alert = alert_from(members),
                       .orders = {},
                       .version = members.get<std::uint64_t>("version"),
                       .server_time = members.instant("server_time")};
    if (members.find("acknowledged_at") != nullptr) {
        answer.alert.acknowledged_by = members.text("acknowledged_by");
        answer.alert.acknowledged_at = members.instant("acknowledged_at");
    }
    for (const json::value& item : members.list("orders")) {
        const Members order(item);
        answer.orders.push_back({.hold = order.hold_id(),
                                 .cart = order.text("cart"),
                                 .customer = order.text("customer"),
                                 .location = order.text("location"),
                                 .quantity = order.number("quantity")});
    }
    return answer;
}

Answer answer_from(const Command& command, const json::value& body) {
    return std::visit(
        [&]<class C>(const C&) -> Answer {
            if constexpr (std::is_same_v<AnswerOf<C>, SkuAnswer>) {
                return sku_answer_from(body);
            } else if constexpr (std::is_same_v<AnswerOf<C>, LocationAnswer>) {
                return location_answer_from(body);
            } else if constexpr (std::is_same_v<AnswerOf<C>, StockAnswer>) {
                return stock_answer_from(body);
            } else if constexpr (std::is_same_v<AnswerOf<C>, EntryAnswer>) {
                return entry_answer_from(body);
            } else if constexpr (std::is_same_v<AnswerOf<C>, AlertAnswer>) {
                return alert_answer_from(body);
            } else {
                return hold_answer_from(body);
            }
        },
        command);
}

std::vector<ShortLine> short_lines_from(const json::array& items) {
    std::vector<ShortLine> lines;
    for (const json::value& item : items) {
        const Members line(item);
        lines.push_back({.sku = line.text("sku"),
                         .location = line.text("location"),
                         .wanted = line.number("wanted"),
                         .available = line.number("available")});
    }
    return lines;
}

Refusal refusal_from(const json::value& problem) {
    const Members members(problem);
    Refusal refusal;
    refusal.detail = members.text("detail");
    if (const auto code = refusal_code(members.text("code"))) {
        refusal.code = *code;
    } else {
        // One of HTTP's own faults: it has no name inside the engine.
        const bool retryable = members.get<bool>("retryable");
        refusal.code = retryable ? RefusalCode::overloaded : RefusalCode::invalid_request;
        refusal.detail = members.text("code") + ": " + refusal.detail;
    }
    refusal.short_lines = short_lines_from(members.list("short"));
    for (const json::value& item : members.list("errors")) {
        const Members error(item);
        if (refusal.field.empty()) {
            refusal.field = error.text("pointer");
        }
        if (error.text("detail") != refusal.detail) {
            refusal.detail += "\n    " + error.text("pointer") + ": " + error.text("detail");
        }
    }
    if (members.find("fence") != nullptr) {
        refusal.fence = members.get<std::uint64_t>("fence");
    }
    return refusal;
}

AuditReport audit_report_from(const json::value& body) {
    const Members members(body);
    AuditReport report;
    report.events = members.get<std::uint64_t>("events");
    report.stock_rows = members.get<std::uint64_t>("stock_rows");
    report.pending_holds = members.get<std::uint64_t>("pending_holds");
    report.versions = members.get<std::vector<Version>>("versions");
    for (const json::value& item : members.list("differences")) {
        const Members difference(item);
        report.differences.push_back({.what = difference.text("what"),
                                      .kept = difference.text("kept"),
                                      .events = difference.text("events")});
    }
    return report;
}

json::object to_json(const Counters& counters) {
    return {{"on_hand", counters.on_hand},
            {"available", counters.available},
            {"held", counters.held},
            {"committed", counters.committed},
            {"safety_stock", counters.safety_stock},
            {"returned", counters.returned},
            {"repair", counters.repair},
            {"damaged", counters.damaged}};
}

json::object to_json(const Policy& policy) {
    std::string text;
    http::JsonWriter writer(text);
    http::write(writer, policy);
    return parse_json(text).as_object();
}

}  // namespace holdfast::cli
