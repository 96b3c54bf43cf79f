// Makes directories and names of files last: a file's own flush does not make its name durable.
// Used while stores are made, opened and copied. Throws StoreError.
#pragma once

#include <filesystem>
#include <string>

#include <rocksdb/file_system.h>

namespace holdfast::store {

// With its parents, each durable in the one above it.
void make_directory(const std::filesystem::path& path);
// A file's content, or a directory's names.
void flush_to_disk(const std::filesystem::path& path);
// The names in a directory that RocksDB writes to.
void flush_names(rocksdb::FileSystem& files, const std::string& directory);

}  // namespace holdfast::store
