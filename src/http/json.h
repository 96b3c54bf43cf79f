// JSON text to and from what the translators need: a flat tree that keeps what boost::json::value would
// hide (a name given twice, how a number was written), and a writer that appends to a string.
// Used by one thread at a time. Text that is not JSON is a value (the message), never an exception.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/types.h>

namespace holdfast::http {

enum class JsonKind : std::uint8_t { null, boolean, integer, number, string, array, object };

// A member of an object is two nodes: its name (a string), then its value.
struct JsonNode {
    JsonKind kind = JsonKind::null;
    bool boolean = false;
    // Set by whoever reads an object on the name of each member that it knows.
    mutable bool taken = false;
    // Items of an array or members of an object.
    std::uint32_t count = 0;
    // Index of the first node after this one and all inside it.
    std::uint32_t end = 0;
    // When it is an integer that fits: anything else (1.5, 1e3, 2^63) is a number.
    std::int64_t integer = 0;
    // A string's characters, a number as it was written.
    std::string_view text;
};

// Points into the text that was parsed: valid until the next parse, and while that text is.
class JsonTree {
public:
    static constexpr std::size_t depth_max = 32;
    // No number of ours needs more; longer ones only cost time.
    static constexpr std::size_t number_bytes_max = 128;

    JsonTree();
    JsonTree(const JsonTree&) = delete;
    JsonTree& operator=(const JsonTree&) = delete;
    ~JsonTree();

    // Nothing when `text` is JSON, otherwise what is wrong with it.
    std::optional<std::string> parse(std::string_view text);
    // How many bytes of it were understood: where the fault is, when there is one.
    [[nodiscard]] std::size_t understood() const { return understood_; }

    [[nodiscard]] const JsonNode& root() const { return nodes_.front(); }
    [[nodiscard]] const JsonNode& at(std::uint32_t index) const { return nodes_[index]; }
    [[nodiscard]] std::uint32_t index_of(const JsonNode& node) const {
        return static_cast<std::uint32_t>(&node - nodes_.data());
    }

private:
    class Builder;
    struct Parser;

    std::vector<JsonNode> nodes_;
    std::unique_ptr<Parser> parser_;
    std::size_t understood_ = 0;
};

// In decimal digits.
void append_number(std::string& out, std::int64_t number);
void append_number(std::string& out, std::uint64_t number);

// Appends JSON to a string. Commas are its business, matching brackets are the caller's.
class JsonWriter {
public:
    explicit JsonWriter(std::string& out) : out_(out) {}

    void open_object() { open('{'); }
    void close_object() { close('}'); }
    void open_array() { open('['); }
    void close_array() { close(']'); }

    // Our own names, which need no escaping. They stand in the code, so each is appended in one go.
    template <std::size_t Size>
    void name(const char (&plain)[Size]) {
        std::array<char, Size + 3> text{};
        auto end = text.begin();
        if (comma_) {
            *end++ = ',';
        }
        *end++ = '"';
        end = std::copy_n(plain, Size - 1, end);
        *end++ = '"';
        *end++ = ':';
        out_.append(text.data(), static_cast<std::size_t>(end - text.begin()));
        comma_ = false;
    }

    void value(std::string_view text);
    void value(const char* text) { value(std::string_view(text)); }
    void value(bool boolean) { plain(boolean ? "true" : "false"); }
    void value(std::integral auto number) {
        comma();
        if constexpr (std::signed_integral<decltype(number)>) {
            append_number(out_, std::int64_t{number});
        } else {
            append_number(out_, std::uint64_t{number});
        }
    }
    void value(Seconds seconds) { value(std::int64_t{seconds.count()}); }
    void value(Instant at);
    void value(HoldId id);
    void null() { plain("null"); }
    // Something that is JSON already, or a string that needs no escaping, with its quotes.
    void plain(std::string_view json) {
        comma();
        out_ += json;
    }

    template <std::size_t Size, class T>
    void field(const char (&plain_name)[Size], const T& its_value) {
        name(plain_name);
        value(its_value);
    }
    // A text that is left out when there is none.
    template <std::size_t Size>
    void optional_field(const char (&plain_name)[Size], std::string_view text) {
        if (!text.empty()) {
            field(plain_name, text);
        }
    }

private:
    void open(char bracket) {
        comma();
        out_ += bracket;
        comma_ = false;
    }
    void close(char bracket) {
        out_ += bracket;
        comma_ = true;
    }
    void comma() {
        if (comma_) {
            out_ += ',';
        }
        comma_ = true;
    }

    std::string& out_;
    bool comma_ = false;
};

}  // namespace holdfast::http
