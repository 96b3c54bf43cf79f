#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "cli/comparison.h"
#include "cli/terminal.h"

namespace holdfast::cli {

namespace {

// Less than this is no reason to run another program.
constexpr double worth_it = 1.5;
// Of what it can do, a system that is asked at random moments is asked for so much, or queues grow.
constexpr double share_to_use = 0.5;

std::string rate(double holds_per_second) {
    return thousands(std::llround(holds_per_second));
}

// Good at both: neither makes up for the other alone.
double merit(const Compared& strategy) {
    return strategy.hot->holds_per_second * strategy.wide->holds_per_second;
}

// The best of Holdfast's or of the others; nothing when none was right.
const Compared* best(const std::vector<Compared>& all, bool holdfast) {
    const Compared* found = nullptr;
    for (const Compared& each : all) {
        if (each.holdfast == holdfast && each.hot && each.wide && each.oversold == 0 &&
            (found == nullptr || merit(each) > merit(*found))) {
            found = &each;
        }
    }
    return found;
}

double times(const Pace& ours, const Pace& theirs) {
    return ours.holds_per_second / std::max(theirs.holds_per_second, 1.0);
}

std::string verdict(const Compared& own, const Compared& holdfast, unsigned skus) {
    const double hot = times(*holdfast.hot, *own.hot);
    const double wide = times(*holdfast.wide, *own.wide);
    const std::string gained = fmt::format(
        "{:.1f} times as many of one SKU (p99 {:.1f} ms instead of {:.1f} ms) and {:.1f} times "
        "as many over {} SKUs",
        hot, holdfast.hot->p99_ms, own.hot->p99_ms, wide, thousands(skus));
    if (hot < worth_it && wide < worth_it) {
        return fmt::format(
            "Stay with it: {} grants {}, so speed is no reason to change on this server.\n",
            holdfast.name, gained);
    }
    return fmt::format(
        "It is good enough while your busiest second asks for at most {} holds of any one SKU and "
        "{} in all (half of what it granted: beyond that, waiting times grow).\n"
        "If you need more, take {}: {}.\n",
        rate(own.hot->holds_per_second * share_to_use),
        rate(own.wide->holds_per_second * share_to_use), holdfast.name, gained);
}

std::string warning(const std::vector<Compared>& all) {
    std::string names;
    for (const Compared& each : all) {
        if (each.oversold > 0) {
            names += fmt::format("{}{} ({} units)", names.empty() ? "" : ", ", each.name,
                                 thousands(each.oversold));
        }
    }
    return names.empty() ? "" : "Sold what was not there, never use: " + names + ".\n";
}

}  // namespace

std::string recommendation(const std::vector<Compared>& all, unsigned skus) {
    const Compared* const own = best(all, false);
    const Compared* const holdfast = best(all, true);
    if (own == nullptr || holdfast == nullptr) {
        return "Nothing can be recommended: no strategy was right.\n" + warning(all);
    }
    return fmt::format(
               "The best that this database does by itself is the strategy \"{}\": {} holds a "
               "second of one SKU, {} over {} SKUs.\n",
               own->name, rate(own->hot->holds_per_second), rate(own->wide->holds_per_second),
               thousands(skus)) +
           verdict(*own, *holdfast, skus) + warning(all);
}

}  // namespace holdfast::cli
