// Carries commands from one io thread to the engine and answers back, many at a time: what the ready
// connections ask in one turn of the event loop goes over together, and what the engine answers
// together comes back in one hand-over. Else every request would wake a thread on either side.
// submit() on the io thread; bring() from any thread, even after close().
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include <boost/asio/io_context.hpp>

#include <holdfast/service.h>

namespace holdfast::http {

class Exchange;

class Courier : public std::enable_shared_from_this<Courier> {
public:
    Courier(boost::asio::io_context& context, Service& service)
        : context_(&context), service_(service) {}

    // Asks the engine, at the end of this turn; the exchange is completed with the outcome.
    void submit(Submission submission, std::shared_ptr<Exchange> asker);
    // Completes exchanges on the io thread.
    void bring(std::span<std::shared_ptr<Exchange>> answered);
    // Forgets the io_context: what is brought from now on is dropped.
    void close();

private:
    void send();
    void deliver();

    // Of the turn; the io thread's.
    std::vector<Submission> submissions_;
    std::vector<std::shared_ptr<Exchange>> askers_;

    std::mutex mutex_;
    boost::asio::io_context* context_;
    Service& service_;
    std::vector<std::shared_ptr<Exchange>> arrived_;
    std::vector<std::shared_ptr<Exchange>> delivered_;  // kept for its memory
};

}  // namespace holdfast::http
