// A directory of a test's own, gone when the test ends. One thread.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <holdfast/assert.h>

namespace holdfast::testing {

class ScratchDirectory {
public:
    ScratchDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "holdfast-XXXXXX").string();
        HF_ASSERT(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~ScratchDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

}  // namespace holdfast::testing
