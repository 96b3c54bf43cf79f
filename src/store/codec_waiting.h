// The events of waiting lines as bytes. Between the codec's own files only; the grammar stands at the top of
// codec_events.cc.
#pragma once

#include <holdfast/events.h>
#include "store/bytes.h"

namespace holdfast::store {

void write(ByteWriter& out, const WaitlistJoined& event);
void write(ByteWriter& out, const WaitlistLeft& event);
void write(ByteWriter& out, const WaitlistOffered& event);
// After the tag.
WaitlistJoined read_joined(ByteReader& in);
WaitlistLeft read_left(ByteReader& in);
WaitlistOffered read_offered(ByteReader& in);

}  // namespace holdfast::store
