#include "store/rocksdb/directory_lock.h"

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/store.h"

namespace holdfast::store {

namespace {

std::string reason() {
    return std::generic_category().message(errno);
}

std::string holder_of(int file) {
    std::array<char, 32> buffer{};
    const ssize_t bytes = ::pread(file, buffer.data(), buffer.size(), 0);
    std::string_view pid(buffer.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
    pid = pid.substr(0, pid.find('\n'));
    return pid.empty() ? "another process" : "process " + std::string(pid);
}

}  // namespace

DirectoryLock::DirectoryLock(const std::filesystem::path& directory) {
    const std::filesystem::path path = directory / file_name;
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file_ < 0) {
        throw StoreError("cannot write to " + path.string() + ": " + reason() +
                         ". Give this user write access to the directory, or choose another one.");
    }
    // flock, not fcntl: the lock belongs to this open file, so a second store in the same process is
    // kept out too, and closing some other descriptor of the file does not lose it.
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
        const std::string why =
            errno == EWOULDBLOCK
                ? "is in use by " + holder_of(file_) +
                      ". Stop that process, or choose another directory."
                : "cannot be locked: " + reason() + ". Choose a directory on a local disk.";
        ::close(file_);
        throw StoreError("the store in " + directory.string() + " " + why);
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(file_, 0) != 0 ||
        ::pwrite(file_, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
        const std::string why = reason();
        ::close(file_);
        throw StoreError("cannot write to " + path.string() + ": " + why +
                         ". Free some space on the disk.");
    }
}

DirectoryLock::~DirectoryLock() {
    // The file stays: removing it would let two processes lock two files of the same name.
    ::close(file_);
}

}  // namespace holdfast::store
