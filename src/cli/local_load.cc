#include "cli/local_load.h"

#include <utility>

namespace holdfast::cli {

void LocalLoad::run() {
    const unsigned clients = running_;
    for (unsigned client = 0; client < clients; ++client) {
        ask();
    }
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return running_ == 0; });
}

void LocalLoad::ask() {
    std::optional<PlaceHold> hold = next_();
    if (!hold) {
        const std::scoped_lock lock(mutex_);
        --running_;
        ended_.notify_one();
        return;
    }
    const auto asked = Clock::now();
    service_.submit(std::move(*hold), {}, [this, asked](Outcome<HoldAnswer> outcome) {
        {
            const std::scoped_lock lock(mutex_);
            told_(outcome.result, asked);
        }
        ask();
    });
}

}  // namespace holdfast::cli
