#include <atomic>
#include <cmath>
#include <iostream>
#include <random>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/csv.h"
#include "cli/orders.h"
#include "cli/own_server.h"
#include "cli/simulation.h"
#include "cli/simulation_report.h"
#include "cli/temporary_directory.h"
#include "cli/terminal.h"

namespace holdfast::cli {

namespace {

struct SimulateOptions {
    std::string orders;
    OrderFormat format;
    std::string stock;
    double stock_share = 1;
    SimulationOptions run;
    HttpOptions http;
    bool over_http = false;
    bool to_server = false;
    bool json = false;
};

// The run's own time: expiry is real, and nobody waits for it.
class RunClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override {
        return Instant(std::chrono::milliseconds(milliseconds_.load()));
    }
    void advance_by(std::chrono::milliseconds step) { milliseconds_ += step.count(); }
    // Never runs backwards: a day with more seconds of carts than it has pushes the next one on.
    void advance_to(Instant at) {
        milliseconds_ = std::max(milliseconds_.load(), at.time_since_epoch().count());
    }

private:
    std::atomic<std::int64_t> milliseconds_ = 0;
};

std::map<std::string, Quantity> read_stock(const std::string& path) {
    CsvReader reader(path);
    const CsvHeader header(reader);
    const auto sku = header.find({"sku", "StockCode"});
    const auto quantity = header.find({"quantity", "on_hand"});
    if (!sku || !quantity) {
        throw Failure(ExitStatus::refused,
                      path + ": the first line must name the columns sku and quantity");
    }
    std::map<std::string, Quantity> stock;
    std::vector<std::string> fields;
    while (reader.next(fields)) {
        const auto units = fields.size() == header.names().size()
                               ? parse_quantity(fields[*quantity])
                               : std::nullopt;
        if (!units || *units < 0 || *units > limits::quantity_max) {
            throw Failure(ExitStatus::refused,
                          reader.where() + ": there is no quantity (a whole number from 0 on)");
        }
        stock[fields[*sku]] += *units;
    }
    return stock;
}

std::map<std::string, Quantity> shared_stock(const OrderBook& book, double share) {
    std::map<std::string, Quantity> stock = demand(book);
    for (auto& [sku, units] : stock) {
        units = static_cast<Quantity>(std::floor(static_cast<double>(units) * share));
    }
    return stock;
}

SimulationReport run_on_own_engine(const SimulateOptions& options, const OrderBook& book,
                                   const std::map<std::string, Quantity>& stock,
                                   SimulationWorld world) {
    const TemporaryDirectory directory;
    const auto clock = std::make_shared<RunClock>();
    const auto service = open({.data = directory.path() / "data", .clock = clock});
    std::optional<OwnServer> server;
    HttpOptions http = options.http;
    if (options.over_http) {
        ServerSettings settings;
        settings.clock = clock;
        http.url = server.emplace(*service, settings).url();
    }
    world.connect = [&] { return server ? connect_http(http) : connect_local(*service); };
    world.advance_by = [&](std::chrono::seconds step) { clock->advance_by(step); };
    world.advance_to = [&](Instant at) {
        clock->advance_to(at);
        service->tick();
    };
    return run_simulation(book, stock, options.run, world);
}

std::string run_name() {
    std::random_device device;
    return "simulation-" + std::to_string(device());
}

ExitStatus run(SimulateOptions& options) {
    const OrderBook book = read_orders(options.orders, options.format);
    if (book.orders.empty()) {
        throw Failure(ExitStatus::refused, options.orders + " has no line that can be sold, of " +
                                               std::to_string(book.lines_read) + " read");
    }
    const auto stock =
        options.stock.empty() ? shared_stock(book, options.stock_share) : read_stock(options.stock);
    options.run.run = run_name();
    Progress progress("orders");
    SimulationWorld world;
    world.progress = [&](std::uint64_t done, std::uint64_t total) { progress.show(done, total); };
    std::string against = options.over_http ? "over HTTP, with a server of its own" : "in process";
    SimulationReport report;
    if (options.to_server) {
        against = "over HTTP, " + options.http.url;
        world.connect = [&] { return connect_http(options.http); };
        report = run_simulation(book, stock, options.run, world);
    } else {
        report = run_on_own_engine(options, book, stock, std::move(world));
    }
    (options.json ? print_simulation_json : print_simulation)(std::cout, report, against);
    return report.clean() ? ExitStatus::ok : ExitStatus::refused;
}

void add_column(CLI::App& command, const char* option, std::string& name, const char* what) {
    command.add_option(option, name, what)->option_text("NAME");
}

constexpr ManualPage simulate_page = {
    "runs a shop's past orders through the engine",
    "Each invoice is a cart: it is held, confirmed and shipped. A cart that is refused for "
    "want of stock is tried again with what there is of it (partial). Each cancellation is a "
    "return, line by line, of what that customer had been shipped of that SKU before; a line "
    "that cannot be matched whole is skipped. What is not sellable is skipped too: codes "
    "that are no goods (--not-goods), quantities that are not above zero, codes that are "
    "missing. Everything skipped is counted by reason; nothing is guessed.\n"
    "\n"
    "The file has the layout of the Online Retail data sets (InvoiceNo, StockCode, Quantity, "
    "InvoiceDate, CustomerID; other columns are ignored), or its columns are named with "
    "--col-...; it may be gzipped. A day is a crowd: its carts come as fast as the clients "
    "can bring them, one customer's in their order.\n"
    "\n"
    "By default the engine runs in this process on a store of its own with a clock of its "
    "own: each cart moves it by a second, each day to that day, so that carts that are left "
    "behind (--abandon) really lapse, after a minute, and nobody waits. With --server the "
    "server keeps its own time, and nobody else may sell there meanwhile.\n"
    "\n"
    "Units oversold are computed from the answers alone (units sold less units that were "
    "there), the counters are compared with what the answers add up to, and the engine's own "
    "audit is run. Ends with 1 when anything was oversold, differs or is unaccounted for.",
    "$ holdfast simulate --orders orders.csv\n"
    "$ holdfast simulate --orders orders.csv --stock-share 0.6 --abandon 0.2\n"
    "$ holdfast simulate --orders orders.csv --stock stock.csv --json"};

using Options = std::shared_ptr<SimulateOptions>;

void add_orders_and_stock(CLI::App& command, const Options& options) {
    command.add_option("--orders", options->orders, "The orders (.csv or .csv.gz).")
        ->required()
        ->option_text("FILE");
    CLI::Option* stock =
        command
            .add_option("--stock", options->stock,
                        "The stock, a file with the columns sku and quantity; SKUs that it does "
                        "not name have none.")
            ->option_text("FILE");
    command
        .add_option("--stock-share", options->stock_share,
                    "Give each SKU this share of what is asked of it in all, rounded down "
                    "(default 1: ample).")
        ->option_text("SHARE")
        ->check(CLI::Range(0.0, 1000.0))
        ->excludes(stock);
    command
        .add_option("--concurrency", options->run.concurrency,
                    "How many clients bring carts at once (default 16).")
        ->option_text("COUNT")
        ->check(CLI::Range(1, 256));
    command
        .add_option("--abandon", options->run.abandon,
                    "Which share of the carts is left behind after it was held (default 0).")
        ->option_text("SHARE")
        ->check(CLI::Range(0.0, 1.0));
}

void add_engine(CLI::App& command, const Options& options) {
    CLI::Option* over_http = command.add_flag(
        "--http", options->over_http, "Over HTTP, with a server of its own in this process.");
    command
        .add_option_function<std::string>(
            "--server",
            [options](const std::string& url) {
                options->http.url = url;
                options->to_server = true;
            },
            "Against this running server.")
        ->option_text("URL")
        ->excludes(over_http);
    command.add_flag("--json", options->json,
                     "Print one object of JSON: oversold, audit (\"clean\" or the differences), "
                     "lines, units, days and more.");
}

void add_format(CLI::App& command, const Options& options) {
    add_column(command, "--col-invoice", options->format.columns.invoice, "The invoice's column.");
    add_column(command, "--col-sku", options->format.columns.sku, "The SKU's column.");
    add_column(command, "--col-quantity", options->format.columns.quantity,
               "The quantity's column.");
    add_column(command, "--col-date", options->format.columns.date,
               "The date's column: 2010-12-01 08:26:00 or 12/1/2010 8:26.");
    add_column(command, "--col-customer", options->format.columns.customer,
               "The customer's column.");
    command
        .add_option("--cancel-prefix", options->format.cancel_prefix,
                    "How the number of a cancellation begins (default C).")
        ->option_text("TEXT");
    command
        .add_option("--not-goods", options->format.not_goods,
                    "Codes that are no goods, comma-separated (default: those of the Online "
                    "Retail data sets: POST, DOT, M, D, C2, BANK CHARGES, ...).")
        ->option_text("CODES")
        ->delimiter(',');
}

}  // namespace

void define_simulate(CLI::App& command, Action& action) {
    const auto options = std::make_shared<SimulateOptions>();
    describe(command, simulate_page);
    add_orders_and_stock(command, options);
    add_engine(command, options);
    add_format(command, options);
    command.callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace holdfast::cli
