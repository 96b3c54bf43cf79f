#include "cli/csv.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include <boost/algorithm/string/predicate.hpp>
#include <boost/algorithm/string/trim.hpp>
#include <unistd.h>
#include <zlib.h>

#include "cli/command.h"

namespace holdfast::cli {

namespace {

// A longer field is a quote that was never closed, not text.
constexpr std::size_t field_bytes_max = 1'000'000;

}  // namespace

// zlib reads plain files as they are, so that one way serves .csv and .csv.gz.
struct CsvReader::File {
    explicit File(gzFile opened) : handle(opened) {}
    ~File() { gzclose(handle); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    gzFile handle;
    std::array<char, 65'536> buffer{};
    std::size_t begin = 0;
    std::size_t end = 0;
};

CsvReader::CsvReader(const std::filesystem::path& path)
    : name_(path == "-" ? "standard input" : path.string()) {
    if (std::filesystem::is_directory(path)) {
        throw Failure(ExitStatus::unreachable, name_ + " is a directory, not a CSV file");
    }
    gzFile opened = path == "-" ? gzdopen(dup(STDIN_FILENO), "rb") : gzopen(path.c_str(), "rb");
    if (opened == nullptr) {
        throw Failure(ExitStatus::unreachable,
                      "cannot open " + name_ + ": " + std::generic_category().message(errno));
    }
    file_ = std::make_unique<File>(opened);
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (peek() != EOF &&
        std::string_view(file_->buffer.data(), file_->end).starts_with(byte_order_mark)) {
        file_->begin = byte_order_mark.size();
    }
}

CsvReader::~CsvReader() = default;

std::string CsvReader::where() const {
    return name_ + ":" + std::to_string(record_line_);
}

int CsvReader::peek() {
    if (file_->begin == file_->end) {
        const int count = gzread(file_->handle, file_->buffer.data(),
                                 static_cast<unsigned>(file_->buffer.size()));
        int error = Z_OK;
        const char* message = gzerror(file_->handle, &error);
        if (count < 0 || error != Z_OK) {
            throw Failure(ExitStatus::unreachable, "cannot read " + name_ + " after line " +
                                                       std::to_string(current_line_) + ": " +
                                                       message);
        }
        if (count == 0) {
            return EOF;
        }
        file_->begin = 0;
        file_->end = static_cast<std::size_t>(count);
    }
    return static_cast<unsigned char>(file_->buffer[file_->begin]);
}

int CsvReader::get() {
    const int character = peek();
    if (character != EOF) {
        file_->begin++;
    }
    return character;
}

// After the opening quote, up to and with the closing one.
void CsvReader::read_quoted(std::string& field) {
    const std::uint64_t opened_at = current_line_;
    while (field.size() < field_bytes_max) {
        const int character = get();
        if (character == EOF) {
            break;
        }
        if (character == '"') {
            if (peek() != '"') {
                return;
            }
            get();
        }
        current_line_ += character == '\n' ? 1 : 0;
        field.push_back(static_cast<char>(character));
    }
    throw Failure(ExitStatus::refused, name_ + ":" + std::to_string(opened_at) +
                                           ": a quote is opened here and never closed");
}

bool CsvReader::next(std::vector<std::string>& fields) {
    fields.clear();
    fields.emplace_back();
    record_line_ = current_line_;
    bool quoted = false;
    while (true) {
        const int character = get();
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
