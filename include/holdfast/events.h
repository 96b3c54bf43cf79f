// Everything that can have happened: one struct each, noun and participle. An event says all that
// changed, so that folding the events alone rebuilds every counter. Plain values.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <holdfast/alert.h>
#include <holdfast/commands.h>
#include <holdfast/hold.h>
#include <holdfast/refusal.h>

namespace holdfast {

struct SkuDefined {
    std::string sku;
    Policy policy;
    // 0: the version that this event gets. Another one when it came from other partitions.
    Version defined_at = 0;
    bool operator==(const SkuDefined&) const = default;
};

struct LocationDefined {
    std::string location;
    std::string region;
    int priority = 0;
    bool operator==(const LocationDefined&) const = default;
};

struct StockReceived {
    std::string sku;
    std::string location;
    Quantity quantity = 0;
    std::string reference;
    Quantity expected = 0;  // of them had been announced with this reference, and no longer are
    bool operator==(const StockReceived&) const = default;
};

// Goods are announced, or what was announced has changed.
struct StockExpected {
    std::string sku;
    std::string location;
    Quantity quantity = 0;  // from now on; 0: none
    Instant expected_at;
    std::string reference;
    bool operator==(const StockExpected&) const = default;
};

struct StockAdjusted {
    std::string sku;
    std::string location;
    Quantity delta = 0;
    std::string reason;
    std::string reference;
    bool operator==(const StockAdjusted&) const = default;
};

struct StockMoved {
    std::string sku;
    std::string location;
    Quantity quantity = 0;
    StockState from = StockState::returned;
    StockState to = StockState::available;
    std::string reference;
    bool operator==(const StockMoved&) const = default;
};

struct StockTransferred {
    std::string sku;
    std::string from;
    std::string to;
    Quantity quantity = 0;
    std::string reference;
    bool operator==(const StockTransferred&) const = default;
};

// Units of one SKU at one location that an event moved.
struct Part {
    std::string sku;
    std::string location;
    Quantity quantity = 0;
    bool limited = false;   // counts against the customer's limit
    bool windowed = false;  // and only for a while
    // Units of the same that were not there, and their place in the queue for them.
    Quantity backordered = 0;
    Version place = 0;
    bool operator==(const Part&) const = default;
};

// `hold.status` is pending, or confirmed when it was bought at once.
struct HoldPlaced {
    Hold hold;
    bool operator==(const HoldPlaced&) const = default;
};

// The demand that was lost: a cart, a cart that was to grow, or a payment that came too late. `others`
// counts the refusals of the same SKU that were not recorded one by one since the last recorded one.
struct HoldRefused {
    RefusalCode code = RefusalCode::insufficient_stock;
    std::string cart;
    std::string customer;
    std::vector<ShortLine> short_lines;
    Quantity others = 0;
    bool operator==(const HoldRefused&) const = default;
};

struct HoldAmended {
    Hold hold;                   // as it is now
    std::vector<Part> released;  // all that the hold had before
    bool operator==(const HoldAmended&) const = default;
};

// Also a heartbeat: then `extensions` is what it was.
struct HoldExtended {
    HoldId id;
    Fence fence = 0;
    Instant expires_at;
    Instant beats_until;
    int extensions = 0;
    bool operator==(const HoldExtended&) const = default;
};

// `lines`: all lines as they are now, and `taken` what was taken from available for those that were soft
// before; both empty when none was.
struct HoldSecured {
    HoldId id;
    Fence fence = 0;
    Instant expires_at;
    std::string customer;
    std::vector<HoldLine> lines;
    std::vector<Part> taken;
    bool operator==(const HoldSecured&) const = default;
};

// `late`: the hold had expired and its units were free, so that `confirmed` was taken from available
// rather than from held, perhaps at other locations than before. `taken`: what soft lines took from
// available.
struct HoldConfirmed {
    HoldId id;
    Fence fence = 0;
    std::string customer;
    std::vector<Part> confirmed;
    std::vector<Part> released;
    bool late = false;
    std::vector<Part> taken;
    bool operator==(const HoldConfirmed&) const = default;
};

struct HoldReleased {
    HoldId id;
    Fence fence = 0;
    std::string customer;
    std::vector<Part> released;
    bool operator==(const HoldReleased&) const = default;
};

struct HoldExpired {
    HoldId id;
    Fence fence = 0;
    std::string customer;
    std::vector<Part> released;
    bool operator==(const HoldExpired&) const = default;
};

// A soft hold was paid when its units were gone: refund the shopper. `released` is what its firm lines had.
struct HoldLost {
    HoldId id;
    Fence fence = 0;
    std::string customer;
    std::vector<Part> released;
    std::vector<ShortLine> short_lines;
    bool operator==(const HoldLost&) const = default;
};

// Units that came in went to the hold that waited longest: `allocated.quantity` of them, and
// `allocated.backordered` are still to come. The hold's fence stays: nobody was given a new one.
struct BackorderAllocated {
    HoldId id;
    HoldStatus status = HoldStatus::confirmed;  // of the hold: pending or confirmed
    Part allocated;
    bool operator==(const BackorderAllocated&) const = default;
};

// Somebody lined up.
struct WaitlistJoined {
    EntryId entry;
    std::string sku;
    std::string location;
    std::string customer;
    std::string cart;
    Quantity quantity = 0;
    std::string region;
    bool operator==(const WaitlistJoined&) const = default;
};

enum class LeftBecause : std::uint8_t {
    asked,
    limit  // his turn came, and he already had what one cart or customer may have
};
std::string_view to_string(LeftBecause reason);

struct WaitlistLeft {
    EntryId entry;
    std::string sku;
    std::string customer;
    LeftBecause reason = LeftBecause::asked;
    bool operator==(const WaitlistLeft&) const = default;
};

// The first who waited got a hold, which was placed just before: an offer until it expires.
struct WaitlistOffered {
    EntryId entry;
    std::string sku;
    std::string customer;
    HoldId hold;
    Quantity quantity = 0;
    Instant expires_at;
    bool operator==(const WaitlistOffered&) const = default;
};

struct HoldFulfilled {
    HoldId id;
    Fence fence = 0;
    // `confirmed` while some units are still to be shipped.
    HoldStatus status = HoldStatus::fulfilled;
    std::vector<Part> fulfilled;
    std::string reference;
    bool operator==(const HoldFulfilled&) const = default;
};

struct HoldCancelled {
    HoldId id;
    Fence fence = 0;
    HoldStatus status = HoldStatus::cancelled;
    std::string customer;
    std::vector<Part> cancelled;
    bool operator==(const HoldCancelled&) const = default;
};

// `returned[i].location` is where the units came back to; `shipped_from[i]` where they had left.
struct HoldReturned {
    HoldId id;
    Fence fence = 0;
    HoldStatus status = HoldStatus::fulfilled;  // returned once all that was shipped is back
    std::string customer;
    std::vector<Part> returned;
    std::vector<std::string> shipped_from;
    bool operator==(const HoldReturned&) const = default;
};

// The SKU as a whole crossed a line: stock.low, stock.out, or stock.back when it is above them again.
struct StockLevelChanged {
    std::string sku;
    StockLevel level = StockLevel::in;
    Quantity available = 0;
    bool operator==(const StockLevelChanged&) const = default;
};

// `alert.id` is made of the version that this event gets. It is set when the event came from other partitions.
struct AlertRaised {
    Alert alert;
    bool operator==(const AlertRaised&) const = default;
};

struct AlertAcknowledged {
    AlertId alert;
    AlertKind kind = AlertKind::low_stock;
    std::string sku;
    std::string person;
    bool operator==(const AlertAcknowledged&) const = default;
};

// Its cause has been gone for a while.
struct AlertResolved {
    AlertId alert;
    AlertKind kind = AlertKind::low_stock;
    std::string sku;
    bool operator==(const AlertResolved&) const = default;
};

// From here on the shop has so many partitions, and what comes later in any of them has a greater version than
// this, and so than all that was ever given out by those it had before. Stands alone in its append.
struct PartitionsChanged {
    std::uint32_t partitions = 1;
    Version version = 0;
    bool operator==(const PartitionsChanged&) const = default;
};

using Event =
    std::variant<HoldPlaced, HoldRefused, HoldAmended, HoldExtended, HoldSecured, HoldConfirmed,
                 HoldReleased, HoldExpired, HoldLost, BackorderAllocated, WaitlistJoined,
                 WaitlistLeft, WaitlistOffered, HoldFulfilled, HoldCancelled, HoldReturned,
                 SkuDefined, LocationDefined, StockReceived, StockAdjusted, StockMoved,
                 StockTransferred, StockExpected, StockLevelChanged, AlertRaised, AlertAcknowledged,
                 AlertResolved, PartitionsChanged>;

// "hold.placed", "stock.received", ...
std::string_view type_name(const Event& event);

// An event as it stands in the log of a partition.
struct RecordedEvent {
    PartitionId partition = 0;
    Version version = 0;
    // Number of the append that wrote it and its place there: an event that touches several
    // partitions stands in the log of each, with the same pair.
    std::uint64_t batch = 0;
    std::uint32_t index = 0;
    Instant at;
    Event event;
    bool operator==(const RecordedEvent&) const = default;
};

}  // namespace holdfast
