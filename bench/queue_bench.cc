// Measures what policies cost in the embedded library, each against its plain counterpart and in turns
// with it: sales beyond stock, a long line of shoppers, a long queue of orders. Each command works on a
// data directory of its own in a process of its own (bench/run starts them) and prints one JSON object.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <holdfast/service.h>
#include "bench/load.h"

namespace {

using holdfast::Command;
using holdfast::Quantity;
using holdfast::Selling;
using holdfast::Service;
using holdfast::Waitlist;
using holdfast::bench::Load;
using holdfast::bench::processor_seconds;
using holdfast::bench::seconds_since;
using holdfast::bench::SteadyClock;

struct Settings {
    std::string data;
    std::uint64_t waiting = 100'000;
    std::uint64_t turns = 10;
};

constexpr std::uint64_t outstanding = 1'024;
// How many wait in a short queue, and how many of them are served in a turn. A turn is for many short
// queues, so that it takes as long as one of the long queue.
constexpr std::uint64_t short_waiting = 100;
constexpr std::uint64_t short_served = 50;
constexpr std::uint64_t short_queues = 128;
constexpr std::uint64_t turn_commands = short_served * short_queues;

std::unique_ptr<Service> open(const Settings& settings) {
    holdfast::Options options;
    options.data = settings.data;
    return holdfast::open(options);
}

struct Shop {
    explicit Shop(const Settings& settings)
        : service(open(settings)), load(*service, outstanding), in_vain(*service, outstanding) {}
    Shop(const Shop&) = delete;
    Shop& operator=(const Shop&) = delete;
    // Before the loads end: the last answer may not have left them yet.
    ~Shop() { service->close(); }

    // Nobody measures this.
    void submit(Command command) { load.submit({std::move(command), {}}); }
    void settle() {
        load.drain();
        load.throw_if_refused();
    }
    void define(const std::string& sku, const holdfast::Policy& policy) {
        submit(holdfast::DefineSku{.sku = sku, .policy = policy});
    }
    [[nodiscard]] std::uint64_t backordered(const std::string& sku) const {
        std::promise<Quantity> units;
        service->read_stock(sku, [&units](holdfast::Outcome<holdfast::StockAnswer> outcome) {
            units.set_value(outcome.result ? outcome.result->backordered : -1);
        });
        return static_cast<std::uint64_t>(units.get_future().get());
    }

    std::unique_ptr<Service> service;
    Load load;     // of what is granted
    Load in_vain;  // of holds that must all be refused
};

void expect(std::uint64_t expected, std::uint64_t seen, std::string_view what) {
    if (seen != expected) {
        throw std::runtime_error(fmt::format("{} {}, not {}", seen, what, expected));
    }
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

// One kind of command: its n-th, each asked for once.
using Nth = std::function<Command(std::uint64_t n)>;

// Two kinds in turns, so that a change of the machine's mood meets both.
class Pair {
public:
    Pair(Load& load, Nth first, Nth second)
        : load_(load), first_{std::move(first)}, second_{std::move(second)} {}

    void turn() {
        const bool first_begins = first_.seconds.size() % 2 == 0;
        measure(first_begins ? first_ : second_);
        measure(first_begins ? second_ : first_);
    }
    // How many times as long the first takes, and how many times the processor's time, which says what the
    // disk hides.
    [[nodiscard]] std::string json(std::string_view name) const {
        return fmt::format(
            R"("{0}":{1:.3f},"{0}_us":{2:.2f},"{0}_against_us":{3:.2f},)"
            R"("{0}_work":{4:.3f},"{0}_work_us":{5:.2f},"{0}_work_against_us":{6:.2f})",
            name, median_ratio(first_.seconds, second_.seconds), each_us(first_.seconds),
            each_us(second_.seconds), median_ratio(first_.work, second_.work), each_us(first_.work),
            each_us(second_.work));
    }

private:
    struct Kind {
        Nth command;
        std::uint64_t submitted = 0;
        std::vector<double> seconds;  // of each turn
        std::vector<double> work;     // the processor's
    };

    void measure(Kind& kind) {
        const auto work = processor_seconds();
        const auto begin = SteadyClock::now();
        for (std::uint64_t i = 0; i < turn_commands; ++i) {
            load_.submit({kind.command(kind.submitted++), {}});
        }
        load_.drain();
        kind.seconds.push_back(seconds_since(begin));
        kind.work.push_back(processor_seconds() - work);
    }
    static double median_ratio(std::vector<double> a, const std::vector<double>& b) {
        std::ranges::transform(a, b, a.begin(), std::divides{});
        return median(std::move(a));
    }
    static double each_us(const std::vector<double>& turns) {
        return median(turns) * 1e6 / static_cast<double>(turn_commands);
    }

    Load& load_;
    Kind first_;
    Kind second_;
};

std::string short_queue(std::uint64_t number) {
    return fmt::format("short-{}", number);
}

Command receive(const std::string& sku, Quantity quantity = 1) {
    return holdfast::ReceiveStock{
        .sku = sku, .location = "main", .quantity = quantity, .reference = "bench"};
}

Command hold(const std::string& sku, std::uint64_t cart, bool confirm) {
    holdfast::PlaceHold command;
    command.cart = fmt::format("cart-{}", cart);
    command.lines.push_back({.sku = sku, .quantity = 1, .location = {}});
    command.confirm = confirm;
    return command;
}

Nth holds(std::string sku, bool confirm) {
    return [sku = std::move(sku), confirm](std::uint64_t n) { return hold(sku, n, confirm); };
}

Command join(const std::string& sku, std::string customer, Quantity quantity = 1) {
    return holdfast::JoinWaitlist{.sku = sku,
                                  .customer = std::move(customer),
                                  .quantity = quantity,
                                  .location = {},
                                  .cart = {}};
}

// A sale of what is not there against a strict hold, and against a strict sale.
void run_backorder(const Settings& settings) {
    Shop shop(settings);
    shop.define("strict", {});
    shop.define("beyond", {.selling = Selling::backorder});
    shop.submit(receive("strict", 1'000'000'000));
    shop.settle();
    Pair against_hold(shop.load, holds("beyond", true), holds("strict", false));
    Pair against_sale(shop.load, holds("beyond", true), holds("strict", true));
    for (std::uint64_t turn = 0; turn < settings.turns; ++turn) {
        against_hold.turn();
        against_sale.turn();
    }
    shop.settle();
    expect(2 * settings.turns * turn_commands, shop.backordered("beyond"), "units are backordered");
    std::cout << fmt::format("{{{},{}}}\n", against_hold.json("hold"), against_sale.json("sale"));
}

// A long fair line, whose first wants more than there is: until he gets it nobody else does.
void fill_lines(Shop& shop, std::uint64_t waiting, Quantity first_wants) {
    shop.define("sold-out", {});
    shop.define("long", {.waitlist = Waitlist::fair});
    shop.submit(join("long", "first", first_wants));
    for (std::uint64_t i = 1; i < waiting; ++i) {
        shop.submit(join("long", fmt::format("early-{}", i)));
    }
    for (std::uint64_t queue = 0; queue < short_queues; ++queue) {
        shop.define(short_queue(queue), {.waitlist = Waitlist::fair});
        for (std::uint64_t i = 0; i < short_waiting; ++i) {
            shop.submit(join(short_queue(queue), fmt::format("early-{}", i)));
        }
    }
    shop.submit(receive("long", first_wants - 1));
    shop.settle();
}

// A long line against many short ones: what is refused because of it, what is offered from it, who joins.
void run_line(const Settings& settings) {
    Shop shop(settings);
    constexpr Quantity first_wants = 10;
    fill_lines(shop, settings.waiting, first_wants);
    Pair refused(shop.in_vain, holds("long", false), holds("sold-out", false));
    for (std::uint64_t turn = 0; turn < settings.turns; ++turn) {
        refused.turn();
    }
    shop.in_vain.throw_unless_all_are_short();
    shop.submit(receive("long"));  // and the first is gone
    shop.settle();
    const auto queue_of = [](std::uint64_t n) {
        return short_queue(n / short_served % short_queues);
    };
    Pair offered(
        shop.load, [](std::uint64_t) { return receive("long"); },
        [&queue_of](std::uint64_t n) { return receive(queue_of(n)); });
    Pair joined(
        shop.load, [](std::uint64_t n) { return join("long", fmt::format("late-{}", n)); },
        [&queue_of](std::uint64_t n) { return join(queue_of(n), fmt::format("late-{}", n)); });
    for (std::uint64_t turn = 0; turn < settings.turns; ++turn) {
        offered.turn();
        joined.turn();
    }
    shop.settle();
    // Who was offered units holds them, and nobody else holds any.
    expect(1 + 2 * settings.turns * turn_commands, shop.service->statistics().pending_holds,
           "holds are pending");
    std::cout << fmt::format("{{{},{},{}}}\n", refused.json("refused"), offered.json("offered"),
                             joined.json("joined"));
}

// Those who are served first came first, in the long queue and in the short ones: the store has their
// orders in the same state.
void fill_queues(Shop& shop, std::uint64_t waiting, std::uint64_t shorts) {
    const holdfast::Policy policy{.selling = Selling::backorder};
    shop.define("long", policy);
    for (std::uint64_t queue = 0; queue < shorts; ++queue) {
        shop.define(short_queue(queue), policy);
    }
    static_assert(short_waiting == 2 * short_served);
    for (int half = 0; half < 2; ++half) {
        for (std::uint64_t n = 0; n < shorts * short_served; ++n) {
            shop.submit(hold(short_queue(n / short_served), n, true));
        }
    }
    for (std::uint64_t n = 0; n < waiting; ++n) {
        shop.submit(hold("long", n, true));
    }
    shop.settle();
}

// A long queue of orders against many short ones: a unit comes in and goes to the oldest order.
void run_orders(const Settings& settings) {
    Shop shop(settings);
    fill_queues(shop, settings.waiting, settings.turns * short_queues);
    Pair received(
        shop.load, [](std::uint64_t) { return receive("long"); },
        [](std::uint64_t n) { return receive(short_queue(n / short_served)); });
    for (std::uint64_t turn = 0; turn < settings.turns; ++turn) {
        received.turn();
    }
    shop.settle();
    const auto waiting = shop.backordered("long");
    expect(settings.waiting - settings.turns * turn_commands, waiting, "orders wait");
    expect(short_waiting - short_served, shop.backordered(short_queue(0)), "orders wait");
    std::cout << fmt::format("{{{},\"waiting\":{}}}\n", received.json("received"), waiting);
}

void run_reopen(const Settings& settings) {
    const auto begin = SteadyClock::now();
    const Shop shop(settings);
    const auto elapsed = seconds_since(begin);
    std::cout << fmt::format(R"({{"seconds":{:.3f},"waiting":{}}})"
                             "\n",
                             elapsed, shop.backordered("long"));
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Measures policies and their queues on a data directory."};
    Settings settings;
    app.require_subcommand(1);
    const auto command = [&](const char* name, const char* what, void (*run)(const Settings&)) {
        auto* const sub = app.add_subcommand(name, what);
        sub->add_option("--data", settings.data, "data directory")->required();
        sub->add_option("--waiting", settings.waiting, "length of the long queue")
            ->check(CLI::PositiveNumber);
        sub->add_option("--turns", settings.turns)->check(CLI::PositiveNumber);
        sub->callback([run, &settings] { run(settings); });
    };
    command("backorder", "sales beyond stock", run_backorder);
    command("line", "a waiting line of shoppers", run_line);
    command("orders", "orders that wait for stock", run_orders);
    command("reopen", "time of opening what `orders` left", run_reopen);
    try {
        CLI11_PARSE(app, argc, argv);
    } catch (const std::exception& error) {
        std::cerr << "queue_bench: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
