// Carries commands from one io thread to the engine and answers back, many at a time: what the ready
// connections ask in one turn of the event loop goes over together, and what the engine answers
// together comes back in one hand-over. Else every request would wake a thread on either side.
// submit() on the io thread; bring() from any thread, even after close().
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include <boost/asio/io_context.hpp>

#include <holdfast/service.h>
#include "http/peers.h"

namespace holdfast::http {

class Exchange;

class Courier : public std::enable_shared_from_this<Courier> {
public:
    // `peers` may be null.
    Courier(boost::asio::io_context& context, Service& service, Peers* peers)
        : context_(&context), service_(service), peers_(peers) {}

    // Asks the engine, or the node that the command is best sent to, at the end of this turn; the exchange is
    // completed with the outcome.
    void submit(Submission submission, std::shared_ptr<Exchange> asker);
    // Completes exchanges on the io thread.
    void bring(std::span<std::shared_ptr<Exchange>> answered);
    // Forgets the io_context: what is brought from now on is dropped.
    void close();

private:
    // What goes to one place together.
    struct Load {
        std::vector<Submission> submissions;
        std::vector<std::shared_ptr<Exchange>> askers;
    };

    void send();
    void send(std::optional<std::uint16_t> node, Load&& load);
    void deliver();

    // Of the turn; the io thread's.
    bool sends_ = false;  // at its end
    Load here_;
    std::map<std::uint16_t, Load> elsewhere_;  // by node

    std::mutex mutex_;
    boost::asio::io_context* context_;
    Service& service_;
    Peers* peers_;
    std::vector<std::shared_ptr<Exchange>> arrived_;
    std::vector<std::shared_ptr<Exchange>> delivered_;  // kept for its memory
};

}  // namespace holdfast::http
