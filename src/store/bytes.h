// The primitives of the stored format: numbers, texts and ids to bytes and back.
// Knows only the vocabulary. Used by the codec, on any thread. A reader throws CodecError on damaged
// bytes and never reads past their end.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

#include <boost/endian/conversion.hpp>

#include <holdfast/types.h>
#include "store/codec.h"

namespace holdfast::store {

constexpr std::uint64_t zigzag(std::int64_t value) {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

inline void put_big(char* to, std::uint64_t value) {
    boost::endian::store_big_u64(reinterpret_cast<unsigned char*>(to), value);
}
inline std::uint64_t get_big(const char* from) {
    return boost::endian::load_big_u64(reinterpret_cast<const unsigned char*>(from));
}

// Appends to a string. What is small is gathered on the stack first: growing a string byte by byte
// costs more than everything else that an encoder does. The string is complete once it is destroyed.
class ByteWriter {
public:
    // The buffer is written before it is read: filling it first would cost more than most values.
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
    explicit ByteWriter(std::string& out) : out_(out) {}
    ByteWriter(const ByteWriter&) = delete;
    ByteWriter& operator=(const ByteWriter&) = delete;
    ~ByteWriter() { flush(); }

    void byte(std::uint8_t value) {
        make_room(1);
        *at_++ = static_cast<char>(value);
    }
    void number(std::uint64_t value) {
        make_room(varint_bytes_max);
        while (value >= 0x80) {
            *at_++ = static_cast<char>(value | 0x80);
            value >>= 7;
        }
        *at_++ = static_cast<char>(value);
    }
    void signed_number(std::int64_t value) { number(zigzag(value)); }
    void instant(Instant at) { signed_number(at.time_since_epoch().count()); }
    // Wraps around instead of overflowing, so that any pair of instants comes back.
    void instant_after(Instant origin, Instant at) {
        signed_number(static_cast<std::int64_t>(
            static_cast<std::uint64_t>(at.time_since_epoch().count()) -
            static_cast<std::uint64_t>(origin.time_since_epoch().count())));
    }
    void text(std::string_view text) {
        number(text.size());
        if (text.size() > sizeof buffer_ / 2) {
            flush();
            out_.append(text);
            return;
        }
        make_room(text.size());
        std::memcpy(at_, text.data(), text.size());
        at_ += text.size();
    }
    void id(EntryId entry) { id(HoldId{.high = entry.high, .low = entry.low}); }
    void id(HoldId id) {
        make_room(16);
        put_big(at_, id.high);
        put_big(at_ + 8, id.low);
        at_ += 16;
    }

private:
    static constexpr std::size_t varint_bytes_max = 10;

    void make_room(std::size_t bytes) {
        if (static_cast<std::size_t>(buffer_ + sizeof buffer_ - at_) < bytes) {
            flush();
        }
    }
    void flush() {
        out_.append(buffer_, static_cast<std::size_t>(at_ - buffer_));
        at_ = buffer_;
    }

    std::string& out_;
    char buffer_[256];
    char* at_ = buffer_;
};

class ByteReader {
public:
    // `what` names the value in errors and must outlive the reader.
    ByteReader(std::string_view bytes, const char* what)
        : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()), what_(what) {}

    [[noreturn]] void fail(const char* why) const {
        throw CodecError("a stored " + std::string(what_) + " is damaged: " + why + " at byte " +
                         std::to_string(at_ - begin_) + " of " + std::to_string(end_ - begin_));
    }
    [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
    void expect_end() const {
        if (at_ != end_) {
            fail("bytes are left over");
        }
    }

    std::uint8_t byte() {
        need(1);
        return static_cast<std::uint8_t>(*at_++);
    }
    std::uint64_t number() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const std::uint8_t next = byte();
            if (shift == 63 && next > 1) {
                break;
            }
            value |= static_cast<std::uint64_t>(next & 0x7f) << shift;
            if (next < 0x80) {
                return value;
            }
        }
        fail("a number of more than 64 bits");
    }
    std::int64_t signed_number() { return unzigzag(number()); }
    int small_number() {
        const std::int64_t value = signed_number();
        if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) {
            fail("a number of more than 32 bits");
        }
        return static_cast<int>(value);
    }
    // The count of a list whose elements take at least so many bytes each: a damaged count must not
    // make the reader reserve memory that the bytes cannot fill.
    std::size_t count(std::size_t element_bytes_min) {
        const std::uint64_t value = number();
        if (value > left() / element_bytes_min) {
            fail("a count that the bytes cannot hold");
        }
        return static_cast<std::size_t>(value);
    }
    Instant instant() { return Instant(std::chrono::milliseconds(signed_number())); }
    Instant instant_after(Instant origin) {
        return Instant(std::chrono::milliseconds(static_cast<std::int64_t>(
            static_cast<std::uint64_t>(origin.time_since_epoch().count()) +
            static_cast<std::uint64_t>(signed_number()))));
    }
    std::string_view text_view() {
        const std::size_t bytes = count(1);
        const std::string_view text(at_, bytes);
        at_ += bytes;
        return text;
    }
    std::string text() { return std::string(text_view()); }
    EntryId entry_id() {
        const HoldId both = id();
        return {.high = both.high, .low = both.low};
    }
    HoldId id() {
        need(16);
        const HoldId id{.high = get_big(at_), .low = get_big(at_ + 8)};
        at_ += 16;
        return id;
    }

private:
    void need(std::size_t bytes) const {
        if (left() < bytes) {
            fail("the bytes end");
        }
    }

    const char* begin_;
    const char* at_;
    const char* end_;
    const char* what_;
};

}  // namespace holdfast::store
