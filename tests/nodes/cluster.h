// Three nodes of the real program over one PostgreSQL, each with a network of its own on its way there. Belongs to
// the thread that made it, with which all of it ends.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "cli/server_process.h"
#include "testing/postgres_server.h"
#include "testing/recorder.h"
#include "testing/scratch_directory.h"
#include "testing/tcp_proxy.h"

namespace holdfast::testing {

class Cluster {
public:
    static constexpr std::size_t size = 3;
    static constexpr std::uint32_t partitions = 8;

    // In a schema of its own. With affinity a node passes commands on to the one that serves their partition.
    Cluster(PostgresServer& database, bool affinity);

    [[nodiscard]] cli::ServerProcess& node(std::size_t i) { return *nodes_.at(i); }
    [[nodiscard]] TcpProxy& network(std::size_t i) { return *networks_.at(i); }
    [[nodiscard]] std::vector<std::string> urls() const;
    // What the nodes have said on their error streams.
    [[nodiscard]] std::string logs() const;
    // For psql, so to say: a question to that server, in the schema of the nodes.
    [[nodiscard]] std::string ask(const PostgresServer& database, const std::string& sql) const;
    [[nodiscard]] std::string url(std::uint16_t port) const;

    // From now on the nodes find that server where they found the one before.
    void move_to(const PostgresServer& database);

private:
    ScratchDirectory scratch_;
    std::string schema_;
    std::array<std::unique_ptr<TcpProxy>, size> networks_;
    std::array<std::unique_ptr<cli::ServerProcess>, size> nodes_;
};

// Longer than anything takes that goes well.
inline constexpr std::chrono::seconds shopper_patience{1};

// The way to a node for one thread. A request that takes longer than that throws, as one does whose connection broke.
Shop shop_at(const std::string& url, std::chrono::seconds patience = shopper_patience);

}  // namespace holdfast::testing
