// Brings answers from the engine's threads to one io thread. The first that arrives wakes that thread, the
// others of the same round are then there already: one hand-over a round, not one a request.
// push() from any thread, even after close(); the rest on the io thread.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace holdfast::http {

class Exchange;

class Completions {
public:
    explicit Completions(boost::asio::io_context& context) : context_(&context) {}

    void push(std::shared_ptr<Exchange> exchange);
    // Forgets the io_context: what is pushed from now on is dropped.
    void close();

private:
    void deliver();

    std::mutex mutex_;
    boost::asio::io_context* context_;
    std::vector<std::shared_ptr<Exchange>> arrived_;
    std::vector<std::shared_ptr<Exchange>> delivered_;  // kept for its memory
};

}  // namespace holdfast::http
