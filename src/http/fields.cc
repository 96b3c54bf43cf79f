#include "http/fields.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <holdfast/limits.h>

namespace holdfast::http {
namespace {

bool is_id(std::string_view text) {
    return !text.empty() && text.size() <= limits::id_bytes_max &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

bool is_text(std::string_view text) {
    return text.size() <= limits::text_bytes_max &&
           std::ranges::none_of(text, [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

std::string_view expected(JsonKind kind) {
    switch (kind) {
        case JsonKind::null:
            return "null";
        case JsonKind::boolean:
            return "true or false";
        case JsonKind::integer:
        case JsonKind::number:
            return "a whole number";
        case JsonKind::string:
            return "a string";
        case JsonKind::array:
            return "an array";
        case JsonKind::object:
            return "an object";
    }
    std::unreachable();
}

}  // namespace

std::string seen(const JsonNode& node) {
    switch (node.kind) {
        case JsonKind::null:
            return "null";
        case JsonKind::boolean:
            return node.boolean ? "true" : "false";
        case JsonKind::integer:
        case JsonKind::number:
            return shown(node.text);
        case JsonKind::string:
            return fmt::format("\"{}\"", shown(node.text));
        case JsonKind::array:
            return "an array";
        case JsonKind::object:
            return "an object";
    }
    std::unreachable();
}

void Faults::add(std::string pointer, std::string detail) {
    if (++count_ <= reported_max) {
        errors_.push_back({std::move(pointer), std::move(detail)});
    }
}

Problem Faults::problem() && {
    const ProblemKind kind =
        shape_ ? kind_of(HttpFault::unknown_field) : kind_of(RefusalCode::invalid_request);
    std::string detail =
        count_ == 1
            ? fmt::format("{}: {}", errors_[0].pointer.empty() ? "the body" : errors_[0].pointer,
                          errors_[0].detail)
            : fmt::format("{} fields are wrong: see `errors`", count_);
    if (count_ > reported_max) {
        detail += fmt::format(", which has the first {}", reported_max);
    }
    return {.kind = kind,
            .detail = std::move(detail),
            .errors = std::move(errors_),
            .short_lines = {},
            .fence = {}};
}

std::string Where::pointer() const {
    if (above == nullptr) {
        return {};
    }
    std::string text = above->pointer() + '/';
    if (index) {
        return text + std::to_string(*index);
    }
    // RFC 6901: these two stand for themselves only when escaped. The rest is the client's own text.
    for (const char c : name) {
        text += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    }
    return text;
}

Fields::Fields(const JsonTree& tree, const JsonNode& node, Where where, Faults& faults)
    : tree_(tree), object_(&node), where_(where), faults_(faults) {
    if (node.kind != JsonKind::object) {
        faults_.value(where_.pointer(), fmt::format("{} is not an object", seen(node)));
        object_ = nullptr;
    }
}

void Fields::fault(std::string_view name, std::string detail) {
    faults_.value(Where{&where_, name, {}}.pointer(), std::move(detail));
}

const JsonNode* Fields::find(std::string_view name) {
    if (object_ == nullptr) {
        return nullptr;
    }
    const JsonNode* found = nullptr;
    std::uint32_t at = tree_.index_of(*object_) + 1;
    while (at < object_->end) {
        const JsonNode& member = tree_.at(at);
        const JsonNode& value = tree_.at(at + 1);
        at = value.end;
        if (member.text != name) {
            continue;
        }
        if (found != nullptr) {
            faults_.shape(Where{&where_, name, {}}.pointer(),
                          "this field is given twice: give it once");
        }
        member.taken = true;
        found = &value;
    }
    return found;
}

const JsonNode* Fields::find(std::string_view name, Need need, JsonKind kind) {
    const JsonNode* value = find(name);
    if (value == nullptr) {
        if (need == Need::required && object_ != nullptr) {
            fault(name, "this field is required");
        }
        return nullptr;
    }
    if (value->kind != kind) {
        fault(name, fmt::format("{} is not {}", seen(*value), expected(kind)));
        return nullptr;
    }
    return value;
}

void Fields::finish() {
    if (object_ == nullptr) {
        return;
    }
    std::uint32_t at = tree_.index_of(*object_) + 1;
    while (at < object_->end) {
        const JsonNode& member = tree_.at(at);
        at = tree_.at(at + 1).end;
        if (!member.taken) {
            faults_.shape(Where{&where_, member.text, {}}.pointer(),
                          "there is no such field: check its spelling, or leave it out");
        }
    }
}

void Fields::id(std::string_view name, Need need, std::string& to) {
    const JsonNode* value = find(name, need, JsonKind::string);
    if (value == nullptr) {
        return;
    }
    if (!is_id(value->text)) {
        fault(name, fmt::format("{} is not an id: use 1 to {} printable ASCII characters without "
                                "spaces",
                                seen(*value), limits::id_bytes_max));
        return;
    }
    to = value->text;
}

void Fields::text(std::string_view name, Need need, std::string& to) {
    const JsonNode* value = find(name, need, JsonKind::string);
    if (value == nullptr) {
        return;
    }
    if (!is_text(value->text)) {
        fault(name, fmt::format("{} is not acceptable text: use at most {} bytes without control "
                                "characters",
                                seen(*value), limits::text_bytes_max));
        return;
    }
    to = value->text;
}

void Fields::integer(std::string_view name, Need need, std::int64_t low, std::int64_t high,
                     std::int64_t& to) {
    const JsonNode* value = find(name);
    if (value == nullptr) {
        if (need == Need::required && object_ != nullptr) {
            fault(name, "this field is required");
        }
        return;
    }
    if (value->kind != JsonKind::integer || value->integer < low || value->integer > high) {
        fault(name,
              fmt::format("{} is not a whole number from {} to {}, written without fraction or "
                          "exponent",
                          seen(*value), low, high));
        return;
    }
    to = value->integer;
}

void Fields::seconds(std::string_view name, Seconds low, Seconds high, Seconds& to) {
    std::int64_t count = to.count();
    integer(name, Need::optional, low.count(), high.count(), count);
    to = Seconds(count);
}

void Fields::seconds(std::string_view name, Seconds low, Seconds high, std::optional<Seconds>& to) {
    std::int64_t count = -1;
    integer(name, Need::optional, low.count(), high.count(), count);
    if (count >= 0) {
        to = Seconds(count);
    }
}

void Fields::limit(std::string_view name, std::int64_t low, std::optional<Quantity>& to) {
    if (const JsonNode* value = find(name); value != nullptr && value->kind != JsonKind::null) {
        Quantity units = low;
        integer(name, Need::optional, low, limits::quantity_max, units);
        to = units;
    }
}

void Fields::limit(std::string_view name, Seconds low, Seconds high, std::optional<Seconds>& to) {
    if (const JsonNode* value = find(name); value != nullptr && value->kind != JsonKind::null) {
        seconds(name, low, high, to);
    }
}

void Fields::instant(std::string_view name, std::optional<Instant>& to) {
    const JsonNode* value = find(name);
    if (value == nullptr || value->kind == JsonKind::null) {
        return;
    }
    if (value->kind == JsonKind::string) {
        to = parse_rfc3339(value->text);
    }
    if (!to) {
        fault(name,
              fmt::format("{} is not a time: write it as 2026-12-24T18:00:00Z", seen(*value)));
    }
}

void Fields::boolean(std::string_view name, bool& to) {
    if (const JsonNode* value = find(name, Need::optional, JsonKind::boolean)) {
        to = value->boolean;
    }
}

void Fields::fence(std::string_view name, std::optional<Fence>& to) {
    std::int64_t fence = -1;
    integer(name, Need::optional, 0, INT64_MAX, fence);
    if (fence >= 0) {
        to = static_cast<Fence>(fence);
    }
}

void Fields::hold_id(std::string_view name, HoldId& to) {
    const JsonNode* value = find(name, Need::required, JsonKind::string);
    if (value == nullptr) {
        return;
    }
    if (const std::optional<HoldId> id = parse_hold_id(value->text)) {
        to = *id;
    } else {
        fault(name, fmt::format("{} is not the id of a hold: use the `id` that placing it answered",
                                seen(*value)));
    }
}

void Fields::entry_id(std::string_view name, EntryId& to) {
    const JsonNode* value = find(name, Need::required, JsonKind::string);
    if (value == nullptr) {
        return;
    }
    if (const std::optional<EntryId> id = parse_entry_id(value->text)) {
        to = *id;
    } else {
        fault(name, fmt::format("{} is not a place in a waiting line: use the `entry` that joining "
                                "it answered",
                                seen(*value)));
    }
}

void Fields::alert_id(std::string_view name, AlertId& to) {
    const JsonNode* value = find(name, Need::required, JsonKind::string);
    if (value == nullptr) {
        return;
    }
    if (const std::optional<AlertId> id = parse_alert_id(value->text)) {
        to = *id;
    } else {
        fault(name,
              fmt::format("{} is not the id of an alert: use the `id` that GET /v1/alerts shows",
                          seen(*value)));
    }
}

std::optional<std::size_t> Fields::word(std::string_view name, Need need,
                                        std::initializer_list<std::string_view> words) {
    const JsonNode* value = find(name, need, JsonKind::string);
    if (value == nullptr) {
        return std::nullopt;
    }
    const auto found = std::ranges::find(words, value->text);
    if (found != words.end()) {
        return static_cast<std::size_t>(found - words.begin());
    }
    fault(name, fmt::format("{} is not one of: {}", seen(*value), fmt::join(words, ", ")));
    return std::nullopt;
}

void Fields::lines(std::string_view name, Need need, std::vector<LineRequest>& to) {
    const JsonNode* array = find(name, need, JsonKind::array);
    if (array == nullptr) {
        return;
    }
    if (array->count < 1 || array->count > limits::lines_max) {
        fault(name, fmt::format("{} lines: give 1 to {}", array->count, limits::lines_max));
        return;
    }
    to.reserve(array->count);
    const Where above{&where_, name, {}};
    std::uint32_t at = tree_.index_of(*array) + 1;
    for (std::size_t i = 0; i < array->count; ++i) {
        Fields line(tree_, tree_.at(at), Where{&above, {}, i}, faults_);
        LineRequest& read = to.emplace_back();
        line.id("sku", Need::required, read.sku);
        line.integer("quantity", Need::required, 1, limits::quantity_max, read.quantity);
        line.id("location", Need::optional, read.location);
        line.finish();
        at = tree_.at(at).end;
    }
}

}  // namespace holdfast::http
