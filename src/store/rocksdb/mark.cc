#include "store/rocksdb/mark.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <tuple>

#include <fmt/format.h>
#include <xxhash.h>

#include "store/rocksdb/durable_files.h"
#include "store/store.h"

namespace holdfast::store {

namespace {

// Every line has the same length, so that the second one has a fixed place.
std::string line_of(const Mark& mark) {
    std::string line = fmt::format("holdfast store {} {:36} epoch {:020} acknowledged {:020} ",
                                   MarkFile::format, mark.id, mark.epoch, mark.acknowledged);
    line += fmt::format("{:016x}\n", XXH3_64bits(line.data(), line.size()));
    return line;
}

template <class Number>
bool take_number(std::string_view& text, Number& number, int base = 10) {
    const std::string_view word = text.substr(0, text.find_first_of(" \n"));
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number, base);
    text.remove_prefix(word.size());
    return error == std::errc{} && end == word.data() + word.size();
}

bool take(std::string_view& text, std::string_view expected) {
    if (!text.starts_with(expected)) {
        return false;
    }
    text.remove_prefix(expected.size());
    return true;
}

std::optional<Mark> parse(std::string_view line) {
    Mark mark;
    std::string_view rest = line;
    unsigned format = 0;
    std::uint64_t checksum = 0;
    if (!take(rest, "holdfast store ") || !take_number(rest, format) || !take(rest, " ")) {
        return std::nullopt;
    }
    mark.id = rest.substr(0, 36);
    rest.remove_prefix(std::min<std::size_t>(36, rest.size()));
    if (!take(rest, " epoch ") || !take_number(rest, mark.epoch) || !take(rest, " acknowledged ") ||
        !take_number(rest, mark.acknowledged) || !take(rest, " ")) {
        return std::nullopt;
    }
    const auto checked = static_cast<std::size_t>(rest.data() - line.data());
    if (!take_number(rest, checksum, 16) || checksum != XXH3_64bits(line.data(), checked)) {
        return std::nullopt;
    }
    return mark;
}

// What a release with another format would say of itself.
std::optional<unsigned> format_of(std::string_view line) {
    unsigned format = 0;
    if (take(line, "holdfast store ") && take_number(line, format)) {
        return format;
    }
    return std::nullopt;
}

[[noreturn]] void fail(const std::string& what, const std::string& path,
                       const rocksdb::Status& status) {
    throw StoreError("cannot " + what + " " + path + ": " + status.ToString() +
                     ". Check the disk and the access rights of the directory.");
}

}  // namespace

MarkFile::MarkFile(rocksdb::FileSystem& files, const std::string& directory)
    : files_(files), directory_(directory), path_(directory + "/" + file_name) {}

bool MarkFile::exists() const {
    return files_.FileExists(path_, {}, nullptr).ok();
}

std::optional<Mark> MarkFile::read() {
    std::string text;
    if (const auto status = rocksdb::ReadFileToString(&files_, path_, &text); !status.ok()) {
        fail("read", path_, status);
    }
    const std::size_t middle = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::array lines = {std::string_view(text).substr(0, middle),
                              std::string_view(text).substr(middle)};
    of_this_format_ = true;
    for (const std::string_view line : lines) {
        const auto other = format_of(line);
        if (other > format) {
            throw StoreError(fmt::format(
                "the store in {} was written by a newer release (format {}, this one reads {}). "
                "Use that release; what a store has been upgraded to cannot be taken back.",
                directory_, *other, format));
        }
        of_this_format_ = of_this_format_ && other == format;
    }
    const std::optional<Mark> first = parse(lines[0]);
    const std::optional<Mark> second = parse(lines[1]);
    const auto age = [](const std::optional<Mark>& mark) {
        return mark ? std::tuple(true, mark->epoch, mark->acknowledged)
                    : std::tuple(false, std::uint64_t{0}, std::uint64_t{0});
    };
    const bool first_is_newer = age(first) > age(second);
    next_line_ = first_is_newer ? 1 : 0;
    return first_is_newer ? first : second;
}

void MarkFile::create(const Mark& mark) {
    const std::string line = line_of(mark);
    if (const auto status = rocksdb::WriteStringToFile(&files_, line + line, path_, true);
        !status.ok()) {
        fail("make", path_, status);
    }
    flush_names(files_, directory_);
}

void MarkFile::open() {
    if (const auto status = files_.NewRandomRWFile(path_, {}, &file_, nullptr); !status.ok()) {
        fail("open", path_, status);
    }
}

void MarkFile::write(const Mark& mark) {
    if (!file_) {
        open();
    }
    const std::string line = line_of(mark);
    write_line(line);
    if (!of_this_format_) {
        write_line(line);
        of_this_format_ = true;
    }
}

void MarkFile::write_line(const std::string& line) {
    auto status = file_->Write(next_line_ * line.size(), line, {}, nullptr);
    if (status.ok()) {
        status = file_->Sync({}, nullptr);
    }
    if (!status.ok()) {
        fail("write", path_, status);
    }
    next_line_ = 1 - next_line_;
}

}  // namespace holdfast::store
