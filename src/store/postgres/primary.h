// The server that decides: makes connections to it, and looks at it before anything rests on one. A server
// that would break what is promised is refused, with what is wrong and what to do. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/postgres/connection.h"
#include "store/postgres/history.h"

namespace holdfast::store::postgres {

class Primary {
public:
    // What is written to the program's log: the class of what is promised, and fail-overs.
    enum class Log : std::uint8_t { changes, nothing };

    // Throws StoreError when the address accepts a risk that does not exist.
    explicit Primary(const Address& address, Log log = Log::changes);

    // The first of the servers that the URL names which can be had and keeps what is promised. Throws
    // DatabaseError when there is none: there may be one later. Throws StoreError when the one that took over
    // has lost what is known here: that does not come back.
    std::unique_ptr<Connection> connect();
    // Whether a connection made here is to be used no more: it broke, or its server has a successor.
    [[nodiscard]] bool gone(Connection& connection) const;

    // What a server that takes over must have.
    [[nodiscard]] History& history() { return history_; }
    // What the present server promises: its class, and why.
    [[nodiscard]] std::string promise() const;

private:
    struct Found;

    std::unique_ptr<Connection> connect_to(const Address& server);
    [[nodiscard]] Found look(Connection& connection) const;
    [[nodiscard]] std::vector<std::string> breaches(const Found& found) const;
    [[nodiscard]] std::string promise_of(const Found& found) const;
    [[nodiscard]] bool accepts(std::string_view risk) const { return accepted_.contains(risk); }
    // Takes note of which cluster it is and how old its history; refuses one that it must not be. Whether it
    // took over.
    [[nodiscard]] bool recognise(const Found& found, const Address& server);

    const std::set<std::string, std::less<>> accepted_;
    const std::vector<Address> servers_;
    const Log log_;
    History history_;
    mutable std::mutex mutex_;
    std::int64_t system_ = 0;    // of the cluster; 0: none was seen yet, or it does not say
    std::int64_t timeline_ = 0;  // the highest that was seen
    std::int64_t checked_ = 0;   // the highest whose server has all that is known
    std::string promise_;
};

}  // namespace holdfast::store::postgres
