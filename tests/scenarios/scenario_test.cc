// Plays every tests/scenarios/*.scenario on every target.
#include "testing/scenario.h"

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "testing/core_target.h"
#include "testing/memory_store.h"
#include "testing/model.h"
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
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator("tests/scenarios")) {
        if (entry.path().extension() == ".scenario") {
            files.push_back(entry.path());
        }
    }
    std::ranges::sort(files);
    for (const TargetKind& kind : kinds) {
        for (const auto& file : files) {
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

TEST(ScenarioFiles, AreManyAndShort) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("tests/scenarios")) {
        if (entry.path().extension() == ".scenario") {
            ++count;
            EXPECT_LT(read_scenario(entry.path()).steps.size(), 60) << entry.path();
        }
    }
    EXPECT_GE(count, 25);
}

}  // namespace
}  // namespace holdfast::testing
