#include "cli/csv.h"

#include <algorithm>
#include <cstdio>

#include <boost/algorithm/string/predicate.hpp>
#include <boost/algorithm/string/trim.hpp>

#include "cli/command.h"

namespace holdfast::cli {

namespace {

// A longer field is a quote that was never closed, not text.
constexpr std::size_t field_bytes_max = 1'000'000;

}  // namespace

CsvReader::CsvReader(const std::filesystem::path& path) : file_(path) {}

std::string CsvReader::where() const {
    return file_.name() + ":" + std::to_string(record_line_);
}

// After the opening quote, up to and with the closing one.
void CsvReader::read_quoted(std::string& field) {
    const std::uint64_t opened_at = current_line_;
    while (field.size() < field_bytes_max) {
        const int character = file_.get();
        if (character == EOF) {
            break;
        }
        if (character == '"') {
            if (file_.peek() != '"') {
                return;
            }
            file_.get();
        }
        current_line_ += character == '\n' ? 1 : 0;
        field.push_back(static_cast<char>(character));
    }
    throw Failure(ExitStatus::refused, file_.name() + ":" + std::to_string(opened_at) +
                                           ": a quote is opened here and never closed");
}

bool CsvReader::next(std::vector<std::string>& fields) {
    fields.clear();
    fields.emplace_back();
    record_line_ = current_line_;
    bool quoted = false;
    while (true) {
        const int character = file_.get();
        const bool empty_line = fields.size() == 1 && fields[0].empty() && !quoted;
        if (character == EOF) {
            return !empty_line;
        }
        if (character == '"' && fields.back().empty()) {
            quoted = true;
            read_quoted(fields.back());
        } else if (character == ',') {
            fields.emplace_back();
        } else if (character == '\n') {
            ++current_line_;
            if (!empty_line) {
                return true;
            }
            record_line_ = current_line_;
        } else if (character != '\r') {
            fields.back().push_back(static_cast<char>(character));
        }
    }
}

CsvHeader::CsvHeader(CsvReader& reader) {
    if (!reader.next(names_)) {
        throw Failure(ExitStatus::refused,
                      reader.where() + ": the file is empty; its first line must name the columns");
    }
    for (std::string& name : names_) {
        boost::algorithm::trim(name);
    }
}

std::optional<std::size_t> CsvHeader::find(const std::vector<std::string>& names) const {
    for (const std::string& name : names) {
        const auto found = std::ranges::find_if(
            names_, [&](const std::string& it) { return boost::algorithm::iequals(it, name); });
        if (found != names_.end()) {
            return static_cast<std::size_t>(found - names_.begin());
        }
    }
    return std::nullopt;
}

std::string csv_field(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
        return std::string(text);
    }
    std::string field = "\"";
    for (const char character : text) {
        field.append(character == '"' ? 2 : 1, character);
    }
    return field + "\"";
}

}  // namespace holdfast::cli
