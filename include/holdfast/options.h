// How to open Holdfast inside a program.
#pragma once

#include <filesystem>
#include <memory>

#include <holdfast/clock.h>

namespace holdfast {

struct Options {
    // Directory of the embedded store; made when it is not there.
    std::filesystem::path data;
    // How many partitions a new store gets. An existing store keeps what it has. 1 to partitions_max.
    std::uint32_t partitions = 1;
    // Opens a store that has lost acknowledged changes, or whose log is damaged, with what is left.
    bool accept_loss = false;
    // The system's clock when empty.
    std::shared_ptr<const Clock> clock;
};

}  // namespace holdfast
