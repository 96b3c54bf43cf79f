// Rows of named fields from CSV or JSON, each knowing its file and line, and what is wrong with them:
// one set of rules for both. Called by the reader of catalogues; one thread.
// A file that cannot be opened is a Failure; whatever is wrong inside it is collected.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/types.h>
#include "cli/policy_fields.h"

namespace holdfast::cli {

class Faults {
public:
    // A file with a wrong column has a fault on every line; so many are enough to see that.
    static constexpr std::size_t shown_max = 20;

    void add(std::string text);
    [[nodiscard]] bool empty() const { return count_ == 0; }
    // All of them, a line each, and how many more there are.
    [[nodiscard]] std::string text() const;

private:
    std::vector<std::string> shown_;
    std::size_t count_ = 0;
};

struct Column {
    std::string_view name;
    FieldKind kind = FieldKind::text;
    bool required = false;
    // In JSON it stands in an object of this name; CSV is flat.
    std::string_view inside;
};
using Columns = std::vector<Column>;

class Record {
public:
    Record(const std::string& file, std::uint64_t line, Faults& faults)
        : file_(file), line_(line), faults_(faults) {}

    void put(std::string_view name, std::string text, std::uint64_t line) {
        fields_.push_back({name, std::move(text), line, false});
    }
    // Empty when it is left out.
    [[nodiscard]] const std::string& text(std::string_view name) const;
    [[nodiscard]] bool has(std::string_view name) const { return !text(name).empty(); }
    // These are at fault when the text is none; the value is then of no use.
    std::string id(std::string_view name);
    Quantity number(std::string_view name, Quantity low, Quantity high);

    // "stock.csv:12": the line of a field, or of the row.
    [[nodiscard]] std::string where(std::string_view name = {}) const;
    // One for each field: what follows from the first says nothing new.
    void fault(std::string_view name, const std::string& text);
    // "\"x\" is no quantity; it must be ...".
    void not_a(std::string_view name, const std::string& rule);
    // For what is reported elsewhere.
    void spoil() { clean_ = false; }
    // Whether nothing was wrong with it so far.
    [[nodiscard]] bool clean() const { return clean_; }

private:
    struct Field {
        std::string_view name;
        std::string text;
        std::uint64_t line = 0;
        bool told = false;
    };
    [[nodiscard]] const Field* find(std::string_view name) const;

    const std::string& file_;
    std::uint64_t line_;
    Faults& faults_;
    std::vector<Field> fields_;
    bool clean_ = true;
};

using Visit = std::function<void(Record&)>;

// A list of a JSON file: {"skus": [{...}, ...]}.
struct JsonList {
    std::string_view name;
    const Columns* columns;
    Visit visit;
};

// By the name: x.json, x.json.gz.
bool is_json(std::string_view path);
// Each calls `visit` with every row that can be read. False when a fault hides others, or rows.
bool read_csv(const std::string& path, const Columns& columns, Faults& faults, const Visit& visit);
bool read_json(const std::string& path, const std::vector<JsonList>& lists, Faults& faults);

// The line, from 1, of every value and every member's name of a JSON text, in their order.
std::vector<std::uint32_t> json_lines(std::string_view text);

}  // namespace holdfast::cli
