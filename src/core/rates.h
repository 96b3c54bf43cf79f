// How often each SKU is held, released, expires and is paid, by the minute, and what is usual for it: moving
// averages over about an hour (exponentially weighted, West 1979). Finds the causes of velocity and
// ghost_holds. In memory only: what is usual is learnt anew after a start. Pure; the sequencer's thread.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include <holdfast/events.h>
#include "core/state.h"

namespace holdfast::core {

class Rates {
public:
    Rates(const State& state, Instant now);

    // An event that the state has evolved.
    void count(const State& state, const Event& event);

    struct Finding {
        SkuIndex sku = 0;
        AlertKind kind = AlertKind::velocity;
        std::optional<Alert> cause;  // none: gone
    };
    // When a minute is over: what it tells of the SKUs that were busy in it, or are usually, or have such an
    // alert. Nothing before.
    std::vector<Finding> pass(const State& state, Instant now);
    // When the minute is over; Instant::max() when nothing was counted in it and nobody waits for it.
    [[nodiscard]] Instant next() const;

private:
    using Minute = std::chrono::sys_time<std::chrono::minutes>;
    enum What : std::size_t { holds, releases, expiries, payments, whats };
    struct Count {
        std::array<std::uint32_t, whats> in_minute{};
        std::int32_t since = 0;  // the minute in which the SKU was first known
    };
    struct Seen {
        SkuIndex sku = 0;
        What what = holds;
    };
    struct Usual {
        double mean = 0;      // a minute
        double variance = 0;  // of that
        [[nodiscard]] double deviation() const;
        [[nodiscard]] bool exceeded_by(double rate) const;
        void learn(double rate, bool known);
    };
    struct History {
        Minute last;  // up to which it was learnt
        std::array<Usual, whats> usual;
    };

    void see(const State& state, std::string_view sku, What what);
    // Adds up what was seen. Together, so that the processor waits for the counts of many SKUs at a time.
    void add_up();
    void know(const State& state, Minute minute);
    [[nodiscard]] static std::optional<Alert> velocity(const SkuState& sku, const Count& count,
                                                       const History& history);
    [[nodiscard]] static std::optional<Alert> ghosts(const SkuState& sku, const History& history);
    // Up to the minute before.
    static void catch_up(History& history, Minute minute);

    Minute minute_;               // that is being counted
    std::vector<Count> counts_;   // by SKU
    std::vector<Seen> seen_;      // and not added up yet
    std::vector<SkuIndex> busy_;  // counted in this minute
    boost::unordered_flat_map<SkuIndex, History> histories_;
    // Looked at though nothing is counted: usually busy, or with an alert.
    std::vector<SkuIndex> awaited_;
};

}  // namespace holdfast::core
