// Every bound of the product, with its unit and its reason. Nothing here is configurable.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include <holdfast/types.h>

namespace holdfast::limits {

using namespace std::chrono_literals;

// One counter never passes this, so that sums of a whole catalogue stay far inside 64 bits and
// inside the 53 bits that JSON readers keep exact.
inline constexpr Quantity quantity_max = 1'000'000'000'000;

// Bytes. Ids are printable ASCII without spaces: they stand in URLs, log lines and CSV files.
inline constexpr std::size_t id_bytes_max = 128;
// Bytes of free text (reason, reference): shown to people, stored with every event.
inline constexpr std::size_t text_bytes_max = 256;
// Bytes. Stripe's and the IETF draft's readers send at most this.
inline constexpr std::size_t idempotency_key_bytes_max = 255;

// Lines of one cart: three times the largest cart of the real orders we test with.
inline constexpr std::size_t lines_max = 2'000;
// Commands of one batch request: one batch stays well under a round's time budget.
inline constexpr std::size_t batch_commands_max = 1'000;
// Locations of one shop: an index of 16 bits, and an allocation looks at each of them.
inline constexpr std::size_t locations_max = 1'000;
// Receipts of one SKU that are expected at a time: an answer about its stock lists all of them.
inline constexpr std::size_t receipts_max = 1'000;
// SKUs of one question about availability: a page of a shop's list of products.
inline constexpr std::size_t availability_skus_max = 500;
// Partitions of one store: the routing token has 16 bits; more than this helps nobody.
inline constexpr std::uint32_t partitions_max = 1'024;

// A hold that lives longer than a month is an order. Also keeps offsets inside 32 bits of ms.
inline constexpr Seconds hold_life_max = 30 * 24h;
inline constexpr Seconds ttl_min = 1s;
inline constexpr int extensions_max = 1'000;
// How long a purchase may count against a customer's limit: from one minute, below which a hold is
// hardly paid, to "one a year" in a leap year.
inline constexpr Seconds customer_window_min = 60s;
inline constexpr Seconds customer_window_max = 366 * 24h;

// Commands waiting for their round. When it is full a request is refused at once (503).
inline constexpr std::size_t queue_length_max = 65'536;
// Commands decided into one append: bounds a round's latency and memory.
inline constexpr std::size_t round_commands_max = 8'192;
// Bytes of the rows of one append. The one that passes it is still let in. Bounds the same where carts
// have thousands of lines, and keeps the offsets of a batch inside 32 bits.
inline constexpr std::size_t round_bytes_max = std::size_t{16} << 20;
// Due holds, or lines of them, expired before the commands of one round are decided; the rest follow in
// the next, and before any command that needs their units.
inline constexpr std::size_t round_expiries_max = 4'096;
// Times that units which came in, or came free, are given to somebody who waits, in one round; the rest follow
// in the next, so that a delivery for a million orders holds nobody else up.
inline constexpr std::size_t round_served_max = 2'048;

// An alert stands until its cause has been gone for so long: what comes and goes is raised once.
inline constexpr Seconds alert_settling{300};
// A SKU's usual rates are known after so long, and follow what happens over about an hour.
inline constexpr std::chrono::minutes velocity_history{30};
// A rate is unusual when it is so many standard deviations, and at least so many a minute, above the usual.
inline constexpr double velocity_deviations = 8;
inline constexpr double velocity_excess_min = 30;
// Holds that must have expired in the last hour or so before a SKU that is sold out has ghosts.
inline constexpr double ghost_expiries_min = 3;
// Orders that a shortfall names, and past holds that are read to find them.
inline constexpr std::size_t orders_at_risk_max = 100;
inline constexpr std::size_t orders_at_risk_read_max = 1'000'000;

// How far behind the others who share its store a node may be, where nothing makes it look at once: it looks
// twice as often.
inline constexpr std::chrono::milliseconds follow_every{50};

// hold.refused events per SKU and second; the others of that second are counted in one of them.
inline constexpr std::uint32_t refusals_per_second_max = 10;

// How long, and how many, first answers are remembered for their Idempotency-Key.
inline constexpr Seconds idempotency_life = 24h;
inline constexpr std::size_t idempotency_keys_max = 1'000'000;
// First answers in one row of the store: a repeated request reads a whole one while all others wait.
inline constexpr std::size_t answers_per_row_max = 64;

// Items of one page of a list.
inline constexpr std::size_t page_max = 1'000;

static_assert(hold_life_max.count() * 1'000 < INT64_C(0xffffffff));
static_assert(round_commands_max <= queue_length_max);

}  // namespace holdfast::limits
