#include "cli/simulation_report.h"

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <sstream>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "cli/terminal.h"

namespace holdfast::cli {

namespace {

namespace json = boost::json;

constexpr std::size_t worst_shown = 10;

std::string count(std::uint64_t number) {
    return thousands(static_cast<std::int64_t>(number));
}

std::string day_text(std::chrono::sys_days day) {
    return to_rfc3339(Instant(day)).substr(0, std::string_view("2010-12-01").size());
}

std::string share(Quantity part, Quantity whole) {
    return whole == 0 ? "-" : percent(static_cast<double>(part) / static_cast<double>(whole));
}

// The SKUs that most units were refused of, worst first.
std::vector<std::pair<std::string, SkuTally>> worst(const SimulationReport& report) {
    std::vector<std::pair<std::string, SkuTally>> skus;
    for (const auto& entry : report.skus) {
        if (entry.second.refused > 0) {
            skus.emplace_back(entry);
        }
    }
    std::ranges::stable_sort(skus, std::ranges::greater(),
                             [](const auto& entry) { return entry.second.refused; });
    skus.resize(std::min(skus.size(), worst_shown));
    return skus;
}

std::vector<AuditDifference> differences(const SimulationReport& report) {
    std::vector<AuditDifference> all = report.audit.differences;
    all.insert(all.end(), report.books.begin(), report.books.end());
    return all;
}

std::vector<std::string> tally_cells(const Tally& tally) {
    return {thousands(tally.asked),    thousands(tally.granted),
            thousands(tally.refused),  thousands(tally.abandoned),
            thousands(tally.returned), share(tally.granted, tally.asked - tally.abandoned)};
}

void print_days(std::ostream& out, const SimulationReport& report) {
    Table table(
        {"day", "carts", "units asked", "granted", "refused", "abandoned", "returned", "granted"});
    const auto add = [&](const std::string& name, std::uint64_t carts, const Tally& tally) {
        std::vector<std::string> cells = {name, count(carts)};
        std::ranges::move(tally_cells(tally), std::back_inserter(cells));
        table.add(std::move(cells));
    };
    for (const auto& [day, tally] : report.days) {
        add(day_text(day), tally.carts, tally);
    }
    add("all", report.carts, report.units);
    table.print(out);
}

void print_worst(std::ostream& out, const SimulationReport& report) {
    const auto skus = worst(report);
    if (skus.empty()) {
        return;
    }
    out << "\nMost refused:\n";
    Table table(
        {"SKU", "stock", "units asked", "granted", "refused", "abandoned", "returned", "granted"});
    for (const auto& [sku, tally] : skus) {
        std::vector<std::string> cells = {sku, thousands(tally.stock)};
        std::ranges::move(tally_cells(tally), std::back_inserter(cells));
        table.add(std::move(cells));
    }
    table.print(out);
}

void print_lines(std::ostream& out, const LineTally& lines) {
    out << "\nEvery line that was read:\n";
    Table table({"lines", "count"});
    table.add({"granted", count(lines.granted)});
    table.add({"granted in part", count(lines.granted_in_part)});
    table.add({"refused", count(lines.refused)});
    table.add({"left behind in the cart", count(lines.abandoned)});
    table.add({"returned", count(lines.returned)});
    for (const auto& [reason, number] : lines.skipped) {
        table.add({"skipped: " + reason, count(number)});
    }
    table.add({"together", count(lines.accounted()) + " of " + count(lines.read) + " read"});
    table.print(out);
}

json::object tally_json(const Tally& tally) {
    return {{"asked", tally.asked},
            {"granted", tally.granted},
            {"refused", tally.refused},
            {"abandoned", tally.abandoned},
            {"returned", tally.returned}};
}

json::object counts_json(const std::map<std::string, std::uint64_t>& counts) {
    json::object object;
    for (const auto& [name, number] : counts) {
        object[name] = number;
    }
    return object;
}

}  // namespace

void print_simulation(std::ostream& out, const SimulationReport& report,
                      const std::string& against) {
    const bool colours = coloured(1);
    std::ostringstream seconds;
    seconds << std::fixed << std::setprecision(1) << report.took.count();
    out << count(report.carts) << " carts " << against << " in " << seconds.str()
        << " s: " << count(report.carts_whole) << " whole, " << count(report.carts_partial)
        << " in part, " << count(report.carts_refused) << " refused, "
        << count(report.carts_abandoned) << " left behind\n\n";
    print_days(out, report);
    print_worst(out, report);
    print_lines(out, report.lines);
    const auto found = differences(report);
    out << "\noversold "
        << (report.oversold == 0 ? green("0", colours) : red(thousands(report.oversold), colours))
        << " units, audit "
        << (found.empty() ? green("clean", colours)
                          : red(count(found.size()) + " differences", colours))
        << '\n';
    for (const AuditDifference& difference : found) {
        out << "  " << difference.what << ": kept " << difference.kept << ", by the events "
            << difference.events << '\n';
    }
}

void print_simulation_json(std::ostream& out, const SimulationReport& report,
                           const std::string& against) {
    json::array days;
    for (const auto& [day, tally] : report.days) {
        json::object object = tally_json(tally);
        object["day"] = day_text(day);
        object["carts"] = tally.carts;
        days.push_back(std::move(object));
    }
    json::array skus;
    for (const auto& [sku, tally] : worst(report)) {
        json::object object = tally_json(tally);
        object["sku"] = sku;
        object["stock"] = tally.stock;
        skus.push_back(std::move(object));
    }
    json::value audit = "clean";
    if (const auto found = differences(report); !found.empty()) {
        json::array array;
        for (const AuditDifference& it : found) {
            array.push_back({{"what", it.what}, {"kept", it.kept}, {"events", it.events}});
        }
        audit = std::move(array);
    }
    out << json::serialize(json::object{{"against", against},
                                        {"oversold", report.oversold},
                                        {"audit", std::move(audit)},
                                        {"events", report.audit.events},
                                        {"seconds", report.took.count()},
                                        {"carts",
                                         {{"read", report.carts},
                                          {"whole", report.carts_whole},
                                          {"partial", report.carts_partial},
                                          {"refused", report.carts_refused},
                                          {"abandoned", report.carts_abandoned}}},
                                        {"lines",
                                         {{"read", report.lines.read},
                                          {"accounted", report.lines.accounted()},
                                          {"granted", report.lines.granted},
                                          {"granted_in_part", report.lines.granted_in_part},
                                          {"refused", report.lines.refused},
                                          {"abandoned", report.lines.abandoned},
                                          {"returned", report.lines.returned},
                                          {"skipped", counts_json(report.lines.skipped)}}},
                                        {"units", tally_json(report.units)},
                                        {"refusals", counts_json(report.refusals)},
                                        {"days", std::move(days)},
                                        {"most_refused", std::move(skus)}})
        << '\n';
}

}  // namespace holdfast::cli
