#include <iostream>

#include <boost/json/serialize.hpp>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/ledger.h"
#include "cli/line_argument.h"
#include "cli/terminal.h"
#include "cli/wire.h"

namespace holdfast::cli {

namespace {

namespace json = boost::json;

struct ReplayOptions {
    Target target;
    std::string until;
    std::string to_version;
    std::vector<std::string> skus;
    bool json = false;
};

struct Replayed {
    Ledger ledger;
    Version version = 0;  // the highest
    Instant at;           // of the last event
};

Replayed read_log(Connection& connection, std::optional<Instant> until,
                  std::optional<Version> to_version) {
    Replayed replayed;
    Progress progress("replaying");
    Page<RecordedEvent> page;
    do {
        page = required(connection.events(page.next, limits::page_max));
        for (const RecordedEvent& event : page.items) {
            if ((until && event.at > *until) || (to_version && event.version > *to_version)) {
                continue;
            }
            replayed.ledger.add(event);
            replayed.version = std::max(replayed.version, event.version);
            replayed.at = std::max(replayed.at, event.at);
        }
        progress.show(replayed.ledger.events(), 0);
        // The cursor is there at the end of the log too, for those who wait for more.
    } while (page.items.size() == limits::page_max);
    return replayed;
}

void print_json(const Replayed& replayed,
                const std::map<std::pair<std::string, std::string>, StockRow>& rows) {
    json::object types;
    for (const auto& [type, count] : replayed.ledger.types()) {
        types[type] = count;
    }
    json::array stock;
    for (const auto& [name, it] : rows) {
        json::object row{{"sku", name.first}, {"location", name.second}};
        for (auto& [counter, units] : to_json(it.counters)) {
            row[counter] = units;
        }
        row["backordered"] = it.backordered;
        stock.push_back(std::move(row));
    }
    std::cout << json::serialize(json::object{{"events", replayed.ledger.events()},
                                              {"version", replayed.version},
                                              {"at", to_rfc3339(replayed.at)},
                                              {"pending_holds", replayed.ledger.pending_holds()},
                                              {"types", std::move(types)},
                                              {"stock", std::move(stock)}})
              << '\n';
}

void print_text(const Replayed& replayed,
                const std::map<std::pair<std::string, std::string>, StockRow>& rows) {
    const Ledger& ledger = replayed.ledger;
    std::cout << thousands(static_cast<std::int64_t>(ledger.events())) << " events up to version "
              << replayed.version << " at " << to_rfc3339(replayed.at) << ", "
              << ledger.pending_holds() << " holds pending then\n\n";
    Table types({"event", "count"});
    for (const auto& [type, count] : ledger.types()) {
        types.add({type, thousands(static_cast<std::int64_t>(count))});
    }
    types.print(std::cout);
    Table stock({"sku", "location", "available", "held", "committed", "on hand", "safety stock",
                 "returned", "repair", "damaged", "backordered"});
    for (const auto& [name, row] : rows) {
        const Counters& it = row.counters;
        std::vector<std::string> cells = {name.first, name.second};
        for (const Quantity units :
             {it.available, it.held, it.committed, it.on_hand, it.safety_stock, it.returned,
              it.repair, it.damaged, row.backordered}) {
            cells.push_back(thousands(units));
        }
        stock.add(std::move(cells));
    }
    std::cout << '\n';
    stock.print(std::cout);
}

ExitStatus run(ReplayOptions& options) {
    std::optional<Instant> until;
    if (!options.until.empty()) {
        until = parse_rfc3339(options.until);
        if (!until) {
            throw Failure(ExitStatus::usage, "\"" + options.until +
                                                 "\" is no moment; write it as in "
                                                 "2026-11-21T03:19:57Z");
        }
    }
    std::optional<Version> to_version;
    if (!options.to_version.empty()) {
        to_version = static_cast<Version>(parse_number("--to-version", options.to_version));
    }
    const Replayed replayed = read_log(*options.target.connect(), until, to_version);
    auto rows = replayed.ledger.rows();
    if (!options.skus.empty()) {
        std::erase_if(rows, [&](const auto& row) {
            return std::ranges::count(options.skus, row.first.first) == 0;
        });
    }
    if (options.json) {
        print_json(replayed, rows);
    } else {
        print_text(replayed, rows);
    }
    return ExitStatus::ok;
}

}  // namespace

void define_replay(CLI::App& command, Action& action) {
    const auto options = std::make_shared<ReplayOptions>();
    describe(
        command,
        {"rebuilds the counters from the event log",
         "Reads every event from the first and adds them up, apart from the engine's own code, "
         "up to now, to a moment or to a version: how the stock stood then, and why.",
         "$ holdfast replay --data shop\n"
         "$ holdfast replay --data shop --to-version 3 mug\n"
         "$ holdfast replay --data shop --until 2030-01-01T00:00:00Z --json"});
    options->target.add_options(command);
    command.add_option("SKU", options->skus, "Print only these (default: all).");
    command.add_option("--until", options->until, "Leave out what came after this moment.")
        ->option_text("TIME");
    command
        .add_option("--to-version", options->to_version,
                    "Leave out what came after this version (of each partition).")
        ->option_text("NUMBER");
    command.add_flag("--json", options->json, "Print JSON.");
    command.callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace holdfast::cli
