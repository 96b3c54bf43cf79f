#include <fstream>
#include <iostream>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/csv.h"
#include "cli/policy_fields.h"
#include "cli/show.h"
#include "cli/terminal.h"
#include "http/answer_json.h"

namespace holdfast::cli {

namespace {

struct ExportOptions {
    Target target;
    std::string what;
    std::string output;
    bool json = false;
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

// Rows of what import reads, as CSV below a line of names, or as a list in an object of lists. Every row is
// a line, so that two exports can be compared.
class RowWriter {
public:
    RowWriter(std::ostream& out, bool json) : out_(out), json_(json) {}

    void begin(std::string_view list, const std::string& columns) {
        if (json_) {
            out_ << (first_list_ ? "{\n" : ",\n") << '"' << list << "\": [";
        } else {
            out_ << columns << '\n';
        }
        first_list_ = false;
        first_row_ = true;
    }
    // `cells` and `object` both say all of it.
    void row(const std::vector<std::string>& cells,
             const std::function<void(http::JsonWriter&)>& object) {
        std::string text;
        if (json_) {
            text = first_row_ ? "\n" : ",\n";
            http::JsonWriter writer(text);
            writer.open_object();
            object(writer);
            writer.close_object();
        } else {
            for (const std::string& cell : cells) {
                text += (&cell == &cells.front() ? "" : ",") + csv_field(cell);
            }
            text += '\n';
        }
        out_ << text;
        first_row_ = false;
    }
    void end_list() { out_ << (!json_ ? "" : first_row_ ? "]" : "\n]"); }
    void end() { out_ << (json_ ? "\n}\n" : ""); }

private:
    std::ostream& out_;
    bool json_;
    bool first_list_ = true;
    bool first_row_ = true;
};

void export_locations(Connection& connection, RowWriter& out) {
    out.begin("locations", "location,region,priority");
    for (const LocationAnswer& it : required(connection.locations())) {
        out.row({it.location, it.region, std::to_string(it.priority)},
                [&it](http::JsonWriter& json) {
                    json.field("location", it.location);
                    json.field("region", it.region);
                    json.field("priority", it.priority);
                });
    }
    out.end_list();
}

void export_skus(Connection& connection, RowWriter& out) {
    std::string columns = "sku";
    for (const std::string_view name : policy_field_names()) {
        columns.append(",").append(name);
    }
    out.begin("skus", columns);
    for_each_sku(connection, [&out](const SkuAnswer& sku) {
        std::vector<std::string> cells = {sku.sku};
        for (const std::string_view name : policy_field_names()) {
            cells.push_back(policy_field(sku.policy, name));
        }
        out.row(cells, [&sku](http::JsonWriter& json) {
            json.field("sku", sku.sku);
            json.name("policy");
            http::write(json, sku.policy);
        });
    });
    out.end_list();
}

// What a count finds. Holds and sales are not counted: what is on hand for them counts as any other.
void export_stock(Connection& connection, RowWriter& out) {
    out.begin("stock", "sku,location,on_hand,returned,repair,damaged");
    for_each_sku(connection, [&](const SkuAnswer& sku) {
        for (const StockRow& row : required(connection.stock(sku.sku)).locations) {
            const Counters& it = row.counters;
            // Places that were emptied are like those that never had any.
            if (it.on_hand == 0 && it.returned == 0 && it.repair == 0 && it.damaged == 0) {
                continue;
            }
            out.row({sku.sku, row.location, std::to_string(it.on_hand), std::to_string(it.returned),
                     std::to_string(it.repair), std::to_string(it.damaged)},
                    [&](http::JsonWriter& json) {
                        json.field("sku", sku.sku);
                        json.field("location", row.location);
                        json.field("on_hand", it.on_hand);
                        json.field("returned", it.returned);
                        json.field("repair", it.repair);
                        json.field("damaged", it.damaged);
                    });
        }
    });
    out.end_list();
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

void write(const ExportOptions& options, Connection& connection, std::ostream& out) {
    if (options.what == "holds") {
        export_holds(connection, out);
        return;
    }
    if (options.what == "events") {
        export_events(connection, out);
        return;
    }
    const bool all = options.what == "catalogue";
    RowWriter rows(out, all || options.json || options.output.ends_with(".json"));
    if (all || options.what == "locations") {
        export_locations(connection, rows);
    }
    if (all || options.what == "skus") {
        export_skus(connection, rows);
    }
    if (all || options.what == "stock") {
        export_stock(connection, rows);
    }
    rows.end();
}

ExitStatus run(ExportOptions& options) {
    const auto connection = options.target.connect();
    std::ofstream file;
    if (!options.output.empty()) {
        file.open(options.output);
    }
    std::ostream& out = options.output.empty() ? std::cout : file;
    if (out) {
        write(options, *connection, out);
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
    describe(
        command,
        {"writes the catalogue, stock, holds or events out",
         "skus, stock and locations are what `holdfast import` reads, as CSV or, with --json or "
         "a FILE that ends in .json, as JSON; catalogue is all three as JSON. Imported into an "
         "empty shop, the next export is the same, byte for byte. Stock is what is on hand, "
         "and how much of it is returned, in repair or damaged; places without any are left "
         "out, and holds do not come along: `holdfast backup` keeps everything.\n\n"
         "holds (the pending ones) and events (all there ever were, oldest first) are lines of "
         "JSON as the HTTP API has them.",
         "$ holdfast export --data shop skus --output catalogue-copy.csv\n"
         "$ holdfast export --data shop stock\n"
         "$ holdfast export --data shop catalogue --output shop.json\n"
         "$ holdfast export --data shop events"});
    options->target.add_options(command);
    command
        .add_option("WHAT", options->what,
                    "One of catalogue, skus, stock, locations, holds, events.")
        ->required()
        ->check(CLI::IsMember({"catalogue", "skus", "stock", "locations", "holds", "events"}));
    command.add_option("--output,-o", options->output, "Write there (default: standard output).")
        ->option_text("FILE");
    command.add_flag("--json", options->json, "Write JSON rather than CSV.");
    command.callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace holdfast::cli
