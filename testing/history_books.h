// What the events add up to, for the checker of histories: counters by the parts that events move, and holds. Believes
// every event; it is for the rules to find that it cannot be true. Tests only; one thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <holdfast/answers.h>
#include <holdfast/events.h>

namespace holdfast::testing {

using Place = std::pair<std::string, std::string>;  // SKU and location

// Of a hold, at one place.
struct HeldUnits {
    Quantity quantity = 0;
    Quantity backordered = 0;
    Quantity fulfilled = 0;
    Quantity cancelled = 0;
    Quantity returned = 0;
    bool operator==(const HeldUnits&) const = default;
};
using UnitsByPlace = std::map<Place, HeldUnits>;
UnitsByPlace units_of(const std::vector<HoldLine>& lines);

struct HoldBook {
    HoldStatus status = HoldStatus::pending;
    Fence fence = 0;
    std::string cart;
    std::string customer;
    Instant expires_at;
    Seconds heartbeat{0};
    Instant beats_until;
    UnitsByPlace units;

    [[nodiscard]] Instant deadline() const {
        return heartbeat.count() > 0 ? std::min(expires_at, beats_until) : expires_at;
    }
    // What it has at a place, and how it counts there.
    [[nodiscard]] Quantity held(const Place& place) const;
    [[nodiscard]] Quantity committed(const Place& place) const;
};

class Books {
public:
    // Gives the places whose counters it changed, with what they were.
    std::map<Place, Counters> apply(const Event& event);

    // All zero where nothing ever was.
    [[nodiscard]] Counters counters(const Place& place) const;
    [[nodiscard]] const Policy* policy(const std::string& sku) const;
    // The rows of a SKU.
    [[nodiscard]] std::map<std::string, Counters> rows(const std::string& sku) const;
    [[nodiscard]] const HoldBook* hold(HoldId id) const;

private:
    struct Entry;
    std::map<Place, Counters> shelves_;
    std::map<HoldId, HoldBook> holds_;
    std::map<std::string, Policy> policies_;
};

// The hold that an event changes, if any; and the fence that it gets.
std::optional<HoldId> changed_hold(const Event& event);
std::optional<Fence> given_fence(const Event& event);

}  // namespace holdfast::testing
