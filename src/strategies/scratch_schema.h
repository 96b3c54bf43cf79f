// A schema of its own in the user's database, gone when the object is, with all that is in it. Whoever uses it
// must have closed its connections by then. One thread. Throws StoreError.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "store/postgres/connection.h"

namespace holdfast::strategies {

class ScratchSchema {
public:
    explicit ScratchSchema(const std::string& url);
    ScratchSchema(const ScratchSchema&) = delete;
    ScratchSchema& operator=(const ScratchSchema&) = delete;
    ~ScratchSchema();

    [[nodiscard]] const std::string& name() const { return address_.schema; }
    // The user's, with this schema.
    [[nodiscard]] const std::string& url() const { return url_; }
    [[nodiscard]] const store::postgres::Address& address() const { return address_; }

    void run(const std::string& sql);
    // The first value of the answer, which must be a bigint.
    std::int64_t ask(const std::string& sql);

private:
    std::string url_;
    store::postgres::Address address_;
    // A connection prepares each once.
    std::deque<store::postgres::Statement> questions_;
    store::postgres::Connection connection_;
};

}  // namespace holdfast::strategies
