// A shop with holds of all fates, the places between which it moves, and what they keep. Tests only.
#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <holdfast/service.h>
#include "service/migrate.h"
#include "testing/postgres_server.h"
#include "testing/scratch_directory.h"

namespace holdfast::testing {

// Of a shop that is new.
inline constexpr std::uint32_t partitions = 3;

// Two places for one shop.
struct Places {
    ScratchDirectory scratch;
    // Where the shop is, and where it goes.
    std::string directory = scratch.path() / "data";
    std::string database = PostgresServer::shared().url_of_new_schema();

    [[nodiscard]] std::string other(const std::string& name) const { return scratch.path() / name; }
};

// Made when nothing is there, with `partitions`.
std::unique_ptr<Service> open_place(const std::string& place,
                                    std::shared_ptr<const Clock> clock = nullptr);
std::unique_ptr<store::MovableStore> open_to_move(const std::string& place);
bool empty(const std::string& place);

// All that a store keeps, byte for byte.
std::string everything_in(const std::string& place);

// What an attempt threw; empty when nothing.
template <class Attempt>
std::string refusal(Attempt attempt) {
    try {
        attempt();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "";
}

class MigrationTest : public ::testing::Test {
protected:
    void SetUp() override;

    static service::MigrationReport move(const std::string& from, const std::string& to,
                                         const service::MigrationOptions& options = {});
    static Result<HoldAnswer> place(Service& service, const std::string& cart,
                                    const std::string& key = "");
    static void stock(Service& service);
    static Result<HoldAnswer> read(Service& service, HoldId id);
    // A shop with holds of all fates.
    static void open_shop(const std::string& at);
    // Opens a shop in a database, which two nodes serve, and moves it while they sell: nothing is lost.
    static void sell_while_it_moves(const std::string& from, const std::string& to,
                                    const service::MigrationOptions& options);

    std::unique_ptr<Places> places_;
};

}  // namespace holdfast::testing
