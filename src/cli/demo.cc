#include <chrono>
#include <csignal>
#include <iostream>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/flash_sale.h"
#include "cli/server_process.h"
#include "cli/temporary_directory.h"
#include "cli/terminal.h"

namespace holdfast::cli {

namespace {

constexpr std::chrono::microseconds statement{500};

struct DemoOptions {
    bool stay = false;
};

std::string good(bool fine, const std::string& text, bool colours) {
    return fine ? green(text, colours) : red(text, colours);
}

bool all_well(const SalePlan& plan, const SaleResult& result) {
    return result.sold == plan.widgets && result.committed == plan.widgets &&
           result.sold_unknown == 0 && result.double_clicks == result.double_clicks_once &&
           result.audit.clean();
}

void print(const SalePlan& plan, const SaleResult& result, int counted) {
    const bool colours = coloured(1);
    const int oversold = std::max(0, static_cast<int>(result.committed) - plan.widgets);
    const int counted_over = std::max(0, counted - plan.widgets);
    Table table({"", bold("Holdfast", colours), bold("count, then insert", colours)});
    table.add({"shoppers", thousands(plan.shoppers), thousands(plan.shoppers)});
    table.add({"widgets", thousands(plan.widgets), thousands(plan.widgets)});
    table.add({"sold", good(result.sold == plan.widgets, thousands(result.sold), colours),
               good(counted_over == 0, thousands(counted), colours)});
    table.add({"oversold", good(oversold == 0, thousands(oversold), colours),
               good(counted_over == 0, thousands(counted_over), colours)});
    table.add({"refused", thousands(result.refused), thousands(plan.shoppers - counted)});
    table.add({"carts left behind and resold", thousands(result.left_behind), "-"});
    table.add({"double clicks sold twice",
               good(result.double_clicks == result.double_clicks_once,
                    thousands(result.double_clicks - result.double_clicks_once) + " of " +
                        thousands(result.double_clicks),
                    colours),
               "-"});
    table.add({"server killed (kill -9)", "once", "-"});
    table.add({"sales lost by it",
               good(result.sold_unknown == 0, thousands(result.sold_unknown), colours), "-"});
    table.add({"audit",
               good(result.audit.clean(),
                    result.audit.clean()
                        ? "clean"
                        : thousands(static_cast<std::int64_t>(result.audit.differences.size())) +
                              " differences",
                    colours),
               "-"});
    table.print(std::cout);
}

void explain(const SalePlan& plan, const SaleResult& result) {
    std::cout << "\nHoldfast: " << plan.clients << " clients over HTTP, " << result.took.count()
              << " ms, of which the server was down for " << result.down.count()
              << ". Requests that it broke off were sent\n"
                 "again with the same Idempotency-Key, and "
              << result.repeated_by_crash
              << " of them got the first answer again. Carts that were left behind lapsed after "
              << plan.hold_ttl.count() << " s.\n"
              << "Count, then insert: the same shoppers from " << plan.clients
              << " threads here, a table in memory, every statement atomic by itself and "
              << static_cast<double>(statement.count()) / 1000
              << " ms\nlong, as to a database over a network: `select count(*)`, and if fewer than "
              << plan.widgets << ", `insert`.\n";
}

// The server goes on until the user ends it; the terminal's Ctrl-C reaches it too.
void stay(ServerProcess& server) {
    std::signal(SIGINT, SIG_IGN);
    const auto connection = connect_http({.url = server.url()});
    required(connection->submit(DefineSku{.sku = "mug", .policy = {}}).result);
    required(
        connection->submit(ReceiveStock{.sku = "mug", .quantity = 12, .reference = ""}).result);
    std::cout
        << "\nThe server is still up, with twelve mugs: " << server.url()
        << "   (Ctrl-C ends it)\n\n"
           "    curl -s "
        << server.url()
        << "/v1/holds -H 'Content-Type: application/json' \\\n"
           "      -d '{\"cart\": \"my-cart\", \"lines\": [{\"sku\": \"mug\", \"quantity\": 2}]}'\n"
           "    curl -s "
        << server.url() << "/v1/skus/mug/stock\n"
        << std::flush;
    server.wait();
}

ExitStatus run(const DemoOptions& options) {
    const SalePlan plan;
    const TemporaryDirectory directory;
    const bool colours = coloured(1);
    std::cout << bold("A flash sale: " + thousands(plan.shoppers) + " shoppers, " +
                          thousands(plan.widgets) + " widgets, one crash.",
                      colours)
              << "\n\n"
              << std::flush;
    ServerProcess server(std::filesystem::read_symlink("/proc/self/exe"),
                         {"--data", directory.path() / "data"}, directory.path() / "log");
    const SaleResult result = [&] {
        Progress progress("");
        return run_flash_sale(plan, server, [&](const std::string& what) { progress.say(what); });
    }();
    print(plan, result, sell_by_counting(plan, statement));
    explain(plan, result);
    if (options.stay) {
        stay(server);
    } else {
        server.stop();
    }
    return all_well(plan, result) ? ExitStatus::ok : ExitStatus::refused;
}

}  // namespace

void define_demo(CLI::App& command, Action& action) {
    const auto options = std::make_shared<DemoOptions>();
    describe(
        command,
        {"runs a flash sale in ten seconds",
         "1,000 shoppers want 100 widgets, over HTTP against a server of its own in a temporary "
         "directory. Some click twice, some leave their cart behind, and in the middle the "
         "server is killed (kill -9) and started again. Beside it stands what counting and "
         "then inserting would have sold. Ends with 1 unless exactly 100 were sold and the "
         "audit is clean.",
         "$ holdfast demo"});
    command.add_flag("--stay", options->stay, "Leave the server up afterwards, until Ctrl-C.");
    command.callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace holdfast::cli
