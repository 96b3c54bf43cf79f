// Reads CSV as people and spreadsheets write it (RFC 4180; LF or CRLF; a byte order mark; gzip too),
// record by record, knowing the line of each. Called by the commands that read files; one thread.
// What is wrong with a file is a Failure that names file and line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/input_file.h"

namespace holdfast::cli {

class CsvReader {
public:
    // "-" is the standard input.
    explicit CsvReader(const std::filesystem::path& path);

    // The next record that is not an empty line; false at the end.
    bool next(std::vector<std::string>& fields);
    // Where the last record began, from 1.
    [[nodiscard]] std::uint64_t line() const { return record_line_; }
    [[nodiscard]] const std::string& name() const { return file_.name(); }
    // "stock.csv:12", for messages.
    [[nodiscard]] std::string where() const;

private:
    void read_quoted(std::string& field);

    InputFile file_;
    std::uint64_t current_line_ = 1;
    std::uint64_t record_line_ = 1;
};

// Finds columns by the names in a file's first record.
class CsvHeader {
public:
    // Reads the first record. An empty file is a Failure.
    explicit CsvHeader(CsvReader& reader);
    // The place of the first of these names that the header has. Letter case does not matter.
    [[nodiscard]] std::optional<std::size_t> find(const std::vector<std::string>& names) const;
    [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

private:
    std::vector<std::string> names_;
};

// A field as it must be written so that any reader gets it back.
std::string csv_field(std::string_view text);

}  // namespace holdfast::cli
