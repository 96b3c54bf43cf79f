#include <iostream>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/line_argument.h"
#include "cli/show.h"
#include "cli/wire.h"

namespace holdfast::cli {

namespace {

struct StockOptions {
    Target target;
    Style style;
    std::string key;
    std::vector<std::string> skus;
    std::string sku;
    std::string quantity;
    std::string location = "main";
    std::string reason;
    std::string reference;
    std::string from;
    std::string to;
    std::string at;
};

ExitStatus show_stock(StockOptions& options) {
    const auto connection = options.target.connect();
    std::vector<std::string> skus = options.skus;
    std::string after;
    while (options.skus.empty()) {
        const Page<SkuAnswer> page = required(connection->skus(after, limits::page_max));
        for (const SkuAnswer& sku : page.items) {
            skus.push_back(sku.sku);
        }
        after = page.next;
        if (after.empty()) {
            break;
        }
    }
    std::vector<StockAnswer> stock;
    for (const std::string& sku : skus) {
        auto answer = connection->stock(sku);
        if (!answer) {
            return show_refusal(answer.error(), options.style);
        }
        stock.push_back(std::move(*answer));
    }
    show(std::cout, stock, options.style);
    return ExitStatus::ok;
}

StockState state(const std::string& word) {
    const auto state = parse_word(word, StockState::damaged);
    if (!state) {
        throw Failure(ExitStatus::usage,
                      "\"" + word +
                          "\" is no state of stock; it is one of available, returned, repair, "
                          "damaged");
    }
    return *state;
}

template <class C>
C stock_work(const StockOptions& options) {
    C command;
    command.sku = options.sku;
    command.reference = options.reference;
    const Quantity number = parse_number("the quantity", options.quantity);
    if constexpr (requires { command.location; }) {
        command.location = options.location;
    }
    if constexpr (std::is_same_v<C, AdjustStock>) {
        command.delta = number;
        command.reason = options.reason;
    } else {
        command.quantity = number;
    }
    if constexpr (std::is_same_v<C, ExpectStock>) {
        const auto at = parse_rfc3339(options.at);
        if (!at && !(options.at.empty() && number == 0)) {
            throw Failure(ExitStatus::usage, "\"" + options.at +
                                                 "\" is no moment; write it as in "
                                                 "2026-12-24T08:00:00Z");
        }
        command.expected_at = at.value_or(Instant{});
    }
    if constexpr (std::is_same_v<C, MoveStock>) {
        command.from = state(options.from);
        command.to = state(options.to);
    }
    if constexpr (std::is_same_v<C, TransferStock>) {
        command.from = options.from;
        command.to = options.to;
    }
    return command;
}

template <class C>
ExitStatus carry_out(StockOptions& options) {
    const C command = stock_work<C>(options);
    Request request;
    request.idempotency_key = options.key;
    const auto outcome = options.target.connect()->submit(command, std::move(request));
    if (!outcome.result) {
        return show_refusal(outcome.result.error(), options.style);
    }
    show(std::cout, std::vector{*outcome.result}, options.style);
    return ExitStatus::ok;
}

using Options = std::shared_ptr<StockOptions>;

// `quantity_help` explains the number that the command takes.
template <class C>
std::pair<CLI::App*, Options> add_work(CLI::App& parent, const char* name, Action& action,
                                       const char* quantity_help, const ManualPage& page) {
    const auto options = std::make_shared<StockOptions>();
    CLI::App& command = *parent.add_subcommand(name);
    describe(command, page);
    options->target.add_options(command);
    options->style.add_option(command);
    command.add_option("SKU", options->sku, "What it is about.")->required();
    command.add_option("QUANTITY", options->quantity, quantity_help)->required();
    if constexpr (requires(C c) { c.location; }) {
        command.add_option("--location", options->location, "Where (default main).")
            ->option_text("LOCATION");
    }
    command.add_option("--reference", options->reference, "Free text, kept with the event.")
        ->option_text("TEXT");
    command
        .add_option("--key", options->key,
                    "Idempotency-Key: the command is carried out once, however often it is sent "
                    "with this key.")
        ->option_text("KEY");
    command.callback([options, &action] { action = [options] { return carry_out<C>(*options); }; });
    return {&command, options};
}

void add_show(CLI::App& parent, Action& action) {
    const auto options = std::make_shared<StockOptions>();
    CLI::App& command = *parent.add_subcommand("show");
    describe(command, {"prints the counters of SKUs",
                       "on hand = available + held + committed + safety stock + returned + repair "
                       "+ damaged, always.",
                       "$ holdfast stock show --data shop mug\n"
                       "$ holdfast stock show --data shop --json"});
    options->target.add_options(command);
    options->style.add_option(command);
    command.add_option("SKU", options->skus, "Only these (default: all).");
    command.callback([options, &action] { action = [options] { return show_stock(*options); }; });
}

}  // namespace

void define_stock(CLI::App& stock, Action& action) {
    describe(stock,
             {"shows and changes stock", "SKUs and locations are defined by `holdfast import`.",
              "$ holdfast stock receive --data shop mug 100 --reference PO-7\n"
              "$ holdfast stock adjust --data shop mug -3 --reason broken\n"
              "$ holdfast stock show --data shop mug"});
    stock.require_subcommand(1);
    add_show(stock, action);
    add_work<ReceiveStock>(stock, "receive", action, "How many units came in.",
                           {"takes goods in", "They are on sale at once.",
                            "$ holdfast stock receive --data shop mug 100 --reference PO-7"});
    const auto [expect, expected] = add_work<ExpectStock>(
        stock, "expect", action, "How many units will come (0: none after all).",
        {"announces goods that a supplier will bring",
         "What is received with the same reference is taken off it.",
         "$ at=2030-01-01T08:00:00Z\n"
         "$ holdfast stock expect --data shop mug 50 --at $at --reference PO-8\n"
         "$ holdfast stock receive --data shop mug 20 --reference PO-8"});
    expect->add_option("--at", expected->at, "When they come.")->option_text("TIME");
    const auto [adjust, adjusted] = add_work<AdjustStock>(
        stock, "adjust", action, "How many units more (or, negative, fewer) there are.",
        {"corrects the stock on hand by a count",
         "A count is a fact: it is accepted even when it leaves less than was promised.",
         "$ holdfast stock adjust --data shop mug -3 --reason broken"});
    adjust->add_option("--reason", adjusted->reason, "Why, in words.")
        ->required()
        ->option_text("TEXT");
    const auto [move, moved] = add_work<MoveStock>(
        stock, "move", action, "How many units.",
        {"moves units between on sale and not for sale",
         "The states are available, returned, repair and damaged.",
         "$ holdfast stock move --data shop mug 2 --from available --to damaged"});
    move->add_option("--from", moved->from, "The state that they are in.")
        ->required()
        ->option_text("STATE");
    move->add_option("--to", moved->to, "The state that they come to.")
        ->required()
        ->option_text("STATE");
    const auto [transfer, transferred] = add_work<TransferStock>(
        stock, "transfer", action, "How many units.",
        {"moves units from one location to another",
         "Both must be known; `holdfast import --locations` defines them.",
         "$ holdfast stock transfer --data shop mug 5 --from main --to berlin"});
    transfer->add_option("--from", transferred->from, "Where they are.")
        ->required()
        ->option_text("LOCATION");
    transfer->add_option("--to", transferred->to, "Where they go.")
        ->required()
        ->option_text("LOCATION");
}

}  // namespace holdfast::cli
