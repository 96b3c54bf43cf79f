// The byte that says which kind of event follows. Part of the stored format: never renumber, never reuse.
// Used by the codec's own files only; the grammar stands at the top of codec_events.cc.
#pragma once

#include <cstdint>

#include "store/bytes.h"

namespace holdfast::store {

enum class EventTag : std::uint8_t {
    hold_placed = 1,
    hold_refused = 2,
    hold_amended = 3,
    hold_extended = 4,
    hold_secured = 5,
    hold_confirmed = 6,
    hold_released = 7,
    hold_expired = 8,
    hold_fulfilled = 9,
    hold_cancelled = 10,
    hold_returned = 11,
    hold_firmed = 12,
    hold_lost = 13,
    backorder_allocated = 14,
    waitlist_joined = 15,
    waitlist_left = 16,
    waitlist_offered = 17,
    waitlist_joined_from = 18,
    sku_defined = 32,
    location_defined = 33,
    stock_received = 34,
    stock_adjusted = 35,
    stock_moved = 36,
    stock_transferred = 37,
    stock_expected = 38,
    expected_received = 39,
    level_changed = 40,
    sku_defined_at = 41,
    alert_raised = 48,
    alert_acknowledged = 49,
    alert_resolved = 50,
    alert_raised_as = 51,
    partitions_changed = 64
};

inline void write_tag(ByteWriter& out, EventTag tag) {
    out.byte(static_cast<std::uint8_t>(tag));
}

}  // namespace holdfast::store
