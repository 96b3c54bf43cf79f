#include <iostream>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/show.h"

namespace holdfast::cli {

namespace {

struct AlertOptions {
    Target target;
    Style style;
    std::string key;
    std::string sku;
    std::string alert;
    std::string person;
};

ExitStatus list(AlertOptions& options) {
    const auto connection = options.target.connect();
    std::vector<AlertAnswer> alerts;
    AlertFilter filter{.sku = options.sku, .limit = limits::page_max};
    do {
        auto found = connection->alerts(filter);
        if (!found) {
            return show_refusal(found.error(), options.style);
        }
        filter.after = found->next;
        std::ranges::move(found->items, std::back_inserter(alerts));
    } while (!filter.after.empty());
    show(std::cout, alerts, options.style);
    return ExitStatus::ok;
}

ExitStatus acknowledge(AlertOptions& options) {
    const auto id = parse_alert_id(options.alert);
    if (!id) {
        throw Failure(ExitStatus::usage, "\"" + options.alert +
                                             "\" is no alert; it begins with alert_, as `holdfast "
                                             "alerts list` printed it");
    }
    const auto connection = options.target.connect();
    const auto outcome = connection->submit(
        AcknowledgeAlert{.alert = *id, .person = options.person},
        {.idempotency_key = options.key, .fingerprint = 0, .deadline = std::nullopt});
    if (!outcome.result) {
        return show_refusal(outcome.result.error(), options.style);
    }
    show(std::cout, *outcome.result, options.style);
    return ExitStatus::ok;
}

}  // namespace

void define_alerts(CLI::App& command, Action& action) {
    const auto options = std::make_shared<AlertOptions>();
    describe(command, {"shows what people should look at, notes who has seen it",
                       "SKUs that run low, out or are back, orders to place, units that are sold "
                       "and not there, unusual rates, holds that only expire. An alert is raised "
                       "once and resolves itself when its cause has been gone for five minutes.",
                       "$ holdfast alerts list --data shop"});
    command.require_subcommand(1);
    CLI::App& listing = *command.add_subcommand("list");
    describe(listing, {"lists the alerts that stand",
                       "Oldest first. A shortfall names the orders at risk, newest first.",
                       "$ holdfast alerts list --data shop\n"
                       "$ holdfast alerts list --sku mug --data shop --json"});
    options->target.add_options(listing);
    options->style.add_option(listing);
    listing.add_option("--sku", options->sku, "Only those of this SKU.");
    listing.callback([options, &action] { action = [options] { return list(*options); }; });

    CLI::App& seeing = *command.add_subcommand("acknowledge");
    describe(seeing, {"notes who has seen an alert",
                      "Who was first stays. The alert stands until its cause is gone.",
                      "$ printf 'sku,low_stock\\nlamp,5\\n' > lamp.csv\n"
                      "$ holdfast import --skus lamp.csv --data shop\n"
                      "$ holdfast stock receive lamp 3 --data shop\n"
                      "$ holdfast alerts list --sku lamp --data shop --json > alerts\n"
                      "$ alert=$(jq -r '.[0].id' alerts)\n"
                      "$ holdfast alerts acknowledge $alert --by anna --data shop"});
    options->target.add_options(seeing);
    options->style.add_option(seeing);
    seeing.add_option("ALERT", options->alert, "The alert.")->required();
    seeing.add_option("--by", options->person, "Who has seen it.")->required();
    seeing.add_option("--key", options->key, "Idempotency key.");
    seeing.callback([options, &action] { action = [options] { return acknowledge(*options); }; });
}

}  // namespace holdfast::cli
