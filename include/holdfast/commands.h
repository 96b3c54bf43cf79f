// Everything that can be asked of Holdfast: one struct each, verb and noun. Plain values.
// Texts are ids unless said otherwise (limits.h: printable ASCII, no spaces). An empty optional text
// means "not given".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <holdfast/alert.h>
#include <holdfast/policy.h>
#include <holdfast/types.h>

namespace holdfast {

struct DefineSku {
    std::string sku;
    Policy policy;
};

struct DefineLocation {
    std::string location;
    std::string region;  // may be empty
    int priority = 0;    // smaller serves first; equal ones by name. -1'000'000 to 1'000'000
};

// Units on hand that are for sale, or one of the states in which they are not.
enum class StockState : std::uint8_t { available, returned, repair, damaged };
std::string_view to_string(StockState state);

struct ReceiveStock {
    std::string sku;
    std::string location = "main";
    Quantity quantity = 0;  // 1 to quantity_max
    std::string reference;  // free text; that of an expected receipt: this is a part of it
};

// Goods that a supplier will bring. The same reference at the same location again sets it anew; 0 units:
// they do not come. What is received with this reference is taken off it.
struct ExpectStock {
    std::string sku;
    std::string location = "main";
    Quantity quantity = 0;  // 0 to quantity_max
    Instant expected_at;
    std::string reference;  // free text, required
};

struct AdjustStock {
    std::string sku;
    std::string location = "main";
    Quantity delta = 0;     // not 0; may leave `available` negative: a count is a fact
    std::string reason;     // free text, required
    std::string reference;  // free text
};

struct MoveStock {
    std::string sku;
    std::string location = "main";
    Quantity quantity = 0;
    StockState from = StockState::returned;
    StockState to = StockState::available;
    std::string reference;
};

struct TransferStock {
    std::string sku;
    std::string from;
    std::string to;
    Quantity quantity = 0;
    std::string reference;
};

struct LineRequest {
    std::string sku;
    Quantity quantity = 0;  // 1 to quantity_max
    std::string location;   // empty: the policy's allocation rule chooses

    bool operator==(const LineRequest&) const = default;
};

struct PlaceHold {
    std::string cart;      // required
    std::string customer;  // may be empty
    std::string region;    // for allocation `nearest`; the hold keeps it
    std::vector<LineRequest> lines;
    std::optional<Seconds> ttl;
    std::optional<Seconds> heartbeat;
    bool partial = false;  // grant what there is, at least one unit
    bool confirm = false;  // buy at once
};

// Every command on a hold may name the fence that its sender saw last; an older one is refused.
struct AmendHold {
    HoldId id;
    std::optional<Fence> fence;
    std::string region;              // empty: the hold's stays
    std::vector<LineRequest> lines;  // the whole cart anew
};

struct ExtendHold {
    HoldId id;
    std::optional<Fence> fence;
    std::optional<Seconds> ttl;  // from now; default: the policy's hold_ttl
};

struct BeatHold {
    HoldId id;
    std::optional<Fence> fence;
};

struct SecureHold {
    HoldId id;
    std::optional<Fence> fence;
};

// `lines` empty: all of them. Otherwise these units, and what is left of the hold is released.
struct ConfirmHold {
    HoldId id;
    std::optional<Fence> fence;
    std::vector<LineRequest> lines;
};

struct ReleaseHold {
    HoldId id;
    std::optional<Fence> fence;
};

// Made by the sequencer when units are there for a hold that waits for them.
struct AllocateBackorder {
    HoldId hold;
    std::string sku;
    std::string location;
};

// Made by the sequencer when deadlines pass: ends every hold due by `now`, oldest deadline first.
struct ExpireHolds {};

// A place in the waiting line of a SKU, one for each customer. What is offered to him is a hold.
struct JoinWaitlist {
    std::string sku;
    std::string customer;
    Quantity quantity = 1;  // 1 to quantity_max; offered whole
    std::string location;   // empty: any
    std::string cart;       // of the hold that is offered; empty: the id of the entry
    std::string region;     // of the hold that is offered
};

struct LeaveWaitlist {
    std::string sku;
    EntryId entry;
};

// Made by the sequencer when units are there for the first who waits.
struct OfferUnits {
    std::string sku;
    EntryId entry;
};

// `lines` empty: all that is still to be shipped.
struct FulfilHold {
    HoldId id;
    std::optional<Fence> fence;
    std::vector<LineRequest> lines;
    std::string reference;
};

// `lines` empty: all that is not yet shipped.
struct CancelHold {
    HoldId id;
    std::optional<Fence> fence;
    std::vector<LineRequest> lines;
};

// `lines` empty: all that was shipped and not yet returned. A line's location says where the units
// came back to; empty: where they were shipped from.
struct ReturnUnits {
    HoldId id;
    std::optional<Fence> fence;
    std::vector<LineRequest> lines;
};

// A person has seen an alert. Who was first stays.
struct AcknowledgeAlert {
    AlertId alert;
    std::string person;
};

using Command =
    std::variant<PlaceHold, AmendHold, ExtendHold, BeatHold, SecureHold, ConfirmHold, ReleaseHold,
                 ExpireHolds, AllocateBackorder, JoinWaitlist, LeaveWaitlist, OfferUnits,
                 FulfilHold, CancelHold, ReturnUnits, DefineSku, DefineLocation, ReceiveStock,
                 AdjustStock, MoveStock, TransferStock, ExpectStock, AcknowledgeAlert>;

}  // namespace holdfast
