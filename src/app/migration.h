// Opens two stores by name and moves the one to the other: what `holdfast migrate` calls.
#pragma once

#include <string>

#include "service/migrate.h"

namespace holdfast::app {

// Each is a data directory or a postgres:// URL. The target is made when it is not there, with as many
// partitions as the options say. Throws what service::migrate() throws.
service::MigrationReport migrate(const std::string& from, const std::string& to,
                                 const service::MigrationOptions& options);

}  // namespace holdfast::app
