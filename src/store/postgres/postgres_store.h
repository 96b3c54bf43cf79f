// Partitions in the tables of a PostgreSQL schema, for any number of processes at once.
//
// Class A with one server, or with synchronous standbys: an append that was answered as done survives the
// crash of this process, of the server and, with standbys, the loss of the server. Class B with standbys
// that do not follow synchronously: a fail-over may lose the last moments.
// Class C, and refused unless the risk is accepted by name, with settings that are weaker than that.
// It cannot know whether the server's disk is honest, and it cannot back itself up: that is for the
// database's own means.
//
// Each append is one transaction: first it moves the versions of its partitions on, which a CHECK ends
// when one has another version, then it writes events and rows. A connection that breaks meanwhile is
// followed by another one, which shuts out what was sent before and then looks what became of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "store/movable_store.h"

namespace holdfast::store {

struct PostgresOptions {
    // What libpq takes, and `schema`, where the tables are: postgres://user@host/database?schema=holdfast.
    // A server whose settings break the promises is refused, unless `accept_risk` names them:
    // ...&accept_risk=fsync,full_page_writes. See postgres::Primary.
    std::string url;
    // Of a new store, 1 to limits::partitions_max; 0: it must be there. An existing store keeps what it has.
    std::uint32_t partitions = 16;
    // How long an append may take to find out what became of a transaction whose connection broke. After
    // that its outcome is `unknown`.
    std::chrono::milliseconds resolve_within{10'000};
    // Also opens one with a notice, which nobody may serve.
    bool for_move = false;
};

// Makes the schema and its tables when they are not there, and changes older ones to the present format.
// Throws StoreError, whose text names the server and never a password.
std::unique_ptr<Store> open_postgres(const PostgresOptions& options);
// To be moved, or to be what another store is moved to. Throws StoreError.
std::unique_ptr<MovableStore> open_postgres_to_move(PostgresOptions options);

}  // namespace holdfast::store
