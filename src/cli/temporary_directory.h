// A directory of its own under the system's temporary one, gone when the object is.
// Called by commands that need a store only while they run. Throws when none can be made.
#pragma once

#include <filesystem>

namespace holdfast::cli {

class TemporaryDirectory {
public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

}  // namespace holdfast::cli
