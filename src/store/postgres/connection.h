// One session with a PostgreSQL server: libpq behind values and exceptions. Knows nothing of what the
// store keeps. One thread at a time. No message holds a password.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <libpq-fe.h>

#include <holdfast/store_error.h>
#include "store/postgres/columns.h"

namespace holdfast::store::postgres {

// Where the database is, taken from a URL.
struct Address {
    std::map<std::string, std::string> parameters;  // libpq's
    std::string schema;
    std::set<std::string, std::less<>> accepted_risks;  // by name: see Primary
    std::string shown;  // for messages: "127.0.0.1:5432/shop, schema holdfast"
};
// Throws StoreError.
Address parse_url(std::string_view url);
// One for each of the hosts that it names.
std::vector<Address> servers_of(const Address& address);
// An identifier, quoted.
std::string quoted(std::string_view name);

// What a statement came to, when it was not well.
struct Failure {
    std::string state;       // SQLSTATE; empty when the connection was lost
    std::string constraint;  // whose check refused it
    std::string text;        // for people
    bool lost = false;       // the connection is: nobody knows how far the server came
};

class DatabaseError : public StoreUnreachable {
public:
    explicit DatabaseError(Failure failure)
        : StoreUnreachable(failure.text), failure_(std::move(failure)) {}
    [[nodiscard]] const Failure& failure() const { return failure_; }

private:
    Failure failure_;
};

// Prepared once in each session. Its text lives as long as any connection.
struct Statement {
    std::string name;
    std::string sql;
};

struct Command {
    const Statement* statement = nullptr;
    Parameters parameters;
};

class Result {
public:
    explicit Result(PGresult* result) : result_(result, &PQclear) {}
    [[nodiscard]] int rows() const { return PQntuples(result_.get()); }
    [[nodiscard]] Fields row(int row) const { return {result_.get(), row}; }
    [[nodiscard]] const PGresult* get() const { return result_.get(); }

private:
    std::unique_ptr<PGresult, void (*)(PGresult*)> result_;
};

class Connection {
public:
    // Throws DatabaseError, as query() and run() do.
    explicit Connection(const Address& address);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Commands without parameters, one or several.
    void run(const std::string& sql);
    Result query(const Statement& statement, const Parameters& parameters);

    // Sends all of them at once and waits for all: one way to the server and back. Nothing when each went
    // well; else what became of the first that did not, and none after it was carried out. `results` gets
    // what each came to.
    std::optional<Failure> pipeline(const std::vector<Command>& commands,
                                    std::vector<Result>* results = nullptr);
    // In the same way; what each came to.
    std::vector<Result> query(const std::vector<Command>& commands);
    // What the server warned of since it was last asked: with a commit, that it may not be durable.
    std::string take_warning() { return std::exchange(warning_, {}); }

    // Whether the server is known to have gone. Looks at what has arrived, without waiting.
    [[nodiscard]] bool lost();

    // Which of its cluster's histories the server writes: for who looked.
    void set_timeline(std::int64_t timeline) { timeline_ = timeline; }
    [[nodiscard]] std::int64_t timeline() const { return timeline_; }

private:
    static void note(void* connection, const PGresult* notice);
    void prepare(const Statement& statement);
    [[nodiscard]] Failure failure_of(const PGresult* result) const;
    void check(const PGresult* result) const;
    [[nodiscard]] bool send(const Statement& statement, const Parameters& with);

    std::string where_;
    std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
    std::set<const Statement*> prepared_;
    std::string warning_;
    std::int64_t timeline_ = 0;
};

}  // namespace holdfast::store::postgres
