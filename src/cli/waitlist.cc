#include <iostream>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/line_argument.h"
#include "cli/show.h"

namespace holdfast::cli {

namespace {

struct WaitlistOptions {
    Target target;
    Style style;
    std::string key;
    std::string sku;
    std::string entry;
    std::string customer;
    std::string quantity = "1";
    std::string location;
    std::string cart;
    std::string region;
};

EntryId entry_id(const std::string& text) {
    const auto id = parse_entry_id(text);
    if (!id) {
        throw Failure(ExitStatus::usage, "\"" + text +
                                             "\" is no place in a waiting line; it begins with "
                                             "wait_, as `holdfast waitlist join` printed it");
    }
    return *id;
}

template <class C>
ExitStatus change(WaitlistOptions& options, C command) {
    const auto connection = options.target.connect();
    const auto outcome = connection->submit(
        std::move(command),
        {.idempotency_key = options.key, .fingerprint = 0, .deadline = std::nullopt});
    if (!outcome.result) {
        return show_refusal(outcome.result.error(), options.style);
    }
    show(std::cout, *outcome.result, options.style);
    return ExitStatus::ok;
}

ExitStatus join(WaitlistOptions& options) {
    return change(options, JoinWaitlist{.sku = options.sku,
                                        .customer = options.customer,
                                        .quantity = parse_number("--quantity", options.quantity),
                                        .location = options.location,
                                        .cart = options.cart,
                                        .region = options.region});
}

ExitStatus leave(WaitlistOptions& options) {
    return change(options, LeaveWaitlist{.sku = options.sku, .entry = entry_id(options.entry)});
}

ExitStatus look(WaitlistOptions& options) {
    const auto connection = options.target.connect();
    if (!options.entry.empty()) {
        const auto entry = connection->entry(options.sku, entry_id(options.entry));
        if (!entry) {
            return show_refusal(entry.error(), options.style);
        }
        show(std::cout, *entry, options.style);
        return ExitStatus::ok;
    }
    std::vector<EntryAnswer> entries;
    Page<EntryAnswer> page;
    do {
        auto found = connection->waitlist(options.sku, page.next, limits::page_max);
        if (!found) {
            return show_refusal(found.error(), options.style);
        }
        page = std::move(*found);
        std::ranges::move(page.items, std::back_inserter(entries));
    } while (!page.next.empty());
    show(std::cout, entries, options.style);
    return ExitStatus::ok;
}

CLI::App& subcommand(CLI::App& command, const std::string& name, const ManualPage& description,
                     const std::shared_ptr<WaitlistOptions>& options) {
    CLI::App& sub = *command.add_subcommand(name);
    describe(sub, description);
    options->target.add_options(sub);
    options->style.add_option(sub);
    sub.add_option("SKU", options->sku, "The SKU.")->required();
    return sub;
}

}  // namespace

void define_waitlist(CLI::App& command, Action& action) {
    const auto options = std::make_shared<WaitlistOptions>();
    describe(command, {"lines up for a SKU, leaves the line, shows who waits",
                       "Units that come free are offered to who waits first, as a hold that he "
                       "confirms in time or that passes on.",
                       "$ holdfast waitlist show mug --data shop"});
    command.require_subcommand(1);
    CLI::App& joining = subcommand(
        command, "join",
        {"joins the waiting line of a SKU",
         "One place for each customer. The SKU's policy must have a waitlist, open or fair.",
         "$ printf 'sku,waitlist\\nsneaker,fair\\n' > sneaker.csv\n"
         "$ holdfast import --skus sneaker.csv --data shop\n"
         "$ holdfast waitlist join sneaker --customer u-9 --data shop"},
        options);
    joining.add_option("--customer", options->customer, "Who waits.")->required();
    joining.add_option("--quantity", options->quantity, "How many units (default: 1).");
    joining.add_option("--location", options->location, "Only units from there.");
    joining.add_option("--cart", options->cart,
                       "The cart of the hold that is offered (default: the id of the place).");
    joining.add_option("--region", options->region, "The shopper's region.");
    joining.add_option("--key", options->key, "Idempotency key.");
    joining.callback([options, &action] { action = [options] { return join(*options); }; });

    CLI::App& leaving =
        subcommand(command, "leave",
                   {"leaves the waiting line of a SKU", "All behind move up.",
                    "$ printf 'sku,waitlist\\nsneaker,fair\\n' > sneaker.csv\n"
                    "$ holdfast import --skus sneaker.csv --data shop\n"
                    "$ holdfast waitlist join sneaker --customer u-9 --data shop --json > place\n"
                    "$ holdfast waitlist leave sneaker $(jq -r .entry place) --data shop"},
                   options);
    leaving.add_option("ENTRY", options->entry, "The place.")->required();
    leaving.add_option("--key", options->key, "Idempotency key.");
    leaving.callback([options, &action] { action = [options] { return leave(*options); }; });

    CLI::App& showing = subcommand(command, "show",
                                   {"shows who waits for a SKU, or one place in its line",
                                    "In order.", "$ holdfast waitlist show mug --data shop"},
                                   options);
    showing.add_option("ENTRY", options->entry, "Only this place.");
    showing.callback([options, &action] { action = [options] { return look(*options); }; });
}

}  // namespace holdfast::cli
