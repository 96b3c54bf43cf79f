// Notices what shops and people should be told: SKUs that run low, out or are back, and the causes of alerts,
// raised at once and resolved when they have been gone for a while. Beside the State, like the meter of
// refusals: what it decides becomes events, and what it only remembers (since when a cause is gone, usual
// rates) begins anew with the process. Pure; the sequencer's thread.
#pragma once

#include <compare>
#include <map>
#include <set>
#include <vector>

#include <holdfast/events.h>
#include "core/rates.h"
#include "core/state.h"

namespace holdfast::core {

class Watch {
public:
    // Takes over what stands already.
    Watch(const State& state, Instant now);

    // Whether a change of the SKU may bring about anything. Nearly never: plenty is there, and nothing stands.
    [[nodiscard]] static bool concerns(const SkuState& sku);
    // The alerts that stand may be other ones than before: others raised or resolved some.
    void review(const State& state, Instant now);
    // Before the events of a round are sealed: what its changes of these SKUs bring about.
    std::vector<Event> look(const State& state, std::vector<SkuIndex> changed, Instant now);
    // An event that the state has evolved.
    void count(const State& state, const Event& event) { rates_.count(state, event); }
    // What time alone brings about.
    std::vector<Event> pass(const State& state, Instant now);
    // When pass() will next have something to do; Instant::max() when nothing waits.
    [[nodiscard]] Instant next() const;

private:
    struct Key {
        SkuIndex sku = 0;
        AlertKind kind = AlertKind::low_stock;
        auto operator<=>(const Key&) const = default;
    };
    // Raises an alert whose cause is there, and notes since when that of one that stands is gone.
    void weigh(const State& state, Key key, std::optional<Alert> cause, Instant now,
               std::vector<Event>& events);
    void resolve(const State& state, Key key, Instant now, std::vector<Event>& events);

    Rates rates_;
    // Alerts that stand and whose cause is gone, and since when.
    std::map<Key, Instant> gone_;
    std::set<std::pair<Instant, Key>> by_time_;
};

}  // namespace holdfast::core
