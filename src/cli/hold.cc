#include <iostream>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/line_argument.h"
#include "cli/show.h"
#include "cli/wire.h"

namespace holdfast::cli {

namespace {

struct HoldOptions {
    Target target;
    Style style;
    bool quiet = false;
    std::string key;
    std::string id;
    std::string fence;
    std::vector<std::string> lines;
    std::int64_t ttl = 0;
    std::int64_t heartbeat = 0;
    std::string cart;
    std::string customer;
    std::string region;
    std::string reference;
    bool partial = false;
    bool confirm = false;
    std::string status;
    std::size_t limit = 100;
};

HoldId hold_id(const HoldOptions& options) {
    const auto id = parse_hold_id(options.id);
    if (!id) {
        throw Failure(ExitStatus::usage,
                      "\"" + options.id +
                          "\" is no hold id; ids are `hold_` and 32 hexadecimal digits, as "
                          "`holdfast hold list` prints them");
    }
    return *id;
}

std::optional<Fence> fence(const HoldOptions& options) {
    if (options.fence.empty()) {
        return std::nullopt;
    }
    return static_cast<Fence>(parse_number("--fence", options.fence));
}

std::optional<Seconds> seconds(std::int64_t count) {
    return count == 0 ? std::nullopt : std::optional(Seconds(count));
}

std::vector<LineRequest> lines(const HoldOptions& options) {
    std::vector<LineRequest> parsed;
    parsed.reserve(options.lines.size());
    for (const std::string& text : options.lines) {
        parsed.push_back(parse_line(text));
    }
    return parsed;
}

template <class C>
C on_hold(const HoldOptions& options) {
    C command;
    command.id = hold_id(options);
    command.fence = fence(options);
    if constexpr (requires { command.lines; }) {
        command.lines = lines(options);
    }
    if constexpr (requires { command.reference; }) {
        command.reference = options.reference;
    }
    if constexpr (requires { command.region; }) {
        command.region = options.region;
    }
    if constexpr (std::is_same_v<C, ExtendHold>) {
        command.ttl = seconds(options.ttl);
    }
    return command;
}

PlaceHold place(const HoldOptions& options) {
    return {.cart = options.cart,
            .customer = options.customer,
            .region = options.region,
            .lines = lines(options),
            .ttl = seconds(options.ttl),
            .heartbeat = seconds(options.heartbeat),
            .partial = options.partial,
            .confirm = options.confirm};
}

template <class C>
ExitStatus carry_out(HoldOptions& options, C command) {
    Request request;
    request.idempotency_key = options.key;
    const auto connection = options.target.connect();
    const auto outcome = connection->submit(std::move(command), std::move(request));
    if (!outcome.result) {
        return show_refusal(outcome.result.error(), options.style);
    }
    const Hold& hold = outcome.result->hold;
    if (options.quiet) {
        std::cout << to_string(hold.id) << '\n';
    } else {
        show(std::cout, hold, options.style);
    }
    return ExitStatus::ok;
}

using Options = std::shared_ptr<HoldOptions>;

// The options that all commands that change a hold have.
CLI::App& add_command(CLI::App& parent, const char* name, const ManualPage& page,
                      HoldOptions& options) {
    CLI::App& command = *parent.add_subcommand(name);
    describe(command, page);
    options.target.add_options(command);
    options.style.add_option(command);
    return command;
}

void add_change_options(CLI::App& command, HoldOptions& options) {
    command
        .add_option("--key", options.key,
                    "Idempotency-Key: the command is carried out once, however often it is "
                    "sent with this key.")
        ->option_text("KEY");
    command.add_flag("--quiet,-q", options.quiet, "Print only the hold's id.");
}

enum class LineUse { none, some, all };

template <class C>
void add_step(CLI::App& parent, const char* name, Action& action, LineUse use,
              const ManualPage& page) {
    const auto options = std::make_shared<HoldOptions>();
    CLI::App& command = add_command(parent, name, page, *options);
    command.add_option("HOLD", options->id, "The hold's id.")->required();
    if (use != LineUse::none) {
        command
            .add_option("LINE", options->lines,
                        use == LineUse::all
                            ? "The whole cart anew: SKU=QUANTITY or SKU=QUANTITY@LOCATION."
                            : "Only these units: SKU=QUANTITY or SKU=QUANTITY@LOCATION (default: "
                              "all).")
            ->required(use == LineUse::all);
    }
    command
        .add_option("--fence", options->fence,
                    "The fence you saw last; the command is refused when the hold has changed "
                    "since.")
        ->option_text("NUMBER");
    if constexpr (std::is_same_v<C, FulfilHold>) {
        command.add_option("--reference", options->reference, "Free text, kept with the event.")
            ->option_text("TEXT");
    }
    if constexpr (std::is_same_v<C, AmendHold>) {
        command.add_option("--region", options->region, "The shopper's region.")
            ->option_text("REGION");
    }
    if constexpr (std::is_same_v<C, ExtendHold>) {
        command
            .add_option("--ttl", options->ttl, "Seconds from now (default: the policy's hold_ttl).")
            ->option_text("SECONDS")
            ->check(CLI::PositiveNumber);
    }
    add_change_options(command, *options);
    command.callback([options, &action] {
        action = [options] { return carry_out(*options, on_hold<C>(*options)); };
    });
}

void add_place(CLI::App& parent, Action& action) {
    const auto options = std::make_shared<HoldOptions>();
    CLI::App& command =
        add_command(parent, "place",
                    {"holds units for a cart",
                     "All lines are granted or none; a refusal names every line that is short.",
                     "$ holdfast hold place --data shop --cart c-81 --customer u mug=2 tea=1@main\n"
                     "A flash sale's buyer, bought at once:\n"
                     "$ holdfast hold place --data shop --cart c-82 --confirm mug=1"},
                    *options);
    command
        .add_option("LINE", options->lines,
                    "What is held: SKU=QUANTITY, or SKU=QUANTITY@LOCATION from there only.")
        ->required();
    command.add_option("--cart", options->cart, "The cart's id.")->required()->option_text("ID");
    command.add_option("--customer", options->customer, "The customer's id.")->option_text("ID");
    command.add_option("--region", options->region, "The shopper's region.")->option_text("REGION");
    command
        .add_option("--ttl", options->ttl,
                    "How many seconds the hold lasts (default: the policy's hold_ttl).")
        ->option_text("SECONDS")
        ->check(CLI::PositiveNumber);
    command
        .add_option("--heartbeat", options->heartbeat,
                    "The hold ends early unless `hold heartbeat` comes at least this often.")
        ->option_text("SECONDS")
        ->check(CLI::PositiveNumber);
    command.add_flag("--partial", options->partial, "Grant what there is of each line.");
    command.add_flag("--confirm", options->confirm, "Buy at once, without a pending stage.");
    add_change_options(command, *options);
    command.callback([options, &action] {
        action = [options] { return carry_out(*options, place(*options)); };
    });
}

ExitStatus show_one(HoldOptions& options) {
    const HoldId id = hold_id(options);
    const auto answer = options.target.connect()->hold(id);
    if (!answer) {
        return show_refusal(answer.error(), options.style);
    }
    show(std::cout, answer->hold, options.style);
    return ExitStatus::ok;
}

void add_show(CLI::App& parent, Action& action) {
    const auto options = std::make_shared<HoldOptions>();
    CLI::App& command =
        add_command(parent, "show",
                    {"prints a hold", "Holds that ended long ago are found too.",
                     "$ id=$(holdfast hold place --data shop --cart c-81 --quiet mug=2)\n"
                     "$ holdfast hold show --data shop $id"},
                    *options);
    command.add_option("HOLD", options->id, "The hold's id.")->required();
    command.callback([options, &action] { action = [options] { return show_one(*options); }; });
}

ExitStatus list(HoldOptions& options) {
    HoldFilter filter{.cart = options.cart,
                      .customer = options.customer,
                      .status = std::nullopt,
                      .after = "",
                      .limit = limits::page_max};
    if (!options.status.empty()) {
        filter.status = parse_word(options.status, HoldStatus::returned);
        if (!filter.status) {
            throw Failure(ExitStatus::usage,
                          "\"" + options.status +
                              "\" is no status; it is one of pending, confirmed, fulfilled, "
                              "released, expired, cancelled, returned");
        }
    }
    const auto connection = options.target.connect();
    std::vector<Hold> holds;
    do {
        filter.limit = std::min(limits::page_max, options.limit - holds.size());
        Page<Hold> page = required(connection->holds(filter));
        std::ranges::move(page.items, std::back_inserter(holds));
        filter.after = page.next;
    } while (!filter.after.empty() && holds.size() < options.limit);
    show(std::cout, holds, options.style);
    return ExitStatus::ok;
}

void add_list(CLI::App& parent, Action& action) {
    const auto options = std::make_shared<HoldOptions>();
    CLI::App& command =
        add_command(parent, "list",
                    {"finds holds", "Without a cart or a customer: the pending ones.",
                     "$ holdfast hold place --data shop --cart c-81 --quiet mug=2\n"
                     "$ holdfast hold list --data shop --cart c-81"},
                    *options);
    command.add_option("--cart", options->cart, "Those of this cart.")->option_text("ID");
    command.add_option("--customer", options->customer, "Those of this customer.")
        ->option_text("ID");
    command
        .add_option("--status", options->status,
                    "Those that are pending, confirmed, fulfilled, released, expired, cancelled or "
                    "returned.")
        ->option_text("STATUS");
    command.add_option("--limit", options->limit, "At most so many (default 100).")
        ->option_text("COUNT")
        ->check(CLI::PositiveNumber);
    command.callback([options, &action] { action = [options] { return list(*options); }; });
}

}  // namespace

void define_hold(CLI::App& hold, Action& action) {
    describe(hold, {"places, changes and shows holds",
                    "A hold claims units for a cart until its deadline. It is confirmed when the "
                    "shopper pays, and fulfilled when the units are shipped.",
                    "$ id=$(holdfast hold place --data shop --cart c-81 --quiet mug=2)\n"
                    "$ holdfast hold confirm --data shop $id\n"
                    "$ holdfast hold fulfil --data shop $id mug=1\n"
                    "$ holdfast hold cancel --data shop $id"});
    hold.require_subcommand(1);
    add_place(hold, action);
    add_show(hold, action);
    add_list(hold, action);
    add_step<AmendHold>(hold, "amend", action, LineUse::all,
                        {"sets the lines of a pending hold anew",
                         "If an increase cannot be met the hold stays as it was.",
                         "$ id=$(holdfast hold place --data shop --cart c-81 --quiet mug=2)\n"
                         "$ holdfast hold amend --data shop $id mug=1 tea=3"});
    add_step<ConfirmHold>(
        hold, "confirm", action, LineUse::some,
        {"turns a hold into a sale",
         "With lines, these units are sold and the rest is released. A hold that has lapsed takes "
         "its units again if they are free and the policy lets it.",
         "$ id=$(holdfast hold place --data shop --cart c-81 --quiet mug=2)\n"
         "$ holdfast hold confirm --data shop $id"});
    add_step<ReleaseHold>(hold, "release", action, LineUse::none,
                          {"gives a hold's units back", "They are on sale again at once.",
                           "$ id=$(holdfast hold place --data shop --cart c-81 --quiet mug=2)\n"
                           "$ holdfast hold release --data shop $id"});
    add_step<ExtendHold>(
        hold, "extend", action, LineUse::none,
        {"moves a hold's deadline", "Live holds only, as often and as far as the policy says.",
         "$ id=$(holdfast hold place --data shop --cart c-81 --quiet mug=2)\n"
         "$ holdfast hold extend --data shop $id --ttl 900"});
    add_step<BeatHold>(
        hold, "heartbeat", action, LineUse::none,
        {"says that a hold's shopper is still there",
         "For holds that were placed with --heartbeat.",
         "$ id=$(holdfast hold place --data shop --cart c-81 --heartbeat 30 -q mug=2)\n"
         "$ holdfast hold heartbeat --data shop $id"});
    add_step<SecureHold>(hold, "secure", action, LineUse::none,
                         {"gives a shopper at the checkout the checkout's time",
                          "The deadline becomes now and the policy's checkout_ttl.",
                          "$ id=$(holdfast hold place --data shop --cart c-81 --quiet mug=2)\n"
                          "$ holdfast hold secure --data shop $id"});
    add_step<FulfilHold>(
        hold, "fulfil", action, LineUse::some,
        {"records what was shipped of a confirmed hold", "Those units leave the stock on hand.",
         "$ id=$(holdfast hold place --data shop --cart c-81 --confirm --quiet mug=2)\n"
         "$ holdfast hold fulfil --data shop $id mug=1 --reference parcel-1"});
    add_step<CancelHold>(
        hold, "cancel", action, LineUse::some,
        {"cancels what was sold and not yet shipped", "Those units are on sale again at once.",
         "$ id=$(holdfast hold place --data shop --cart c-81 --confirm --quiet mug=2)\n"
         "$ holdfast hold cancel --data shop $id mug=1"});
    add_step<ReturnUnits>(
        hold, "return", action, LineUse::some,
        {"takes shipped units back",
         "They are on hand and unavailable (returned) until `stock move` restocks them.",
         "$ id=$(holdfast hold place --data shop --cart c-81 --confirm --quiet mug=2)\n"
         "$ holdfast hold fulfil --data shop $id\n"
         "$ holdfast hold return --data shop $id mug=1"});
}

}  // namespace holdfast::cli
