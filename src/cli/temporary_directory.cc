#include "cli/temporary_directory.h"

#include <random>
#include <string>
#include <system_error>

namespace holdfast::cli {

TemporaryDirectory::TemporaryDirectory() {
    std::random_device device;
    do {
        path_ = std::filesystem::temp_directory_path() / ("holdfast-" + std::to_string(device()));
    } while (!std::filesystem::create_directory(path_));
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace holdfast::cli
