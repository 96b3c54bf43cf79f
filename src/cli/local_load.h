// Clients of a service in this process, each of which asks again when it was answered, without a thread for
// each. Runs once; the functions are called on the caller's thread and on the engine's.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include <holdfast/service.h>

namespace holdfast::cli {

class LocalLoad {
public:
    using Clock = std::chrono::steady_clock;
    // What to ask next; nothing when it is over. Called by several at once.
    using Next = std::function<std::optional<PlaceHold>()>;
    // Called by one at a time.
    using Told = std::function<void(const Result<HoldAnswer>&, Clock::time_point asked)>;

    LocalLoad(Service& service, unsigned clients, Next next, Told told)
        : service_(service), next_(std::move(next)), told_(std::move(told)), running_(clients) {}

    // Returns when nobody asks any more and all are answered.
    void run();

private:
    void ask();

    Service& service_;
    Next next_;
    Told told_;
    std::mutex mutex_;  // guards what follows, and calls of told_
    std::condition_variable ended_;
    unsigned running_;
};

}  // namespace holdfast::cli
