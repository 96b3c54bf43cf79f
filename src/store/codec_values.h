// The values that rows, events and answers share, as bytes. Between the codec's own files only; the
// grammar stands at the top of codec.cc.
#pragma once

#include <holdfast/answers.h>
#include <holdfast/events.h>
#include <holdfast/hold.h>
#include <holdfast/policy.h>
#include "store/bytes.h"
#include "store/stored_numbers.h"

namespace holdfast::store {

// What answers and blobs begin with.
inline constexpr std::uint8_t format_version = 1;

void write(ByteWriter& out, const Hold& hold);
void write(ByteWriter& out, const Policy& policy);
void write(ByteWriter& out, const Counters& counters);
void write(ByteWriter& out, const WaitlistJoined& event);
void write(ByteWriter& out, const WaitlistLeft& event);
void write(ByteWriter& out, const WaitlistOffered& event);
void write(ByteWriter& out, const Alert& alert);  // without its id
void write(ByteWriter& out, const StockLevelChanged& event);
void write(ByteWriter& out, const AlertRaised& event);
void write(ByteWriter& out, const AlertAcknowledged& event);
void write(ByteWriter& out, const AlertResolved& event);
void write_event(ByteWriter& out, const Event& event);
Hold read_hold(ByteReader& in);
Policy read_policy(ByteReader& in);
Counters read_counters(ByteReader& in);
WaitlistJoined read_waitlist_joined(ByteReader& in, bool with_region);
WaitlistLeft read_waitlist_left(ByteReader& in);
WaitlistOffered read_waitlist_offered(ByteReader& in);
Alert read_alert(ByteReader& in);
StockLevelChanged read_level_changed(ByteReader& in);
AlertRaised read_raised_as(ByteReader& in);
AlertAcknowledged read_acknowledged(ByteReader& in);
AlertResolved read_resolved(ByteReader& in);
Event read_event(ByteReader& in);

template <class Enum>
void write_enum(ByteWriter& out, Enum value) {
    out.byte(stored_number(value));
}
template <class Enum>
Enum read_enum(ByteReader& in) {
    if (const auto value = from_stored_number<Enum>(in.byte())) {
        return *value;
    }
    in.fail("an unknown enumerator");
}

inline bool read_bool(ByteReader& in) {
    const std::uint8_t value = in.byte();
    if (value > 1) {
        in.fail("neither true nor false");
    }
    return value == 1;
}

// Refuses bits that this version of the format does not know.
inline std::uint8_t read_flags(ByteReader& in, std::uint8_t known) {
    const std::uint8_t flags = in.byte();
    if ((flags & ~known) != 0) {
        in.fail("an unknown flag");
    }
    return flags;
}

// Whole values: nothing may be left over.
template <class Read>
auto decode_all(std::string_view bytes, const char* what, Read read) {
    ByteReader in(bytes, what);
    auto value = read(in);
    in.expect_end();
    return value;
}

inline void check_format(ByteReader& in) {
    if (in.byte() != format_version) {
        in.fail("not format version 1");
    }
}

}  // namespace holdfast::store
