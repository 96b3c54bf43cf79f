// First answers, as bytes; the grammar stands at the top of codec.cc.
#include "store/codec.h"
#include "store/codec_values.h"

namespace holdfast::store {

namespace {

// Of list elements, for the check that a count can be true.
constexpr std::size_t stock_row_bytes_min = 9;
constexpr std::size_t receipt_bytes_min = 4;
constexpr std::size_t answer_bytes_min = 7;

enum class AnswerTag : std::uint8_t {
    hold = 1,
    sku = 2,
    stock = 3,
    location = 4,
    stock_with_queues = 5,
    entry = 6,
    entry_with_region = 7,
    alert = 8
};

void write_tag(ByteWriter& out, AnswerTag tag) {
    out.byte(static_cast<std::uint8_t>(tag));
}

void write(ByteWriter& out, const HoldAnswer& answer) {
    write_tag(out, AnswerTag::hold);
    write(out, answer.hold);
    out.number(answer.version);
    out.instant(answer.server_time);
}

void write(ByteWriter& out, const SkuAnswer& answer) {
    write_tag(out, AnswerTag::sku);
    out.text(answer.sku);
    write(out, answer.policy);
    out.number(answer.version);
    out.number(answer.defined_at);
}

void write(ByteWriter& out, const StockAnswer& answer) {
    const bool plain = answer.backordered == 0 && answer.expected.empty();
    write_tag(out, plain ? AnswerTag::stock : AnswerTag::stock_with_queues);
    out.text(answer.sku);
    out.number(answer.locations.size());
    for (const StockRow& row : answer.locations) {
        out.text(row.location);
        write(out, row.counters);
    }
    write(out, answer.total);
    out.number(answer.version);
    out.instant(answer.as_of);
    if (plain) {
        return;
    }
    for (const StockRow& row : answer.locations) {
        out.signed_number(row.backordered);
    }
    out.number(answer.expected.size());
    for (const ExpectedReceipt& receipt : answer.expected) {
        out.text(receipt.location);
        out.text(receipt.reference);
        out.signed_number(receipt.quantity);
        out.instant(receipt.expected_at);
    }
}

void write(ByteWriter& out, const LocationAnswer& answer) {
    write_tag(out, AnswerTag::location);
    out.text(answer.location);
    out.text(answer.region);
    out.signed_number(answer.priority);
    out.number(answer.version);
}

void write(ByteWriter& out, const EntryAnswer& answer) {
    write_tag(out, answer.region.empty() ? AnswerTag::entry : AnswerTag::entry_with_region);
    out.id(answer.entry);
    write_enum(out, answer.status);
    out.text(answer.sku);
    out.text(answer.location);
    out.text(answer.customer);
    out.text(answer.cart);
    out.signed_number(answer.quantity);
    out.signed_number(answer.place);
    out.byte(answer.hold ? 1 : 0);
    if (answer.hold) {
        out.id(*answer.hold);
    }
    out.number(answer.version);
    out.instant(answer.server_time);
    if (!answer.region.empty()) {
        out.text(answer.region);
    }
}

EntryAnswer read_entry_answer(ByteReader& in, bool with_region) {
    EntryAnswer answer;
    answer.entry = in.entry_id();
    answer.status = read_enum<EntryStatus>(in);
    answer.sku = in.text();
    answer.location = in.text();
    answer.customer = in.text();
    answer.cart = in.text();
    answer.quantity = in.signed_number();
    answer.place = in.signed_number();
    if (read_bool(in)) {
        answer.hold = in.id();
    }
    answer.version = in.number();
    answer.server_time = in.instant();
    if (with_region) {
        answer.region = in.text();
    }
    return answer;
}

void write(ByteWriter& out, const AlertAnswer& answer) {
    write_tag(out, AnswerTag::alert);
    out.number(answer.alert.id.version);
    out.number(answer.alert.id.token);
    write(out, answer.alert);
    out.number(answer.version);
    out.instant(answer.server_time);
}

AlertAnswer read_alert_answer(ByteReader& in) {
    AlertAnswer answer;
    const Version version = in.number();
    const auto token = static_cast<std::uint16_t>(in.number());
    answer.alert = read_alert(in);
    answer.alert.id = {.version = version, .token = token};
    answer.version = in.number();
    answer.server_time = in.instant();
    return answer;
}

HoldAnswer read_hold_answer(ByteReader& in) {
    HoldAnswer answer;
    answer.hold = read_hold(in);
    answer.version = in.number();
    answer.server_time = in.instant();
    return answer;
}

SkuAnswer read_sku_answer(ByteReader& in) {
    SkuAnswer answer;
    answer.sku = in.text();
    answer.policy = read_policy(in);
    answer.version = in.number();
    answer.defined_at = in.number();
    return answer;
}

StockAnswer read_stock_answer(ByteReader& in, bool with_queues) {
    StockAnswer answer;
    answer.sku = in.text();
    const std::size_t count = in.count(stock_row_bytes_min);
    answer.locations.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        std::string location = in.text();
        answer.locations.push_back(
            {.location = std::move(location), .counters = read_counters(in)});
    }
    answer.total = read_counters(in);
    answer.version = in.number();
    answer.as_of = in.instant();
    for (std::size_t i = 0; with_queues && i < count; ++i) {
        answer.locations[i].backordered = in.signed_number();
        answer.backordered += answer.locations[i].backordered;
    }
    for (std::size_t left = with_queues ? in.count(receipt_bytes_min) : 0; left > 0; --left) {
        ExpectedReceipt& receipt = answer.expected.emplace_back();
        receipt.location = in.text();
        receipt.reference = in.text();
        receipt.quantity = in.signed_number();
        receipt.expected_at = in.instant();
    }
    return answer;
}

LocationAnswer read_location_answer(ByteReader& in) {
    LocationAnswer answer;
    answer.location = in.text();
    answer.region = in.text();
    answer.priority = in.small_number();
    answer.version = in.number();
    return answer;
}

Answer read_answer(ByteReader& in) {
    switch (static_cast<AnswerTag>(in.byte())) {
        case AnswerTag::hold:
            return read_hold_answer(in);
        case AnswerTag::sku:
            return read_sku_answer(in);
        case AnswerTag::stock:
            return read_stock_answer(in, false);
        case AnswerTag::stock_with_queues:
            return read_stock_answer(in, true);
        case AnswerTag::location:
            return read_location_answer(in);
        case AnswerTag::entry:
            return read_entry_answer(in, false);
        case AnswerTag::entry_with_region:
            return read_entry_answer(in, true);
        case AnswerTag::alert:
            return read_alert_answer(in);
    }
    in.fail("an unknown kind of answer");
}

}  // namespace

void encode_answers_header(std::string& out, Instant at, std::size_t count) {
    ByteWriter bytes(out);
    bytes.byte(format_version);
    bytes.instant(at);
    bytes.number(count);
}

void encode(std::string& out, const KeyedAnswer& answer) {
    ByteWriter bytes(out);
    bytes.text(answer.key);
    bytes.number(answer.fingerprint);
    std::visit([&bytes](const auto& value) { write(bytes, value); }, answer.answer);
}

KeyedAnswers decode_answers(std::string_view bytes) {
    return decode_all(bytes, "answers row", [](ByteReader& in) {
        check_format(in);
        KeyedAnswers answers;
        answers.at = in.instant();
        const std::size_t count = in.count(answer_bytes_min);
        answers.answers.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            KeyedAnswer& answer = answers.answers.emplace_back();
            answer.key = in.text();
            answer.fingerprint = in.number();
            answer.answer = read_answer(in);
        }
        return answers;
    });
}

}  // namespace holdfast::store
