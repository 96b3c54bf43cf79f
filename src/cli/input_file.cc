#include "cli/input_file.h"

#include <array>
#include <string_view>

#include <unistd.h>
#include <zlib.h>

#include "cli/command.h"

namespace holdfast::cli {

// zlib reads plain files as they are, so that one way serves .csv and .csv.gz.
struct InputFile::Buffer {
    explicit Buffer(gzFile opened) : handle(opened) {}
    ~Buffer() { gzclose(handle); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    gzFile handle;
    std::array<char, 65'536> bytes{};
    std::size_t begin = 0;
    std::size_t end = 0;
};

InputFile::InputFile(const std::filesystem::path& path)
    : name_(path == "-" ? "standard input" : path.string()) {
    if (std::filesystem::is_directory(path)) {
        throw Failure(ExitStatus::unreachable, name_ + " is a directory, not a file");
    }
    gzFile opened = path == "-" ? gzdopen(dup(STDIN_FILENO), "rb") : gzopen(path.c_str(), "rb");
    if (opened == nullptr) {
        throw Failure(ExitStatus::unreachable,
                      "cannot open " + name_ + ": " + std::generic_category().message(errno));
    }
    buffer_ = std::make_unique<Buffer>(opened);
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (peek() != EOF &&
        std::string_view(buffer_->bytes.data(), buffer_->end).starts_with(byte_order_mark)) {
        buffer_->begin = byte_order_mark.size();
    }
}

InputFile::~InputFile() = default;

int InputFile::peek() {
    if (buffer_->begin == buffer_->end) {
        const int count = gzread(buffer_->handle, buffer_->bytes.data(),
                                 static_cast<unsigned>(buffer_->bytes.size()));
        int error = Z_OK;
        const char* message = gzerror(buffer_->handle, &error);
        if (count < 0 || error != Z_OK) {
            throw Failure(ExitStatus::unreachable, "cannot read " + name_ + ": " + message);
        }
        if (count == 0) {
            return EOF;
        }
        buffer_->begin = 0;
        buffer_->end = static_cast<std::size_t>(count);
    }
    return static_cast<unsigned char>(buffer_->bytes[buffer_->begin]);
}

int InputFile::get() {
    const int character = peek();
    if (character != EOF) {
        buffer_->begin++;
    }
    return character;
}

std::string InputFile::rest() {
    std::string text;
    while (peek() != EOF) {
        text.append(buffer_->bytes.data() + buffer_->begin, buffer_->end - buffer_->begin);
        buffer_->begin = buffer_->end;
    }
    return text;
}

}  // namespace holdfast::cli
