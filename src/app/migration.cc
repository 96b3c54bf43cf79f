#include "app/migration.h"

#include <algorithm>
#include <filesystem>

#include "store/postgres/postgres_store.h"
#include "store/rocksdb/rocksdb_store.h"

namespace holdfast::app {
namespace {

bool names_database(const std::string& store) {
    return store.starts_with("postgres://") || store.starts_with("postgresql://");
}

// With 0 partitions: one that is there.
std::unique_ptr<store::MovableStore> open(const std::string& store, std::uint32_t partitions) {
    return names_database(store)
               ? store::open_postgres_to_move({.url = store, .partitions = partitions})
               : store::open_rocksdb_to_move(
                     {.path = store, .partitions = std::max(partitions, std::uint32_t{1})});
}

}  // namespace

service::MigrationReport migrate(const std::string& from, const std::string& to,
                                 const service::MigrationOptions& options) {
    if (!names_database(from) && !std::filesystem::is_directory(from)) {
        throw StoreError("there is no data directory " + from + " to move from");
    }
    if (from == to) {
        throw service::MigrationRefused("a store cannot be moved to itself: name another target");
    }
    const auto source = open(from, 0);
    const auto target = open(to, options.partitions.value_or(source->partition_count()));
    return service::migrate(*source, *target, options);
}

}  // namespace holdfast::app
