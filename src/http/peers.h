// The other nodes that serve the same store, as the server sees them: where a command is best sent, so that nodes
// seldom get in each other's way. A node that does everything itself is as right, and slower. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <holdfast/service.h>

namespace holdfast::http {

class Peers {
public:
    Peers() = default;
    Peers(const Peers&) = delete;
    Peers& operator=(const Peers&) = delete;
    virtual ~Peers() = default;

    // The node to send a command to; nothing: this one.
    [[nodiscard]] virtual std::optional<std::uint16_t> home(const Command& command) const = 0;
    // Commands that do not depend on each other. `done` has an outcome for each, and is called once, whatever
    // becomes of the node.
    virtual void send(std::uint16_t node, std::vector<Submission> submissions,
                      std::move_only_function<void(std::vector<Outcome<Answer>>)> done) = 0;
};

}  // namespace holdfast::http
