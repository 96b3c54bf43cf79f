// From answers to JSON, written straight into the answer's text. Field names are those of the API document.
// Called by routes on the io thread. Pure.
#pragma once

#include <string>

#include <holdfast/answers.h>
#include <holdfast/service.h>
#include "http/json.h"

namespace holdfast::http {

void write(JsonWriter& json, const HoldAnswer& answer);
void write(JsonWriter& json, const SkuAnswer& answer);
void write(JsonWriter& json, const StockAnswer& answer);
// `group`: what the parts are, empty when they were not asked for. More than `cap` units are told as "10+".
void write(JsonWriter& json, const SkuAvailability& answer, std::string_view group,
           std::optional<Quantity> cap);
void write(JsonWriter& json, const LocationAnswer& answer);
void write(JsonWriter& json, const EntryAnswer& answer);
void write(JsonWriter& json, const AlertAnswer& answer);
// Without its id.
void write_fields(JsonWriter& json, const Alert& alert);
void write(JsonWriter& json, const Answer& answer);
void write(JsonWriter& json, const AuditReport& report);

// A hold without what belongs to an answer (version, server_time), as in lists and events.
void write(JsonWriter& json, const Hold& hold);
void write(JsonWriter& json, const Policy& policy);
void write(JsonWriter& json, const RecordedEvent& event);
// The field of that name.
void write_short(JsonWriter& json, const std::vector<ShortLine>& lines);

}  // namespace holdfast::http
