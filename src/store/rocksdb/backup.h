// Copies of a store that is in use, verified before they are called a backup. Throws StoreError.
#pragma once

#include <filesystem>

#include <rocksdb/db.h>

#include "store/rocksdb/mark.h"

namespace holdfast::store {

// `mark` is the one of the store; the copy gets its own. Appends go on meanwhile.
void back_up(rocksdb::DB& db, const Mark& mark, const std::filesystem::path& directory);

}  // namespace holdfast::store
