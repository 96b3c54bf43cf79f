// `holdfast bench --store`: the usual strategies on the user's own database beside Holdfast over it. What it
// makes of figures is pure, so that tests can give it any. compare() throws StoreError and Failure.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace holdfast::cli {

struct Comparison {
    std::string url;
    unsigned clients = 64;
    double seconds = 3;      // of each figure
    unsigned skus = 10'000;  // of the wide ones
    bool json = false;
};

struct Pace {
    double holds_per_second = 0;
    double p50_ms = 0;
    double p99_ms = 0;
};

struct Compared {
    std::string name;
    bool holdfast = false;
    // Nothing for those that oversell by mistake: how fast they are wrong helps nobody.
    std::optional<Pace> hot;
    std::optional<Pace> wide;
    std::int64_t oversold = 0;
};

// In plain words, some lines: which strategy does, how far, and what is gained by Holdfast.
std::string recommendation(const std::vector<Compared>& all, unsigned skus);

// With the recommendation below it.
void print_table(std::ostream& out, const std::vector<Compared>& all, const Comparison& options);

ExitStatus compare(const Comparison& comparison);

}  // namespace holdfast::cli
