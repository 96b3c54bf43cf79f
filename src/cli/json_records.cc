#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "cli/input_file.h"
#include "cli/records.h"
#include "http/fields.h"

namespace holdfast::cli {

namespace {

using http::JsonKind;
using http::JsonNode;
using http::JsonTree;
using http::seen;

// As a CSV cell would have it; nothing when a value of this kind does not belong there.
std::optional<std::string> cell(const JsonNode& node, FieldKind kind) {
    const bool number = node.kind == JsonKind::integer || node.kind == JsonKind::number;
    if (node.kind == JsonKind::null) {
        return std::string();
    }
    if (kind == FieldKind::text && node.kind == JsonKind::string) {
        return std::string(node.text);
    }
    if (kind == FieldKind::number && number) {
        return std::string(node.text);
    }
    if (kind == FieldKind::truth && node.kind == JsonKind::boolean) {
        return std::string(node.boolean ? "true" : "false");
    }
    return std::nullopt;
}

std::string_view expected(FieldKind kind) {
    switch (kind) {
        case FieldKind::text:
            return "a string, in quotes";
        case FieldKind::number:
            return "a number, without quotes";
        case FieldKind::truth:
            return "true or false, without quotes";
    }
    std::unreachable();
}

class JsonFile {
public:
    JsonFile(std::string name, std::string text, Faults& faults)
        : name_(std::move(name)), text_(std::move(text)), faults_(faults) {}

    bool read(const std::vector<JsonList>& lists) {
        if (const auto wrong = tree_.parse(text_)) {
            const auto end = text_.begin() + static_cast<std::ptrdiff_t>(tree_.understood());
            faults_.add(fmt::format("{}:{}: this is not JSON ({}); mend it here or just before",
                                    name_, 1 + std::count(text_.begin(), end, '\n'), *wrong));
            return false;
        }
        lines_ = json_lines(text_);
        std::string names;
        for (const JsonList& list : lists) {
            names += fmt::format("{}\"{}\": [...]", names.empty() ? "" : ", ", list.name);
        }
        if (tree_.root().kind != JsonKind::object) {
            fault(tree_.root(), fmt::format("{} stands here; it must be an object {{{}}}",
                                            seen(tree_.root()), names));
            return false;
        }
        bool whole = true;
        for_each_member(tree_.root(), [&](const JsonNode& member, const JsonNode& value) {
            const auto list = std::ranges::find(lists, member.text, &JsonList::name);
            if (list == lists.end()) {
                fault(member, fmt::format("there is no \"{}\" in such a file; it has {}",
                                          http::shown(member.text), names));
                whole = false;
            } else if (value.kind != JsonKind::array) {
                fault(value, fmt::format("{} is no list of {}; it must be an array", seen(value),
                                         list->name));
                whole = false;
            } else {
                read_list(value, *list);
            }
        });
        return whole;
    }

private:
    using VisitMember = std::function<void(const JsonNode& member, const JsonNode& value)>;

    [[nodiscard]] std::uint32_t line(const JsonNode& node) const {
        return lines_[tree_.index_of(node)];
    }
    void fault(const JsonNode& node, const std::string& text) {
        faults_.add(fmt::format("{}:{}: {}", name_, line(node), text));
    }
    // Reports members that are there twice.
    void for_each_member(const JsonNode& object, const VisitMember& visit) {
        std::set<std::string_view> names;
        for (std::uint32_t at = tree_.index_of(object) + 1; at < object.end;) {
            const JsonNode& member = tree_.at(at);
            const JsonNode& value = tree_.at(at + 1);
            at = value.end;
            if (!names.insert(member.text).second) {
                fault(member, fmt::format("\"{}\" is there twice; leave one of them",
                                          http::shown(member.text)));
                continue;
            }
            visit(member, value);
        }
    }

    void read_list(const JsonNode& array, const JsonList& list) {
        for (std::uint32_t at = tree_.index_of(array) + 1; at < array.end; at = tree_.at(at).end) {
            const JsonNode& item = tree_.at(at);
            if (item.kind != JsonKind::object) {
                fault(item, fmt::format("{} stands in the list of {}; it must be an object",
                                        seen(item), list.name));
                continue;
            }
            Record record(name_, line(item), faults_);
            read_object(item, *list.columns, {}, record);
            list.visit(record);
        }
    }
    void read_object(const JsonNode& object, const Columns& columns, std::string_view inside,
                     Record& record) {
        for_each_member(object, [&](const JsonNode& member, const JsonNode& value) {
            const auto column = std::ranges::find_if(columns, [&](const Column& it) {
                return it.name == member.text && it.inside == inside;
            });
            if (column != columns.end()) {
                read_value(value, *column, record);
            } else if (inside.empty() && !member.text.empty() &&
                       std::ranges::find(columns, member.text, &Column::inside) != columns.end()) {
                read_inner(member.text, value, columns, record);
            } else {
                wrong(member, describe_unknown(member.text, columns, inside), record);
            }
        });
    }
    void read_inner(std::string_view name, const JsonNode& value, const Columns& columns,
                    Record& record) {
        if (value.kind == JsonKind::object) {
            read_object(value, columns, name, record);
        } else if (value.kind != JsonKind::null) {
            wrong(value, fmt::format("{} is no {}; it must be an object", seen(value), name),
                  record);
        }
    }
    void read_value(const JsonNode& value, const Column& column, Record& record) {
        if (auto text = cell(value, column.kind)) {
            record.put(column.name, std::move(*text), line(value));
            return;
        }
        // It is there, so that a required one is not reported as missing too.
        record.put(column.name, seen(value), line(value));
        record.fault(column.name, fmt::format("{} is no {}; it must be {}", seen(value),
                                              column.name, expected(column.kind)));
    }
    void wrong(const JsonNode& node, const std::string& text, Record& record) {
        record.spoil();
        fault(node, text);
    }

    static std::string describe_unknown(std::string_view name, const Columns& columns,
                                        std::string_view inside) {
        const auto elsewhere = std::ranges::find(columns, name, &Column::name);
        if (elsewhere != columns.end() && !elsewhere->inside.empty()) {
            return fmt::format("\"{}\" does not belong here; put it into \"{}\"", name,
                               elsewhere->inside);
        }
        std::vector<std::string_view> known;
        for (const Column& column : columns) {
            const std::string_view there = column.inside == inside ? column.name : column.inside;
            if (!there.empty() && std::ranges::find(known, there) == known.end()) {
                known.push_back(there);
            }
        }
        return fmt::format("there is no field \"{}\"; known are {}", http::shown(name),
                           fmt::join(known, ", "));
    }

    std::string name_;
    std::string text_;
    Faults& faults_;
    JsonTree tree_;
    std::vector<std::uint32_t> lines_;
};

}  // namespace

// The text has been parsed: whatever begins here is a value or a name, and ends where it should.
std::vector<std::uint32_t> json_lines(std::string_view text) {
    constexpr std::string_view between = " \t\r\n,:]}";
    std::vector<std::uint32_t> lines;
    std::uint32_t line = 1;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char first = text[at];
        line += first == '\n' ? 1U : 0U;
        if (between.find(first) != std::string_view::npos) {
            continue;
        }
        lines.push_back(line);
        if (first == '"') {
            for (++at; text[at] != '"'; ++at) {
                at += text[at] == '\\' ? 1U : 0U;
            }
        } else if (first != '{' && first != '[') {
            at = std::min(text.find_first_of(between, at), text.size()) - 1;
        }
    }
    return lines;
}

bool read_json(const std::string& path, const std::vector<JsonList>& lists, Faults& faults) {
    InputFile file(path);
    return JsonFile(file.name(), file.rest(), faults).read(lists);
}

}  // namespace holdfast::cli
