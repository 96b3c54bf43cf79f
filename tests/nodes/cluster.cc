#include "tests/nodes/cluster.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include <holdfast/limits.h>
#include "cli/connection.h"

namespace holdfast::testing {

Cluster::Cluster(PostgresServer& database, bool affinity) {
    const std::string own = database.url_of_new_schema();
    schema_ = own.substr(own.rfind('=') + 1);
    const char* const program = std::getenv("HOLDFAST_BINARY");
    for (std::size_t i = 0; i < size; ++i) {
        networks_.at(i) = std::make_unique<TcpProxy>(database.port());
        std::vector<std::string> arguments = {"--store", url(network(i).port()), "--partitions",
                                              std::to_string(partitions)};
        if (!affinity) {
            arguments.emplace_back("--no-affinity");
        }
        nodes_.at(i) = std::make_unique<cli::ServerProcess>(
            program != nullptr ? program : "build/release/holdfast", std::move(arguments),
            scratch_.path() / fmt::format("log-{}", i));
    }
}

std::string Cluster::url(std::uint16_t port) const {
    return fmt::format("postgres://postgres@127.0.0.1:{}/postgres?schema={}", port, schema_);
}

std::vector<std::string> Cluster::urls() const {
    std::vector<std::string> urls;
    urls.reserve(size);
    for (const auto& node : nodes_) {
        urls.push_back(node->url());
    }
    return urls;
}

std::string Cluster::logs() const {
    std::stringstream all;
    for (std::size_t i = 0; i < size; ++i) {
        all << "node " << i << ":\n"
            << std::ifstream(scratch_.path() / fmt::format("log-{}", i)).rdbuf();
        all.clear();  // of what an empty log makes of it
    }
    return all.str();
}

std::string Cluster::ask(const PostgresServer& database, const std::string& sql) const {
    const PostgresSession session(database.url());
    session.ask("SET search_path = " + schema_);
    return session.ask(sql);
}

void Cluster::move_to(const PostgresServer& database) {
    for (const auto& network : networks_) {
        network->set_target(database.port());
        network->cut();
    }
}

Shop shop_at(const std::string& url, std::chrono::seconds patience) {
    const std::shared_ptr<cli::Connection> connection =
        cli::connect_http({.url = url, .timeout = patience});
    return {.node = url,
            .submit =
                [connection](Submission submission) {
                    return connection->submit_any(std::move(submission));
                },
            .hold = [connection](HoldId id) { return connection->hold(id); },
            .stock = [connection](const std::string& sku) { return connection->stock(sku); },
            .events =
                [connection](const std::string& after) {
                    return connection->events(after, limits::page_max);
                }};
}

}  // namespace holdfast::testing
