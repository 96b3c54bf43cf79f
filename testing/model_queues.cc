// The naive model's half that serves those who wait.
#include <algorithm>

#include "testing/model.h"
#include "testing/model_terms.h"

namespace holdfast::testing {

// What policies ship at the sale leaves the shelf at once, as far as it is there.
void Model::ship_at_confirm(Hold& hold) {
    for (HoldLine& line : hold.lines) {
        for (Allocation& a : line.allocations) {
            Counters& shelf = shelves_[{line.sku, a.location}];
            const Quantity units = std::min(to_ship(a), shelf.on_hand);
            if (policies_.at(line.sku).fulfilment == Fulfilment::at_confirm && units > 0) {
                shelf.on_hand -= units;
                a.fulfilled += units;
                settle(hold);
            }
        }
    }
}

// Gives what is available there to the order that has waited longest.
bool Model::serve_one(const Place& place) {
    Hold* first = nullptr;
    Allocation* waits = nullptr;
    for (auto& [id, hold] : holds_) {
        for (HoldLine& line : hold.lines) {
            for (Allocation& a : line.allocations) {
                if (Place(line.sku, a.location) == place && a.backordered > 0 && competes(hold) &&
                    (waits == nullptr || a.place < waits->place)) {
                    first = &hold;
                    waits = &a;
                }
            }
        }
    }
    const Quantity available = counters(place).available;
    if (waits == nullptr || available <= 0) {
        return false;
    }
    const Quantity units = std::min(available, waits->backordered);
    waits->quantity += units;
    waits->backordered -= units;
    if (first->status == Status::confirmed) {
        ship_at_confirm(*first);
    }
    return true;
}

// Offers units to the first in a line who can have them, or sends him away who may not.
bool Model::offer_one() {
    for (const Shopper& waits : line_) {
        const JoinWaitlist& asked = waits.asked;
        // Of all who wait for the same place only the first can be next.
        const bool first = &waits == &*std::ranges::find_if(line_, [&](const Shopper& other) {
            return other.asked.sku == asked.sku && other.asked.location == asked.location;
        });
        if (!first) {
            continue;
        }
        try {
            Hold hold;
            hold.lines = allocate({.customer = asked.customer,
                                   .region = asked.region,
                                   .lines = {{asked.sku, asked.quantity, asked.location}}},
                                  nullptr, Stage::payment, &asked);
            hold.id.high = holds_.size() + 1;
            hold.cart = asked.cart.empty() ? to_string(waits.id) : asked.cart;
            hold.customer = asked.customer;
            hold.region = asked.region;
            hold.created_at = now_;
            const Policy& policy = policies_.at(asked.sku);
            hold.expires_at = now_ + std::min(policy.offer_ttl, policy.max_ttl);
            hold.fence = ++changes_;
            start_windows(hold, hold.lines, now_);
            holds_[hold.id] = hold;
            offers_[waits.id] = hold.id;
        } catch (const Refusal& refusal) {
            if (refusal.code == Code::insufficient_stock) {
                continue;
            }
        }
        line_.erase(line_.begin() + (&waits - line_.data()));
        return true;
    }
    return false;
}

void Model::serve_waiting() {
    for (const auto& [place, shelf] : shelves_) {
        while (serve_one(place)) {
        }
    }
    while (offer_one()) {
    }
}

Result<EntryAnswer> Model::read_entry(const std::string& sku, EntryId entry) {
    Quantity place = 0;
    for (const Shopper& waits : line_) {
        place += waits.asked.sku == sku ? 1 : 0;
        if (waits.asked.sku == sku && waits.id == entry) {
            return EntryAnswer{.entry = entry, .sku = sku, .place = place};
        }
    }
    return std::unexpected(Refusal{.code = Code::unknown_entry});
}

std::optional<HoldId> Model::offer_to(EntryId entry) {
    const auto offer = offers_.find(entry);
    return offer == offers_.end() ? std::nullopt : std::optional(offer->second);
}

}  // namespace holdfast::testing
