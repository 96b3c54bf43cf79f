#include <iostream>

#include "app/migration.h"
#include "cli/command.h"
#include "cli/terminal.h"

namespace holdfast::cli {

namespace {

struct MigrateOptions {
    std::string from;
    std::string to;
    std::optional<std::uint32_t> partitions;
    bool copy_only = false;
};

std::string number(std::uint64_t number) {
    return thousands(static_cast<std::int64_t>(number));
}

std::string told(const service::MigrationReport& report) {
    if (report.was_finished) {
        return report.from + " was moved to " + report.to + " before: serve that one";
    }
    const std::string copied = number(report.events) + " events in " + number(report.partitions) +
                               (report.partitions == 1 ? " partition, " : " partitions, ") +
                               number(report.copied) + " of them by this run";
    if (!report.finished) {
        return "copied " + report.from + " to " + report.to + ": " + copied +
               "; both audits are clean. " + report.from +
               " stays in service; run the same without --copy-only to finish";
    }
    const std::string pause =
        report.pause ? " Changes had to wait for " + thousands(report.pause->count()) + " ms." : "";
    return "moved " + report.from + " to " + report.to + ": " + copied +
           "; both audits are clean." + pause + ' ' + report.from +
           " takes no more changes: serve " + report.to +
           (report.cursor.empty() ? ""
                                  : "\nCursors of the feed are new: who has read all so far goes "
                                    "on after " +
                                        report.cursor);
}

ExitStatus run(const MigrateOptions& options) {
    Progress progress("events copied");
    try {
        const service::MigrationReport report =
            app::migrate(options.from, options.to,
                         {.partitions = options.partitions,
                          .copy_only = options.copy_only,
                          .progress = [&](std::uint64_t done, std::uint64_t total) {
                              progress.show(done, total);
                          }});
        std::cout << told(report) << '\n';
        return ExitStatus::ok;
    } catch (const service::MigrationRefused& refused) {
        throw Failure(ExitStatus::refused, refused.what());
    }
}

}  // namespace

void define_migrate(CLI::App& command, Action& action) {
    const auto options = std::make_shared<MigrateOptions>();
    describe(command,
             {"moves a shop to another store",
              "A store is a data directory or a database, postgres://user@host/database?schema=x. "
              "Everything goes along as it is: events and their cursors, ids, fences, keys of "
              "requests. Both stores are audited. From then on the old one takes no more changes, "
              "and says where it went.\n"
              "\n"
              "--partitions gives the shop another number of them on the way. Fences, ids and keys "
              "stay good then too, and all history goes along; versions jump, and the cursors of "
              "the feed are new.\n"
              "\n"
              "Nodes go on serving a database while it is copied; their changes wait for a moment "
              "at the end. The server of a data directory must be stopped: to keep that short, "
              "copy one of its backups before, with --copy-only. Interrupted, run it again: it "
              "goes on from where it was.",
              "$ holdfast migrate --from shop --to shop-moved\n"
              "$ holdfast migrate --from shop-moved --to shop-wider --partitions 8\n"
              "$ holdfast migrate --from shop-wider --to shop --partitions 1"});
    command.add_option("--from", options->from, "The store with the shop.")
        ->required()
        ->option_text("STORE");
    command
        .add_option("--to", options->to, "The store that it goes to: made when it is not there.")
        ->required()
        ->option_text("STORE");
    command
        .add_option("--partitions", options->partitions,
                    "How many the new store has (default: as many as the old one).")
        ->option_text("NUMBER")
        ->check(CLI::Range(std::uint32_t{1}, limits::partitions_max));
    command.add_flag("--copy-only", options->copy_only,
                     "End when the copy has caught up, and leave the old store in service.");
    command.callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace holdfast::cli
