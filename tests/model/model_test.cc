// Random days of a shop, told to the core and to a naive model that shares no code with it: both give the same answers,
// counters and holds after every step.
#include "testing/model.h"

#include <gtest/gtest.h>

#include "testing/core_target.h"
#include "testing/memory_store.h"
#include "testing/postgres_server.h"
#include "testing/random_script.h"
#include "testing/scratch_directory.h"
#include "testing/service_target.h"

namespace holdfast::testing {
namespace {

TEST(Model, AgreesWithTheCore) {
    check_scripts("core", 5'000, [](const Script& script) {
        Model model;
        CoreTarget core;
        return compare(script, model, core);
    });
}

TEST(Model, AgreesWithTheCoreOverFourPartitions) {
    check_scripts("core, 4 partitions", 1'000, [](const Script& script) {
        Model model;
        CoreTarget core(4);
        return compare(script, model, core);
    });
}

// Nobody may notice that a lapsed hold has not been ended yet. (With several locations it may show in the choice
// between two that both have enough, and in when somebody gets what he waits for: the sequencer always looks
// for lapsed holds before it decides anything.)
TEST(Model, AgreesWithTheCoreThatExpiresLazily) {
    check_scripts("core, lazy expiry", 2'000, [](Script script) {
        std::erase_if(script, [](const std::string& step) {
            return step.contains("berlin") || step.contains("order") || step.contains("waitlist");
        });
        Model model;
        CoreTarget core(1, Expiry::lazy);
        return compare(script, model, core, Compare::answers);
    });
}

std::optional<std::string> compare_with_service(const Script& script, std::uint32_t partitions,
                                                Restarts restarts) {
    Model model;
    ServiceTarget service(on_memory_store(std::make_shared<MemoryStore>(partitions)), restarts);
    const auto what = restarts == Restarts::never ? Compare::everything : Compare::all_but_alerts;
    if (auto differs = compare(script, model, service, what)) {
        return differs;
    }
    for (const AuditDifference& difference : service.service().audit().differences) {
        return "audit: " + difference.what + ": kept " + difference.kept + ", events " +
               difference.events;
    }
    return std::nullopt;
}

TEST(Model, AgreesWithTheService) {
    check_scripts("service", 300, [](const Script& script) {
        return compare_with_service(script, 1, Restarts::never);
    });
}

TEST(Model, AgreesWithTheServiceOverFourPartitions) {
    check_scripts("service, 4 partitions", 300, [](const Script& script) {
        return compare_with_service(script, 4, Restarts::never);
    });
}

TEST(Model, AgreesWithAServiceThatRestartsBeforeEveryStep) {
    check_scripts("service, restarting", 50, [](const Script& script) {
        return compare_with_service(script, 2, Restarts::before_every_step);
    });
}

// Alerts are beside the point, and each node learns by itself what is usual.
TEST(Model, AgreesWithThreeNodesThatAreAskedInTurn) {
    check_scripts("three nodes", 300, [](const Script& script) {
        Model model;
        ServiceTarget nodes(on_shared_memory_store(std::make_shared<MemoryStore>(4)),
                            Restarts::never, 3);
        return compare(script, model, nodes, Compare::all_but_alerts);
    });
}

// Three processes would do the same, more slowly: they share nothing but the database.
TEST(Model, AgreesWithThreeNodesOnPostgres) {
    if (const auto why = PostgresServer::missing()) {
        GTEST_SKIP() << *why;
    }
    auto& server = PostgresServer::shared(PostgresServer::Flush::never);
    check_scripts("three nodes on PostgreSQL", 20, [&](const Script& script) {
        const std::string url = server.url_of_new_schema();
        Model model;
        ServiceTarget nodes(
            [&](std::shared_ptr<const Clock> clock) {
                return holdfast::open({.store = url, .partitions = 4, .clock = std::move(clock)});
            },
            script.size() < 20 ? Restarts::before_every_step : Restarts::never, 3);
        return compare(script, model, nodes, Compare::all_but_alerts);
    });
}

TEST(Model, AgreesWithTheServiceOnRocksDb) {
    check_scripts("service on RocksDB, restarting", 15, [](const Script& script) {
        ScratchDirectory directory;
        Model model;
        ServiceTarget service(
            [&](std::shared_ptr<const Clock> clock) {
                return holdfast::open(
                    {.data = directory.path() / "data", .clock = std::move(clock)});
            },
            script.size() < 20 ? Restarts::before_every_step : Restarts::never);
        return compare(script, model, service, Compare::all_but_alerts);
    });
}

// What is printed when the model and the core differ is a scenario like those in tests/scenarios.
TEST(Model, WhatItSaysCanBeSavedAndReplayed) {
    check_scripts("replay", 300, [](const Script& script) {
        Model model;
        CoreTarget core;
        return run(parse_scenario("printed.scenario", as_scenario(script, model)), core);
    });
}

}  // namespace
}  // namespace holdfast::testing
