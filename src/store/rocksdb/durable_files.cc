#include "store/rocksdb/durable_files.h"

#include <cerrno>
#include <memory>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "store/store.h"

namespace holdfast::store {

void make_directory(const std::filesystem::path& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        return;
    }
    const std::filesystem::path parent = std::filesystem::absolute(path).parent_path();
    if (parent != path) {
        make_directory(parent);
    }
    std::filesystem::create_directory(path, error);
    if (error || !std::filesystem::is_directory(path, error)) {
        throw StoreError(fmt::format(
            "cannot make the directory {}: {}. Choose another one, or give this user write access.",
            path.string(), error ? error.message() : "it is a file"));
    }
    flush_to_disk(parent);
}

void flush_to_disk(const std::filesystem::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const bool flushed = file >= 0 && ::fsync(file) == 0;
    const int error = errno;
    if (file >= 0) {
        ::close(file);
    }
    if (!flushed) {
        throw StoreError(fmt::format("cannot flush {} to disk: {}. Check the disk.", path.string(),
                                     std::generic_category().message(error)));
    }
}

void flush_names(rocksdb::FileSystem& files, const std::string& directory) {
    std::unique_ptr<rocksdb::FSDirectory> opened;
    auto status = files.NewDirectory(directory, {}, &opened, nullptr);
    if (status.ok()) {
        status = opened->Fsync({}, nullptr);
    }
    if (!status.ok()) {
        throw StoreError(fmt::format("cannot flush the directory {} to disk: {}. Check the disk.",
                                     directory, status.ToString()));
    }
}

}  // namespace holdfast::store
