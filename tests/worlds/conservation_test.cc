// Random days of a shop, told to the core: whatever was asked, no unit is lost or made, and no more is promised than the
// policy of the moment allows, but to a cart that had the promise before. Both are folded from the events alone.
#include <iostream>
#include <map>

#include <gtest/gtest.h>

#include "testing/core_target.h"
#include "testing/random_script.h"
#include "tests/worlds/places.h"

namespace holdfast::testing {
namespace {

class Ledger {
public:
    void add(const Event& event) {
        std::visit([this](const auto& e) { fold(e); }, event);
        for (const auto& [sku, units] : promises_) {
            ++promised_;
            Account& account = accounts_[sku];
            account.waiting += units;
            const Quantity limit = promises_of(account.policy);
            if (account.waiting > limit && units > kept_[sku]) {
                wrong_ += sku + ": " + std::to_string(account.waiting) +
                          " units wait, the limit is " + std::to_string(limit) + "\n";
            }
        }
        promises_.clear();
        kept_.clear();
    }

    // What the core says otherwise than the events.
    std::string difference(const core::State& state) {
        for (const core::SkuState& sku : state.skus) {
            const Account& account = accounts_[sku.sku];
            Quantity on_hand = 0;
            for (const core::SkuStock& row : sku.stock) {
                on_hand += row.counters.on_hand;
            }
            tell(sku.sku + " on hand", on_hand, account.on_hand);
            tell(sku.sku + " waited for", sku.queues ? sku.queues->backordered() : 0,
                 account.waiting);
        }
        return wrong_;
    }

    [[nodiscard]] std::uint64_t promised() const { return promised_; }

private:
    struct Account {
        Policy policy;
        Quantity on_hand = 0;
        Quantity waiting = 0;
    };

    void tell(const std::string& what, Quantity says, Quantity folded) {
        if (says != folded) {
            wrong_ += what + ": " + std::to_string(says) + ", by the events " +
                      std::to_string(folded) + "\n";
        }
    }

    void promise(const std::string& sku, Quantity units) {
        if (units > 0) {
            promises_[sku] += units;
        }
    }
    void promise(const std::vector<HoldLine>& lines) {
        for (const HoldLine& line : lines) {
            for (const Allocation& allocation : line.allocations) {
                promise(line.sku, allocation.backordered);
            }
        }
    }
    void promise(const std::vector<Part>& parts) {
        for (const Part& part : parts) {
            promise(part.sku, part.backordered);
        }
    }
    void give_up(const std::vector<Part>& parts) {
        for (const Part& part : parts) {
            accounts_[part.sku].waiting -= part.backordered;
        }
    }

    void fold(const SkuDefined& e) { accounts_[e.sku].policy = e.policy; }
    void fold(const StockReceived& e) { accounts_[e.sku].on_hand += e.quantity; }
    void fold(const StockAdjusted& e) { accounts_[e.sku].on_hand += e.delta; }
    void fold(const HoldFulfilled& e) {
        for (const Part& part : e.fulfilled) {
            accounts_[part.sku].on_hand -= part.quantity;
        }
    }
    void fold(const HoldReturned& e) {
        for (const Part& part : e.returned) {
            accounts_[part.sku].on_hand += part.quantity;
        }
    }
    void fold(const HoldPlaced& e) { promise(e.hold.lines); }
    void fold(const HoldAmended& e) {
        give_up(e.released);
        for (const Part& part : e.released) {
            kept_[part.sku] += part.backordered;
        }
        promise(e.hold.lines);
    }
    void fold(const HoldSecured& e) { promise(e.taken); }
    void fold(const HoldConfirmed& e) {
        promise(e.taken);
        give_up(e.released);
        if (!e.late) {
            return;  // what waited before the sale goes on waiting
        }
        promise(e.confirmed);
        for (const Part& part : e.confirmed) {
            if (part.backordered > 0 &&
                accounts_[part.sku].policy.late_confirm != LateConfirm::backorder) {
                wrong_ += part.sku + ": promised to who paid too late\n";
            }
        }
    }
    void fold(const BackorderAllocated& e) {
        accounts_[e.allocated.sku].waiting -= e.allocated.quantity;
    }
    void fold(const HoldReleased& e) { give_up(e.released); }
    void fold(const HoldExpired& e) { give_up(e.released); }
    void fold(const HoldLost& e) { give_up(e.released); }
    void fold(const HoldCancelled& e) { give_up(e.cancelled); }
    template <class Other>
    void fold(const Other&) {}

    std::map<std::string, Account> accounts_;
    std::map<std::string, Quantity> promises_;  // made by the event that is being folded
    std::map<std::string, Quantity> kept_;      // what the cart that it amends was promised before
    std::uint64_t promised_ = 0;
    std::string wrong_;
};

struct Played {
    std::uint64_t commands = 0;
    std::uint64_t events = 0;
    std::uint64_t promises = 0;
};

std::optional<std::string> keep_books(const Script& script, CoreTarget& target, Played& played) {
    Ledger ledger;
    Player player(target);
    std::size_t folded = 0;
    std::string told;
    for (const Step& step : parse_script(script).steps) {
        told += step.text + "\n";
        player.play(step, {});
        ++played.commands;
        for (; folded < target.events().size(); ++folded) {
            ledger.add(target.events()[folded].event);
        }
        if (const std::string wrong = ledger.difference(target.state()); !wrong.empty()) {
            return told.append("<- here: ").append(wrong);
        }
    }
    played.events += folded;
    played.promises += ledger.promised();
    return std::nullopt;
}

// On few of those days an order waits for stock: these begin with policies that let it.
Script with_promises(Script script) {
    script.insert(script.begin(), {"sku mug policy backorder limit 2",
                                   "sku tea policy preorder limit 5 late_confirm backorder"});
    return script;
}

TEST(Conservation, NoUnitIsLostOrMadeAndNoneIsPromisedBeyondTheLimit) {
    Played played;
    check_scripts("books", 2'000, [&played](const Script& script) {
        CoreTarget target;
        return keep_books(script, target, played);
    });
    check_scripts("books with promises", 2'000, [&played](const Script& script) {
        CoreTarget target;
        return keep_books(with_promises(script), target, played);
    });
    check_scripts("books, 4 partitions, holds ended late", 1'000, [&played](const Script& script) {
        CoreTarget target(4, Expiry::lazy);
        return keep_books(with_promises(script), target, played);
    });
    std::cout << played.commands << " commands, " << played.events << " events, " << played.promises
              << " promises beyond stock\n";
    EXPECT_GT(played.promises, 0U);
}

}  // namespace
}  // namespace holdfast::testing
