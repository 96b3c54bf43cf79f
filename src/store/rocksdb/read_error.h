// What a read that failed says, the same wherever it happens. Throws StoreError.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>
#include <rocksdb/status.h>

#include "store/store.h"

namespace holdfast::store {

// `what` was to be read from the store in the directory `path`.
inline void check_read(const rocksdb::Status& status, std::string_view what,
                       const std::string& path) {
    if (!status.ok()) {
        throw StoreError(fmt::format(
            "cannot read {} in {}: {}. Check the disk; if it is sound, restore a backup "
            "(holdfast restore).",
            what, path, status.ToString()));
    }
}

}  // namespace holdfast::store
