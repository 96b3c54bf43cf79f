#include "http/json.h"

#include <array>
#include <charconv>
#include <deque>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>
#include <fmt/format.h>

#include <holdfast/assert.h>

namespace holdfast::http {

namespace json = boost::json;

// What Boost.JSON's incremental parser calls with each thing it finds.
class JsonTree::Builder {
public:
    static constexpr std::size_t max_object_size = std::size_t(-1);
    static constexpr std::size_t max_array_size = std::size_t(-1);
    static constexpr std::size_t max_key_size = std::size_t(-1);
    static constexpr std::size_t max_string_size = std::size_t(-1);

    explicit Builder(std::vector<JsonNode>& nodes) : nodes_(nodes) {}

    void start(std::string_view text) {
        text_ = text;
        nodes_.clear();
        open_.clear();
        partial_.clear();
        unescaped_.clear();
        number_bytes_ = 0;
        number_too_long_ = false;
    }
    [[nodiscard]] bool number_too_long() const { return number_too_long_; }

    bool on_document_begin(json::error_code&) { return true; }
    bool on_document_end(json::error_code&) { return true; }
    bool on_object_begin(json::error_code&) { return open(JsonKind::object); }
    bool on_object_end(std::size_t count, json::error_code&) { return close(count); }
    bool on_array_begin(json::error_code&) { return open(JsonKind::array); }
    bool on_array_end(std::size_t count, json::error_code&) { return close(count); }
    bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
        partial_.append(part.data(), part.size());
        return true;
    }
    bool on_key(json::string_view last, std::size_t, json::error_code&) { return string(last); }
    bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
        partial_.append(part.data(), part.size());
        return true;
    }
    bool on_string(json::string_view last, std::size_t, json::error_code&) { return string(last); }
    bool on_number_part(json::string_view part, json::error_code& error) {
        number_bytes_ += part.size();
        return short_enough(error);
    }
    bool on_int64(std::int64_t integer, json::string_view text, json::error_code& error) {
        JsonNode& node = leaf(JsonKind::integer);
        node.integer = integer;
        return number(node, text, error);
    }
    bool on_uint64(std::uint64_t, json::string_view text, json::error_code& error) {
        return number(leaf(JsonKind::number), text, error);
    }
    bool on_double(double, json::string_view text, json::error_code& error) {
        return number(leaf(JsonKind::number), text, error);
    }
    bool on_bool(bool boolean, json::error_code&) {
        leaf(JsonKind::boolean).boolean = boolean;
        return true;
    }
    bool on_null(json::error_code&) {
        leaf(JsonKind::null);
        return true;
    }
    bool on_comment_part(json::string_view, json::error_code&) { return true; }
    bool on_comment(json::string_view, json::error_code&) { return true; }

private:
    JsonNode& leaf(JsonKind kind) {
        JsonNode& node = nodes_.emplace_back();
        node.kind = kind;
        node.end = static_cast<std::uint32_t>(nodes_.size());
        return node;
    }
    bool open(JsonKind kind) {
        open_.push_back(nodes_.size());
        leaf(kind);
        return true;
    }
    bool close(std::size_t count) {
        JsonNode& node = nodes_[open_.back()];
        open_.pop_back();
        node.count = static_cast<std::uint32_t>(count);
        node.end = static_cast<std::uint32_t>(nodes_.size());
        return true;
    }
    // Most strings lie in the text as they are; one with escapes comes unescaped, in pieces of the
    // parser's own buffer.
    bool string(json::string_view last) {
        JsonNode& node = leaf(JsonKind::string);
        const bool in_text =
            last.data() >= text_.data() && last.data() + last.size() <= text_.data() + text_.size();
        if (partial_.empty() && (in_text || last.empty())) {
            node.text = {last.data(), last.size()};
            return true;
        }
        partial_.append(last.data(), last.size());
        node.text = unescaped_.emplace_back(std::move(partial_));
        partial_.clear();
        return true;
    }
    bool number(JsonNode& node, json::string_view text, json::error_code& error) {
        node.text = {text.data(), text.size()};
        number_bytes_ += text.size();
        const bool good = short_enough(error);
        number_bytes_ = 0;
        return good;
    }
    bool short_enough(json::error_code& error) {
        if (number_bytes_ > number_bytes_max) {
            error = json::error::syntax;
            number_too_long_ = true;
            return false;
        }
        return true;
    }

    std::vector<JsonNode>& nodes_;
    std::string_view text_;
    std::vector<std::size_t> open_;
    std::string partial_;
    std::deque<std::string> unescaped_;
    std::size_t number_bytes_ = 0;
    bool number_too_long_ = false;
};

struct JsonTree::Parser : json::basic_parser<Builder> {
    using json::basic_parser<Builder>::basic_parser;
};

JsonTree::JsonTree()
    : parser_(std::make_unique<Parser>(json::parse_options{.max_depth = depth_max}, nodes_)) {}

JsonTree::~JsonTree() = default;

std::optional<std::string> JsonTree::parse(std::string_view text) {
    parser_->reset();
    parser_->handler().start(text);
    json::error_code error;
    understood_ = parser_->write_some(false, text.data(), text.size(), error);
    if (!error && understood_ == text.size()) {
        HF_ASSERT(!nodes_.empty());
        return std::nullopt;
    }
    if (parser_->handler().number_too_long()) {
        return fmt::format("a number has over {} characters", number_bytes_max);
    }
    return error ? error.message() : json::error_code(json::error::extra_data).message();
}

namespace {

// What a byte becomes inside a JSON string: nothing for those that stand for themselves.
constexpr std::array<bool, 256> needs_escape = [] {
    std::array<bool, 256> table{};
    for (std::size_t c = 0; c < 0x20; ++c) {
        table[c] = true;
    }
    table['"'] = true;
    table['\\'] = true;
    table[0x7f] = true;
    return table;
}();

void append_escaped(std::string& out, unsigned char c) {
    switch (c) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        default:
            break;
    }
    constexpr std::string_view digits = "0123456789abcdef";
    out += "\\u00";
    out += digits[c >> 4];
    out += digits[c & 15];
}

template <class Number>
void append_digits(std::string& out, Number number) {
    std::array<char, 24> digits{};
    const auto [end, error] = std::to_chars(digits.begin(), digits.end(), number);
    HF_ASSERT(error == std::errc{});
    out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

}  // namespace

void append_number(std::string& out, std::int64_t number) {
    append_digits(out, number);
}
void append_number(std::string& out, std::uint64_t number) {
    append_digits(out, number);
}

void JsonWriter::value(std::string_view text) {
    comma();
    out_ += '"';
    std::size_t start = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (needs_escape[c]) {
            out_.append(text, start, i - start);
            append_escaped(out_, c);
            start = i + 1;
        }
    }
    out_.append(text, start);
    out_ += '"';
}

void JsonWriter::value(Instant at) {
    comma();
    out_ += '"';
    append(out_, at);
    out_ += '"';
}

void JsonWriter::value(HoldId id) {
    comma();
    out_ += '"';
    append(out_, id);
    out_ += '"';
}

}  // namespace holdfast::http
