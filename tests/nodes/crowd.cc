#include "tests/nodes/crowd.h"

#include <random>
#include <stdexcept>
#include <utility>

namespace holdfast::testing {

namespace {

constexpr int shoppers_at_once = 6;
constexpr std::chrono::milliseconds between_tries{10};
constexpr std::chrono::seconds patience{60};

// So short that many lapse while the others shop.
constexpr Seconds short_ttl{1};

}  // namespace

const std::vector<std::string> Crowd::skus = {"hot", "mug", "tea", "pot", "cup", "jar"};

// One of them: nobody else touches his holds.
class Crowd::Shopper {
public:
    Shopper(Crowd& crowd, int number)
        : crowd_(crowd),
          shops_(crowd.make_shops_()),
          number_(number),
          turn_(static_cast<std::size_t>(number)),
          random_(crowd.seed_ + static_cast<std::uint64_t>(number)) {}

    void act() {
        // Else there would soon be nothing to decide any more.
        const bool restock = std::exchange(sold_out_, false) && chance(0.1);
        if (chance(0.1)) {
            look();
        } else if (!restock && (holds_.empty() || chance(0.45))) {
            ask(place());
        } else if (restock || chance(0.05)) {
            ask(ReceiveStock{.sku = any_sku(), .quantity = up_to(20)});
        } else {
            change();
        }
    }

private:
    Command place() {
        PlaceHold command{.cart = "c" + std::to_string(number_) + "-" + std::to_string(keys_)};
        command.lines.push_back({.sku = any_sku(), .quantity = up_to(3), .location = ""});
        while (chance(0.4)) {
            command.lines.push_back({.sku = any_sku(), .quantity = up_to(3), .location = ""});
        }
        command.partial = chance(0.1);
        command.confirm = chance(0.1);
        if (chance(0.1)) {
            command.ttl = short_ttl;
        }
        return command;
    }
    void change() {
        const std::size_t which = random_() % holds_.size();
        const HoldId id = holds_[which];
        const bool last = chance(0.5);
        if (last) {
            holds_.erase(holds_.begin() + static_cast<std::ptrdiff_t>(which));
        }
        switch (random_() % 6) {
            case 0:
                return ask(ConfirmHold{.id = id});
            case 1:
                return ask(AmendHold{.id = id, .region = "", .lines = {{any_sku(), up_to(3), ""}}});
            case 2:
                return ask(CancelHold{.id = id});
            case 3:
                return ask(ExtendHold{.id = id, .ttl = Seconds(up_to(900))});
            default:
                return ask(ReleaseHold{.id = id});
        }
    }
    void look() {
        const Shop& shop = next_shop();
        crowd_.recorder_.stock(shop, any_sku());
        if (!holds_.empty()) {
            crowd_.recorder_.hold(shop, holds_[random_() % holds_.size()]);
        }
    }
    void ask(const Command& command) {
        const std::string key = "k" + std::to_string(number_) + "-" + std::to_string(keys_++);
        for (const auto began = std::chrono::steady_clock::now();
             !ask_once(command, key, next_shop());) {
            if (std::chrono::steady_clock::now() > began + patience) {
                return;  // the test sees that nothing goes on
            }
            crowd_.wait_a_little();
        }
    }
    // Whether there is an answer.
    bool ask_once(const Command& command, const std::string& key, const Shop& shop) {
        const auto outcome = crowd_.recorder_.submit(shop, command, key);
        const bool refused = outcome && !outcome->result;
        const RefusalCode code = refused ? outcome->result.error().code : RefusalCode{};
        const bool passing = refused && (code == RefusalCode::idempotency_key_in_use ||
                                         code >= RefusalCode::overloaded);
        sold_out_ = sold_out_ || (refused && code == RefusalCode::insufficient_stock);
        crowd_.note([&](Seen& seen) {
            ++seen.tries;
            seen.answers += outcome && !passing ? 1 : 0;
            seen.broken += outcome ? 0 : 1;
            seen.unknown += refused && code == RefusalCode::outcome_unknown ? 1 : 0;
            seen.refused += refused && code == RefusalCode::insufficient_stock ? 1 : 0;
            seen.replayed += outcome && outcome->replayed ? 1 : 0;
        });
        if (outcome && outcome->result && std::holds_alternative<PlaceHold>(command)) {
            holds_.push_back(std::get<HoldAnswer>(*outcome->result).hold.id);
        }
        return outcome && !passing;
    }

    const Shop& next_shop() { return shops_[turn_++ % shops_.size()]; }
    std::string any_sku() { return chance(0.5) ? skus.front() : skus[random_() % skus.size()]; }
    Quantity up_to(Quantity most) { return 1 + static_cast<Quantity>(random_() % most); }
    bool chance(double share) { return std::bernoulli_distribution(share)(random_); }

    Crowd& crowd_;
    std::vector<Shop> shops_;
    int number_;
    std::size_t turn_;
    std::mt19937_64 random_;
    std::uint64_t keys_ = 0;
    std::vector<HoldId> holds_;
    bool sold_out_ = false;
};

void Crowd::stock_up(const Shop& shop) {
    for (const std::string& sku : skus) {
        const auto defined = recorder_.submit(shop, DefineSku{.sku = sku}, "define-" + sku);
        const auto received =
            recorder_.submit(shop, ReceiveStock{.sku = sku, .quantity = 60}, "receive-" + sku);
        if (!defined || !defined->result || !received || !received->result) {
            throw std::runtime_error("there is nothing to sell");
        }
    }
}

void Crowd::start() {
    ending_ = false;
    for (int i = 0; i < shoppers_at_once; ++i) {
        threads_.emplace_back([this, number = shoppers_++] {
            Shopper shopper(*this, number);
            while (!ending()) {
                shopper.act();
            }
        });
    }
}

void Crowd::stop() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
    threads_.clear();
}

bool Crowd::see(std::uint64_t Seen::* what, std::uint64_t more) {
    std::unique_lock lock(mutex_);
    const std::uint64_t wanted = seen_.*what + more;
    return changed_.wait_for(lock, patience, [&] { return seen_.*what >= wanted; });
}

bool Crowd::see_unknown(std::uint64_t in_all, std::chrono::milliseconds within) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, within, [&] { return seen_.unknown >= in_all; });
}

void Crowd::note(const std::function<void(Seen&)>& what) {
    {
        const std::lock_guard lock(mutex_);
        what(seen_);
    }
    changed_.notify_all();
}

void Crowd::wait_a_little() {
    std::unique_lock lock(mutex_);
    const std::uint64_t answers = seen_.answers;
    changed_.wait_for(lock, between_tries, [&] { return seen_.answers > answers; });
}

bool Crowd::ending() const {
    const std::lock_guard lock(mutex_);
    return ending_;
}

Crowd::Seen Crowd::seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
}

}  // namespace holdfast::testing
