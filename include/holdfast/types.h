// The words that everything else is written in: ids, numbers, time.
// Knows only the standard library. Plain values, safe to copy to any thread.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

// Units of stock. Signed, because corrections are; what each use allows is in limits.h.
using Quantity = std::int64_t;

// A partition's count of events, gapless: the n-th has n. Only PartitionsChanged moves it on by more than one.
using Version = std::uint64_t;

// Given out with every change of a hold: the home partition's version at that change, so it grows
// over all holds of a partition, which makes it usable as a lock's fencing token.
using Fence = std::uint64_t;

using PartitionId = std::uint16_t;

// Server time: milliseconds since the Unix epoch, UTC. Never read from a clock inside the core.
using Instant = std::chrono::sys_time<std::chrono::milliseconds>;
using Seconds = std::chrono::seconds;

// A hold's id. `high` is the time it was made (48 bits of milliseconds) and a counter within that
// millisecond (16 bits), so ids sort by age; `low` is 48 random bits and, last, the 16-bit routing
// token of the hold's first SKU, so its home partition is known without a look-up.
struct HoldId {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    auto operator<=>(const HoldId&) const = default;
    [[nodiscard]] std::uint16_t token() const { return static_cast<std::uint16_t>(low); }
};

// A place in a SKU's waiting line. Made as a HoldId is, so that places sort by who came first.
struct EntryId {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    auto operator<=>(const EntryId&) const = default;
};

// "wait_" and 32 lower-case hex digits.
std::string to_string(EntryId id);
// Nothing when `text` is not exactly what to_string makes.
std::optional<EntryId> parse_entry_id(std::string_view text);

// "hold_" and 32 lower-case hex digits.
std::string to_string(HoldId id);
// The same at the end of `out`, for who writes many.
void append(std::string& out, HoldId id);
// Nothing when `text` is not exactly what to_string makes.
std::optional<HoldId> parse_hold_id(std::string_view text);

// The routing token of a SKU: the top 16 bits of its XXH3 hash.
std::uint16_t routing_token(std::string_view sku);
// Which of `partition_count` (1 to limits::partitions_max) partitions a token belongs to.
PartitionId partition_of(std::uint16_t token, std::uint32_t partition_count);

// RFC 3339, UTC, milliseconds: "2026-11-21T03:19:57.042Z".
std::string to_rfc3339(Instant at);
void append(std::string& out, Instant at);
// Accepts what to_rfc3339 makes, with or without the fraction. Nothing for any other text.
std::optional<Instant> parse_rfc3339(std::string_view text);

}  // namespace holdfast
