#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>

#include <boost/container_hash/hash.hpp>
#include <fmt/format.h>

#include <holdfast/limits.h>
#include "cli/catalogue.h"
#include "cli/command.h"
#include "cli/connection.h"
#include "cli/terminal.h"

namespace holdfast::cli {

namespace {

constexpr std::size_t commands_at_once = 500;

struct ImportOptions {
    Target target;
    std::string catalogue;
    std::string locations;
    std::string skus;
    std::string stock;
    bool check = false;
};

// What the shop has before the import; nothing but the location `main` without a connection.
class Shop {
public:
    explicit Shop(Connection* connection) : connection_(connection) {}

    std::set<std::string> locations() {
        std::set<std::string> names = {"main"};
        if (connection_ != nullptr) {
            for (const LocationAnswer& location : required(connection_->locations())) {
                names.insert(location.location);
            }
        }
        return names;
    }
    // nullptr when the SKU is not known. Stays until the next call.
    const StockAnswer* stock(const std::string& sku) {
        if (!asked_ || *asked_ != sku) {
            answer_ = connection_ == nullptr ? std::nullopt : known(connection_->stock(sku));
            asked_ = sku;
        }
        return answer_ ? &*answer_ : nullptr;
    }
    // Of a SKU that is known.
    Quantity safety_stock(const std::string& sku) {
        return required(connection_->sku(sku)).policy.safety_stock;
    }
    bool anyone_waits(const std::string& sku) {
        return stock(sku) != nullptr && !required(connection_->waitlist(sku, "", 1)).items.empty();
    }

private:
    static std::optional<StockAnswer> known(Result<StockAnswer> answer) {
        if (!answer && answer.error().code == RefusalCode::unknown_sku) {
            return std::nullopt;
        }
        return required(std::move(answer));
    }

    Connection* connection_;
    std::optional<std::string> asked_;
    std::optional<StockAnswer> answer_;
};

// Judges the stock lines by what the shop has, and finds the commands that make counts true.
class StockPlan {
public:
    StockPlan(Catalogue& catalogue, Connection* connection)
        : catalogue_(catalogue), shop_(connection) {}

    void make() {
        const std::set<std::string> locations = known_locations();
        for (const StockLine& line : catalogue_.stock()) {
            const StockAnswer* there = shop_.stock(line.sku);
            const bool known_sku = there != nullptr || catalogue_.policy(line.sku) != nullptr;
            const bool known_location = locations.contains(line.location);
            if (!known_sku || !known_location) {
                name_unknown(line, !known_sku, !known_location);
            } else if (line.counted) {
                plan_count(line, row_of(there, line.location));
            } else {
                check_goods_in(line, row_of(there, line.location));
            }
        }
    }
    [[nodiscard]] std::vector<Row<Command>>& counts() { return counts_; }

private:
    void fault(const StockLine& line, const std::string& text) {
        catalogue_.faults().add(line.where + ": " + text);
    }
    void name_unknown(const StockLine& line, bool sku, bool location) {
        if (!catalogue_.whole()) {
            return;  // it may stand where a file could not be read
        }
        if (sku) {
            fault(line,
                  fmt::format("the SKU {} is not known; define it in a file for --skus", line.sku));
        }
        if (location) {
            fault(line, fmt::format("the location {} is not known; define it in a file for "
                                    "--locations",
                                    line.location));
        }
    }
    static const StockRow* row_of(const StockAnswer* stock, const std::string& location) {
        if (stock == nullptr) {
            return nullptr;
        }
        const auto row = std::ranges::find(stock->locations, location, &StockRow::location);
        return row == stock->locations.end() ? nullptr : &*row;
    }

    std::set<std::string> known_locations() {
        std::set<std::string> names = shop_.locations();
        for (const auto& [where, location] : catalogue_.locations()) {
            names.insert(location.location);
        }
        if (names.size() > limits::locations_max) {
            catalogue_.faults().add(fmt::format(
                "there would be {} locations with those that are there; a shop has at most {}",
                names.size(), limits::locations_max));
        }
        return names;
    }

    void check_goods_in(const StockLine& line, const StockRow* row) {
        Quantity& coming = coming_[{line.sku, line.location}];
        coming += line.quantity;
        const Quantity on_hand = (row == nullptr ? 0 : row->counters.on_hand) + coming;
        if (on_hand > limits::quantity_max) {
            fault(line, fmt::format("with {} more of {} there would be {} at {}; at most {} are "
                                    "possible",
                                    line.quantity, line.sku, on_hand, line.location,
                                    limits::quantity_max));
        }
    }

    // The units that are never offered, once the policies of this import are in force.
    Quantity safety_stock(const StockLine& line, const StockRow* row) {
        if (const Policy* policy = catalogue_.policy(line.sku)) {
            return policy->safety_stock;
        }
        return row != nullptr ? row->counters.safety_stock : shop_.safety_stock(line.sku);
    }

    // Units are set aside out of those that are free. Where there is too little stock for what must never
    // be offered, none are: then as many as lack come in first and go out again afterwards, but not where
    // they could be taken for somebody who waits.
    void plan_count(const StockLine& line, const StockRow* row) {
        const Counters now = row == nullptr ? Counters{} : row->counters;
        Quantity free = line.quantity - now.held - now.committed - safety_stock(line, row);
        std::vector<Row<Command>> back;
        std::vector<Row<Command>> aside;
        for (std::size_t i = 0; i < aside_states.size(); ++i) {
            const Quantity before = now.*aside_states[i].counter;
            const Quantity after = line.aside[i].value_or(before);
            free -= after;
            if (after > before) {
                aside.push_back(
                    move(line, StockState::available, aside_states[i].state, after - before));
            } else if (after < before) {
                back.push_back(
                    move(line, aside_states[i].state, StockState::available, before - after));
            }
        }
        const Quantity lent = aside.empty() ? 0 : std::max<Quantity>(0, -free);
        if (lent > 0 && is_wanted(line, row)) {
            fault(line, fmt::format("so many units of {} cannot be set aside at {}: of {} on hand "
                                    "{} too few would be free beside those that are held, sold or "
                                    "safety stock; count again, or lower safety_stock",
                                    line.sku, line.location, line.quantity, lent));
        }
        // Units that are gone go first, so that none of them is on sale in between.
        adjust(line, line.quantity - now.on_hand + lent);
        std::ranges::move(back, std::back_inserter(counts_));
        std::ranges::move(aside, std::back_inserter(counts_));
        adjust(line, -lent);
    }
    bool is_wanted(const StockLine& line, const StockRow* row) {
        return (row != nullptr && (row->counters.held != 0 || row->counters.committed != 0 ||
                                   row->backordered != 0)) ||
               shop_.anyone_waits(line.sku);
    }
    static Row<Command> move(const StockLine& line, StockState from, StockState to,
                             Quantity quantity) {
        return {line.where, MoveStock{.sku = line.sku,
                                      .location = line.location,
                                      .quantity = quantity,
                                      .from = from,
                                      .to = to,
                                      .reference = line.reference}};
    }
    // A count sets what is there, so importing it again changes nothing.
    void adjust(const StockLine& line, Quantity delta) {
        if (delta != 0) {
            counts_.push_back({line.where, AdjustStock{.sku = line.sku,
                                                       .location = line.location,
                                                       .delta = delta,
                                                       .reason = "counted (import)",
                                                       .reference = line.reference}});
        }
    }

    Catalogue& catalogue_;
    Shop shop_;
    std::vector<Row<Command>> counts_;
    std::map<std::pair<std::string, std::string>, Quantity> coming_;
};

[[noreturn]] void refuse(const Faults& faults) {
    throw Failure(ExitStatus::refused, "nothing was imported:\n  " + faults.text());
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

// Sends commands some hundreds at a time, and tells how far it came when it cannot go on.
class Carrier {
public:
    Carrier(Connection& connection, std::size_t total) : connection_(connection), total_(total) {}

    // What follows is another list. With a key each command of it is carried out once, however often
    // the same list is sent.
    void start(std::string key) {
        flush();
        key_ = std::move(key);
        sent_ = 0;
    }
    void add(const std::string& where, Command command) {
        wheres_.push_back(where);
        commands_.push_back(std::move(command));
        if (commands_.size() == commands_at_once) {
            flush();
        }
    }
    void flush() {
        if (commands_.empty()) {
            return;
        }
        const std::vector<std::string> wheres = std::exchange(wheres_, {});
        Faults refused;
        const std::vector<Outcome<Answer>> outcomes = submit(wheres);
        for (std::size_t i = 0; i < outcomes.size(); ++i) {
            if (outcomes[i].result) {
                ++done_;
            } else {
                refused.add(wheres[i] + ": " + describe_refusal(outcomes[i].result.error()));
            }
        }
        if (!refused.empty()) {
            stop(ExitStatus::refused, refused.text());
        }
        progress_.show(done_, total_);
    }
    [[nodiscard]] std::size_t done() const { return done_; }

private:
    std::vector<Outcome<Answer>> submit(const std::vector<std::string>& wheres) {
        const std::string key = key_.empty() ? "" : key_ + "-" + std::to_string(sent_);
        sent_ += commands_.size();
        try {
            return connection_.submit_many(std::exchange(commands_, {}), key);
        } catch (const Failure& failure) {
            stop(failure.status(), fmt::format("{} to {}: nobody knows whether they were: {}",
                                               wheres.front(), wheres.back(), failure.what()));
        }
    }
    [[noreturn]] void stop(ExitStatus status, const std::string& why) const {
        throw Failure(
            status,
            fmt::format("{} of {} changes were made; it stopped at\n  {}\nMend this and run "
                        "the same import again, within a day: goods that came in are not "
                        "added twice, and counts become what they say. A file with "
                        "another name or other lines is another delivery: leave out of "
                        "it what has come in.",
                        done_, total_, why));
    }

    Connection& connection_;
    std::size_t total_;
    std::string key_;
    std::vector<std::string> wheres_;
    std::vector<Command> commands_;
    std::size_t sent_ = 0;  // of this list
    std::size_t done_ = 0;
    Progress progress_{"importing"};
};

std::size_t carry_out(Connection& connection, const Catalogue& catalogue,
                      std::vector<Row<Command>> counts) {
    std::vector<StockLine> goods;
    std::ranges::copy_if(catalogue.stock(), std::back_inserter(goods),
                         [](const StockLine& line) { return !line.counted; });
    Carrier carrier(connection, catalogue.locations().size() + catalogue.skus().size() +
                                    goods.size() + counts.size());
    for (const auto& [where, location] : catalogue.locations()) {
        carrier.add(where, location);
    }
    for (const auto& [where, sku] : catalogue.skus()) {
        carrier.add(where, sku);
    }
    carrier.start(delivery_key(goods));
    for (const StockLine& line : goods) {
        carrier.add(line.where, ReceiveStock{.sku = line.sku,
                                             .location = line.location,
                                             .quantity = line.quantity,
                                             .reference = line.reference});
    }
    carrier.start("");
    for (auto& [where, command] : counts) {
        carrier.add(where, std::move(command));
    }
    carrier.flush();
    return carrier.done();
}

void read_files(const ImportOptions& options, Catalogue& catalogue) {
    const std::array files = {std::pair(&options.catalogue, CatalogueFile::all),
                              std::pair(&options.locations, CatalogueFile::locations),
                              std::pair(&options.skus, CatalogueFile::skus),
                              std::pair(&options.stock, CatalogueFile::stock)};
    if (std::ranges::all_of(files, [](const auto& it) { return it.first->empty(); })) {
        throw Failure(ExitStatus::usage,
                      "there is nothing to import; name a file with --catalogue, --skus, --stock "
                      "or --locations");
    }
    for (const auto& [path, what] : files) {
        if (!path->empty()) {
            catalogue.read(*path, what);
        }
    }
}

// A data directory is made by an import that is carried out, not by one that is only looked at.
bool is_there(const Target& target) {
    const std::filesystem::path data = target.data();
    return !target.local() || (std::filesystem::exists(data) && !std::filesystem::is_empty(data));
}

ExitStatus run(ImportOptions& options) {
    Catalogue catalogue;
    read_files(options, catalogue);
    const bool faulty = !catalogue.faults().empty();
    std::unique_ptr<Connection> connection;
    std::vector<Row<Command>> counts;
    try {
        connection = is_there(options.target) ? options.target.connect() : nullptr;
        StockPlan plan(catalogue, connection.get());
        plan.make();
        counts = std::move(plan.counts());
    } catch (const std::exception&) {
        // What the files alone have told is worth more than that nobody could be asked for the rest.
        if (!faulty) {
            throw;
        }
    }
    if (!catalogue.faults().empty()) {
        refuse(catalogue.faults());
    }
    const std::string read =
        fmt::format("{} locations, {} SKUs, {} stock lines: ", catalogue.locations().size(),
                    catalogue.skus().size(), catalogue.stock().size());
    if (options.check) {
        std::cout << read << "all well, nothing was changed\n";
        return ExitStatus::ok;
    }
    if (!connection) {
        connection = options.target.connect(true);
    }
    const std::size_t changes = carry_out(*connection, catalogue, std::move(counts));
    std::cout << read << changes << " changes made in " << options.target.name() << '\n';
    return ExitStatus::ok;
}

}  // namespace

void define_import(CLI::App& command, Action& action) {
    const auto options = std::make_shared<ImportOptions>();
    describe(
        command,
        {"brings a catalogue and its stock in from CSV or JSON files",
         "All files are read and checked, against each other and against the shop, before anything "
         "is changed; each fault is named with its file and line. A file whose name ends in .json "
         "is JSON, any other CSV. The first line of CSV names its columns, in any order:\n"
         "\n"
         "  --locations  location, region, priority\n"
         "  --skus       sku, selling, backorder_limit, preorder_limit, available_on,\n"
         "               reserve_at, fulfilment, hold_ttl, checkout_ttl, max_ttl,\n"
         "               max_life, max_extensions, late_confirm, safety_stock,\n"
         "               low_stock, reorder_point, reorder_quantity, max_per_cart,\n"
         "               max_per_customer, customer_window, waitlist, offer_ttl,\n"
         "               allocation, split\n"
         "  --stock      sku, location, reference, and one of\n"
         "               quantity  units that come in: they are added\n"
         "               on_hand   units counted: the stock on hand becomes that;\n"
         "                         of them returned, repair, damaged are not for sale\n"
         "\n"
         "JSON has the same names, a policy's in an object of its own. --catalogue takes all three "
         "lists in one file, the other options one each:\n"
         "\n"
         "  {\"locations\": [{\"location\": \"main\", \"region\": \"eu\", \"priority\": 0}],\n"
         "   \"skus\": [{\"sku\": \"mug\", \"policy\": {\"hold_ttl\": 900}}],\n"
         "   \"stock\": [{\"sku\": \"mug\", \"location\": \"main\", \"quantity\": 100}]}\n"
         "\n"
         "What is left out, empty or null has its default (a location: main); a SKU that is there "
         "already gets the whole policy of the file. An import that was broken off is run again as "
         "it is, the same files by the same names: within a day nothing is added twice. Files may "
         "be gzipped (.gz); \"-\" is the "
         "standard input, as CSV, or for --catalogue JSON.",
         "$ holdfast import --data shop --skus catalogue.csv --stock stock.csv\n"
         "$ holdfast import --data shop --stock stock.csv --check\n"
         "$ holdfast export --data shop catalogue -o shop.json\n"
         "$ holdfast import --data another --catalogue shop.json"});
    options->target.add_options(command);
    command.add_option("--catalogue", options->catalogue, "Locations, SKUs and stock, as JSON.")
        ->option_text("FILE");
    command.add_option("--skus", options->skus, "The SKUs and their policies.")
        ->option_text("FILE");
    command.add_option("--stock", options->stock, "The stock.")->option_text("FILE");
    command.add_option("--locations", options->locations, "The locations.")->option_text("FILE");
    command.add_flag("--check", options->check, "Only check; change nothing.");
    command.callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace holdfast::cli
