// From JSON bodies to commands. Shape only: types, names, and the bounds of limits.h; the rules of the shop
// are judged behind the service. Called by routes on the io thread. Pure.
#pragma once

#include <optional>

#include <holdfast/commands.h>
#include "http/fields.h"

namespace holdfast::http {

// The fields that a body has beside what the path names (the hold's id, the SKU, the location).
void read(Fields& in, DefineSku& to);
void read(Fields& in, DefineLocation& to);
void read(Fields& in, PlaceHold& to);
void read(Fields& in, JoinWaitlist& to);
void read(Fields& in, AcknowledgeAlert& to);
void read(Fields& in, AmendHold& to);
void read(Fields& in, ExtendHold& to);
void read(Fields& in, BeatHold& to);
void read(Fields& in, SecureHold& to);
void read(Fields& in, ConfirmHold& to);
void read(Fields& in, ReleaseHold& to);
void read(Fields& in, FulfilHold& to);
void read(Fields& in, CancelHold& to);
void read(Fields& in, ReturnUnits& to);

// {"action": "receive", ...}: the work on the stock of one SKU. Nothing when `action` is at fault.
std::optional<Command> read_stock_work(Fields& in, std::string sku);

// {"do": "hold", ...}: any command, with what a path would have named as fields of its own. Nothing
// when `do` is at fault.
std::optional<Command> read_batch_item(Fields& in);

}  // namespace holdfast::http
