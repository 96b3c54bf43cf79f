// The store's tables: made and brought forward by the program itself. Throws StoreError.
#pragma once

#include <cstdint>
#include <string>

#include "store/movable_store.h"
#include "store/postgres/connection.h"

namespace holdfast::store::postgres {

struct Installed {
    std::uint32_t partitions = 0;
    std::uint16_t writer = 0;  // a number for this process, of the last 65,535 given out no other's
    std::string id;            // of the store
};

// Makes the schema when it is not there, with so many partitions; changes an older one to the present
// format. Any number of processes may do so at once. A newer one is refused.
Installed install_schema(Connection& connection, const Address& address, std::uint32_t partitions);

// Why nobody may serve it.
Notice read_notice(Connection& connection);
void write_notice(Connection& connection, const Notice& notice);

}  // namespace holdfast::store::postgres
