#include "http/command_json.h"

#include <holdfast/limits.h>

namespace holdfast::http {
namespace {

using enum Need;

void read_policy(Fields& in, Policy& to) {
    constexpr Seconds low = limits::ttl_min;
    constexpr Seconds high = limits::hold_life_max;
    // Words in the order of the enumerators.
    if (const auto word = in.word("selling", optional, {"strict", "backorder", "preorder"})) {
        to.selling = static_cast<Selling>(*word);
    }
    in.limit("backorder_limit", 0, to.backorder_limit);
    in.limit("preorder_limit", 0, to.preorder_limit);
    in.instant("available_on", to.available_on);
    if (const auto word = in.word("reserve_at", optional, {"cart", "checkout", "payment"})) {
        to.reserve_at = static_cast<ReserveAt>(*word);
    }
    if (const auto word = in.word("fulfilment", optional, {"tracked", "at_confirm"})) {
        to.fulfilment = static_cast<Fulfilment>(*word);
    }
    in.seconds("hold_ttl", low, high, to.hold_ttl);
    in.seconds("checkout_ttl", low, high, to.checkout_ttl);
    in.seconds("max_ttl", low, high, to.max_ttl);
    in.seconds("max_life", low, high, to.max_life);
    std::int64_t extensions = to.max_extensions;
    in.integer("max_extensions", optional, 0, limits::extensions_max, extensions);
    to.max_extensions = static_cast<int>(extensions);
    if (const auto rule = in.word("late_confirm", optional, {"retake", "refuse", "backorder"})) {
        to.late_confirm = static_cast<LateConfirm>(*rule);
    }
    in.integer("safety_stock", optional, 0, limits::quantity_max, to.safety_stock);
    in.integer("low_stock", optional, 0, limits::quantity_max, to.low_stock);
    in.integer("reorder_point", optional, 0, limits::quantity_max, to.reorder_point);
    in.integer("reorder_quantity", optional, 0, limits::quantity_max, to.reorder_quantity);
    in.limit("max_per_cart", 1, to.max_per_cart);
    in.limit("max_per_customer", 1, to.max_per_customer);
    in.limit("customer_window", limits::customer_window_min, limits::customer_window_max,
             to.customer_window);
    if (const auto word = in.word("waitlist", optional, {"off", "open", "fair"})) {
        to.waitlist = static_cast<Waitlist>(*word);
    }
    in.seconds("offer_ttl", low, high, to.offer_ttl);
    if (const auto rule =
            in.word("allocation", optional, {"priority", "most_available", "nearest"})) {
        to.allocation = static_cast<AllocationRule>(*rule);
    }
    in.boolean("split", to.split);
    in.finish();
}

void read_state(Fields& in, std::string_view name, StockState& to) {
    // In the order of the enumerators.
    if (const auto state =
            in.word(name, required, {"available", "returned", "repair", "damaged"})) {
        to = static_cast<StockState>(*state);
    }
}

void read_stock(Fields& in, ReceiveStock& to) {
    in.id("location", optional, to.location);
    in.integer("quantity", required, 1, limits::quantity_max, to.quantity);
    in.text("reference", optional, to.reference);
}

void read_stock(Fields& in, ExpectStock& to) {
    in.id("location", optional, to.location);
    in.integer("quantity", required, 0, limits::quantity_max, to.quantity);
    std::optional<Instant> at;
    in.instant("expected_at", at);
    if (at) {
        to.expected_at = *at;
    } else if (to.quantity > 0) {
        in.fault("expected_at", "this field is required: say when the units come");
    }
    in.text("reference", required, to.reference);
}

void read_stock(Fields& in, AdjustStock& to) {
    in.id("location", optional, to.location);
    in.integer("delta", required, -limits::quantity_max, limits::quantity_max, to.delta);
    in.text("reason", required, to.reason);
    in.text("reference", optional, to.reference);
}

void read_stock(Fields& in, MoveStock& to) {
    in.id("location", optional, to.location);
    in.integer("quantity", required, 1, limits::quantity_max, to.quantity);
    read_state(in, "from", to.from);
    read_state(in, "to", to.to);
    in.text("reference", optional, to.reference);
}

void read_stock(Fields& in, TransferStock& to) {
    in.id("from", required, to.from);
    in.id("to", required, to.to);
    in.integer("quantity", required, 1, limits::quantity_max, to.quantity);
    in.text("reference", optional, to.reference);
}

template <class StockWork>
Command stock_work(Fields& in, std::string sku) {
    StockWork work;
    work.sku = std::move(sku);
    read_stock(in, work);
    return work;
}

template <class HoldCommand>
Command hold_command(Fields& in) {
    HoldCommand command;
    in.hold_id("id", command.id);
    read(in, command);
    return command;
}

Command place_hold(Fields& in) {
    PlaceHold command;
    read(in, command);
    return command;
}

Command define_sku(Fields& in) {
    DefineSku command;
    in.id("sku", required, command.sku);
    read(in, command);
    return command;
}

Command define_location(Fields& in) {
    DefineLocation command;
    in.id("location", required, command.location);
    read(in, command);
    return command;
}

template <class StockWork>
Command sku_stock_work(Fields& in) {
    std::string sku;
    in.id("sku", required, sku);
    return stock_work<StockWork>(in, std::move(sku));
}

Command join_waitlist(Fields& in) {
    JoinWaitlist command;
    in.id("sku", required, command.sku);
    read(in, command);
    return command;
}

Command leave_waitlist(Fields& in) {
    LeaveWaitlist command;
    in.id("sku", required, command.sku);
    in.entry_id("entry", command.entry);
    return command;
}

Command acknowledge(Fields& in) {
    AcknowledgeAlert command;
    in.alert_id("alert", command.alert);
    read(in, command);
    return command;
}

struct BatchWord {
    std::string_view word;
    Command (*read)(Fields&);
};

constexpr BatchWord batch_words[] = {
    {"hold", place_hold},
    {"amend", hold_command<AmendHold>},
    {"extend", hold_command<ExtendHold>},
    {"heartbeat", hold_command<BeatHold>},
    {"secure", hold_command<SecureHold>},
    {"confirm", hold_command<ConfirmHold>},
    {"release", hold_command<ReleaseHold>},
    {"fulfil", hold_command<FulfilHold>},
    {"cancel", hold_command<CancelHold>},
    {"return", hold_command<ReturnUnits>},
    {"join", join_waitlist},
    {"leave", leave_waitlist},
    {"define_sku", define_sku},
    {"define_location", define_location},
    {"receive", sku_stock_work<ReceiveStock>},
    {"adjust", sku_stock_work<AdjustStock>},
    {"move", sku_stock_work<MoveStock>},
    {"transfer", sku_stock_work<TransferStock>},
    {"expect", sku_stock_work<ExpectStock>},
    {"acknowledge", acknowledge},
};

}  // namespace

void read(Fields& in, DefineSku& to) {
    if (const JsonNode* policy = in.find("policy", optional, JsonKind::object)) {
        Fields fields(in.tree(), *policy, Where{&in.where(), "policy", {}}, in.faults());
        read_policy(fields, to.policy);
    }
}

void read(Fields& in, DefineLocation& to) {
    in.id("region", optional, to.region);
    std::int64_t priority = to.priority;
    in.integer("priority", optional, -1'000'000, 1'000'000, priority);
    to.priority = static_cast<int>(priority);
}

void read(Fields& in, PlaceHold& to) {
    in.id("cart", required, to.cart);
    in.id("customer", optional, to.customer);
    in.id("region", optional, to.region);
    in.lines("lines", required, to.lines);
    in.seconds("ttl", limits::ttl_min, limits::hold_life_max, to.ttl);
    in.seconds("heartbeat", limits::ttl_min, limits::hold_life_max, to.heartbeat);
    in.boolean("partial", to.partial);
    in.boolean("confirm", to.confirm);
}

void read(Fields& in, JoinWaitlist& to) {
    in.id("customer", required, to.customer);
    in.integer("quantity", optional, 1, limits::quantity_max, to.quantity);
    in.id("location", optional, to.location);
    in.id("cart", optional, to.cart);
    in.id("region", optional, to.region);
}

void read(Fields& in, AcknowledgeAlert& to) {
    in.text("by", required, to.person);
}

void read(Fields& in, AmendHold& to) {
    in.fence("fence", to.fence);
    in.id("region", optional, to.region);
    in.lines("lines", required, to.lines);
}

void read(Fields& in, ExtendHold& to) {
    in.fence("fence", to.fence);
    in.seconds("ttl", limits::ttl_min, limits::hold_life_max, to.ttl);
}

void read(Fields& in, BeatHold& to) {
    in.fence("fence", to.fence);
}

void read(Fields& in, SecureHold& to) {
    in.fence("fence", to.fence);
}

void read(Fields& in, ConfirmHold& to) {
    in.fence("fence", to.fence);
    in.lines("lines", optional, to.lines);
}

void read(Fields& in, ReleaseHold& to) {
    in.fence("fence", to.fence);
}

void read(Fields& in, FulfilHold& to) {
    in.fence("fence", to.fence);
    in.lines("lines", optional, to.lines);
    in.text("reference", optional, to.reference);
}

void read(Fields& in, CancelHold& to) {
    in.fence("fence", to.fence);
    in.lines("lines", optional, to.lines);
}

void read(Fields& in, ReturnUnits& to) {
    in.fence("fence", to.fence);
    in.lines("lines", optional, to.lines);
}

std::optional<Command> read_stock_work(Fields& in, std::string sku) {
    const auto action =
        in.word("action", required, {"receive", "adjust", "move", "transfer", "expect"});
    if (!action) {
        in.leave_rest();
        return std::nullopt;
    }
    switch (*action) {
        case 0:
            return stock_work<ReceiveStock>(in, std::move(sku));
        case 1:
            return stock_work<AdjustStock>(in, std::move(sku));
        case 2:
            return stock_work<MoveStock>(in, std::move(sku));
        case 4:
            return stock_work<ExpectStock>(in, std::move(sku));
        default:
            return stock_work<TransferStock>(in, std::move(sku));
    }
}

std::optional<Command> read_batch_item(Fields& in) {
    const JsonNode* word = in.find("do", required, JsonKind::string);
    if (word == nullptr) {
        return std::nullopt;
    }
    for (const BatchWord& known : batch_words) {
        if (known.word == word->text) {
            return known.read(in);
        }
    }
    std::string words;
    for (const BatchWord& known : batch_words) {
        words += words.empty() ? "" : ", ";
        words += known.word;
    }
    in.fault("do", '"' + shown(word->text) + "\" is not one of: " + words);
    return std::nullopt;
}

}  // namespace holdfast::http
