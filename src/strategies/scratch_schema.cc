#include "strategies/scratch_schema.h"

#include <iostream>
#include <random>

#include <fmt/format.h>

namespace holdfast::strategies {

namespace {

using store::postgres::Connection;
using store::postgres::quoted;

// Of a parameter that is given twice, the last counts.
std::string with_new_schema(const std::string& url) {
    return fmt::format("{}{}schema=holdfast_bench_{:08x}", url, url.contains('?') ? '&' : '?',
                       std::random_device{}());
}

}  // namespace

ScratchSchema::ScratchSchema(const std::string& url)
    : url_(with_new_schema(url)),
      address_(store::postgres::parse_url(url_)),
      connection_(address_) {
    try {
        run("CREATE SCHEMA " + quoted(name()));
    } catch (const store::postgres::DatabaseError& error) {
        throw StoreError(
            fmt::format("cannot make a scratch schema: {}. The user needs CREATE on the database",
                        error.what()));
    }
    run("COMMENT ON SCHEMA " + quoted(name()) +
        " IS 'Scratch tables of a holdfast bench. May be dropped when none runs.'");
}

ScratchSchema::~ScratchSchema() {
    const std::string drop = "DROP SCHEMA " + quoted(name()) + " CASCADE";
    try {
        if (connection_.lost()) {
            Connection(address_).run(drop);
        } else {
            connection_.run(drop);
        }
    } catch (const std::exception& error) {
        std::cerr << "the scratch schema is still there (" << error.what() << "): " << drop << '\n';
    }
}

void ScratchSchema::run(const std::string& sql) {
    connection_.run(sql);
}

std::int64_t ScratchSchema::ask(const std::string& sql) {
    questions_.push_back({.name = fmt::format("question_{}", questions_.size()), .sql = sql});
    return connection_.query(questions_.back(), {}).row(0).bigint();
}

}  // namespace holdfast::strategies
