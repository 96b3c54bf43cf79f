// Many shoppers at once, each of whom asks one node after the other, and what has no answer again, with the same key,
// at the next node: until there is one. Any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "testing/recorder.h"

namespace holdfast::testing {

class Crowd {
public:
    // Makes the ways to all nodes, for one thread.
    using MakeShops = std::function<std::vector<Shop>()>;

    Crowd(Recorder& recorder, MakeShops make_shops, std::uint64_t seed)
        : recorder_(recorder), make_shops_(std::move(make_shops)), seed_(seed) {}
    ~Crowd() { stop(); }
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;

    static const std::vector<std::string> skus;
    // What there is to sell.
    void stock_up(const Shop& shop);

    void start();
    // Returns when each has the answer to what he asked last.
    void stop();

    // These wait until that much more has happened; false when it takes longer than anything should.
    bool see_answers(std::uint64_t count) { return see(&Seen::answers, count); }
    // Answers, and requests that got none.
    bool see_tries(std::uint64_t count) { return see(&Seen::tries, count); }
    // Whether nodes say within that time that they do not know an outcome, so often in all.
    bool see_unknown(std::uint64_t in_all, std::chrono::milliseconds within);

    struct Seen {
        std::uint64_t tries = 0;
        std::uint64_t answers = 0;
        std::uint64_t unknown = 0;  // the node said that it does not know
        std::uint64_t broken = 0;   // the connection broke, or it took too long
        std::uint64_t refused = 0;  // for want of stock
        std::uint64_t replayed = 0;
    };
    [[nodiscard]] Seen seen() const;

private:
    class Shopper;

    bool see(std::uint64_t Seen::* what, std::uint64_t more);
    void note(const std::function<void(Seen&)>& what);
    // As long as a client waits before he asks again; less when the crowd is to end.
    void wait_a_little();
    [[nodiscard]] bool ending() const;

    Recorder& recorder_;
    const MakeShops make_shops_;
    const std::uint64_t seed_;
    int shoppers_ = 0;  // so far
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    Seen seen_;
    bool ending_ = false;
    std::vector<std::jthread> threads_;
};

}  // namespace holdfast::testing
