// The composition root: the only code that names a concrete store and a real clock.
#include <holdfast/service.h>
#include "app/system_clock.h"
#include "service/engine.h"
#include "store/rocksdb/rocksdb_store.h"

namespace holdfast {
std::unique_ptr<Service> open(const Options& options) {
    auto clock = options.clock ? options.clock : std::make_shared<const app::SystemClock>();
    auto store = store::open_rocksdb({.path = options.data,
                                      .partitions = options.partitions,
                                      .accept_loss = options.accept_loss});
    return std::make_unique<service::Engine>(
        std::move(store), std::move(clock),
        [](const std::filesystem::path& copy) { return store::open_rocksdb({.path = copy}); });
}

void restore(const std::filesystem::path& backup, const std::filesystem::path& data) {
    store::restore_rocksdb(backup, data);
}

}  // namespace holdfast
