#include "store/codec.h"

#include <fstream>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "store/stored_numbers.h"
#include "testing/arbitrary.h"

namespace holdfast::store {
namespace {

template <class Value>
std::string encoded(const Value& value) {
    std::string bytes;
    encode(bytes, value);
    return bytes;
}

// A blob of these events, first version 11.
EventBlob blob_of(const std::vector<Event>& events, std::uint64_t batch, Instant at) {
    EventBlob blob{.first = 11, .last = 10 + events.size()};
    encode_blob_header(blob.bytes, batch, at);
    for (std::size_t i = 0; i < events.size(); ++i) {
        encode(blob.bytes, static_cast<std::uint32_t>(i * 3), events[i]);
    }
    return blob;
}

RC_GTEST_PROP(Codec, HoldsComeBack, (const Hold& hold)) {
    RC_ASSERT(decode_hold(encoded(hold)) == hold);
}

RC_GTEST_PROP(Codec, CountersComeBack, (const Counters& counters)) {
    RC_ASSERT(decode_counters(encoded(counters)) == counters);
}

RC_GTEST_PROP(Codec, SkuRowsComeBack, (const Policy& policy, Version defined_at)) {
    const SkuRow row{.policy = policy, .defined_at = defined_at};
    RC_ASSERT(decode_sku_row(encoded(row)) == row);
}

RC_GTEST_PROP(Codec, LocationRowsComeBack, (const std::string& region, int priority)) {
    const LocationRow row{.region = region, .priority = priority};
    RC_ASSERT(decode_location_row(encoded(row)) == row);
}

RC_GTEST_PROP(Codec, CustomerRowsComeBack,
              (Quantity for_good, const std::vector<HoldId>& holds, Quantity quantity,
               Instant since, Seconds window)) {
    CustomerRow row{.for_good = for_good};
    for (const HoldId hold : holds) {
        row.windowed.push_back(
            {.hold = hold, .quantity = quantity++, .since = since, .window = window});
    }
    RC_ASSERT(decode_customer_row(encoded(row)) == row);
}

// What was written before there were windows.
TEST(Codec, CustomerRowsOfANumberComeBack) {
    EXPECT_EQ(decode_customer_row("\x06"), CustomerRow{.for_good = 3});
}

RC_GTEST_PROP(Codec, EventsComeBack,
              (const std::vector<Event>& events, std::uint64_t batch, Instant at)) {
    RC_PRE(!events.empty());
    const std::vector<RecordedEvent> recorded = decode_blob(7, blob_of(events, batch, at));
    RC_ASSERT(recorded.size() == events.size());
    for (std::size_t i = 0; i < events.size(); ++i) {
        const RecordedEvent expected{.partition = 7,
                                     .version = 11 + i,
                                     .batch = batch,
                                     .index = static_cast<std::uint32_t>(i * 3),
                                     .at = at,
                                     .event = events[i]};
        RC_ASSERT(recorded[i] == expected);
    }
}

RC_GTEST_PROP(Codec, AnswersComeBack,
              (const std::vector<std::pair<std::string, Answer>>& keyed, Instant at)) {
    KeyedAnswers answers{.at = at, .answers = {}};
    std::string bytes;
    encode_answers_header(bytes, at, keyed.size());
    for (const auto& [key, answer] : keyed) {
        answers.answers.push_back({.key = key, .fingerprint = key.size() * 77, .answer = answer});
        encode(bytes, answers.answers.back());
    }
    RC_ASSERT(decode_answers(bytes) == answers);
}

RC_GTEST_PROP(Codec, KeysComeBackAndSortAsTheirValues, (HoldId a, HoldId b, Version v, Version w)) {
    RC_ASSERT(decode_id_key(encode_id_key(a)) == a);
    RC_ASSERT((encode_id_key(a) < encode_id_key(b)) == (a < b));
    RC_ASSERT(decode_version_key(encode_version_key(v)) == v);
    RC_ASSERT((encode_version_key(v) < encode_version_key(w)) == (v < w));
}

TEST(Codec, PairsOfNamesComeBack) {
    const std::string key = encode_pair_key("mug", "main");
    EXPECT_EQ(decode_pair_key(key), (std::pair<std::string_view, std::string_view>("mug", "main")));
    EXPECT_EQ(decode_pair_key(encode_pair_key("mug", "")).second, "");
    EXPECT_THROW((void)decode_pair_key("mug"), CodecError);
}

// Whatever the bytes are, a decoder answers with a value or with CodecError.
template <class Decode>
void survives(Decode decode) {
    try {
        (void)decode();
    } catch (const CodecError& error) {
        RC_ASSERT(std::string_view(error.what()).find("is damaged") != std::string_view::npos);
    }
}

RC_GTEST_PROP(Codec, DamagedEventsAreRefusedOrReadButNeverCrash,
              (const std::vector<Event>& events, std::uint32_t where, std::uint8_t what)) {
    RC_PRE(!events.empty());
    EventBlob blob = blob_of(events, 5, Instant{});
    const EventBlob whole = blob;
    blob.bytes[where % blob.bytes.size()] = static_cast<char>(what);
    survives([&] { return decode_blob(0, blob); });
    EventBlob cut = whole;
    cut.bytes.resize(where % whole.bytes.size());
    RC_ASSERT_THROWS_AS((void)decode_blob(0, cut), CodecError);
    EventBlob longer = whole;
    longer.bytes.push_back('\0');
    RC_ASSERT_THROWS_AS((void)decode_blob(0, longer), CodecError);
    EventBlob miscounted = whole;
    ++miscounted.last;
    RC_ASSERT_THROWS_AS((void)decode_blob(0, miscounted), CodecError);
}

RC_GTEST_PROP(Codec, AnyBytesAreRefusedOrRead, (const std::string& bytes)) {
    survives([&] { return decode_hold(bytes); });
    survives([&] { return decode_counters(bytes); });
    survives([&] { return decode_sku_row(bytes); });
    survives([&] { return decode_location_row(bytes); });
    survives([&] { return decode_customer_row(bytes); });
    survives([&] { return decode_answers("\1" + bytes); });
    survives([&] { return decode_id_key(bytes); });
    survives([&] { return decode_version_key(bytes); });
}

// A count or a length that the bytes cannot hold must not become an allocation.
TEST(Codec, HugeCountsAreRefused) {
    std::string bytes = encoded(Hold{.cart = "c"});
    bytes.back() = '\xff';  // the count of lines
    bytes += std::string(7, '\xff') + '\x7f';
    EXPECT_THROW((void)decode_hold(bytes), CodecError);
    EXPECT_THROW(
        (void)decode_blob(0, EventBlob{.first = 0, .last = UINT64_MAX, .bytes = {1, 0, 0}}),
        CodecError);
}

template <class Enum>
void expect_distinct_numbers(Enum last) {
    for (int value = 0; value <= static_cast<int>(last); ++value) {
        const auto enumerator = static_cast<Enum>(value);
        EXPECT_EQ(from_stored_number<Enum>(stored_number(enumerator)), enumerator) << value;
    }
}

TEST(Codec, EveryEnumeratorHasANumberOfItsOwn) {
    expect_distinct_numbers(HoldStatus::lost);
    expect_distinct_numbers(StockState::damaged);
    expect_distinct_numbers(Selling::preorder);
    expect_distinct_numbers(ReserveAt::payment);
    expect_distinct_numbers(Fulfilment::at_confirm);
    expect_distinct_numbers(LateConfirm::backorder);
    expect_distinct_numbers(Waitlist::fair);
    expect_distinct_numbers(LeftBecause::limit);
    expect_distinct_numbers(EntryStatus::left);
    expect_distinct_numbers(AllocationRule::nearest);
    expect_distinct_numbers(AlertKind::ghost_holds);
    expect_distinct_numbers(Measure::expiries);
    expect_distinct_numbers(RefusalCode::outcome_unknown);
}

Hold golden_hold() {
    Hold hold{.id = {.high = 0x019abcdef0120003, .low = 0x1122334455667788}};
    hold.fence = 17;
    hold.cart = "c-81";
    hold.customer = "u-9";
    hold.created_at = Instant(std::chrono::milliseconds(1'795'000'000'123));
    hold.expires_at = hold.created_at + std::chrono::minutes(10);
    hold.heartbeat = Seconds(30);
    hold.beats_until = hold.created_at + std::chrono::seconds(30);
    hold.extensions = 2;
    hold.secured = true;
    hold.lines = {{.sku = "mug",
                   .wanted = 2,
                   .quantity = 2,
                   .allocations = {{.location = "main", .quantity = 2}}},
                  {.sku = "tea",
                   .location = "berlin",
                   .wanted = 5,
                   .quantity = 4,
                   .allocations = {{.location = "berlin", .quantity = 4}},
                   .limited = true},
                  {.sku = "pot",
                   .wanted = 3,
                   .quantity = 3,
                   .allocations = {{.location = "a", .quantity = 1, .fulfilled = 1, .returned = 1},
                                   {.location = "b", .quantity = 2, .cancelled = 1}}}};
    return hold;
}

Hold golden_promise() {
    Hold hold{.id = {.high = 0x019abcdef0120004, .low = 0x1122334455667788}};
    hold.cart = "c-82";
    hold.created_at = hold.expires_at = Instant(std::chrono::milliseconds(1'795'000'000'124));
    hold.lines = {
        {.sku = "mug",
         .wanted = 3,
         .quantity = 3,
         .allocations = {{.location = "main", .quantity = 1, .backordered = 2, .place = 300}}},
        {.sku = "tea", .wanted = 1, .quantity = 1, .allocations = {}, .soft = true}};
    return hold;
}

Hold golden_regional() {
    Hold hold = golden_promise();
    hold.region = "eu";
    hold.extensions = 1;
    return hold;
}

std::vector<Event> golden_events() {
    const Hold hold = golden_hold();
    const std::vector<Part> parts = {
        {.sku = "mug", .location = "main", .quantity = 2},
        {.sku = "tea", .location = "berlin", .quantity = 4, .limited = true}};
    const Policy policy{.hold_ttl = Seconds(300),
                        .late_confirm = LateConfirm::refuse,
                        .safety_stock = 4,
                        .max_per_customer = 6,
                        .allocation = AllocationRule::nearest,
                        .split = true};
    return {
        HoldPlaced{.hold = hold},
        HoldRefused{.code = RefusalCode::insufficient_stock,
                    .cart = "c-82",
                    .customer = "",
                    .short_lines = {{.sku = "mug", .location = "", .wanted = 3, .available = 1}},
                    .others = 40},
        HoldAmended{.hold = hold, .released = parts},
        HoldExtended{.id = hold.id,
                     .fence = 18,
                     .expires_at = hold.expires_at,
                     .beats_until = hold.beats_until,
                     .extensions = 3},
        HoldSecured{.id = hold.id, .fence = 19, .expires_at = hold.expires_at},
        HoldConfirmed{.id = hold.id,
                      .fence = 20,
                      .customer = "u-9",
                      .confirmed = parts,
                      .released = {},
                      .late = true},
        HoldReleased{.id = hold.id, .fence = 21, .customer = "u-9", .released = parts},
        HoldExpired{.id = hold.id, .fence = 22, .customer = "", .released = parts},
        HoldFulfilled{.id = hold.id,
                      .fence = 23,
                      .status = HoldStatus::confirmed,
                      .fulfilled = parts,
                      .reference = "DHL 1"},
        HoldCancelled{.id = hold.id,
                      .fence = 24,
                      .status = HoldStatus::cancelled,
                      .customer = "u-9",
                      .cancelled = parts},
        HoldReturned{.id = hold.id,
                     .fence = 25,
                     .status = HoldStatus::returned,
                     .customer = "u-9",
                     .returned = parts,
                     .shipped_from = {"main", "main"}},
        SkuDefined{.sku = "mug", .policy = policy},
        LocationDefined{.location = "berlin", .region = "eu", .priority = -3},
        StockReceived{.sku = "mug", .location = "main", .quantity = 100, .reference = "PO-7"},
        StockAdjusted{
            .sku = "mug", .location = "main", .delta = -5, .reason = "count", .reference = ""},
        StockMoved{.sku = "mug",
                   .location = "main",
                   .quantity = 1,
                   .from = StockState::returned,
                   .to = StockState::damaged,
                   .reference = "r"},
        StockTransferred{
            .sku = "mug", .from = "main", .to = "berlin", .quantity = 9, .reference = "t"}};
}

// Promises beyond stock, and wishes.
std::vector<Event> golden_promises() {
    const Hold hold = golden_hold();
    const std::vector<Part> parts = {{.sku = "mug", .location = "main", .quantity = 2}};
    const std::vector<Part> waiting = {{.sku = "mug",
                                        .location = "main",
                                        .quantity = 1,
                                        .limited = true,
                                        .backordered = 2,
                                        .place = 300}};
    return {
        HoldPlaced{.hold = golden_promise()},
        HoldSecured{.id = hold.id,
                    .fence = 26,
                    .expires_at = hold.expires_at,
                    .customer = "u-9",
                    .lines = golden_promise().lines,
                    .taken = waiting},
        HoldConfirmed{.id = hold.id,
                      .fence = 27,
                      .customer = "",
                      .confirmed = parts,
                      .released = {},
                      .late = false,
                      .taken = waiting},
        HoldLost{.id = hold.id,
                 .fence = 28,
                 .customer = "u-9",
                 .released = waiting,
                 .short_lines = {{.sku = "mug", .location = "main", .wanted = 3, .available = 1}}},
        BackorderAllocated{.id = hold.id, .status = HoldStatus::confirmed, .allocated = waiting[0]},
        WaitlistJoined{.entry = {.high = 7, .low = 8},
                       .sku = "mug",
                       .location = "berlin",
                       .customer = "u-9",
                       .cart = "c-81",
                       .quantity = 2},
        WaitlistLeft{.entry = {.high = 7, .low = 8},
                     .sku = "mug",
                     .customer = "u-9",
                     .reason = LeftBecause::limit},
        WaitlistOffered{.entry = {.high = 7, .low = 8},
                        .sku = "mug",
                        .customer = "u-9",
                        .hold = hold.id,
                        .quantity = 2,
                        .expires_at = hold.expires_at},
        StockExpected{.sku = "mug",
                      .location = "berlin",
                      .quantity = 50,
                      .expected_at = hold.expires_at,
                      .reference = "PO-8"},
        StockReceived{.sku = "mug",
                      .location = "berlin",
                      .quantity = 20,
                      .reference = "PO-8",
                      .expected = 20},
        HoldPlaced{.hold = golden_regional()},
        WaitlistJoined{.entry = {.high = 7, .low = 9},
                       .sku = "mug",
                       .location = "",
                       .customer = "u-9",
                       .cart = "",
                       .quantity = 2,
                       .region = "eu"}};
}

Alert golden_alert() {
    return {.id = {},
            .kind = AlertKind::reorder,
            .sku = "mug",
            .figure = 9,
            .bound = 10,
            .order = 40,
            .measure = Measure::nothing,
            .raised_at = golden_hold().created_at,
            .acknowledged_by = "",
            .acknowledged_at = {}};
}

std::vector<Event> golden_alerts() {
    const AlertId id{.version = 0x0102030405060708, .token = 0x090a};
    return {
        StockLevelChanged{.sku = "mug", .level = StockLevel::low, .available = 3},
        AlertRaised{.alert = golden_alert()},
        AlertAcknowledged{.alert = id, .kind = AlertKind::reorder, .sku = "mug", .person = "anna"},
        AlertResolved{.alert = id, .kind = AlertKind::reorder, .sku = "mug"}};
}

Hold golden_purchase() {
    Hold hold = golden_promise();
    hold.customer = "u-9";
    hold.status = HoldStatus::confirmed;
    hold.lines.resize(1);
    hold.lines[0].limited = hold.lines[0].windowed = true;
    return hold;
}

// Limits that count for a while.
std::vector<Event> golden_windows() {
    return {SkuDefined{.sku = "mug",
                       .policy = {.max_per_customer = 6, .customer_window = Seconds(86'400)}},
            HoldPlaced{.hold = golden_purchase()},
            HoldCancelled{.id = golden_purchase().id,
                          .fence = 29,
                          .status = HoldStatus::cancelled,
                          .customer = "u-9",
                          .cancelled = {{.sku = "mug",
                                         .location = "main",
                                         .quantity = 1,
                                         .limited = true,
                                         .windowed = true}}}};
}

// What an event says besides when it came from other partitions.
std::vector<Event> golden_moved() {
    Alert alert = golden_alert();
    alert.id = {.version = 98, .token = 0x090a};
    return {SkuDefined{.sku = "mug", .policy = {}, .defined_at = 300},
            AlertRaised{.alert = std::move(alert)},
            PartitionsChanged{.partitions = 16, .version = 4'711}};
}

std::vector<Event> all_golden_events() {
    std::vector<Event> events = golden_events();
    std::ranges::move(golden_promises(), std::back_inserter(events));
    std::ranges::move(golden_alerts(), std::back_inserter(events));
    std::ranges::move(golden_windows(), std::back_inserter(events));
    std::ranges::move(golden_moved(), std::back_inserter(events));
    return events;
}

std::string golden_answers() {
    std::string bytes;
    encode_answers_header(bytes, Instant(std::chrono::milliseconds(1'795'000'000'123)), 4);
    const Counters counters{.on_hand = 10,
                            .available = 3,
                            .held = 2,
                            .committed = 1,
                            .safety_stock = 1,
                            .returned = 1,
                            .repair = 1,
                            .damaged = 1};
    encode(bytes, KeyedAnswer{.key = "k1",
                              .fingerprint = 0xfedcba9876543210,
                              .answer = HoldAnswer{.hold = golden_hold(),
                                                   .version = 93,
                                                   .server_time = golden_hold().created_at}});
    encode(bytes, KeyedAnswer{.key = "k2",
                              .fingerprint = 1,
                              .answer = SkuAnswer{
                                  .sku = "mug", .policy = {}, .version = 94, .defined_at = 1}});
    encode(bytes, KeyedAnswer{.key = "k3",
                              .fingerprint = 2,
                              .answer = StockAnswer{.sku = "mug",
                                                    .locations = {{"main", counters}},
                                                    .total = counters,
                                                    .version = 95,
                                                    .as_of = golden_hold().created_at}});
    encode(bytes,
           KeyedAnswer{.key = "k4",
                       .fingerprint = 3,
                       .answer = LocationAnswer{
                           .location = "main", .region = "eu", .priority = 1, .version = 96}});
    return bytes;
}

std::string hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        text += digits[static_cast<unsigned char>(bytes[i]) >> 4];
        text += digits[static_cast<unsigned char>(bytes[i]) & 15];
        text += i % 40 == 39 ? "\n" : "";
    }
    return text + "\n";
}

// What stores on disk hold. When this fails, old stores can no longer be read: either the change was
// not meant, or it needs a new format version and a migration.
void expect_golden(const std::string& name, std::string_view bytes) {
    const std::string path = "tests/golden/" + name + ".hex";
    std::ifstream file(path);
    ASSERT_TRUE(file) << path << " is not there";
    const std::string expected((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(hex(bytes), expected) << path;
}

TEST(Codec, GoldenEvents) {
    std::set<std::size_t> kinds;
    for (const Event& event : all_golden_events()) {
        kinds.insert(event.index());
    }
    ASSERT_EQ(kinds.size(), std::variant_size_v<Event>) << "one of each kind";
    expect_golden("events", blob_of(all_golden_events(), 12, golden_hold().created_at).bytes);
}

EntryAnswer golden_offered() {
    return {.entry = {.high = 7, .low = 8},
            .status = EntryStatus::offered,
            .sku = "mug",
            .location = "",
            .customer = "u-9",
            .cart = "",
            .quantity = 2,
            .place = 0,
            .hold = golden_hold().id,
            .version = 98,
            .server_time = golden_hold().created_at,
            .region = ""};
}

// First answers of kinds that came later.
std::string golden_queue_answers() {
    std::string bytes;
    encode_answers_header(bytes, Instant(std::chrono::milliseconds(1'795'000'000'123)), 2);
    encode(bytes, KeyedAnswer{.key = "k5",
                              .fingerprint = 4,
                              .answer = StockAnswer{
                                  .sku = "mug",
                                  .locations = {{"main", {.on_hand = 1}, 3}},
                                  .total = {.on_hand = 1},
                                  .version = 97,
                                  .as_of = golden_hold().created_at,
                                  .backordered = 3,
                                  .expected = {{"main", "PO-8", 50, golden_hold().expires_at}}}});
    encode(bytes, KeyedAnswer{.key = "k6", .fingerprint = 5, .answer = golden_offered()});
    return bytes;
}

std::string golden_regional_answer() {
    std::string bytes;
    encode_answers_header(bytes, Instant(std::chrono::milliseconds(1'795'000'000'123)), 1);
    EntryAnswer answer = golden_offered();
    answer.region = "eu";
    encode(bytes, KeyedAnswer{.key = "k7", .fingerprint = 6, .answer = std::move(answer)});
    return bytes;
}

std::string golden_alert_answer() {
    std::string bytes;
    encode_answers_header(bytes, golden_hold().created_at, 1);
    AlertAnswer answer{.alert = golden_alert(),
                       .orders = {},
                       .version = 99,
                       .server_time = golden_hold().created_at};
    answer.alert.id = {.version = 98, .token = 0x090a};
    encode(bytes, KeyedAnswer{.key = "k7", .fingerprint = 6, .answer = std::move(answer)});
    return bytes;
}

TEST(Codec, GoldenAnswers) {
    expect_golden("alert_answer", golden_alert_answer());
    expect_golden("regional_answer", golden_regional_answer());
    expect_golden("queue_answers", golden_queue_answers());
    expect_golden("answers", golden_answers());
}

TEST(Codec, GoldenRows) {
    Alert seen = golden_alert();
    seen.acknowledged_by = "anna";
    seen.acknowledged_at = golden_hold().expires_at;
    expect_golden("alert", encoded(seen));
    expect_golden("alert_key", encode_alert_key({.version = 98, .token = 0x090a}));
    expect_golden("sku_reordered",
                  encoded(SkuRow{.policy = {.reorder_point = 10, .reorder_quantity = 40},
                                 .defined_at = 302}));
    expect_golden("promise", encoded(golden_promise()));
    expect_golden("regional", encoded(golden_regional()));
    const ShopperRow regional{
        .location = "", .customer = "u-9", .cart = "", .quantity = 2, .region = "eu"};
    expect_golden("regional_shopper", encoded(regional));
    EXPECT_EQ(decode_shopper_row(encoded(regional)), regional);
    expect_golden("incoming",
                  encoded(ReceiptRow{.quantity = 50, .expected_at = golden_hold().expires_at}));
    expect_golden("shopper",
                  encoded(ShopperRow{
                      .location = "berlin", .customer = "u-9", .cart = "c-81", .quantity = 2}));
    expect_golden("waiting", encoded(WaiterRow{.hold = golden_hold().id, .quantity = 2}));
    expect_golden("sku_beyond_stock",
                  encoded(SkuRow{.policy = {.selling = Selling::preorder,
                                            .backorder_limit = 1,
                                            .preorder_limit = 500,
                                            .available_on = golden_hold().created_at,
                                            .reserve_at = ReserveAt::payment,
                                            .fulfilment = Fulfilment::at_confirm,
                                            .late_confirm = LateConfirm::backorder,
                                            .low_stock = 7,
                                            .max_per_cart = 3,
                                            .waitlist = Waitlist::fair,
                                            .offer_ttl = Seconds(90)},
                                 .defined_at = 301}));
    expect_golden("customer", encoded(CustomerRow{.for_good = 3,
                                                  .windowed = {{.hold = golden_hold().id,
                                                                .quantity = 2,
                                                                .since = golden_hold().created_at,
                                                                .window = Seconds(86'400)}}}));
    expect_golden("hold", encoded(golden_hold()));
    expect_golden("sku", encoded(SkuRow{.policy = {.max_per_customer = 2}, .defined_at = 300}));
    expect_golden("location", encoded(LocationRow{.region = "eu", .priority = 10}));
    expect_golden("stock", encoded(Counters{.on_hand = 1000, .available = -5, .held = 5}));
}

}  // namespace
}  // namespace holdfast::store
