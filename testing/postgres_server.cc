#include "testing/postgres_server.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <holdfast/assert.h>

namespace holdfast::testing {

namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr std::chrono::seconds patience{60};

// The programs of the newest version; empty when there is none.
fs::path programs() {
    fs::path newest;
    int version = 0;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", none)) {
        const int found = std::atoi(entry.path().filename().c_str());
        if (found > version && fs::exists(entry.path() / "bin" / "postgres")) {
            version = found;
            newest = entry.path() / "bin";
        }
    }
    return newest;
}

// PostgreSQL refuses to be run by root: then it is run by this user.
const passwd* other_user() {
    if (::geteuid() != 0) {
        return nullptr;
    }
    const passwd* user = ::getpwnam("postgres");
    return user != nullptr ? user : ::getpwnam("nobody");
}

void own(const fs::path& path) {
    if (const passwd* user = other_user()) {
        HF_ASSERT(::chown(path.c_str(), user->pw_uid, user->pw_gid) == 0);
    }
}

// Starts a program as the user who may run a server; it is ended with this thread.
pid_t spawn(const std::vector<std::string>& arguments, const fs::path& log) {
    std::vector<char*> words;
    words.reserve(arguments.size() + 1);
    for (const std::string& argument : arguments) {
        words.push_back(const_cast<char*>(argument.c_str()));
    }
    words.push_back(nullptr);
    const passwd* user = other_user();
    const uid_t uid = user != nullptr ? user->pw_uid : ::geteuid();
    const gid_t gid = user != nullptr ? user->pw_gid : ::getegid();
    const pid_t child = ::fork();
    HF_ASSERT(child >= 0);
    if (child > 0) {
        return child;
    }
    // In the child: only what is safe between fork and exec.
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (out < 0 || ::dup2(out, 1) < 0 || ::dup2(out, 2) < 0) {
        ::_exit(126);
    }
    if (user != nullptr &&
        (::setgroups(0, nullptr) != 0 || ::setgid(gid) != 0 || ::setuid(uid) != 0)) {
        ::_exit(126);
    }
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);  // after setuid, which forgets it
    // Connections of this process would stay open in the server when they are closed here.
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    ::chdir("/") == 0 ? ::execv(words[0], words.data()) : 0;
    ::_exit(127);
}

void run(const std::vector<std::string>& arguments, const fs::path& log) {
    int status = 0;
    const pid_t child = spawn(arguments, log);
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        std::ifstream said(log);
        throw std::runtime_error(fmt::format(
            "{} failed: {}", arguments[0], std::string(std::istreambuf_iterator<char>(said), {})));
    }
}

fs::path make_cluster(const fs::path& directory) {
    own(directory);
    const fs::path made = directory / "data";
    run({programs() / "initdb", "--no-sync", "--auth=trust", "--username=postgres",
         "--encoding=UTF8", "--locale=C", "--pgdata=" + made.string()},
        directory / "log");
    return made;
}

// A new cluster takes initdb a second: once per process, then it is copied.
const fs::path& fresh_cluster() {
    static const ScratchDirectory directory;
    static const fs::path cluster = make_cluster(directory.path());
    return cluster;
}

void copy_cluster(const fs::path& from, const fs::path& to) {
    fs::copy(from, to, fs::copy_options::recursive);
    own(to);
    for (const auto& entry : fs::recursive_directory_iterator(to)) {
        own(entry.path());
    }
    fs::permissions(to, fs::perms::owner_all);
}

bool alive(pid_t process) {
    // A zombie that nobody has waited for yet no longer has anything open.
    std::ifstream status(fmt::format("/proc/{}/stat", process));
    std::string text;
    std::getline(status, text);
    const std::size_t name_end = text.rfind(')');
    return name_end != std::string::npos && text.size() > name_end + 2 && text[name_end + 2] != 'Z';
}

// The world tells nobody when these come true: looks again and again.
template <class Condition>
bool comes_true(Condition condition) {
    const auto deadline = steady_clock::now() + patience;
    while (!condition()) {
        if (steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));  // between two looks
    }
    return true;
}

}  // namespace

std::optional<std::string> PostgresServer::missing() {
    if (programs().empty()) {
        return "there is no PostgreSQL in /usr/lib/postgresql: scripts/install-deps.sh installs it";
    }
    if (::geteuid() == 0 && other_user() == nullptr) {
        return "PostgreSQL refuses to be run by root, and there is no user postgres or nobody";
    }
    return std::nullopt;
}

PostgresServer& PostgresServer::shared(Flush flush) {
    if (flush == Flush::never) {
        static PostgresServer server(Flush::never);
        return server;
    }
    static PostgresServer server;
    return server;
}

std::string PostgresServer::url_of_new_schema() {
    return fmt::format("{}{}&schema=test_{}", url(), accepted(), ++schemas_);
}

std::string PostgresServer::accepted() const {
    return flush_ == Flush::never ? "&accept_risk=fsync" : "";
}

PostgresServer::PostgresServer(Flush flush) : PostgresServer(fresh_cluster(), flush) {}

std::unique_ptr<PostgresServer> PostgresServer::of_another_cluster(Flush flush) {
    const ScratchDirectory directory;
    return std::unique_ptr<PostgresServer>(
        new PostgresServer(make_cluster(directory.path()), flush));
}

PostgresServer::PostgresServer(const std::string& cluster, Flush flush) : flush_(flush) {
    own(directory_.path());
    copy_cluster(cluster, data());
    choose_port();
    start();
}

PostgresServer::PostgresServer(const StandbyOf& standby) : flush_(standby.primary.flush_) {
    own(directory_.path());
    run({programs() / "pg_basebackup", "--pgdata=" + data(), "--wal-method=stream",
         "--checkpoint=fast", "--write-recovery-conf", "--no-sync",
         fmt::format("--dbname=host={} port={} user=postgres application_name={}",
                     standby.primary.directory_.path().string(), standby.primary.port_,
                     standby.name)},
        directory_.path() / "log");
    choose_port();
    start();
}

PostgresServer::~PostgresServer() {
    if (process_ != 0) {
        kill9();
    }
}

void PostgresServer::choose_port() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof address;
    HF_ASSERT(::bind(listener, reinterpret_cast<sockaddr*>(&address), bytes) == 0);
    HF_ASSERT(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &bytes) == 0);
    ::close(listener);
    port_ = ntohs(address.sin_port);
}

std::string PostgresServer::url(std::string_view database) const {
    return fmt::format("postgres://postgres@/{}?host={}&port={}", database,
                       directory_.path().string(), port_);
}

std::string PostgresServer::url_with(const PostgresServer& standby) const {
    return fmt::format("postgres://postgres@/postgres?host={},{}&port={},{}{}",
                       directory_.path().string(), standby.directory_.path().string(), port_,
                       standby.port_, accepted());
}

std::string PostgresServer::tcp_url(std::string_view database) const {
    return fmt::format("postgres://postgres@127.0.0.1:{}/{}", port_, database);
}

std::string PostgresServer::log() const {
    std::ifstream file(directory_.path() / "log");
    return {std::istreambuf_iterator<char>(file), {}};
}

void PostgresServer::start() {
    HF_ASSERT(process_ == 0);
    const auto option = [](std::string_view name, std::string_view value) {
        return fmt::format("--{}={}", name, value);
    };
    process_ = spawn(
        {programs() / "postgres", "-D", data(), option("port", std::to_string(port_)),
         option("listen_addresses", "127.0.0.1"),
         option("unix_socket_directories", directory_.path().string()),
         option("fsync", flush_ == Flush::durable ? "on" : "off"), option("wal_level", "replica"),
         option("hot_standby", "on"), option("recovery_init_sync_method", "syncfs"),
         option("max_wal_size", "2GB"), option("shared_buffers", "256MB"),
         option("log_min_messages", "log"), option("log_min_error_statement", "panic")},
        directory_.path() / "log");
    wait_until_ready();
}

void PostgresServer::wait_until_ready() {
    const std::string at = url();
    const bool ready = comes_true([&] {
        if (::waitpid(process_, nullptr, WNOHANG) != 0) {
            process_ = 0;
            return true;
        }
        return PQping(at.c_str()) == PQPING_OK;
    });
    if (!ready || process_ == 0) {
        throw std::runtime_error("PostgreSQL does not start: " + log());
    }
}

void PostgresServer::stop(bool fast) {
    HF_ASSERT(process_ != 0);
    ::kill(process_, fast ? SIGINT : SIGTERM);
    HF_ASSERT(::waitpid(process_, nullptr, 0) == process_);
    process_ = 0;
}

void PostgresServer::kill9() {
    HF_ASSERT(process_ != 0);
    std::vector<pid_t> all;
    std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", process_));
    for (pid_t child = 0; children >> child;) {
        all.push_back(child);
    }
    ::kill(process_, SIGKILL);
    HF_ASSERT(::waitpid(process_, nullptr, 0) == process_);
    process_ = 0;
    for (const pid_t child : all) {
        ::kill(child, SIGKILL);
    }
    HF_ASSERT(comes_true([&] { return std::ranges::none_of(all, alive); }));
}

void PostgresServer::restart() {
    if (process_ != 0) {
        stop();
    }
    start();
}

std::string PostgresServer::ask(const std::string& sql) const {
    return PostgresSession(url()).ask(sql);
}

void PostgresServer::wait_until(const std::string& question) const {
    const PostgresSession session(url());
    if (!comes_true([&] { return session.ask(question) == "t"; })) {
        throw std::runtime_error("this does not come true: " + question);
    }
}

void PostgresServer::set(const std::string& name, const std::string& value) {
    alter_system(fmt::format("SET {} = '{}'", name, value));
}

void PostgresServer::reset(const std::string& name) {
    alter_system("RESET " + name);
}

void PostgresServer::alter_system(const std::string& what) {
    const std::string before = ask("SELECT clock_timestamp()");
    ask("ALTER SYSTEM " + what);
    ask("SELECT pg_reload_conf()");
    HF_ASSERT(comes_true(
        [&] { return ask(fmt::format("SELECT pg_conf_load_time() > '{}'", before)) == "t"; }));
}

std::unique_ptr<PostgresServer> PostgresServer::add_standby(const std::string& name) {
    std::unique_ptr<PostgresServer> standby(new PostgresServer(StandbyOf{*this, name}));
    set("synchronous_standby_names", name);
    wait_until("SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'");
    return standby;
}

void PostgresServer::promote() {
    // A command that waits for it would stand in the way of what is still to be replayed.
    ask("SELECT pg_promote(false)");
    wait_until("SELECT NOT pg_is_in_recovery()");
    reset("synchronous_standby_names");  // it has none
}

PostgresSession::PostgresSession(const std::string& url) : connection_(PQconnectdb(url.c_str())) {}

PostgresSession::~PostgresSession() {
    PQfinish(connection_);
}

std::string PostgresSession::ask(const std::string& sql) const {
    const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(connection_, sql.c_str()),
                                                                &PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        throw std::runtime_error(sql + ": " + PQerrorMessage(connection_));
    }
    return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

}  // namespace holdfast::testing
