// How to open Holdfast inside a program.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <holdfast/clock.h>

namespace holdfast {

// How an append takes the partitions that other nodes may append to as well.
enum class Concurrency : std::uint8_t {
    automatic,    // as optimistic, but locked while there are conflicts
    optimistic,   // by their versions alone
    pessimistic,  // locked before their versions are looked at
};

struct Options {
    // Directory of the embedded store; made when it is not there.
    std::filesystem::path data;
    // A database that several nodes may share, instead of the directory:
    // postgres://user@host/database?schema=holdfast. Its tables are made when they are not there.
    std::string store;
    // How many partitions a new store gets, 1 to partitions_max. Default: 1 for a directory, 16 for a database.
    // An existing store keeps what it has.
    std::optional<std::uint32_t> partitions;
    // Only for a database.
    Concurrency concurrency = Concurrency::automatic;
    // Opens a store that has lost acknowledged changes, or whose log is damaged, with what is left.
    bool accept_loss = false;
    // The system's clock when empty.
    std::shared_ptr<const Clock> clock;
};

}  // namespace holdfast
