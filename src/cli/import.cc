#include <algorithm>
#include <iostream>
#include <map>
#include <set>

#include <boost/container_hash/hash.hpp>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/csv.h"
#include "cli/orders.h"
#include "cli/policy_fields.h"
#include "cli/terminal.h"

namespace holdfast::cli {

namespace {

constexpr std::size_t commands_at_once = 500;
// A file with a wrong column has a fault on every line; so many are enough to see that.
constexpr std::size_t faults_shown = 20;

struct ImportOptions {
    Target target;
    std::string locations;
    std::string skus;
    std::string stock;
    bool check = false;
};

// One line of a stock file.
struct StockLine {
    std::string where;
    std::string sku;
    std::string location = "main";
    Quantity quantity = 0;
    bool counted = false;  // the units that are there, rather than units that came in
    std::string reference;
};

struct Import {
    std::vector<DefineLocation> locations;
    std::vector<DefineSku> skus;
    std::vector<StockLine> stock;
    std::vector<std::string> faults;
};

// Reads one file by the names of its columns and collects what is wrong with it.
class Sheet {
public:
    Sheet(const std::string& path, const std::vector<std::string>& required,
          const std::vector<std::string>& optional, std::vector<std::string>& faults)
        : reader_(path), header_(reader_), faults_(faults) {
        std::set<std::string> seen;
        for (const std::string& name : header_.names()) {
            const bool known =
                std::ranges::count(required, name) + std::ranges::count(optional, name) > 0;
            if (!known || !seen.insert(name).second) {
                fault(known ? "the column " + name + " is there twice"
                            : "there is no column \"" + name + "\"; known are " + list(required) +
                                  ", " + list(optional));
            }
        }
        for (const std::string& name : required) {
            if (!seen.contains(name)) {
                fault("the column " + name + " is missing");
            }
        }
    }

    bool next() {
        while (reader_.next(fields_)) {
            if (fields_.size() == header_.names().size()) {
                return true;
            }
            fault("it has " + std::to_string(fields_.size()) + " fields, the first line has " +
                  std::to_string(header_.names().size()));
        }
        return false;
    }
    void fault(const std::string& text) { faults_.push_back(reader_.where() + ": " + text); }

    // Empty when the file has no such column.
    [[nodiscard]] std::string text(const std::string& name) const {
        const auto column = header_.find({name});
        return column && *column < fields_.size() ? fields_[*column] : "";
    }
    std::string id(const std::string& name) {
        std::string value = text(name);
        if (!is_id(value)) {
            fault("\"" + value + "\" is no " + name + "; it must be 1 to " +
                  std::to_string(limits::id_bytes_max) + " printable ASCII characters, no spaces");
        }
        return value;
    }
    std::optional<Quantity> number(const std::string& name, Quantity low, Quantity high) {
        const auto value = parse_quantity(text(name));
        if (!value || *value < low || *value > high) {
            fault("\"" + text(name) + "\" is no " + name + "; it must be a whole number from " +
                  std::to_string(low) + " to " + std::to_string(high));
            return std::nullopt;
        }
        return value;
    }
    [[nodiscard]] const std::vector<std::string>& columns() const { return header_.names(); }
    [[nodiscard]] std::string where() const { return reader_.where(); }

private:
    static std::string list(const std::vector<std::string>& names) {
        std::string text;
        for (const std::string& name : names) {
            text += (text.empty() ? "" : ", ") + name;
        }
        return text;
    }

    CsvReader reader_;
    CsvHeader header_;
    std::vector<std::string>& faults_;
    std::vector<std::string> fields_;
};

void read_locations(const std::string& path, Import& import) {
    constexpr Quantity priority_max = 1'000'000;
    Sheet sheet(path, {"location"}, {"region", "priority"}, import.faults);
    std::set<std::string> seen;
    while (sheet.next()) {
        DefineLocation location{.location = sheet.id("location"), .region = "", .priority = 0};
        if (!seen.insert(location.location).second) {
            sheet.fault("the location " + location.location + " is there twice");
        }
        if (!sheet.text("region").empty()) {
            location.region = sheet.id("region");
        }
        if (!sheet.text("priority").empty()) {
            location.priority =
                static_cast<int>(sheet.number("priority", -priority_max, priority_max).value_or(0));
        }
        import.locations.push_back(std::move(location));
    }
}

void read_skus(const std::string& path, Import& import) {
    std::vector<std::string> fields(policy_field_names().begin(), policy_field_names().end());
    Sheet sheet(path, {"sku"}, fields, import.faults);
    std::set<std::string> seen;
    while (sheet.next()) {
        DefineSku sku{.sku = sheet.id("sku"), .policy = {}};
        if (!seen.insert(sku.sku).second) {
            sheet.fault("the SKU " + sku.sku + " is there twice");
        }
        for (const std::string& name : fields) {
            if (const auto wrong = set_policy_field(sku.policy, name, sheet.text(name))) {
                sheet.fault("\"" + sheet.text(name) + "\" is no " + name + "; " + *wrong);
            }
        }
        const Policy& policy = sku.policy;
        if (policy.max_life < policy.max_ttl || policy.max_ttl < policy.hold_ttl ||
            policy.max_ttl < policy.checkout_ttl) {
            sheet.fault(
                "the times must grow: hold_ttl and checkout_ttl at most max_ttl, max_ttl "
                "at most max_life");
        }
        import.skus.push_back(std::move(sku));
    }
}

void read_stock(const std::string& path, Import& import) {
    // The counters that `holdfast export stock` writes beside on_hand say nothing new.
    Sheet sheet(path, {"sku"},
                {"location", "quantity", "on_hand", "reference", "available", "held", "committed",
                 "safety_stock", "returned", "repair", "damaged"},
                import.faults);
    const bool counted = std::ranges::count(sheet.columns(), "on_hand") > 0;
    if (counted == (std::ranges::count(sheet.columns(), "quantity") > 0)) {
        sheet.fault(
            "it must have one of the columns quantity (units that come in) and on_hand "
            "(units counted)");
        return;
    }
    std::set<std::pair<std::string, std::string>> seen;
    while (sheet.next()) {
        StockLine line;
        line.where = sheet.where();
        line.sku = sheet.id("sku");
        if (!sheet.text("location").empty()) {
            line.location = sheet.id("location");
        }
        if (counted && !seen.insert({line.sku, line.location}).second) {
            sheet.fault("the SKU " + line.sku + " is counted twice at " + line.location);
        }
        line.counted = counted;
        line.quantity =
            sheet.number(counted ? "on_hand" : "quantity", counted ? 0 : 1, limits::quantity_max)
                .value_or(0);
        line.reference = sheet.text("reference");
        if (line.reference.size() > limits::text_bytes_max) {
            sheet.fault("the reference is longer than " + std::to_string(limits::text_bytes_max) +
                        " bytes");
        }
        import.stock.push_back(std::move(line));
    }
}

// What the stock file names must be there already or come with the same import.
void check_names(Connection& connection, Import& import) {
    std::map<std::string, bool> skus;
    for (const DefineSku& sku : import.skus) {
        skus[sku.sku] = true;
    }
    std::set<std::string> locations;
    for (const DefineLocation& location : import.locations) {
        locations.insert(location.location);
    }
    for (const LocationAnswer& location : required(connection.locations())) {
        locations.insert(location.location);
    }
    for (const StockLine& line : import.stock) {
        if (!skus.contains(line.sku)) {
            skus[line.sku] = connection.sku(line.sku).has_value();
        }
        if (!skus[line.sku]) {
            import.faults.push_back(line.where + ": the SKU " + line.sku +
                                    " is not known; define it in a file for --skus");
        }
        if (line.location != "main" && !locations.contains(line.location)) {
            import.faults.push_back(line.where + ": the location " + line.location +
                                    " is not known; define it in a file for --locations");
        }
    }
}

[[noreturn]] void refuse(const std::vector<std::string>& faults) {
    std::string text = "nothing was imported:";
    for (std::size_t i = 0; i < std::min(faults.size(), faults_shown); ++i) {
        text += "\n  " + faults[i];
    }
    if (faults.size() > faults_shown) {
        text += "\n  and " + std::to_string(faults.size() - faults_shown) + " more";
    }
    throw Failure(ExitStatus::refused, text);
}

// A count sets what is on hand, so importing it again changes nothing.
std::optional<Command> count(Connection& connection, const StockLine& line) {
    const auto stock = connection.stock(line.sku);
    Quantity on_hand = 0;
    if (stock) {
        for (const StockRow& row : stock->locations) {
            on_hand += row.location == line.location ? row.counters.on_hand : 0;
        }
    }
    if (on_hand == line.quantity) {
        return std::nullopt;
    }
    return AdjustStock{.sku = line.sku,
                       .location = line.location,
                       .delta = line.quantity - on_hand,
                       .reason = "counted (import)",
                       .reference = line.reference};
}

// Names the goods that come in, so that a second run of the same file, after a broken first one, adds
// nothing twice.
std::string delivery_key(const std::vector<StockLine>& lines) {
    std::size_t hash = 0;
    for (const StockLine& line : lines) {
        boost::hash_combine(hash, line.where + line.sku + line.location +
                                      std::to_string(line.quantity) + line.reference);
    }
    return "import-" + std::to_string(hash);
}

// Sends commands some hundreds at a time.
class Carrier {
public:
    Carrier(Connection& connection, std::size_t total, std::string key)
        : connection_(connection), total_(total), key_(std::move(key)) {}

    void add(Command command) {
        commands_.push_back(std::move(command));
        if (commands_.size() == commands_at_once) {
            flush();
        }
    }
    void flush() {
        if (commands_.empty()) {
            return;
        }
        const std::string key = key_.empty() ? "" : key_ + "-" + std::to_string(done_);
        for (const auto& outcome : connection_.submit_many(std::exchange(commands_, {}), key)) {
            if (!outcome.result) {
                throw Failure(ExitStatus::refused,
                              "stopped after about " + std::to_string(done_) + " of " +
                                  std::to_string(total_) +
                                  " changes; mend this and run the same import again, what is done "
                                  "is not done twice.\n" +
                                  describe_refusal(outcome.result.error()));
            }
            ++done_;
        }
        progress_.show(done_, total_);
    }
    [[nodiscard]] std::size_t done() const { return done_; }

private:
    Connection& connection_;
    std::size_t total_;
    std::string key_;
    std::vector<Command> commands_;
    std::size_t done_ = 0;
    Progress progress_{"importing"};
};

std::size_t carry_out(Connection& connection, const Import& import) {
    Carrier definitions(connection, import.locations.size() + import.skus.size(), "");
    for (const DefineLocation& location : import.locations) {
        definitions.add(location);
    }
    for (const DefineSku& sku : import.skus) {
        definitions.add(sku);
    }
    definitions.flush();
    const bool counted = !import.stock.empty() && import.stock.front().counted;
    Carrier stock(connection, import.stock.size(), counted ? "" : delivery_key(import.stock));
    for (const StockLine& line : import.stock) {
        if (!line.counted) {
            stock.add(ReceiveStock{.sku = line.sku,
                                   .location = line.location,
                                   .quantity = line.quantity,
                                   .reference = line.reference});
        } else if (auto correction = count(connection, line)) {
            stock.add(std::move(*correction));
        }
    }
    stock.flush();
    return definitions.done() + stock.done();
}

ExitStatus run(ImportOptions& options) {
    if (options.locations.empty() && options.skus.empty() && options.stock.empty()) {
        throw Failure(ExitStatus::usage,
                      "there is nothing to import; name a file with --skus, "
                      "--stock or --locations");
    }
    Import import;
    if (!options.locations.empty()) {
        read_locations(options.locations, import);
    }
    if (!options.skus.empty()) {
        read_skus(options.skus, import);
    }
    if (!options.stock.empty()) {
        read_stock(options.stock, import);
    }
    if (!import.faults.empty()) {
        refuse(import.faults);
    }
    const auto connection = options.target.connect(true);
    check_names(*connection, import);
    if (!import.faults.empty()) {
        refuse(import.faults);
    }
    const std::string read = std::to_string(import.locations.size()) + " locations, " +
                             std::to_string(import.skus.size()) + " SKUs, " +
                             std::to_string(import.stock.size()) + " stock lines: ";
    if (options.check) {
        std::cout << read << "all well, nothing was changed\n";
        return ExitStatus::ok;
    }
    const std::size_t changes = carry_out(*connection, import);
    std::cout << read << changes << " changes made in " << options.target.name() << '\n';
    return ExitStatus::ok;
}

}  // namespace

void define_import(CLI::App& command, Action& action) {
    const auto options = std::make_shared<ImportOptions>();
    describe(
        command,
        {"brings a catalogue and its stock in from CSV files",
         "All files are read and checked before anything is changed; each fault is named with its "
         "file and line. The first line of a file names its columns, in any order:\n"
         "\n"
         "  --locations  location, region, priority\n"
         "  --skus       sku, hold_ttl, checkout_ttl, max_ttl, max_life, max_extensions,\n"
         "               late_confirm, safety_stock, max_per_customer, allocation, split\n"
         "  --stock      sku, location, reference, and one of\n"
         "               quantity  units that come in: they are added\n"
         "               on_hand   units counted: the stock on hand becomes that\n"
         "\n"
         "What is left out has its default (a location: main). An import that was broken off is "
         "run again as it is: within a day nothing is added twice. Files may be gzipped (.gz); "
         "\"-\" is the standard input.",
         "$ holdfast import --data shop --skus catalogue.csv --stock stock.csv\n"
         "$ holdfast import --data shop --stock stock.csv --check"});
    options->target.add_options(command);
    command.add_option("--skus", options->skus, "The catalogue.")->option_text("FILE");
    command.add_option("--stock", options->stock, "The stock.")->option_text("FILE");
    command.add_option("--locations", options->locations, "The locations.")->option_text("FILE");
    command.add_flag("--check", options->check, "Only check; change nothing.");
    command.callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace holdfast::cli
