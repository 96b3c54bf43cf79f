#include <fstream>
#include <iostream>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/csv.h"
#include "cli/policy_fields.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace holdfast::cli {

namespace {

struct ExportOptions {
    Target target;
    std::string what;
    std::string output;
};

// Calls `visit` with every item of a list that comes in pages.
template <class Item>
void for_each(const std::function<Result<Page<Item>>(const std::string& after)>& read,
              const std::function<void(const Item&)>& visit) {
    Progress progress("exporting");
    std::uint64_t done = 0;
    Page<Item> page;
    do {
        page = required(read(page.next));
        for (const Item& item : page.items) {
            visit(item);
        }
        progress.show(done += page.items.size(), 0);
        // A log has a cursor at its end too, for those who wait for more.
    } while (!page.next.empty() && page.items.size() == limits::page_max);
}

void for_each_sku(Connection& connection, const std::function<void(const SkuAnswer&)>& visit) {
    for_each<SkuAnswer>(
        [&](const std::string& after) { return connection.skus(after, limits::page_max); }, visit);
}

void export_skus(Connection& connection, std::ostream& out) {
    out << "sku";
    for (const std::string_view name : policy_field_names()) {
        out << ',' << name;
    }
    out << '\n';
    for_each_sku(connection, [&](const SkuAnswer& sku) {
        out << csv_field(sku.sku);
        for (const std::string_view name : policy_field_names()) {
            out << ',' << policy_field(sku.policy, name);
        }
        out << '\n';
    });
}

void export_stock(Connection& connection, std::ostream& out) {
    out << "sku,location,on_hand,available,held,committed,safety_stock,returned,repair,damaged\n";
    for_each_sku(connection, [&](const SkuAnswer& sku) {
        for (const StockRow& row : required(connection.stock(sku.sku)).locations) {
            const Counters& it = row.counters;
            out << csv_field(sku.sku) << ',' << csv_field(row.location) << ',' << it.on_hand << ','
                << it.available << ',' << it.held << ',' << it.committed << ',' << it.safety_stock
                << ',' << it.returned << ',' << it.repair << ',' << it.damaged << '\n';
        }
    });
}

void export_locations(Connection& connection, std::ostream& out) {
    out << "location,region,priority\n";
    for (const LocationAnswer& location : required(connection.locations())) {
        out << csv_field(location.location) << ',' << csv_field(location.region) << ','
            << location.priority << '\n';
    }
}

void export_holds(Connection& connection, std::ostream& out) {
    for_each<Hold>(
        [&](const std::string& after) {
            return connection.holds({.cart = "",
                                     .customer = "",
                                     .status = HoldStatus::pending,
                                     .after = after,
                                     .limit = limits::page_max});
        },
        [&](const Hold& hold) { out << json_line(hold) << '\n'; });
}

void export_events(Connection& connection, std::ostream& out) {
    for_each<RecordedEvent>(
        [&](const std::string& after) { return connection.events(after, limits::page_max); },
        [&](const RecordedEvent& event) { out << json_line(event) << '\n'; });
}

ExitStatus run(ExportOptions& options) {
    const auto connection = options.target.connect();
    std::ofstream file;
    if (!options.output.empty()) {
        file.open(options.output);
    }
    std::ostream& out = options.output.empty() ? std::cout : file;
    const std::map<std::string, void (*)(Connection&, std::ostream&)> kinds = {
        {"skus", export_skus},
        {"stock", export_stock},
        {"locations", export_locations},
        {"holds", export_holds},
        {"events", export_events}};
    if (out) {
        kinds.at(options.what)(*connection, out);
        out.flush();
    }
    if (!out) {
        throw Failure(ExitStatus::unreachable,
                      "cannot write " + (options.output.empty() ? "the output" : options.output) +
                          ": " + std::generic_category().message(errno));
    }
    return ExitStatus::ok;
}

}  // namespace

void define_export(CLI::App& command, Action& action) {
    const auto options = std::make_shared<ExportOptions>();
    describe(command,
             {"writes the catalogue, stock, holds or events out",
              "skus, stock and locations are CSV files that `holdfast import` reads; holds (the "
              "pending ones) and events (all there ever were, oldest first) are lines of JSON as "
              "the HTTP API has them.",
              "$ holdfast export --data shop skus --output catalogue-copy.csv\n"
              "$ holdfast export --data shop stock\n"
              "$ holdfast export --data shop events"});
    options->target.add_options(command);
    command.add_option("WHAT", options->what, "One of skus, stock, locations, holds, events.")
        ->required()
        ->check(CLI::IsMember({"skus", "stock", "locations", "holds", "events"}));
    command.add_option("--output,-o", options->output, "Write there (default: standard output).")
        ->option_text("FILE");
    command.callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace holdfast::cli
