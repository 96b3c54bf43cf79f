#include "cli/records.h"

#include <algorithm>
#include <set>
#include <utility>

#include <boost/algorithm/string/join.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <holdfast/limits.h>
#include "cli/command.h"
#include "cli/csv.h"
#include "cli/orders.h"
#include "http/problem.h"

namespace holdfast::cli {

namespace {

std::string names_of(const Columns& columns) {
    std::vector<std::string_view> names;
    for (const Column& column : columns) {
        names.push_back(column.name);
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

// Reports columns that are unknown, missing or there twice.
bool check_header(const CsvHeader& header, const Columns& columns,
                  const std::function<void(const std::string&)>& fault) {
    bool good = true;
    const auto wrong = [&](const std::string& text) {
        fault(text);
        good = false;
    };
    std::set<std::string_view> seen;
    for (const std::string& name : header.names()) {
        if (std::ranges::find(columns, name, &Column::name) == columns.end()) {
            wrong(fmt::format("there is no column \"{}\"; known are {}", http::shown(name),
                              names_of(columns)));
        } else if (!seen.insert(name).second) {
            wrong("the column " + name + " is there twice; leave one of them");
        }
    }
    for (const Column& column : columns) {
        if (column.required && !seen.contains(column.name)) {
            wrong(fmt::format("the column {} is missing; add it", column.name));
        }
    }
    return good;
}

}  // namespace

void Faults::add(std::string text) {
    if (++count_ <= shown_max) {
        shown_.push_back(std::move(text));
    }
}

std::string Faults::text() const {
    std::string text = boost::algorithm::join(shown_, "\n  ");
    if (count_ > shown_.size()) {
        text += "\n  and " + std::to_string(count_ - shown_.size()) + " more";
    }
    return text;
}

const Record::Field* Record::find(std::string_view name) const {
    const auto found = std::ranges::find(fields_, name, &Field::name);
    return found == fields_.end() ? nullptr : &*found;
}

const std::string& Record::text(std::string_view name) const {
    static const std::string none;
    const Field* field = find(name);
    return field == nullptr ? none : field->text;
}

std::string Record::id(std::string_view name) {
    std::string value = text(name);
    if (!is_id(value)) {
        not_a(name, fmt::format("it must be 1 to {} printable ASCII characters, no spaces",
                                limits::id_bytes_max));
    }
    return value;
}

Quantity Record::number(std::string_view name, Quantity low, Quantity high) {
    const auto value = parse_quantity(text(name));
    if (!value || *value < low || *value > high) {
        not_a(name, fmt::format("it must be a whole number from {} to {}", low, high));
        return low;
    }
    return *value;
}

std::string Record::where(std::string_view name) const {
    const Field* field = find(name);
    return file_ + ":" + std::to_string(field == nullptr ? line_ : field->line);
}

void Record::fault(std::string_view name, const std::string& text) {
    clean_ = false;
    const auto field = std::ranges::find(fields_, name, &Field::name);
    if (field == fields_.end() || !std::exchange(field->told, true)) {
        faults_.add(where(name) + ": " + text);
    }
}

void Record::not_a(std::string_view name, const std::string& rule) {
    fault(name, fmt::format("\"{}\" is no {}; {}", http::shown(text(name)), name, rule));
}

bool is_json(std::string_view path) {
    return path.ends_with(".json") || path.ends_with(".json.gz");
}

bool read_csv(const std::string& path, const Columns& columns, Faults& faults, const Visit& visit) {
    CsvReader reader(path);
    try {
        const CsvHeader header(reader);
        const std::string file = reader.name();
        if (!check_header(header, columns, [&](const std::string& text) {
                faults.add(reader.where() + ": " + text);
            })) {
            return false;
        }
        std::vector<std::string> cells;
        while (reader.next(cells)) {
            Record record(file, reader.line(), faults);
            if (cells.size() != header.names().size()) {
                record.fault({}, fmt::format("it has {} fields, the first line has {}",
                                             cells.size(), header.names().size()));
                continue;
            }
            for (std::size_t i = 0; i < cells.size(); ++i) {
                record.put(header.names()[i], std::move(cells[i]), reader.line());
            }
            visit(record);
        }
    } catch (const Failure& failure) {
        // A quote that is never closed, no first line: worth telling beside the other files' faults.
        if (failure.status() != ExitStatus::refused) {
            throw;
        }
        faults.add(failure.what());
        return false;
    }
    return true;
}

}  // namespace holdfast::cli
