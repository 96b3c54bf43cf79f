// A file that a user names, byte by byte: plain or gzip, with or without a byte order mark, or the
// standard input. Called by the readers of CSV and JSON; one thread.
// A file that cannot be opened or read is a Failure.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace holdfast::cli {

class InputFile {
public:
    // "-" is the standard input.
    explicit InputFile(const std::filesystem::path& path);
    ~InputFile();
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;

    // The next byte, or EOF.
    int peek();
    int get();
    // All that is left.
    std::string rest();
    // For messages.
    [[nodiscard]] const std::string& name() const { return name_; }

private:
    struct Buffer;

    std::string name_;
    std::unique_ptr<Buffer> buffer_;
};

}  // namespace holdfast::cli
