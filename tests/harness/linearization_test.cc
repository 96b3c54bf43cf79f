// The checker of histories against the definition of what it checks: on thousands of short histories of one SKU, true
// ones and ones that somebody has meddled with, both say the same. HOLDFAST_SEED repeats what is drawn.
#include "testing/linearization.h"

#include <cstdio>
#include <cstdlib>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace holdfast::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant opening{std::chrono::days(100)};
constexpr std::size_t operations_max = 8;

// Does one thing after the other, and says of each that it took a while.
class Clerk {
public:
    explicit Clerk(std::mt19937_64& random) : random_(random) {
        write(SkuDefined{.sku = "mug"});
        answer(Command(DefineSku{.sku = "mug"}),
               SkuAnswer{.sku = "mug", .version = 1, .defined_at = 1});
        receive(2);
        time_ += milliseconds(100);
    }

    History history() && { return std::move(history_); }

    void act() {
        const std::size_t what = draw(8);
        if (what < 3 || holds_.empty()) {
            place(1 + static_cast<Quantity>(draw(2)));
        } else if (what == 3) {
            receive(1);
        } else if (what == 4) {
            answer(ReadStock{"mug"}, stock());
        } else {
            change(holds_[draw(holds_.size())], what);
        }
    }

private:
    void place(Quantity quantity) {
        const std::string cart = "c" + std::to_string(history_.operations.size());
        const Command command =
            PlaceHold{.cart = cart, .lines = {{.sku = "mug", .quantity = quantity}}};
        if (counters_.available < quantity) {
            Refusal refusal{.code = RefusalCode::insufficient_stock};
            refusal.short_lines.push_back(
                {.sku = "mug", .wanted = quantity, .available = counters_.available});
            return answer(command, std::unexpected(refusal));
        }
        Hold hold{.id = {.high = holds_.size() + 1, .low = routing_token("mug")},
                  .fence = version_ + 1,
                  .cart = cart,
                  .created_at = opening,
                  .expires_at = opening + std::chrono::hours(1)};
        hold.lines = {{.sku = "mug",
                       .wanted = quantity,
                       .quantity = quantity,
                       .allocations = {{.location = "main", .quantity = quantity}}}};
        counters_.available -= quantity;
        counters_.held += quantity;
        holds_.push_back(hold);
        write(HoldPlaced{hold});
        answer(command, told(hold));
    }
    void receive(Quantity quantity) {
        counters_.on_hand += quantity;
        counters_.available += quantity;
        write(StockReceived{.sku = "mug", .location = "main", .quantity = quantity});
        answer(Command(ReceiveStock{.sku = "mug", .quantity = quantity}), stock());
    }
    void change(Hold& hold, std::size_t what) {
        const Quantity quantity = hold.lines.front().quantity;
        const std::vector<Part> parts = {{.sku = "mug", .location = "main", .quantity = quantity}};
        const bool pending = hold.status == HoldStatus::pending;
        if (what == 5 && (pending || hold.status == HoldStatus::confirmed)) {
            if (pending) {
                end(hold, HoldStatus::confirmed, &Counters::committed);
                write(HoldConfirmed{.id = hold.id, .fence = hold.fence, .confirmed = parts});
            }
            return answer(Command(ConfirmHold{.id = hold.id}), told(hold));
        }
        if (what == 6 && (pending || hold.status == HoldStatus::released)) {
            if (pending) {
                end(hold, HoldStatus::released, &Counters::available);
                write(HoldReleased{.id = hold.id, .fence = hold.fence, .released = parts});
            }
            return answer(Command(ReleaseHold{.id = hold.id}), told(hold));
        }
        answer(ReadHold{hold.id}, told(hold));
    }
    void end(Hold& hold, HoldStatus status, Quantity Counters::* to) {
        counters_.held -= hold.lines.front().quantity;
        counters_.*to += hold.lines.front().quantity;
        hold.status = status;
        hold.fence = version_ + 1;
    }
    void write(Event event) {
        ++version_;
        history_.log.push_back(
            {.version = version_, .batch = version_, .at = opening, .event = std::move(event)});
    }
    void answer(Asked asked, Result<Told> told) {
        time_ += milliseconds(10);
        history_.operations.push_back({.called = time_ - milliseconds(draw(30)),
                                       .returned = time_ + milliseconds(draw(30)),
                                       .asked = std::move(asked),
                                       .told = std::move(told)});
    }
    [[nodiscard]] Told told(const Hold& hold) const {
        return HoldAnswer{.hold = hold, .version = version_, .server_time = opening};
    }
    [[nodiscard]] Told stock() const {
        StockAnswer answer{.sku = "mug", .version = version_};
        answer.locations.push_back({.location = "main", .counters = counters_});
        return answer;
    }
    std::size_t draw(std::size_t below) { return random_() % below; }

    std::mt19937_64& random_;
    History history_;
    Moment time_{seconds(1'000)};
    Version version_ = 0;
    Counters counters_;
    std::vector<Hold> holds_;
};

// Changes something that somebody says. It may be true nonetheless.
void meddle(History& history, std::mt19937_64& random) {
    const auto draw = [&](std::size_t below) { return random() % below; };
    // Not what the shop began with.
    const std::size_t count = history.operations.size() - 2;
    Operation& operation = history.operations[2 + draw(count)];
    Operation& other = history.operations[2 + draw(count)];
    switch (draw(8)) {
        case 0:
            operation.told.reset();
            return;
        case 1:
        case 2: {
            const milliseconds by(static_cast<std::int64_t>(draw(80)) - 40);
            operation.called += by;
            operation.returned += by;
            return;
        }
        case 3:
            operation.returned = operation.called + milliseconds(draw(5));
            return;
        case 4:  // who reads was told something else
            if (operation.asked.index() > 0 && operation.asked.index() == other.asked.index()) {
                std::swap(operation.told, other.told);
            }
            return;
        case 5:
            if (operation.asked.index() > 0 && operation.told && *operation.told) {
                const Version by = draw(2) == 0 ? 1 : -1;
                std::visit(
                    [&](auto& told) {
                        if constexpr (requires { told.version; }) {
                            told.version += by;
                        }
                    },
                    **operation.told);
            }
            return;
        case 6:  // an event is gone
            history.log.erase(history.log.begin() +
                              static_cast<std::ptrdiff_t>(draw(history.log.size())));
            for (std::size_t i = 0; i < history.log.size(); ++i) {
                history.log[i].version = i + 1;
            }
            return;
        default:  // who was granted something was refused
            if (const auto* const command = std::get_if<Command>(&operation.asked);
                command != nullptr && std::holds_alternative<PlaceHold>(*command)) {
                Refusal refusal{.code = RefusalCode::insufficient_stock};
                refusal.short_lines.push_back({.sku = "mug", .wanted = 1});
                operation.told = std::unexpected(refusal);
            }
            return;
    }
}

std::string shown(const Operation& operation) {
    const auto ms = [](Moment at) {
        return std::chrono::duration_cast<milliseconds>(at - Moment(seconds(1'000))).count();
    };
    std::string text = fmt::format("{} to {}: ", ms(operation.called), ms(operation.returned));
    if (const auto* const command = std::get_if<Command>(&operation.asked)) {
        text += fmt::format("command {}", command->index());
    } else {
        text += "read";
    }
    if (!operation.told) {
        return text + ", not answered";
    }
    if (!*operation.told) {
        return text + ", refused";
    }
    if (const auto* const hold = std::get_if<HoldAnswer>(&**operation.told)) {
        return text + fmt::format(", hold {} of {} is {}, fence {}, version {}", hold->hold.id.high,
                                  hold->hold.lines.front().quantity, to_string(hold->hold.status),
                                  hold->hold.fence, hold->version);
    }
    const auto* const stock = std::get_if<StockAnswer>(&**operation.told);
    return stock == nullptr
               ? text
               : text + fmt::format(", {} available, version {}",
                                    stock->locations.front().counters.available, stock->version);
}

std::string shown(const History& history) {
    std::string text;
    for (const Operation& operation : history.operations) {
        text += shown(operation) + "\n";
    }
    for (const RecordedEvent& event : history.log) {
        text += fmt::format("{} {}\n", event.version, type_name(event.event));
    }
    return text;
}

TEST(Linearization, IsWhatTheCheckerOfHistoriesFinds) {
    const char* const chosen = std::getenv("HOLDFAST_SEED");
    const std::uint64_t seed =
        chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : std::random_device()();
    std::printf("HOLDFAST_SEED=%llu\n", static_cast<unsigned long long>(seed));
    std::mt19937_64 random(seed);
    constexpr std::size_t histories = 20'000;
    std::size_t impossible = 0;
    for (std::size_t i = 0; i < histories && !::testing::Test::HasFailure(); ++i) {
        Clerk clerk(random);
        for (std::size_t left = 1 + random() % operations_max; left > 0; --left) {
            clerk.act();
        }
        History history = std::move(clerk).history();
        for (std::size_t left = random() % 3; left > 0; --left) {
            meddle(history, random);
        }
        const bool possible = is_linearizable(history);
        impossible += possible ? 0 : 1;
        const std::vector<Finding> findings = check(history);
        EXPECT_EQ(findings.empty(), possible)
            << (findings.empty() ? "nothing was found" : findings.front().text) << "\n"
            << shown(history);
    }
    // Both kinds are there.
    EXPECT_GT(impossible, histories / 10);
    EXPECT_LT(impossible, histories / 2);
}

}  // namespace
}  // namespace holdfast::testing
