// Keeps a second process out of a directory, and tells it which process has it. Held by an open store
// for as long as it lives; the kernel lets go of it however the process ends. Throws StoreError.
#pragma once

#include <filesystem>

namespace holdfast::store {

class DirectoryLock {
public:
    // The lock is on the file holdfast.pid in `directory`, which must exist.
    explicit DirectoryLock(const std::filesystem::path& directory);
    DirectoryLock(const DirectoryLock&) = delete;
    DirectoryLock& operator=(const DirectoryLock&) = delete;
    ~DirectoryLock();

    static constexpr const char* file_name = "holdfast.pid";

private:
    int file_ = -1;
};

}  // namespace holdfast::store
