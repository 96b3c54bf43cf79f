// A client of a server that may be killed at any moment, and the checker of what it was told: it remembers
// every answer, and after a crash it compares the server with them. Each has its own carts; nobody else
// touches its holds. One thread at a time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "cli/connection.h"

namespace holdfast::cli {

// What a SKU's counters must be, by what all shoppers know.
struct Expected {
    Quantity received = 0;
    Quantity held = 0;
    Quantity committed = 0;
    Quantity shipped = 0;
    Quantity returned = 0;
};

class Shopper {
public:
    Shopper(int number, std::uint64_t seed) : number_(number), random_(seed) {}

    // Does one thing after another until the server is gone, which leaves at most one thing of which
    // it does not know whether it happened. `answered` is called after each answer.
    void shop(const std::string& url, const std::function<void()>& answered);
    // After a restart: everything that was answered is there as it was answered, the thing in doubt is
    // there whole or not at all, and asking for it again does it exactly once.
    void check(const std::string& url);
    void add_to(std::map<std::string, Expected>& expected) const;
    // Carts by whether a hold was ever granted to them.
    [[nodiscard]] const std::map<std::string, bool>& carts() const { return carts_; }
    [[nodiscard]] std::uint64_t answers() const { return answers_; }
    [[nodiscard]] std::uint64_t doubts() const { return doubts_; }
    [[nodiscard]] std::uint64_t doubts_done() const { return doubts_done_; }

    static const std::vector<std::string> skus;

private:
    struct Deed {
        Command command;
        std::string key;
    };

    Deed choose();
    Command place();
    Command change(const Hold& hold);
    Quantity up_to(Quantity most) {
        return std::uniform_int_distribution<Quantity>(1, most)(random_);
    }
    bool chance(double share) { return std::bernoulli_distribution(share)(random_); }
    // Takes an answer into what is known, and checks that it answers what was asked.
    void learn(const Deed& deed, const Outcome<Answer>& outcome);
    void learn_hold(const Command& command, const Hold& hold);
    void resolve(Connection& connection);
    // What the server has of the thing in doubt: the hold as it stands.
    std::optional<Hold> look(Connection& connection, const Command& command);

    int number_;
    std::mt19937_64 random_;
    std::uint64_t deeds_ = 0;
    std::uint64_t answers_ = 0;
    std::uint64_t doubts_ = 0;
    std::uint64_t doubts_done_ = 0;
    std::map<HoldId, Hold> holds_;
    std::map<std::string, bool> carts_;
    std::map<std::string, Quantity> received_;
    std::optional<Deed> doubt_;
};

}  // namespace holdfast::cli
