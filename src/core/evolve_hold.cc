#include <algorithm>
#include <ranges>

#include <holdfast/assert.h>
#include "core/evolve.h"
#include "core/line_index.h"

namespace holdfast::core {
namespace {

// What an event does to the hold that it names.
class HoldEvolution {
public:
    explicit HoldEvolution(Hold& hold) : hold_(hold) {}

    void operator()(const HoldPlaced& e) { hold_ = e.hold; }
    void operator()(const HoldAmended& e) { hold_ = e.hold; }
    void operator()(const HoldExtended& e) {
        hold_.fence = e.fence;
        hold_.expires_at = e.expires_at;
        hold_.beats_until = e.beats_until;
        hold_.extensions = e.extensions;
    }
    void operator()(const HoldSecured& e) {
        hold_.fence = e.fence;
        hold_.expires_at = e.expires_at;
        hold_.secured = true;
        if (!e.lines.empty()) {
            hold_.lines = e.lines;
        }
    }
    void operator()(const HoldConfirmed& e) {
        become(HoldStatus::confirmed, e.fence);
        if (e.late) {
            for (HoldLine& line : hold_.lines) {
                line.soft = true;
            }
            retake(e.confirmed);
            return;
        }
        retake(e.taken);
        // The first lines were confirmed first, so the last ones are released first.
        const LineIndex index(hold_.lines);
        for (const Part& part : e.released) {
            Quantity left = part.quantity;
            Quantity waiting = part.backordered;
            for (const std::uint32_t i : index.of(part.sku) | std::views::reverse) {
                HoldLine& line = hold_.lines[i];
                for (Allocation& allocation : line.allocations) {
                    if (allocation.location == part.location) {
                        const Quantity gone = std::min(left, allocation.quantity);
                        allocation.quantity -= gone;
                        left -= gone;
                        const Quantity given_up = std::min(waiting, allocation.backordered);
                        allocation.backordered -= given_up;
                        waiting -= given_up;
                        line.quantity -= gone + given_up;
                    }
                }
            }
            HF_ASSERT(left == 0 && waiting == 0);
        }
        for (HoldLine& line : hold_.lines) {
            std::erase_if(line.allocations, [](const Allocation& a) {
                return a.quantity == 0 && a.backordered == 0;
            });
            forget_places(line);
        }
    }
    void operator()(const HoldReleased& e) { become(HoldStatus::released, e.fence); }
    void operator()(const HoldExpired& e) { become(HoldStatus::expired, e.fence); }
    void operator()(const HoldLost& e) { become(HoldStatus::lost, e.fence); }
    void operator()(const BackorderAllocated& e) {
        const LineIndex index(hold_.lines);
        each_allocation(index, e.allocated.sku, e.allocated.location, e.allocated.quantity,
                        [](HoldLine& line, Allocation& a, Quantity left) {
                            const Quantity units = std::min(left, a.backordered);
                            a.quantity += units;
                            a.backordered -= units;
                            forget_places(line);
                            return units;
                        });
    }
    void operator()(const HoldFulfilled& e) {
        become(e.status, e.fence);
        const LineIndex index(hold_.lines);
        for (const Part& part : e.fulfilled) {
            close(index, part, &Allocation::fulfilled);
        }
    }
    void operator()(const HoldCancelled& e) {
        become(e.status, e.fence);
        const LineIndex index(hold_.lines);
        for (const Part& part : e.cancelled) {
            // What still waited counts as sold and cancelled.
            each_allocation(index, part.sku, part.location, part.backordered,
                            [](HoldLine& line, Allocation& a, Quantity left) {
                                const Quantity units = std::min(left, a.backordered);
                                a.quantity += units;
                                a.cancelled += units;
                                a.backordered -= units;
                                forget_places(line);
                                return units;
                            });
            close(index, part, &Allocation::cancelled);
        }
    }
    void operator()(const HoldReturned& e) {
        become(e.status, e.fence);
        const LineIndex index(hold_.lines);
        for (std::size_t i = 0; i < e.returned.size(); ++i) {
            each_allocation(index, e.returned[i].sku, e.shipped_from[i], e.returned[i].quantity,
                            [](HoldLine&, Allocation& a, Quantity left) {
                                const Quantity units = std::min(left, a.fulfilled - a.returned);
                                a.returned += units;
                                return units;
                            });
        }
    }
    template <class Other>
    void operator()(const Other&) {
        HF_ASSERT(!"an event that names no hold");
    }

private:
    void become(HoldStatus status, Fence fence) {
        hold_.status = status;
        hold_.fence = fence;
    }

    static void forget_places(HoldLine& line) {
        for (Allocation& allocation : line.allocations) {
            if (allocation.backordered == 0) {
                allocation.place = 0;
            }
        }
    }

    // Spends `quantity` over the allocations of a SKU at a location; `spend` says how much it took.
    template <class Spend>
    void each_allocation(const LineIndex& index, std::string_view sku, std::string_view location,
                         Quantity quantity, Spend spend) {
        for (const std::uint32_t i : index.of(sku)) {
            for (Allocation& allocation : hold_.lines[i].allocations) {
                if (quantity > 0 && allocation.location == location) {
                    quantity -= spend(hold_.lines[i], allocation, quantity);
                }
            }
        }
        HF_ASSERT(quantity == 0);
    }

    // Units that were sold and still open count as this from now on.
    void close(const LineIndex& index, const Part& part, Quantity Allocation::* as) {
        each_allocation(index, part.sku, part.location, part.quantity,
                        [as](HoldLine&, Allocation& a, Quantity left) {
                            const Quantity units =
                                std::min(left, a.quantity - a.fulfilled - a.cancelled);
                            a.*as += units;
                            return units;
                        });
    }

    // The soft lines with the units that the payment found, perhaps elsewhere than before: they go to
    // the lines that named the place, then to those that named none, each up to what it had.
    void retake(const std::vector<Part>& parts) {
        std::vector<Quantity> room;
        for (HoldLine& line : hold_.lines) {
            room.push_back(line.soft ? line.quantity : 0);
            if (line.soft) {
                line.quantity = 0;
                line.limited = line.windowed = false;
                line.allocations.clear();
            }
        }
        const LineIndex index(hold_.lines);
        for (const Part& part : parts) {
            Quantity left = part.quantity;
            Quantity waiting = part.backordered;
            const auto give = [&](auto fits, bool beyond) {
                for (const std::uint32_t i : index.of(part.sku)) {
                    HoldLine& line = hold_.lines[i];
                    const Quantity some = left + waiting;
                    const Quantity all = beyond ? some : std::min(some, room[i]);
                    if (!line.soft || all == 0 || !fits(line)) {
                        continue;
                    }
                    const Quantity units = std::min(left, all);
                    line.quantity += all;
                    line.limited = part.limited;
                    line.windowed = part.windowed;
                    if (line.allocations.empty() ||
                        line.allocations.back().location != part.location) {
                        line.allocations.push_back({.location = part.location});
                    }
                    Allocation& to = line.allocations.back();
                    to.quantity += units;
                    to.backordered += all - units;
                    if (all > units) {
                        to.place = part.place;  // and not that of a later part, which has none
                    }
                    room[i] -= all;
                    left -= units;
                    waiting -= all - units;
                }
            };
            give([&](const HoldLine& line) { return line.location == part.location; }, false);
            give([](const HoldLine& line) { return line.location.empty(); }, false);
            give([](const HoldLine&) { return true; }, true);
            HF_ASSERT(left == 0 && waiting == 0);
        }
        for (HoldLine& line : hold_.lines) {
            line.soft = false;
        }
    }

    Hold& hold_;
};

}  // namespace

void evolve(Hold& hold, const Event& event) {
    std::visit(HoldEvolution{hold}, event);
}

}  // namespace holdfast::core
