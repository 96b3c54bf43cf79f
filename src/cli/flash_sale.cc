#include "cli/flash_sale.h"

#include <atomic>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "cli/connection.h"

namespace holdfast::cli {

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds patience{20'000};
constexpr std::chrono::milliseconds between_looks{50};

class FlashSale {
public:
    FlashSale(const SalePlan& plan, ServerProcess& server) : plan_(plan), server_(server) {}

    SaleResult run(const std::function<void(const std::string&)>& say);

private:
    [[nodiscard]] std::unique_ptr<Connection> connect() const {
        return connect_http(
            {.url = server_.url(), .timeout = std::chrono::seconds(5), .retry_for = patience});
    }
    void stock_the_shelf();
    // Everybody in the queue asks once; who goes away empty-handed is the next round's queue.
    void run_round(bool killing);
    void shop(Connection& connection, int shopper);
    std::optional<Hold> place(Connection& connection, int shopper);
    void wait_for_lapsed_carts();
    void kill_and_restart();
    void check();

    const SalePlan& plan_;
    ServerProcess& server_;
    SaleResult result_;
    int round_ = 0;
    std::vector<int> queue_;
    std::atomic<int> answered_ = 0;

    std::mutex mutex_;  // guards result_ and these during a round
    std::vector<int> again_;
    std::vector<HoldId> sold_;
};

void FlashSale::stock_the_shelf() {
    const auto connection = connect();
    required(connection->submit(DefineSku{.sku = "widget", .policy = {}}).result);
    required(connection
                 ->submit(ReceiveStock{.sku = "widget", .quantity = plan_.widgets, .reference = ""})
                 .result);
    for (int shopper = 0; shopper < plan_.shoppers; ++shopper) {
        queue_.push_back(shopper);
    }
}

void FlashSale::run_round(bool killing) {
    std::atomic<std::size_t> next = 0;
    std::vector<std::future<void>> clients;
    clients.reserve(static_cast<std::size_t>(plan_.clients));
    for (int client = 0; client < plan_.clients; ++client) {
        clients.push_back(std::async(std::launch::async, [&] {
            const auto connection = connect();
            for (std::size_t at = next++; at < queue_.size(); at = next++) {
                shop(*connection, queue_[at]);
                ++answered_;
                answered_.notify_one();
            }
        }));
    }
    if (killing) {
        for (int seen = answered_; seen < plan_.killed_after; seen = answered_) {
            answered_.wait(seen);
        }
        kill_and_restart();
    }
    for (auto& client : clients) {
        client.get();
    }
    queue_ = std::exchange(again_, {});
    std::ranges::sort(queue_);
    ++round_;
}

void FlashSale::kill_and_restart() {
    const auto started = steady_clock::now();
    server_.kill();
    server_.start();
    result_.down =
        std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - started);
}

// The same key twice gives the same hold twice; a refusal changed nothing, so asked again it is a new
// question.
std::optional<Hold> FlashSale::place(Connection& connection, int shopper) {
    const std::string cart = "shopper-" + std::to_string(shopper);
    const PlaceHold command{.cart = cart,
                            .customer = cart,
                            .region = "",
                            .lines = {{"widget", 1, ""}},
                            .ttl = plan_.hold_ttl,
                            .heartbeat = std::nullopt};
    const Request request{.idempotency_key = cart + "-" + std::to_string(round_),
                          .fingerprint = 0,
                          .deadline = std::nullopt};
    const auto first = connection.submit(command, request);
    if (!first.result) {
        if (first.result.error().code != RefusalCode::insufficient_stock) {
            throw Failure(ExitStatus::refused, describe_refusal(first.result.error()));
        }
        return std::nullopt;
    }
    const bool twice = shopper % plan_.clicks_twice_every == 0;
    const bool same = twice && required(connection.submit(command, request).result).hold.id ==
                                   first.result->hold.id;
    const std::scoped_lock lock(mutex_);
    result_.repeated_by_crash += first.replayed ? 1 : 0;
    result_.double_clicks += twice ? 1 : 0;
    result_.double_clicks_once += same ? 1 : 0;
    return first.result->hold;
}

void FlashSale::shop(Connection& connection, int shopper) {
    const auto hold = place(connection, shopper);
    // Who has once come back for a second try means it.
    if (hold && round_ == 0 && shopper % plan_.leaves_every == 0) {
        const std::scoped_lock lock(mutex_);
        ++result_.left_behind;
        return;
    }
    bool sold = false;
    if (hold) {
        const auto paid = connection.submit(
            ConfirmHold{.id = hold->id, .fence = std::nullopt, .lines = {}},
            {.idempotency_key = "pay-" + to_string(hold->id), .fingerprint = 0, .deadline = {}});
        sold = paid.result.has_value();
        const std::scoped_lock lock(mutex_);
        result_.repeated_by_crash += paid.replayed ? 1 : 0;
    }
    const std::scoped_lock lock(mutex_);
    if (sold) {
        ++result_.sold;
        sold_.push_back(hold->id);
    } else {
        again_.push_back(shopper);
    }
}

void FlashSale::wait_for_lapsed_carts() {
    const auto connection = connect();
    while (required(connection->stock("widget")).total.held > 0) {
        std::this_thread::sleep_for(between_looks);  // shoppers wait in real time
    }
}

// Whether the server knows all that it had acknowledged, and no more.
void FlashSale::check() {
    const auto connection = connect();
    for (const HoldId id : sold_) {
        const auto hold = connection->hold(id);
        result_.sold_unknown += hold && hold->hold.status == HoldStatus::confirmed ? 0 : 1;
    }
    result_.committed = required(connection->stock("widget")).total.committed;
    result_.audit = required(connection->audit());
}

SaleResult FlashSale::run(const std::function<void(const std::string&)>& say) {
    stock_the_shelf();
    const auto started = steady_clock::now();
    say("selling; the server is killed in the middle and started again");
    run_round(true);
    // Carts that were left behind come back when their time is over; the others are still waiting.
    constexpr int rounds_max = 4;
    while (result_.sold < plan_.widgets && !queue_.empty() && round_ < rounds_max) {
        say("waiting for the carts that were left behind to lapse");
        wait_for_lapsed_carts();
        say("selling what came back");
        run_round(false);
    }
    result_.refused = static_cast<int>(queue_.size());
    result_.took =
        std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - started);
    say("auditing");
    check();
    return std::move(result_);
}

}  // namespace

SaleResult run_flash_sale(const SalePlan& plan, ServerProcess& server,
                          const std::function<void(const std::string&)>& say) {
    return FlashSale(plan, server).run(say);
}

int sell_by_counting(const SalePlan& plan, std::chrono::microseconds statement) {
    std::mutex table;  // a statement is atomic
    std::vector<int> sales;
    const auto round_trip = [&] {
        std::this_thread::sleep_for(statement);  // stands for the way to a database and back
    };
    const auto count = [&] {
        round_trip();
        const std::scoped_lock lock(table);
        return static_cast<int>(sales.size());
    };
    const auto insert = [&](int shopper) {
        round_trip();
        const std::scoped_lock lock(table);
        sales.push_back(shopper);
    };
    std::atomic<int> next = 0;
    std::vector<std::jthread> clients;
    clients.reserve(static_cast<std::size_t>(plan.clients));
    for (int client = 0; client < plan.clients; ++client) {
        clients.emplace_back([&] {
            for (int shopper = next++; shopper < plan.shoppers; shopper = next++) {
                if (count() < plan.widgets) {
                    insert(shopper);
                }
            }
        });
    }
    clients.clear();
    return static_cast<int>(sales.size());
}

}  // namespace holdfast::cli
