// Alerts and levels of stock as bytes. Between the codec's own files only; the grammar stands at the tops of
// codec.cc and codec_events.cc.
#pragma once

#include <holdfast/alert.h>
#include <holdfast/events.h>
#include "store/bytes.h"

namespace holdfast::store {

void write(ByteWriter& out, const Alert& alert);  // without its id
Alert read_alert(ByteReader& in);

void write(ByteWriter& out, const StockLevelChanged& event);
void write(ByteWriter& out, const AlertRaised& event);
void write(ByteWriter& out, const AlertAcknowledged& event);
void write(ByteWriter& out, const AlertResolved& event);
// After the tag.
StockLevelChanged read_level_changed(ByteReader& in);
AlertAcknowledged read_acknowledged(ByteReader& in);
AlertResolved read_resolved(ByteReader& in);

}  // namespace holdfast::store
