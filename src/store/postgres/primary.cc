#include "store/postgres/primary.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "telemetry/log.h"

namespace holdfast::store::postgres {

namespace {

// What may be accepted by name.
constexpr std::string_view unread_settings = "unread_settings";
constexpr std::string_view standby_names = "synchronous_standby_names";
constexpr std::array<std::string_view, 6> risks = {"fsync",           "full_page_writes",
                                                   "data_sync_retry", "synchronous_commit",
                                                   standby_names,     unread_settings};

// Null for what a server does not have. The session keeps the synchronous_commit that was looked at, however
// the server's is changed later. Not standbys: a backup that is on its way, and readers of a logical slot.
const Statement look_at_server{"look_at_server", R"sql(
SELECT pg_is_in_recovery(),
    (SELECT system_identifier FROM pg_control_system()),
    CASE WHEN pg_is_in_recovery() THEN 0
        ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint END,
    (SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')),
    (SELECT count(*) FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup' AND pid NOT IN
        (SELECT active_pid FROM pg_replication_slots
         WHERE slot_type = 'logical' AND active_pid IS NOT NULL)),
    pg_has_role('pg_read_all_stats', 'USAGE'),
    quote_ident(session_user), quote_ident(current_database()),
    coalesce(current_setting('fsync', true), ''),
    coalesce(current_setting('full_page_writes', true), ''),
    coalesce(current_setting('data_sync_retry', true), ''),
    coalesce(set_config('synchronous_commit', current_setting('synchronous_commit'), false), ''),
    coalesce(current_setting('synchronous_standby_names', true), ''))sql"};

constexpr std::string_view reload = "SELECT pg_reload_conf()";

std::string breach(std::string_view what, std::string_view remedy, std::string_view risk) {
    return fmt::format("{}. Remedy: {}; or accept the risk by name, with accept_risk={} in the URL",
                       what, remedy, risk);
}

}  // namespace

struct Primary::Found {
    bool read = true;  // whether it lets itself be looked at
    std::string why_not_read;
    bool in_recovery = false;
    std::int64_t system = 0;
    std::int64_t timeline = 0;
    std::int64_t synchronous_standbys = 0;
    std::int64_t standbys = 0;
    bool may_see_standbys = false;
    std::string user;
    std::string database;
    std::string fsync;
    std::string full_page_writes;
    std::string data_sync_retry;
    std::string synchronous_commit;
    std::string synchronous_standby_names;
};

Primary::Primary(const Address& address, Log log)
    : accepted_(address.accepted_risks), servers_(servers_of(address)), log_(log) {
    for (const std::string& risk : accepted_) {
        if (std::ranges::find(risks, risk) == risks.end()) {
            throw StoreError(fmt::format("accept_risk={} in the URL of the store names no risk: {}",
                                         risk, fmt::join(risks, ", ")));
        }
    }
}

std::unique_ptr<Connection> Primary::connect() {
    std::string why;
    for (const Address& server : servers_) {
        try {
            return connect_to(server);
        } catch (const DatabaseError& error) {
            why += why.empty() ? error.what() : fmt::format(". And: {}", error.what());
        }
    }
    throw DatabaseError({.text = why, .lost = true});
}

std::unique_ptr<Connection> Primary::connect_to(const Address& server) {
    auto connection = std::make_unique<Connection>(server);
    const Found found = look(*connection);
    if (found.in_recovery) {
        throw DatabaseError({.text = fmt::format("PostgreSQL at {} is a standby, and nothing is "
                                                 "decided there: name the primary in the URL too",
                                                 server.shown)});
    }
    // Before its settings: those of a server that has a successor are of no interest.
    const bool took_over = recognise(found, server);
    if (const auto wrong = breaches(found); !wrong.empty()) {
        throw DatabaseError(
            {.text = fmt::format("PostgreSQL at {} would break what is promised: {}", server.shown,
                                 fmt::join(wrong, "; "))});
    }
    if (took_over) {
        history_.check(*connection, server.shown);
    }
    connection->set_timeline(found.timeline);
    std::string promise = promise_of(found);
    const std::lock_guard lock(mutex_);
    checked_ = std::max(checked_, found.timeline);
    if (promise_ != promise && log_ == Log::changes) {
        const std::string line = fmt::format("PostgreSQL at {}: {}", server.shown, promise);
        promise.starts_with("class A") ? telemetry::log_info(line) : telemetry::log_warning(line);
    }
    promise_ = std::move(promise);
    return connection;
}

bool Primary::gone(Connection& connection) const {
    {
        const std::lock_guard lock(mutex_);
        if (connection.timeline() < timeline_) {
            return true;
        }
    }
    return connection.lost();
}

std::string Primary::promise() const {
    const std::lock_guard lock(mutex_);
    return promise_;
}

Primary::Found Primary::look(Connection& connection) const {
    Found found;
    try {
        const Result result = connection.query(look_at_server, {});
        Fields row = result.row(0);
        found.in_recovery = row.boolean();
        found.system = row.bigint();
        found.timeline = row.bigint();
        found.synchronous_standbys = row.bigint();
        found.standbys = row.bigint();
        found.may_see_standbys = row.boolean();
        found.user = row.text();
        found.database = row.text();
        found.fsync = row.text();
        found.full_page_writes = row.text();
        found.data_sync_retry = row.text();
        found.synchronous_commit = row.text();
        found.synchronous_standby_names = row.text();
    } catch (const DatabaseError& error) {
        // Another make of server has none of this, or this user may not see it.
        const std::string& state = error.failure().state;
        if (!state.starts_with("42") && state != "0A000") {
            throw;
        }
        found.read = false;
        found.why_not_read = error.what();
    }
    return found;
}

std::vector<std::string> Primary::breaches(const Found& found) const {
    std::vector<std::string> wrong;
    const auto check = [&](bool good, std::string_view risk, const std::string& what,
                           const std::string& remedy) {
        if (!good && !accepts(risk)) {
            wrong.push_back(breach(what, remedy, risk));
        }
    };
    check(found.read, unread_settings,
          fmt::format("its settings cannot be read ({})", found.why_not_read),
          "let this user execute pg_control_system, pg_walfile_name and pg_current_wal_lsn");
    if (!found.read) {
        return wrong;
    }
    check(found.fsync != "off", "fsync",
          "fsync is off: a crash of its machine may lose what was acknowledged, or all",
          fmt::format("ALTER SYSTEM SET fsync = on; {}", reload));
    check(found.full_page_writes != "off", "full_page_writes",
          "full_page_writes is off: a crash of its machine may tear pages",
          fmt::format("ALTER SYSTEM SET full_page_writes = on; {}", reload));
    check(found.data_sync_retry != "on", "data_sync_retry",
          "data_sync_retry is on: a write that the disk refused may pass for written",
          "ALTER SYSTEM SET data_sync_retry = off, and start it again");
    const bool waits = found.synchronous_commit == "on" ||
                       found.synchronous_commit == "remote_apply" ||
                       found.synchronous_commit.empty();
    check(waits, "synchronous_commit",
          fmt::format("synchronous_commit is {}: a commit does not wait until it is durable, here "
                      "and on a synchronous standby",
                      found.synchronous_commit),
          fmt::format("ALTER ROLE {} IN DATABASE {} SET synchronous_commit = on, and nothing else "
                      "in the options of the URL",
                      found.user, found.database));
    if (found.synchronous_standby_names.empty()) {
        return wrong;
    }
    const std::string names =
        fmt::format("synchronous_standby_names is '{}'", found.synchronous_standby_names);
    if (found.may_see_standbys) {
        check(found.synchronous_standbys > 0, standby_names,
              names + ", and no such standby follows",
              "start one, or see in pg_stat_replication what keeps it");
    } else {
        check(false, standby_names,
              fmt::format("{}, and {} may not see whether one follows", names, found.user),
              fmt::format("GRANT pg_read_all_stats TO {}", found.user));
    }
    return wrong;
}

std::string Primary::promise_of(const Found& found) const {
    // Nothing wrong is left but what was accepted.
    std::vector<std::string> accepted;
    const auto note = [&](bool good, std::string_view risk) {
        if (!good) {
            accepted.emplace_back(risk);
        }
    };
    const bool synchronous = !found.synchronous_standby_names.empty();
    note(found.read, unread_settings);
    note(found.fsync != "off", "fsync");
    note(found.full_page_writes != "off", "full_page_writes");
    note(found.data_sync_retry != "on", "data_sync_retry");
    note(!found.read || found.synchronous_commit == "on" ||
             found.synchronous_commit == "remote_apply",
         "synchronous_commit");
    note(!synchronous || found.synchronous_standbys > 0, standby_names);
    if (!accepted.empty()) {
        return fmt::format(
            "class C, what was acknowledged may be lost: accepted by name were the risks of {}",
            fmt::join(accepted, ", "));
    }
    if (synchronous) {
        return fmt::format(
            "class A, nothing acknowledged is lost, even with this server: its commits wait for a "
            "synchronous standby (synchronous_standby_names is '{}')",
            found.synchronous_standby_names);
    }
    if (found.standbys > 0) {
        return fmt::format(
            "class B, a fail-over may lose the last moments: standbys follow, and no commit waits "
            "for one. Remedy: ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'; {}",
            reload);
    }
    return "class A, nothing acknowledged is lost while this server's disk is there: no standby "
           "follows";
}

bool Primary::recognise(const Found& found, const Address& server) {
    if (!found.read) {
        return false;
    }
    const std::lock_guard lock(mutex_);
    if (system_ != 0 && found.system != system_) {
        throw DatabaseError(
            {.text = fmt::format("PostgreSQL at {} is another cluster (system_identifier {}) than "
                                 "the one of this store ({}): check where the URL leads",
                                 server.shown, found.system, system_)});
    }
    if (found.timeline < timeline_) {
        throw DatabaseError(
            {.text = fmt::format("PostgreSQL at {} is a former primary that came back: it writes "
                                 "timeline {}, and its successor {}. Stop it, and make it a "
                                 "standby with pg_rewind or pg_basebackup",
                                 server.shown, found.timeline, timeline_)});
    }
    if (timeline_ != 0 && found.timeline > timeline_ && log_ == Log::changes) {
        telemetry::log_warning(fmt::format(
            "PostgreSQL at {} is the new primary: timeline {} after {}. All connections are made "
            "anew",
            server.shown, found.timeline, timeline_));
    }
    system_ = found.system;
    timeline_ = found.timeline;
    return timeline_ > checked_;
}

}  // namespace holdfast::store::postgres
