#include "tests/contract/store_kinds.h"

#include "store/postgres/postgres_store.h"
#include "store/rocksdb/rocksdb_store.h"
#include "testing/memory_store.h"
#include "testing/postgres_server.h"
#include "testing/scratch_directory.h"

namespace holdfast::store {

namespace {

using holdfast::testing::MemoryStore;
using holdfast::testing::PostgresServer;
using holdfast::testing::ScratchDirectory;

class MemorySubject final : public Subject {
public:
    Store& store() override { return store_; }
    void reopen() override {}

private:
    MemoryStore store_{partitions};
};

class RocksDbSubject final : public Subject {
public:
    Store& store() override { return *store_; }
    void reopen() override {
        store_.reset();
        store_ = open();
    }

private:
    [[nodiscard]] std::unique_ptr<Store> open() const {
        return open_rocksdb({.path = directory_.path() / "data", .partitions = partitions});
    }

    ScratchDirectory directory_;
    std::unique_ptr<Store> store_ = open();
};

// A schema of its own in a server for all of them.
class PostgresSubject final : public Subject {
public:
    Store& store() override { return *store_; }
    void reopen() override {
        store_.reset();
        store_ = open();
    }

private:
    [[nodiscard]] std::unique_ptr<Store> open() const {
        return open_postgres({.url = url_, .partitions = partitions});
    }
    std::string url_ = PostgresServer::shared().url_of_new_schema();
    std::unique_ptr<Store> store_ = open();
};

template <class Made>
std::unique_ptr<Subject> make() {
    return std::make_unique<Made>();
}

}  // namespace

std::vector<Kind> kinds() {
    return {{"Memory", make<MemorySubject>},
            {"RocksDb", make<RocksDbSubject>},
            {"PostgreSql", make<PostgresSubject>, PostgresServer::missing}};
}

}  // namespace holdfast::store
