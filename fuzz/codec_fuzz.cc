// Any bytes are a value or a CodecError, and a value that was read is written and read again as itself.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <holdfast/assert.h>
#include "store/codec.h"

namespace {

using holdfast::store::CodecError;
using holdfast::store::EventBlob;
using holdfast::store::KeyedAnswer;
using holdfast::store::KeyedAnswers;

template <class Decode>
void read_and_write(Decode decode, std::string_view bytes) {
    try {
        const auto value = decode(bytes);
        std::string again;
        holdfast::store::encode(again, value);
        HF_ASSERT(decode(again) == value);
    } catch (const CodecError&) {
    }
}

void read_blob(std::string_view bytes) {
    // The count of events is not in the bytes: the first says it.
    const std::uint64_t further = bytes.empty() ? 0 : static_cast<unsigned char>(bytes.front());
    const EventBlob blob{
        .first = 7, .last = 7 + further, .bytes = std::string(bytes.substr(bytes.empty() ? 0 : 1))};
    try {
        const auto events = holdfast::store::decode_blob(3, blob);
        EventBlob again{.first = blob.first, .last = blob.last};
        holdfast::store::encode_blob_header(again.bytes, events.front().batch, events.front().at);
        for (const holdfast::RecordedEvent& recorded : events) {
            holdfast::store::encode(again.bytes, recorded.index, recorded.event);
        }
        HF_ASSERT(holdfast::store::decode_blob(3, again) == events);
    } catch (const CodecError&) {
    }
}

void read_answers(std::string_view bytes) {
    try {
        const KeyedAnswers answers = holdfast::store::decode_answers(bytes);
        std::string again;
        holdfast::store::encode_answers_header(again, answers.at, answers.answers.size());
        for (const KeyedAnswer& answer : answers.answers) {
            holdfast::store::encode(again, answer);
        }
        HF_ASSERT(holdfast::store::decode_answers(again) == answers);
    } catch (const CodecError&) {
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 6) {
        case 0:
            read_and_write(holdfast::store::decode_hold, bytes);
            break;
        case 1:
            read_and_write(holdfast::store::decode_counters, bytes);
            break;
        case 2:
            read_and_write(holdfast::store::decode_sku_row, bytes);
            break;
        case 3:
            read_and_write(holdfast::store::decode_location_row, bytes);
            break;
        case 4:
            read_blob(bytes);
            break;
        default:
            read_answers(bytes);
            break;
    }
    return 0;
}
