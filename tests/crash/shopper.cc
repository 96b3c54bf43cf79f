#include "tests/crash/shopper.h"

#include <gtest/gtest.h>

namespace holdfast::cli {

const std::vector<std::string> Shopper::skus = {"mug", "tea", "cup"};

namespace {

// Long enough never to lapse during a run, short enough always to lapse.
constexpr Seconds long_ttl{3600};
constexpr Seconds short_ttl{1};

// A hold that lapses by itself: its shopper knows only that it was granted.
bool may_lapse(const Hold& hold) {
    return hold.status == HoldStatus::pending && hold.expires_at - hold.created_at <= short_ttl;
}

bool same(const Hold& told, const Hold& found) {
    if (may_lapse(told) && found.status == HoldStatus::expired) {
        Hold lapsed = told;
        lapsed.status = HoldStatus::expired;
        lapsed.fence = found.fence;
        return lapsed == found;
    }
    return told == found;
}

Quantity total(const std::vector<LineRequest>& lines) {
    Quantity sum = 0;
    for (const LineRequest& line : lines) {
        sum += line.quantity;
    }
    return sum;
}

struct Units {
    Quantity granted = 0;
    Quantity fulfilled = 0;
    Quantity cancelled = 0;
    Quantity returned = 0;
};

Units units_of(const Hold& hold) {
    Units units;
    for (const HoldLine& line : hold.lines) {
        for (const Allocation& part : line.allocations) {
            units.granted += part.quantity;
            units.fulfilled += part.fulfilled;
            units.cancelled += part.cancelled;
            units.returned += part.returned;
        }
    }
    return units;
}

std::optional<HoldId> hold_of(const Command& command) {
    return std::visit(
        [](const auto& it) -> std::optional<HoldId> {
            if constexpr (requires { it.id; }) {
                return it.id;
            }
            return std::nullopt;
        },
        command);
}

}  // namespace

Command Shopper::place() {
    PlaceHold command;
    command.cart = "s" + std::to_string(number_) + "-" + std::to_string(deeds_);
    carts_[command.cart] = false;
    command.customer = "shopper-" + std::to_string(number_);
    for (const std::string& sku : skus) {
        if (command.lines.empty() || chance(0.5)) {
            command.lines.push_back({sku, up_to(3), ""});
        }
    }
    command.ttl = chance(0.1) ? short_ttl : long_ttl;
    command.partial = chance(0.2);
    // One that lapses is never touched again; one bought at once cannot lapse.
    command.confirm = *command.ttl == long_ttl && chance(0.2);
    return command;
}

Command Shopper::change(const Hold& hold) {
    if (hold.status == HoldStatus::pending) {
        switch (up_to(4)) {
            case 1:
                return AmendHold{.id = hold.id, .region = "", .lines = {{"tea", up_to(4), ""}}};
            case 2:
                return ReleaseHold{.id = hold.id};
            case 3:
                if (hold.extensions < Policy{}.max_extensions) {
                    return ExtendHold{.id = hold.id, .ttl = long_ttl};
                }
                [[fallthrough]];
            default:
                return ConfirmHold{.id = hold.id, .fence = hold.fence, .lines = {}};
        }
    }
    if (hold.status == HoldStatus::confirmed) {
        return chance(0.7) ? Command(FulfilHold{.id = hold.id, .lines = {}, .reference = "van"})
                           : Command(CancelHold{.id = hold.id, .fence = hold.fence, .lines = {}});
    }
    const auto shipped = std::ranges::find_if(hold.lines, [](const HoldLine& line) {
        return !line.allocations.empty() && line.allocations.front().fulfilled > 0;
    });
    return ReturnUnits{.id = hold.id, .lines = {{shipped->sku, 1, ""}}};
}

Shopper::Deed Shopper::choose() {
    ++deeds_;
    const std::string key = "s" + std::to_string(number_) + "-deed-" + std::to_string(deeds_);
    if (chance(0.1)) {
        return {ReceiveStock{.sku = skus[deeds_ % skus.size()], .quantity = up_to(20)}, key};
    }
    std::vector<const Hold*> alive;
    for (const auto& [id, hold] : holds_) {
        const bool moves = hold.status == HoldStatus::pending ||
                           hold.status == HoldStatus::confirmed ||
                           hold.status == HoldStatus::fulfilled;
        if (moves && !may_lapse(hold) &&
            (hold.status != HoldStatus::fulfilled || units_of(hold).returned == 0)) {
            alive.push_back(&hold);
        }
    }
    if (alive.empty() || chance(0.4)) {
        return {place(), key};
    }
    return {
        change(*alive[static_cast<std::size_t>(up_to(static_cast<Quantity>(alive.size()))) - 1]),
        key};
}

void Shopper::shop(const std::string& url, const std::function<void()>& answered) {
    const auto connection = connect_http({.url = url});
    while (true) {
        Deed deed = choose();
        doubt_ = deed;
        try {
            const auto outcome =
                connection->submit_any({deed.command, {.idempotency_key = deed.key}});
            doubt_.reset();
            learn(deed, outcome);
        } catch (const Failure&) {
            return;
        }
        answered();
    }
}

void Shopper::learn(const Deed& deed, const Outcome<Answer>& outcome) {
    ++answers_;
    if (!outcome.result) {
        EXPECT_EQ(outcome.result.error().code, RefusalCode::insufficient_stock)
            << describe_refusal(outcome.result.error());
        return;
    }
    if (const auto* received = std::get_if<ReceiveStock>(&deed.command)) {
        received_[received->sku] += received->quantity;
        return;
    }
    learn_hold(deed.command, std::get<HoldAnswer>(*outcome.result).hold);
}

// The answer is what was asked for, seen from what was known before.
void Shopper::learn_hold(const Command& command, const Hold& hold) {
    const auto known = holds_.find(hold.id);
    const Units after = units_of(hold);
    const Units before = known == holds_.end() ? Units{} : units_of(known->second);
    if (const auto* place = std::get_if<PlaceHold>(&command)) {
        EXPECT_EQ(known, holds_.end());
        EXPECT_EQ(hold.cart, place->cart);
        EXPECT_EQ(hold.status, place->confirm ? HoldStatus::confirmed : HoldStatus::pending);
        EXPECT_TRUE(after.granted == total(place->lines) ||
                    (place->partial && after.granted > 0 && after.granted < total(place->lines)));
        carts_[hold.cart] = true;
    } else if (const auto* amend = std::get_if<AmendHold>(&command)) {
        EXPECT_EQ(after.granted, total(amend->lines));
    } else if (std::holds_alternative<FulfilHold>(command)) {
        EXPECT_EQ(after.fulfilled, before.granted - before.cancelled);
    } else if (std::holds_alternative<CancelHold>(command)) {
        EXPECT_EQ(after.cancelled, before.granted - before.fulfilled);
    } else if (std::holds_alternative<ReturnUnits>(command)) {
        EXPECT_EQ(after.returned, before.returned + 1);
    } else if (std::holds_alternative<ReleaseHold>(command)) {
        EXPECT_EQ(hold.status, HoldStatus::released);
    } else if (std::holds_alternative<ConfirmHold>(command)) {
        EXPECT_EQ(hold.status, HoldStatus::confirmed);
        EXPECT_EQ(after.granted, before.granted);
    }
    // To extend a hold to the moment at which it ends anyway changes nothing.
    const bool changed = known == holds_.end() || hold.fence > known->second.fence;
    EXPECT_TRUE(changed || (std::holds_alternative<ExtendHold>(command) && hold == known->second))
        << to_string(hold.id) << ", command " << command.index();
    holds_[hold.id] = hold;
}

void Shopper::check(const std::string& url) {
    const auto connection = connect_http({.url = url});
    if (doubt_) {
        resolve(*connection);
    }
    for (auto& [id, told] : holds_) {
        const auto found = connection->hold(id);
        ASSERT_TRUE(found) << to_string(id)
                           << " was acknowledged and is gone: " << describe_refusal(found.error());
        EXPECT_TRUE(same(told, found->hold)) << to_string(id) << " is not as it was acknowledged";
        told = found->hold;
    }
}

std::optional<Hold> Shopper::look(Connection& connection, const Command& command) {
    if (const auto id = hold_of(command)) {
        return required(connection.hold(*id)).hold;
    }
    if (const auto* place = std::get_if<PlaceHold>(&command)) {
        const auto found = required(connection.holds({.cart = place->cart})).items;
        EXPECT_LE(found.size(), 1U) << place->cart << " was granted twice";
        return found.empty() ? std::nullopt : std::optional(found.front());
    }
    return std::nullopt;
}

// Whole or not at all: the hold stands as before, and the repeated command is carried out now; or it
// stands as the first answer would have said, and the repeated command says just that.
void Shopper::resolve(Connection& connection) {
    const Deed deed = *std::exchange(doubt_, std::nullopt);
    ++doubts_;
    const std::optional<Hold> found = look(connection, deed.command);
    std::optional<Hold> before;
    if (const auto id = hold_of(deed.command)) {
        before = holds_.at(*id);
    }
    const auto outcome = connection.submit_any({deed.command, {.idempotency_key = deed.key}});
    doubts_done_ += outcome.replayed ? 1 : 0;
    if (!std::holds_alternative<ReceiveStock>(deed.command)) {
        const bool done = found.has_value() && !(before && *before == *found);
        const bool changes_nothing =
            outcome.result && found == std::get<HoldAnswer>(*outcome.result).hold && !done;
        EXPECT_TRUE(done == outcome.replayed || changes_nothing) << deed.key;
        if (done && outcome.result) {
            EXPECT_TRUE(same(std::get<HoldAnswer>(*outcome.result).hold, *found)) << deed.key;
        }
    }
    learn(deed, outcome);
}

void Shopper::add_to(std::map<std::string, Expected>& expected) const {
    for (const auto& [sku, units] : received_) {
        expected[sku].received += units;
    }
    for (const auto& [id, hold] : holds_) {
        for (const HoldLine& line : hold.lines) {
            Expected& sku = expected[line.sku];
            for (const Allocation& part : line.allocations) {
                sku.held += hold.status == HoldStatus::pending ? part.quantity : 0;
                const bool sold = hold.status != HoldStatus::pending &&
                                  hold.status != HoldStatus::released &&
                                  hold.status != HoldStatus::expired;
                sku.committed += sold ? part.quantity - part.fulfilled - part.cancelled : 0;
                sku.shipped += part.fulfilled;
                sku.returned += part.returned;
            }
        }
    }
}

}  // namespace holdfast::cli
