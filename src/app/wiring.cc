// The composition root: the only code that names a concrete store and a real clock.
#include <holdfast/service.h>
#include "app/membership.h"
#include "app/system_clock.h"
#include "service/engine.h"
#include "store/postgres/membership.h"
#include "store/postgres/postgres_store.h"
#include "store/rocksdb/rocksdb_store.h"

namespace holdfast {
namespace {

// Of a new database: so many nodes may serve it side by side.
constexpr std::uint32_t database_partitions = 16;

std::unique_ptr<store::Store> open_store(const Options& options) {
    if (!options.store.empty()) {
        return store::open_postgres(
            {.url = options.store, .partitions = options.partitions.value_or(database_partitions)});
    }
    return store::open_rocksdb({.path = options.data,
                                .partitions = options.partitions.value_or(1),
                                .accept_loss = options.accept_loss});
}

}  // namespace

std::unique_ptr<Service> open(const Options& options) {
    auto store = open_store(options);
    std::shared_ptr<const Clock> clock = options.clock ? options.clock : store->clock();
    if (!clock) {
        clock = std::make_shared<const app::SystemClock>();
    }
    return std::make_unique<service::Engine>(
        std::move(store), std::move(clock),
        [](const std::filesystem::path& copy) { return store::open_rocksdb({.path = copy}); },
        options.concurrency);
}

std::unique_ptr<store::Membership> app::join(const Options& options) {
    return options.store.empty() ? nullptr : store::join_postgres(options.store);
}

void restore(const std::filesystem::path& backup, const std::filesystem::path& data) {
    store::restore_rocksdb(backup, data);
}

}  // namespace holdfast
