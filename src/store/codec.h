// Values <-> bytes: the stored format. The grammar stands at the top of codec.cc; golden files and a
// fuzz target guard it. Encoders append to a string; decoders throw CodecError on damaged bytes and
// never read past the end. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/answers.h>
#include <holdfast/events.h>
#include <holdfast/hold.h>
#include "store/store.h"

namespace holdfast::store {

class CodecError : public StoreError {
public:
    using StoreError::StoreError;
};

// Keys.
std::array<char, 16> id_key(HoldId id);  // sorts by age
std::string encode_id_key(HoldId id);    // the same as a string
HoldId decode_id_key(std::string_view key);
std::string encode_version_key(Version version);  // 8 bytes, big-endian
Version decode_version_key(std::string_view key);
std::string encode_pair_key(std::string_view first, std::string_view second);  // first '\0' second
std::pair<std::string_view, std::string_view> decode_pair_key(std::string_view key);
// A place in the queue of a SKU at a location: first '\0' second '\0' place, big-endian.
std::string encode_place_key(std::string_view sku, std::string_view location, Version place);
struct PlaceKey {
    std::string_view sku;
    std::string_view location;
    Version place = 0;
};
PlaceKey decode_place_key(std::string_view key);
// A place in a SKU's waiting line: sku '\0' id.
std::string encode_entry_key(std::string_view sku, EntryId id);
std::pair<std::string_view, EntryId> decode_entry_key(std::string_view key);

// An expected receipt: sku '\0' location '\0' reference.
std::string encode_receipt_key(std::string_view sku, std::string_view location,
                               std::string_view reference);
struct ReceiptKey {
    std::string_view sku;
    std::string_view location;
    std::string_view reference;
};
ReceiptKey decode_receipt_key(std::string_view key);

// An alert: version, 8 bytes big-endian, token, 2 bytes.
std::string encode_alert_key(AlertId id);
AlertId decode_alert_key(std::string_view key);

// Row values.
struct SkuRow {
    Policy policy;
    Version defined_at = 0;
    bool operator==(const SkuRow&) const = default;
};
struct LocationRow {
    std::string region;
    int priority = 0;
    bool operator==(const LocationRow&) const = default;
};
// A hold that waits for stock, and for how many units of it.
struct WaiterRow {
    HoldId hold;
    Quantity quantity = 0;
    bool operator==(const WaiterRow&) const = default;
};
// Who stands in a waiting line, and for what.
struct ShopperRow {
    std::string location;  // empty: any
    std::string customer;
    std::string cart;
    Quantity quantity = 0;
    std::string region;
    bool operator==(const ShopperRow&) const = default;
};
// Goods that are announced.
struct ReceiptRow {
    Quantity quantity = 0;
    Instant expected_at;
    bool operator==(const ReceiptRow&) const = default;
};
// What a customer has of a SKU, where a limit counts it: for good, and for a while hold by hold.
struct WindowedRow {
    HoldId hold;
    Quantity quantity = 0;
    Instant since;
    Seconds window{0};
    bool operator==(const WindowedRow&) const = default;
};
struct CustomerRow {
    Quantity for_good = 0;
    std::vector<WindowedRow> windowed;
    bool operator==(const CustomerRow&) const = default;
};
void encode(std::string& out, const SkuRow& row);
void encode(std::string& out, const ReceiptRow& row);
void encode(std::string& out, const ShopperRow& row);
void encode(std::string& out, const WaiterRow& row);
void encode(std::string& out, const LocationRow& row);
void encode(std::string& out, const Counters& counters);
void encode(std::string& out, const Hold& hold);
void encode(std::string& out, const Alert& alert);  // its id is the key
void encode(std::string& out, const CustomerRow& row);
SkuRow decode_sku_row(std::string_view bytes);
WaiterRow decode_waiter_row(std::string_view bytes);
ShopperRow decode_shopper_row(std::string_view bytes);
ReceiptRow decode_receipt_row(std::string_view bytes);
LocationRow decode_location_row(std::string_view bytes);
Counters decode_counters(std::string_view bytes);
Hold decode_hold(std::string_view bytes);
Alert decode_alert(std::string_view bytes);
CustomerRow decode_customer_row(std::string_view bytes);

// Some first answers of one append (RowKind::answers).
struct KeyedAnswer {
    std::string key;
    std::uint64_t fingerprint = 0;
    Answer answer;
    bool operator==(const KeyedAnswer&) const = default;
};
void encode(std::string& out, const KeyedAnswer& answer);  // one after another, then:
struct KeyedAnswers {
    Instant at;
    std::vector<KeyedAnswer> answers;
    bool operator==(const KeyedAnswers&) const = default;
};
// A row is the header followed by the encoded answers.
void encode_answers_header(std::string& out, Instant at, std::size_t count);
KeyedAnswers decode_answers(std::string_view bytes);

// Event blobs: a header followed by encoded events. `index` is the event's place in its append.
void encode_blob_header(std::string& out, std::uint64_t batch, Instant at);
void encode(std::string& out, std::uint32_t index, const Event& event);
// The same for HoldPlaced, from its hold as encode() made it.
void encode_hold_placed(std::string& out, std::uint32_t index, std::string_view hold);
// Version of the first event is `blob.first`. Checks that the count is right.
std::vector<RecordedEvent> decode_blob(PartitionId partition, const EventBlob& blob);

}  // namespace holdfast::store
