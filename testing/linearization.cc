#include "testing/linearization.h"

#include <cstddef>
#include <map>
#include <set>
#include <utility>

#include <holdfast/assert.h>

namespace holdfast::testing {
namespace {

struct KeptHold {
    HoldStatus status = HoldStatus::pending;
    Fence fence = 0;
    std::string cart;
    Quantity quantity = 0;
};

// The shop after some events of the log.
struct Shelf {
    bool received = false;
    Counters counters;
    std::map<HoldId, KeptHold> holds;

    // Whether the event can happen now, as the one after `version` others; then it has.
    bool apply(const Event& event, Version version) {
        return std::visit([&](const auto& e) { return happen(e, version + 1); }, event);
    }

private:
    bool happen(const SkuDefined& /*event*/, Version version) { return version == 1; }
    bool happen(const StockReceived& e, Version /*version*/) {
        received = true;
        counters.on_hand += e.quantity;
        counters.available += e.quantity;
        return true;
    }
    bool happen(const HoldPlaced& e, Version version) {
        const Quantity quantity = e.hold.lines.front().quantity;
        if (counters.available < quantity || e.hold.fence != version ||
            !holds.try_emplace(e.hold.id, HoldStatus::pending, version, e.hold.cart, quantity)
                 .second) {
            return false;
        }
        counters.available -= quantity;
        counters.held += quantity;
        return true;
    }
    bool happen(const HoldConfirmed& e, Version version) {
        return end(e.id, e.fence, version, HoldStatus::confirmed, &Counters::committed);
    }
    bool happen(const HoldReleased& e, Version version) {
        return end(e.id, e.fence, version, HoldStatus::released, &Counters::available);
    }
    template <class E>
    bool happen(const E& /*event*/, Version /*version*/) {
        return false;
    }
    bool end(HoldId id, Fence fence, Version version, HoldStatus status, Quantity Counters::* to) {
        const auto found = holds.find(id);
        if (found == holds.end() || found->second.status != HoldStatus::pending ||
            fence != version) {
            return false;
        }
        found->second.status = status;
        found->second.fence = fence;
        counters.held -= found->second.quantity;
        counters.*to += found->second.quantity;
        return true;
    }
};

// What an operation does, or what it is told: two steps, between which others may come.
struct Step {
    const Operation* operation = nullptr;
    bool does = false;
    // The place of the step that must come before; its own when there is none.
    std::size_t after = 0;

    [[nodiscard]] bool is_open() const { return !operation->told; }
    [[nodiscard]] bool precedes(const Step& other) const {
        return !is_open() && operation->returned < other.operation->called;
    }
};

bool is_told(const Shelf& shelf, Version version, const Told& told) {
    if (const auto* const hold = std::get_if<HoldAnswer>(&told)) {
        const auto found = shelf.holds.find(hold->hold.id);
        return hold->version == version && found != shelf.holds.end() &&
               found->second.status == hold->hold.status &&
               found->second.fence == hold->hold.fence && found->second.cart == hold->hold.cart &&
               found->second.quantity == hold->hold.lines.front().quantity;
    }
    if (const auto* const stock = std::get_if<StockAnswer>(&told)) {
        const bool same = stock->locations.empty()
                              ? !shelf.received
                              : stock->locations.front().counters == shelf.counters;
        return stock->version == version && same;
    }
    const auto* const sku = std::get_if<SkuAnswer>(&told);
    return sku != nullptr && sku->version == version && sku->defined_at == 1;
}

class Search {
public:
    explicit Search(const History& history) : log_(history.log) {
        for (const Operation& operation : history.operations) {
            const bool refused = operation.told && !*operation.told;
            if (std::holds_alternative<Command>(operation.asked) && !refused) {
                steps_.push_back({.operation = &operation, .does = true, .after = steps_.size()});
            }
            if (operation.told) {
                const bool alone = steps_.empty() || steps_.back().operation != &operation;
                steps_.push_back(
                    {.operation = &operation, .after = alone ? steps_.size() : steps_.size() - 1});
            }
        }
        HF_ASSERT(steps_.size() <= 48);
        shelves_.emplace_back();
        for (const RecordedEvent& recorded : log_) {
            Shelf next = shelves_.back();
            if (recorded.version != shelves_.size() ||
                !next.apply(recorded.event, shelves_.size() - 1)) {
                possible_ = false;
                return;
            }
            shelves_.push_back(std::move(next));
        }
    }

    bool succeeds() { return possible_ && go_on(0, 0); }

private:
    // With these steps done, and so much of the log written.
    bool go_on(std::uint64_t done, std::size_t written) {
        if (!tried_.emplace(done, written).second) {
            return false;
        }
        bool all = written == log_.size();
        for (std::size_t i = 0; i < steps_.size(); ++i) {
            if ((done >> i & 1) != 0) {
                continue;
            }
            all = all && steps_[i].is_open();
            if (may_come(i, done) && take(i, done | std::uint64_t{1} << i, written)) {
                return true;
            }
        }
        return all;
    }
    [[nodiscard]] bool may_come(std::size_t i, std::uint64_t done) const {
        const std::size_t after = steps_[i].after;
        if (after != i && (done >> after & 1) == 0) {
            return false;
        }
        for (std::size_t j = 0; j < steps_.size(); ++j) {
            if ((done >> j & 1) == 0 && steps_[j].precedes(steps_[i])) {
                return false;
            }
        }
        return true;
    }
    bool take(std::size_t i, std::uint64_t done, std::size_t written) {
        const Step& step = steps_[i];
        const Shelf& shelf = shelves_[written];
        if (!step.does) {
            return sees(*step.operation, shelf, written) && go_on(done, written);
        }
        const Command& command = std::get<Command>(step.operation->asked);
        if (written < log_.size() && makes(command, *step.operation, log_[written]) &&
            go_on(done, written + 1)) {
            return true;
        }
        return finds_done(command, shelf) && go_on(done, written);
    }
    static bool sees(const Operation& operation, const Shelf& shelf, std::size_t written) {
        if (*operation.told) {
            return is_told(shelf, written, **operation.told);
        }
        const auto& command = std::get<PlaceHold>(std::get<Command>(operation.asked));
        return shelf.counters.available < command.lines.front().quantity;
    }
    static bool makes(const Command& command, const Operation& operation,
                      const RecordedEvent& recorded) {
        const Event& event = recorded.event;
        if (const auto* const place = std::get_if<PlaceHold>(&command)) {
            const auto* const made = std::get_if<HoldPlaced>(&event);
            return made != nullptr && made->hold.cart == place->cart &&
                   made->hold.lines.front().quantity == place->lines.front().quantity &&
                   (!operation.told ||
                    made->hold.id == std::get<HoldAnswer>(**operation.told).hold.id);
        }
        if (const auto* const receive = std::get_if<ReceiveStock>(&command)) {
            const auto* const made = std::get_if<StockReceived>(&event);
            return made != nullptr && made->quantity == receive->quantity &&
                   (!operation.told ||
                    recorded.version == std::get<StockAnswer>(**operation.told).version);
        }
        if (const auto* const confirm = std::get_if<ConfirmHold>(&command)) {
            const auto* const made = std::get_if<HoldConfirmed>(&event);
            return made != nullptr && made->id == confirm->id;
        }
        if (const auto* const release = std::get_if<ReleaseHold>(&command)) {
            const auto* const made = std::get_if<HoldReleased>(&event);
            return made != nullptr && made->id == release->id;
        }
        return std::holds_alternative<DefineSku>(command) &&
               std::holds_alternative<SkuDefined>(event);
    }
    // What was done already needs no event.
    static bool finds_done(const Command& command, const Shelf& shelf) {
        const auto is = [&](HoldId id, HoldStatus status) {
            const auto found = shelf.holds.find(id);
            return found != shelf.holds.end() && found->second.status == status;
        };
        if (const auto* const confirm = std::get_if<ConfirmHold>(&command)) {
            return is(confirm->id, HoldStatus::confirmed);
        }
        const auto* const release = std::get_if<ReleaseHold>(&command);
        return release != nullptr && is(release->id, HoldStatus::released);
    }

    const std::vector<RecordedEvent>& log_;
    std::vector<Step> steps_;
    std::vector<Shelf> shelves_;  // by the number of events before
    bool possible_ = true;
    std::set<std::pair<std::uint64_t, std::size_t>> tried_;
};

}  // namespace

bool is_linearizable(const History& history) {
    return Search(history).succeeds();
}

}  // namespace holdfast::testing
