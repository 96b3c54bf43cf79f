#include "store/postgres/connection.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace holdfast::store::postgres {

namespace {

constexpr std::string_view default_schema = "holdfast";
constexpr std::array<std::string_view, 2> own_parameters = {"schema", "accept_risk"};

[[noreturn]] void refuse_url(std::string_view why) {
    throw StoreError(
        fmt::format("the URL of the store cannot be used: {}. It looks like "
                    "postgres://user@host:5432/database?schema=holdfast",
                    why));
}

std::string percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        unsigned value = 0;
        const char* const digits = text.data() + i + 1;
        if (i + 2 >= text.size() ||
            std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2 || value == 0) {
            refuse_url("a % in it is not followed by two hex digits");
        }
        decoded += static_cast<char>(value);
        i += 2;
    }
    return decoded;
}

// Takes our own parameters out of the query, because libpq refuses what it does not know.
std::map<std::string_view, std::string> take_own(std::string& url) {
    std::map<std::string_view, std::string> taken;
    const std::size_t query = url.find('?');
    if (query == std::string::npos) {
        return taken;
    }
    std::string rest;
    std::string_view left = std::string_view(url).substr(query + 1);
    while (!left.empty()) {
        const std::string_view parameter = left.substr(0, left.find('&'));
        left.remove_prefix(std::min(left.size(), parameter.size() + 1));
        const std::size_t equals = std::min(parameter.find('='), parameter.size());
        const auto own = std::ranges::find(own_parameters, parameter.substr(0, equals));
        if (own != own_parameters.end() && equals < parameter.size()) {
            taken[*own] = percent_decoded(parameter.substr(equals + 1));
        } else {
            rest += (rest.empty() ? '?' : '&');
            rest += parameter;
        }
    }
    url.replace(query, std::string::npos, rest);
    return taken;
}

std::vector<std::string> split(std::string_view list) {
    std::vector<std::string> parts;
    while (true) {
        const std::size_t comma = list.find(',');
        parts.emplace_back(list.substr(0, comma));
        if (comma == std::string_view::npos) {
            return parts;
        }
        list.remove_prefix(comma + 1);
    }
}

std::string shown(const Address& address) {
    const auto part = [&](const char* name, const char* otherwise) {
        const auto found = address.parameters.find(name);
        return found == address.parameters.end() ? std::string(otherwise) : found->second;
    };
    return fmt::format("{}:{}/{}, schema {}", part("host", "localhost"), part("port", "5432"),
                       part("dbname", ""), address.schema);
}

// Nothing is said of a value of ours that the user gave.
void set_defaults(std::map<std::string, std::string>& parameters) {
    parameters.try_emplace("target_session_attrs", "read-write");
    parameters.try_emplace("application_name", "holdfast");
    parameters.try_emplace("connect_timeout", "5");
    // A server that vanished without a word is noticed after some 10 s.
    parameters.try_emplace("tcp_user_timeout", "10000");
    parameters.try_emplace("keepalives_idle", "5");
    parameters.try_emplace("keepalives_interval", "2");
    parameters.try_emplace("keepalives_count", "3");
    parameters["client_encoding"] = "UTF8";
}

// What this program relies on in each of its sessions. Everything it asks for is found by key: an empty
// table whose statistics nobody has made yet must not lead to a plan that reads the whole of a full one.
// A server that has no such setting has no such habit.
constexpr std::string_view session_settings = R"(
SELECT set_config(name, wanted, false)
FROM pg_settings JOIN (VALUES
    ('statement_timeout', '0'), ('lock_timeout', '0'), ('idle_in_transaction_session_timeout', '2s'),
    ('default_transaction_isolation', 'read committed'), ('plan_cache_mode', 'force_generic_plan'),
    ('enable_seqscan', 'off'), ('enable_hashjoin', 'off'), ('enable_mergejoin', 'off'),
    ('enable_bitmapscan', 'off'), ('jit', 'off'), ('DateStyle', 'ISO'), ('TimeZone', 'UTC')
) AS ours (ours, wanted) ON name = ours)";

std::string trimmed(const char* message) {
    std::string text(message);
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
        text.pop_back();
    }
    return text;
}

std::string field(const PGresult* result, int code) {
    const char* const value = PQresultErrorField(result, code);
    return value == nullptr ? "" : value;
}

}  // namespace

Address parse_url(std::string_view url) {
    std::string left(url);
    if (!left.starts_with("postgres://") && !left.starts_with("postgresql://")) {
        refuse_url("it begins with neither postgres:// nor postgresql://");
    }
    Address address;
    auto own = take_own(left);
    address.schema = own.contains("schema") ? own["schema"] : std::string(default_schema);
    if (own.contains("accept_risk")) {
        for (std::string& risk : split(own["accept_risk"])) {
            address.accepted_risks.insert(std::move(risk));
        }
    }
    if (address.schema.empty() || address.schema.size() > 63) {
        refuse_url("the name of its schema must have 1 to 63 bytes");
    }
    // What libpq says of it may repeat the password: it is not passed on.
    const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
        PQconninfoParse(left.c_str(), nullptr), &PQconninfoFree);
    if (!options) {
        refuse_url("libpq does not understand it");
    }
    for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
        if (option->val != nullptr) {
            address.parameters[option->keyword] = option->val;
        }
    }
    set_defaults(address.parameters);
    address.shown = shown(address);
    return address;
}

std::vector<Address> servers_of(const Address& address) {
    std::size_t count = 1;
    for (const char* const name : {"host", "hostaddr"}) {
        if (const auto list = address.parameters.find(name); list != address.parameters.end()) {
            count = std::max(count, split(list->second).size());
        }
    }
    std::vector<Address> servers(count, address);
    for (const char* const name : {"host", "hostaddr", "port"}) {
        const auto list = address.parameters.find(name);
        if (list == address.parameters.end()) {
            continue;
        }
        const std::vector<std::string> parts = split(list->second);
        // One port counts for all; libpq refuses what does not go together otherwise.
        for (std::size_t i = 0; i < count && parts.size() == count; ++i) {
            servers[i].parameters[name] = parts[i];
        }
    }
    for (Address& server : servers) {
        server.shown = shown(server);
    }
    return servers;
}

std::string quoted(std::string_view name) {
    std::string text = "\"";
    for (const char c : name) {
        text += c;
        if (c == '"') {
            text += c;
        }
    }
    return text + '"';
}

Connection::Connection(const Address& address)
    : where_(address.shown), connection_(nullptr, &PQfinish) {
    std::vector<const char*> names;
    std::vector<const char*> values;
    for (const auto& [name, value] : address.parameters) {
        names.push_back(name.c_str());
        values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    connection_.reset(PQconnectdbParams(names.data(), values.data(), 0));
    if (PQstatus(connection_.get()) != CONNECTION_OK) {
        throw DatabaseError(
            {.text = fmt::format("cannot reach PostgreSQL at {}: {}. Check that it runs and that "
                                 "the URL of the store is right",
                                 where_, trimmed(PQerrorMessage(connection_.get()))),
             .lost = true});
    }
    PQsetNoticeReceiver(connection_.get(), &Connection::note, this);
    run(std::string(session_settings));
    const char* const path[] = {address.schema.c_str()};
    const Result set(PQexecParams(connection_.get(),
                                  "SELECT set_config('search_path', quote_ident($1), false)", 1,
                                  nullptr, path, nullptr, nullptr, 0));
    check(set.get());
}

void Connection::note(void* connection, const PGresult* notice) {
    if (field(notice, PG_DIAG_SEVERITY_NONLOCALIZED) == "WARNING") {
        static_cast<Connection*>(connection)->warning_ = field(notice, PG_DIAG_MESSAGE_PRIMARY);
    }
}

Failure Connection::failure_of(const PGresult* result) const {
    const std::string state = result == nullptr ? "" : field(result, PG_DIAG_SQLSTATE);
    // Ordered by an administrator, or the end of the server: it is the end of the session too.
    const bool ended = state.starts_with("57P0");
    const bool lost = state.empty() || ended || PQstatus(connection_.get()) != CONNECTION_OK;
    const std::string primary = result == nullptr ? "" : field(result, PG_DIAG_MESSAGE_PRIMARY);
    const std::string said = primary.empty() ? trimmed(PQerrorMessage(connection_.get())) : primary;
    return {.state = state,
            .constraint = result == nullptr ? "" : field(result, PG_DIAG_CONSTRAINT_NAME),
            .text = fmt::format("PostgreSQL at {}: {}", where_, said),
            .lost = lost};
}

void Connection::check(const PGresult* result) const {
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) {
        throw DatabaseError(failure_of(result));
    }
}

void Connection::run(const std::string& sql) {
    const Result result(PQexec(connection_.get(), sql.c_str()));
    check(result.get());
}

void Connection::prepare(const Statement& statement) {
    if (prepared_.contains(&statement)) {
        return;
    }
    const Result result(
        PQprepare(connection_.get(), statement.name.c_str(), statement.sql.c_str(), 0, nullptr));
    check(result.get());
    prepared_.insert(&statement);
}

bool Connection::send(const Statement& statement, const Parameters& with) {
    const auto parameters = with.values();
    std::vector<const char*> values;
    std::vector<int> lengths;
    const std::vector<int> formats(parameters.size(), 1);
    for (const std::string& parameter : parameters) {
        values.push_back(parameter.data());
        lengths.push_back(static_cast<int>(parameter.size()));
    }
    return PQsendQueryPrepared(connection_.get(), statement.name.c_str(),
                               static_cast<int>(parameters.size()), values.data(), lengths.data(),
                               formats.data(), 1) == 1;
}

Result Connection::query(const Statement& statement, const Parameters& parameters) {
    prepare(statement);
    if (!send(statement, parameters)) {
        throw DatabaseError(failure_of(nullptr));
    }
    Result result(PQgetResult(connection_.get()));
    // A statement that is a transaction by itself is committed after its rows were sent: what goes wrong then
    // comes behind them.
    std::optional<Failure> afterwards;
    while (PGresult* const next = PQgetResult(connection_.get())) {
        const Result rest(next);
        if (!afterwards && PQresultStatus(next) == PGRES_FATAL_ERROR) {
            afterwards = failure_of(next);
        }
    }
    check(result.get());
    if (afterwards) {
        throw DatabaseError(*afterwards);
    }
    return result;
}

std::vector<Result> Connection::query(const std::vector<Command>& commands) {
    std::vector<Result> results;
    if (const auto failure = pipeline(commands, &results)) {
        throw DatabaseError(*failure);
    }
    return results;
}

std::optional<Failure> Connection::pipeline(const std::vector<Command>& commands,
                                            std::vector<Result>* results) {
    try {
        for (const Command& command : commands) {
            prepare(*command.statement);
        }
    } catch (const DatabaseError& error) {
        return error.failure();
    }
    PGconn* const to = connection_.get();
    bool sent = PQenterPipelineMode(to) == 1;
    for (auto command = commands.begin(); sent && command != commands.end(); ++command) {
        sent = send(*command->statement, command->parameters);
    }
    std::optional<Failure> first;
    if (!sent || PQpipelineSync(to) != 1) {
        first = failure_of(nullptr);
        first->lost = true;
        return first;
    }
    // Each command's result is followed by a null; the last result of all is that of the sync.
    for (bool synced = false; !synced;) {
        Result result(PQgetResult(to));
        if (result.get() == nullptr) {
            if (PQstatus(to) != CONNECTION_OK) {
                if (!first) {
                    first = failure_of(nullptr);
                }
                first->lost = true;
                return first;
            }
            continue;
        }
        const ExecStatusType status = PQresultStatus(result.get());
        synced = status == PGRES_PIPELINE_SYNC;
        if (!first && status == PGRES_FATAL_ERROR) {
            first = failure_of(result.get());
        }
        if (results != nullptr && !synced) {
            results->push_back(std::move(result));
        }
    }
    PQexitPipelineMode(to);
    return first;
}

bool Connection::lost() {
    // The first look may find the server's last words, and the second that there is nothing behind them.
    return PQconsumeInput(connection_.get()) == 0 || PQconsumeInput(connection_.get()) == 0 ||
           PQstatus(connection_.get()) != CONNECTION_OK;
}

}  // namespace holdfast::store::postgres
