// Everything that can happen in small worlds: every sequence of up to seven commands, under each of several policies.
#include <csignal>
#include <iostream>
#include <unordered_map>

#include <gtest/gtest.h>

#include "tests/worlds/world.h"

namespace holdfast::testing {
namespace {

// Visits every sequence of letters. Two sequences that lead to worlds which go on alike are followed by the same: only one
// of them, the shortest, is gone on with.
class Explorer {
public:
    explicit Explorer(const Setting& setting) : setting_(setting) {}

    void run() {
        exploring = this;
        std::signal(SIGABRT, [](int) { std::cerr << exploring->story() << "\n"; });
        World world(setting_);
        known_.emplace(world.text(), 0);
        nodes_.emplace_back();
        for (node_ = 0; node_ < nodes_.size() && nodes_[node_].depth < setting_.depth; ++node_) {
            if (!expand()) {
                break;
            }
        }
        std::signal(SIGABRT, SIG_DFL);
        report();
    }

private:
    struct Node {
        std::size_t parent = 0;
        std::size_t letter = 0;
        std::size_t depth = 0;
        Deed deed;
        std::vector<std::uint32_t> next;  // where the letters that change something lead
    };

    [[nodiscard]] World rebuild(core::PendingHolds holds) const {
        std::vector<std::size_t> path;
        for (std::size_t node = node_; node != 0; node = nodes_[node].parent) {
            path.push_back(node);
        }
        World world(setting_, std::move(holds));
        for (std::size_t i = path.size(); i-- > 0;) {
            world.repeat(nodes_[path[i]].deed);
        }
        return world;
    }

    bool expand() {
        World world = rebuild({});
        bool used = false;
        for (letter_ = 0; letter_ < setting_.alphabet.size(); ++letter_) {
            if (used) {
                core::PendingHolds holds = world.take_holds();
                std::destroy_at(&world);
                std::construct_at(&world, rebuild(std::move(holds)));
            }
            used = world.play(setting_.alphabet[letter_]);
            if (used) {
                arrive(world);
            }
            if (!world.wrong().empty()) {
                ADD_FAILURE() << world.wrong() << "\n" << story();
                return false;
            }
        }
        return true;
    }

    void arrive(World& world) {
        const auto [entry, fresh] = known_.try_emplace(world.text(), nodes_.size());
        if (entry->second != node_) {
            nodes_[node_].next.push_back(entry->second);
        }
        if (fresh) {
            const std::size_t depth = nodes_[node_].depth + 1;
            nodes_.push_back({.parent = node_,
                              .letter = letter_,
                              .depth = depth,
                              .deed = depth < setting_.depth ? world.deed() : Deed{},
                              .next = {}});
            if (world.wrong().empty()) {
                world.sweep();
            }
        }
    }

    [[nodiscard]] std::string story() const {
        std::string text = to_string(setting_.alphabet.at(letter_)) + "  <- here";
        for (std::size_t node = node_; node != 0; node = nodes_[node].parent) {
            text = to_string(setting_.alphabet[nodes_[node].letter]) + "\n" + text;
        }
        return setting_.name + ":\n" + text;
    }

    void report() const {
        // Sequences of which each command changed something; the others only add refusals and repetitions.
        std::vector<double> ways(nodes_.size());
        ways[0] = 1;
        double all = 1;
        double sequences = 0;
        double effective = 0;
        for (std::size_t length = 1; length <= setting_.depth; ++length) {
            std::vector<double> longer(nodes_.size());
            for (std::size_t node = 0; node < nodes_.size(); ++node) {
                for (const std::uint32_t next : nodes_[node].next) {
                    longer[next] += ways[node];
                }
            }
            ways = std::move(longer);
            for (const double count : ways) {
                effective += count;
            }
            all *= static_cast<double>(setting_.alphabet.size());
            sequences += all;
        }
        std::cout << setting_.name << ": " << setting_.alphabet.size() << " commands, "
                  << static_cast<std::uint64_t>(sequences) << " sequences ("
                  << static_cast<std::uint64_t>(effective)
                  << " in which every command changed something), " << nodes_.size() << " states\n";
    }

    static inline const Explorer* exploring = nullptr;

    const Setting& setting_;
    std::vector<Node> nodes_;
    std::unordered_map<std::string, std::uint32_t> known_;
    std::size_t node_ = 0;
    std::size_t letter_ = 0;
};

// The explorer goes on with one only of the worlds that have the same text. This one goes on with each, and compares
// where the same letters lead.
class Doubter {
public:
    explicit Doubter(const Setting& setting) : setting_(setting) {}

    void follow(std::vector<Deed>& path) {
        std::vector<Deed> deeds;
        std::vector<std::string> ends;
        const std::string text = world_after(path).text();
        for (const Letter letter : setting_.alphabet) {
            World world = world_after(path);
            if (world.play(letter)) {
                deeds.push_back(world.deed());
            }
            ends.push_back(world.text());
        }
        const auto [known, fresh] = ends_.try_emplace(text, ends);
        EXPECT_EQ(known->second, ends) << "after " << path.size() << " of " << setting_.name;
        alike_ += fresh ? 0 : 1;
        for (std::size_t i = 0; path.size() < setting_.depth && i < deeds.size(); ++i) {
            path.push_back(deeds[i]);
            follow(path);
            path.pop_back();
        }
    }

    [[nodiscard]] int alike() const { return alike_; }

private:
    [[nodiscard]] World world_after(const std::vector<Deed>& path) const {
        World world(setting_);
        for (const Deed& deed : path) {
            world.repeat(deed);
        }
        return world;
    }

    const Setting& setting_;
    std::unordered_map<std::string, std::vector<std::string>> ends_;
    int alike_ = 0;
};

std::vector<Letter> alphabet(bool checkout) {
    std::vector<Letter> letters;
    for (const Verb verb : {Verb::place, Verb::confirm, Verb::release, Verb::cancel}) {
        for (std::size_t shopper = 0; shopper < World::shoppers; ++shopper) {
            letters.push_back({.verb = verb, .shopper = shopper});
        }
    }
    for (const Verb verb : {Verb::fulfil, Verb::send_back, Verb::receive_at_main,
                            Verb::receive_at_berlin, Verb::adjust, Verb::time_passes}) {
        letters.push_back({.verb = verb});
    }
    for (const Verb verb : {Verb::confirm_one, Verb::secure, Verb::release_late}) {
        letters.push_back({.verb = verb});
    }
    if (checkout) {
        letters.push_back({.verb = Verb::secure, .shopper = 2});
    }
    return letters;
}

Setting both(std::string name, const Policy& policy, Expiry expiry = Expiry::punctual) {
    return {.name = std::move(name),
            .mug = policy,
            .tea = policy,
            .alphabet = alphabet(policy.reserve_at != ReserveAt::cart),
            .expiry = expiry};
}

Setting shorter(Setting setting) {
    --setting.depth;
    return setting;
}

// Each policy alone for all of seven commands, and some of two together for six.
std::vector<Setting> settings() {
    const Policy strict;
    const Policy waits{.selling = Selling::backorder};
    const Policy waits_for_one{.selling = Selling::backorder, .backorder_limit = 1};
    const Policy waits_for_two{.selling = Selling::backorder, .backorder_limit = 2};
    const auto with = [](Policy policy, auto member, auto value) {
        policy.*member = value;
        return policy;
    };
    return {
        both("strict", strict),
        both("strict_ended_late", strict, Expiry::lazy),
        both("backorder", waits),
        both("backorder_1", waits_for_one),
        both("preorder_1", {.selling = Selling::preorder, .preorder_limit = 1}),
        both("late_backorder", with(waits_for_two, &Policy::late_confirm, LateConfirm::backorder)),
        both("late_refused", {.late_confirm = LateConfirm::refuse}),
        both("reserve_at_checkout", {.reserve_at = ReserveAt::checkout}),
        both("reserve_at_payment", {.reserve_at = ReserveAt::payment}),
        both("at_confirm", {.fulfilment = Fulfilment::at_confirm}),
        both("max_per_customer_1", {.max_per_customer = 1}),
        both("max_per_customer_1_in_a_window",
             {.max_per_customer = 1, .customer_window = Seconds(60)}),
        shorter(both("backorder_1_ended_late", waits_for_one, Expiry::lazy)),
        shorter(both("backorder_1_at_checkout",
                     with(waits_for_one, &Policy::reserve_at, ReserveAt::checkout))),
        shorter(both("backorder_2_at_confirm",
                     with(waits_for_two, &Policy::fulfilment, Fulfilment::at_confirm))),
        shorter(both("backorder_max_per_customer_1", with(waits, &Policy::max_per_customer, 1))),
        shorter(both(
            "backorder_max_per_customer_2_in_a_window_ended_late",
            with(with(waits, &Policy::max_per_customer, 2), &Policy::customer_window, Seconds(120)),
            Expiry::lazy)),
        shorter(both("backorder_safety_stock_1", with(waits, &Policy::safety_stock, 1))),
        shorter({.name = "mug_backorder_2_tea_at_checkout",
                 .mug = waits_for_two,
                 .tea = {.reserve_at = ReserveAt::checkout},
                 .alphabet = alphabet(true)}),
    };
}

class Worlds : public ::testing::TestWithParam<Setting> {};

TEST_P(Worlds, HoldWhateverHappens) {
    Explorer(GetParam()).run();
}

INSTANTIATE_TEST_SUITE_P(Small, Worlds, ::testing::ValuesIn(settings()),
                         [](const auto& setting) { return setting.param.name; });

TEST(WorldsOfOneText, GoOnAlike) {
    int alike = 0;
    for (Setting setting : settings()) {
        setting.depth = 3;
        Doubter doubter(setting);
        std::vector<Deed> path;
        doubter.follow(path);
        alike += doubter.alike();
    }
    EXPECT_GT(alike, 1'000);
}

}  // namespace
}  // namespace holdfast::testing
