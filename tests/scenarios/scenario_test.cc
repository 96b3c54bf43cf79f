// Plays every tests/scenarios/*.scenario on every target.
#include "testing/scenario.h"

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "testing/core_target.h"
#include "testing/memory_store.h"
#include "testing/model.h"
#include "testing/postgres_server.h"
#include "testing/scratch_directory.h"
#include "testing/service_target.h"
#include "tests/scenarios/remote_targets.h"

namespace holdfast::testing {
namespace {

std::unique_ptr<Target> on_memory(std::uint32_t partitions, Restarts restarts = Restarts::never) {
    return std::make_unique<ServiceTarget>(
        on_memory_store(std::make_shared<MemoryStore>(partitions)), restarts);
}

std::unique_ptr<Target> on_nodes(std::uint32_t partitions) {
    return std::make_unique<ServiceTarget>(
        on_shared_memory_store(std::make_shared<MemoryStore>(partitions)), Restarts::never, 3);
}

std::unique_ptr<Target> on_rocksdb() {
    auto directory = std::make_shared<ScratchDirectory>();
    return std::make_unique<ServiceTarget>([directory](std::shared_ptr<const Clock> clock) {
        return holdfast::open({.data = directory->path() / "data", .clock = std::move(clock)});
    });
}

std::unique_ptr<Target> on_postgres(std::size_t nodes) {
    const std::string url =
        PostgresServer::shared(PostgresServer::Flush::never).url_of_new_schema();
    return std::make_unique<ServiceTarget>(
        [url](std::shared_ptr<const Clock> clock) {
            return holdfast::open({.store = url, .partitions = 4, .clock = std::move(clock)});
        },
        Restarts::never, nodes);
}

std::vector<std::filesystem::path> scenario_files() {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator("tests/scenarios")) {
        if (entry.path().extension() == ".scenario") {
            files.push_back(entry.path());
        }
    }
    std::ranges::sort(files);
    return files;
}

struct TargetKind {
    std::string name;
    std::unique_ptr<Target> (*make)();
    bool knows_keys = true;
};

const std::vector<TargetKind> kinds = {
    {"model", [] -> std::unique_ptr<Target> { return std::make_unique<Model>(); }, false},
    {"core", [] -> std::unique_ptr<Target> { return std::make_unique<CoreTarget>(); }, false},
    {"core_of_4_partitions",
     [] -> std::unique_ptr<Target> { return std::make_unique<CoreTarget>(4); }, false},
    {"service", [] { return on_memory(1); }},
    {"service_of_4_partitions", [] { return on_memory(4); }},
    {"service_restarted_before_every_step",
     [] { return on_memory(2, Restarts::before_every_step); }},
    {"rocksdb", on_rocksdb},
    {"nodes", [] { return on_nodes(4); }},
    {"http", [] -> std::unique_ptr<Target> { return std::make_unique<HttpTarget>(); }},
    {"command_line",
     [] -> std::unique_ptr<Target> { return std::make_unique<CommandLineTarget>(); }, false},
};

class ScenarioTest : public ::testing::Test {
public:
    ScenarioTest(Scenario scenario, const TargetKind& kind)
        : scenario_(std::move(scenario)), kind_(kind) {}
    void TestBody() override {
        const auto failure = run(scenario_, *kind_.make());
        EXPECT_FALSE(failure.has_value()) << *failure;
    }

private:
    Scenario scenario_;
    const TargetKind& kind_;
};

// One test for each file and target, under their names.
const bool registered = [] {
    for (const TargetKind& kind : kinds) {
        for (const auto& file : scenario_files()) {
            Scenario scenario = read_scenario(file);
            if (kind.knows_keys || !scenario.uses_keys()) {
                ::testing::RegisterTest(("scenario_" + kind.name).c_str(), file.stem().c_str(),
                                        nullptr, nullptr, __FILE__, __LINE__,
                                        [scenario, &kind]() -> ::testing::Test* {
                                            return new ScenarioTest(scenario, kind);
                                        });
            }
        }
    }
    return true;
}();

// All files in one test: each test is a process of its own, and to start a server takes longer than a scenario.
class ScenariosOnPostgres : public ::testing::TestWithParam<std::size_t> {};

TEST_P(ScenariosOnPostgres, PlayAsEverywhere) {
    if (const auto why = PostgresServer::missing()) {
        GTEST_SKIP() << *why;
    }
    for (const auto& file : scenario_files()) {
        const auto failure = run(read_scenario(file), *on_postgres(GetParam()));
        EXPECT_FALSE(failure.has_value()) << *failure;
    }
}

INSTANTIATE_TEST_SUITE_P(Nodes, ScenariosOnPostgres, ::testing::Values(1, 3),
                         [](const auto& tested) { return std::to_string(tested.param); });

TEST(ScenarioFiles, AreManyAndShort) {
    EXPECT_GE(scenario_files().size(), 25);
    for (const auto& file : scenario_files()) {
        EXPECT_LT(read_scenario(file).steps.size(), 60) << file;
    }
}

}  // namespace
}  // namespace holdfast::testing
