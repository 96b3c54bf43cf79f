// What comes back from a command or a read. Plain values; each says the version at which it is true.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <holdfast/commands.h>
#include <holdfast/events.h>
#include <holdfast/hold.h>

namespace holdfast {

// on_hand = available + held + committed + safety_stock + returned + repair + damaged, always.
struct Counters {
    Quantity on_hand = 0;
    Quantity available = 0;  // negative after a shrinkage; shoppers are shown max(0, available)
    Quantity held = 0;
    Quantity committed = 0;
    Quantity safety_stock = 0;
    Quantity returned = 0;
    Quantity repair = 0;
    Quantity damaged = 0;
    bool operator==(const Counters&) const = default;
};

struct StockRow {
    std::string location;
    Counters counters;
    // Units promised beyond what is there, each waiting for stock here.
    Quantity backordered = 0;
    bool operator==(const StockRow&) const = default;
};

// Goods that a supplier will bring.
struct ExpectedReceipt {
    std::string location;
    std::string reference;
    Quantity quantity = 0;
    Instant expected_at;
    bool operator==(const ExpectedReceipt&) const = default;
};

struct HoldAnswer {
    Hold hold;
    Version version = 0;  // of the hold's home partition
    Instant server_time;
    bool operator==(const HoldAnswer&) const = default;
};

struct SkuAnswer {
    std::string sku;
    Policy policy;
    Version version = 0;
    Version defined_at = 0;  // the version at which the policy was last set: the ETag
    bool operator==(const SkuAnswer&) const = default;
};

struct StockAnswer {
    std::string sku;
    std::vector<StockRow> locations;  // by name
    Counters total;
    Version version = 0;
    Instant as_of;
    Quantity backordered = 0;
    std::vector<ExpectedReceipt> expected;  // by date
    bool operator==(const StockAnswer&) const = default;
};

// What a shopper is told of a SKU.
enum class ShopperStatus : std::uint8_t {
    in_stock,
    low_stock,
    out_of_stock,
    backorder,
    preorder,
    waitlist
};
std::string_view to_string(ShopperStatus status);

enum class GroupBy : std::uint8_t { nothing, location, region };

// In all, at one location, or in one region.
struct Availability {
    std::string name;  // of the location or region; empty: in all
    ShopperStatus status = ShopperStatus::out_of_stock;
    Quantity available = 0;  // what a newcomer could have; never below 0
    std::optional<Instant> restock_on;
    bool operator==(const Availability&) const = default;
};

struct SkuAvailability {
    std::string sku;
    Availability total;
    std::vector<Availability> parts;  // by name, when they were asked for
    Version version = 0;
    bool operator==(const SkuAvailability&) const = default;
};

struct AvailabilityAnswer {
    std::vector<SkuAvailability> skus;  // in the order in which they were asked for
    std::vector<std::string> unknown;
    Instant as_of;
};

struct LocationAnswer {
    std::string location;
    std::string region;
    int priority = 0;
    Version version = 0;
    bool operator==(const LocationAnswer&) const = default;
};

enum class EntryStatus : std::uint8_t { waiting, offered, left };
std::string_view to_string(EntryStatus status);

struct EntryAnswer {
    EntryId entry;
    EntryStatus status = EntryStatus::waiting;
    std::string sku;
    std::string location;  // empty: any
    std::string customer;
    std::string cart;
    Quantity quantity = 0;
    Quantity place = 0;          // in the line, from 1; 0 when not waiting
    std::optional<HoldId> hold;  // the offer, when it was made at once
    Version version = 0;
    Instant server_time;
    std::string region;
    bool operator==(const EntryAnswer&) const = default;
};

// An order that a shortfall puts at risk.
struct OrderAtRisk {
    HoldId hold;
    std::string cart;
    std::string customer;
    std::string location;
    Quantity quantity = 0;  // units of the SKU, sold there and not shipped
    bool operator==(const OrderAtRisk&) const = default;
};

struct AlertAnswer {
    Alert alert;
    // shortfall: those sold last, as many as it takes; only where alerts are listed.
    std::vector<OrderAtRisk> orders;
    Version version = 0;
    Instant server_time;
    bool operator==(const AlertAnswer&) const = default;
};

using Answer =
    std::variant<HoldAnswer, SkuAnswer, StockAnswer, LocationAnswer, EntryAnswer, AlertAnswer>;

// Which answer a command has.
template <class Command>
struct AnswerOfImpl {
    using type = HoldAnswer;
};
template <>
struct AnswerOfImpl<DefineSku> {
    using type = SkuAnswer;
};
template <>
struct AnswerOfImpl<DefineLocation> {
    using type = LocationAnswer;
};
template <>
struct AnswerOfImpl<ReceiveStock> {
    using type = StockAnswer;
};
template <>
struct AnswerOfImpl<ExpectStock> {
    using type = StockAnswer;
};
template <>
struct AnswerOfImpl<AdjustStock> {
    using type = StockAnswer;
};
template <>
struct AnswerOfImpl<MoveStock> {
    using type = StockAnswer;
};
template <>
struct AnswerOfImpl<TransferStock> {
    using type = StockAnswer;
};
template <>
struct AnswerOfImpl<JoinWaitlist> {
    using type = EntryAnswer;
};
template <>
struct AnswerOfImpl<LeaveWaitlist> {
    using type = EntryAnswer;
};
template <>
struct AnswerOfImpl<AcknowledgeAlert> {
    using type = AlertAnswer;
};
template <class Command>
using AnswerOf = typename AnswerOfImpl<Command>::type;

}  // namespace holdfast
