// A real PostgreSQL in a throwaway directory, for tests: the newest of Debian's under /usr/lib/postgresql.
// It listens on a socket in that directory and on a free port of 127.0.0.1, lets everybody in, and ends with
// the thread that started it, however that ends. One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <libpq-fe.h>
#include <sys/types.h>

#include "testing/scratch_directory.h"

namespace holdfast::testing {

class PostgresServer {
public:
    enum class Flush : std::uint8_t { durable, never };

    // Makes a server and starts it. Throws std::runtime_error with what its log says.
    explicit PostgresServer(Flush flush = Flush::durable);
    // Another cluster: without this, all servers of a process are copies of one, and share its identifier.
    static std::unique_ptr<PostgresServer> of_another_cluster(Flush flush = Flush::durable);
    ~PostgresServer();
    PostgresServer(const PostgresServer&) = delete;
    PostgresServer& operator=(const PostgresServer&) = delete;

    // Why no server can be had here; nothing when one can.
    static std::optional<std::string> missing();
    // One for all tests of this process, made when the first asks. Who stops it starts it again. Never flushed: for
    // tests that are not about what survives.
    static PostgresServer& shared(Flush flush = Flush::durable);
    // For a store of its own in this server: the URL names a schema that is not there yet, and accepts that
    // this server may never flush.
    [[nodiscard]] std::string url_of_new_schema();

    // postgres://..., by the socket or, for proxies, by the port.
    [[nodiscard]] std::string url(std::string_view database = "postgres") const;
    [[nodiscard]] std::string tcp_url(std::string_view database = "postgres") const;
    // By either of their sockets, whichever of the two is the primary.
    [[nodiscard]] std::string url_with(const PostgresServer& standby) const;
    [[nodiscard]] std::uint16_t port() const { return port_; }

    void start();
    // Ends every connection, writes a checkpoint. Not fast: waits until the clients have left.
    void stop(bool fast = true);
    // All of its processes, without a word.
    void kill9();
    void restart();

    // Runs a command in a session of its own and returns the first value that it gave, empty when none.
    // Throws std::runtime_error.
    std::string ask(const std::string& sql) const;
    // Waits until a question is answered with true.
    void wait_until(const std::string& question) const;
    // A setting of the whole server, in force for new sessions when it returns.
    void set(const std::string& name, const std::string& value);
    void reset(const std::string& name);

    // A standby that follows this server, which from now on waits for it with every commit.
    std::unique_ptr<PostgresServer> add_standby(const std::string& name);
    // Makes a standby a primary.
    void promote();

private:
    struct StandbyOf {
        const PostgresServer& primary;
        std::string name;
    };
    explicit PostgresServer(const StandbyOf& standby);
    PostgresServer(const std::string& cluster, Flush flush);

    void choose_port();
    // What a store in this server has to accept.
    [[nodiscard]] std::string accepted() const;
    void alter_system(const std::string& what);
    [[nodiscard]] std::string data() const { return directory_.path() / "data"; }
    [[nodiscard]] std::string log() const;
    void wait_until_ready();

    ScratchDirectory directory_;
    Flush flush_ = Flush::durable;
    std::uint16_t port_ = 0;
    pid_t process_ = 0;
    int schemas_ = 0;
};

// A session that stays, for what takes several commands. Throws std::runtime_error.
class PostgresSession {
public:
    explicit PostgresSession(const std::string& url);
    ~PostgresSession();
    PostgresSession(const PostgresSession&) = delete;
    PostgresSession& operator=(const PostgresSession&) = delete;

    // The first value, empty when none.
    std::string ask(const std::string& sql) const;

private:
    PGconn* connection_;
};

}  // namespace holdfast::testing
