#include <iostream>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/show.h"

namespace holdfast::cli {

namespace {

struct AuditOptions {
    Target target;
    Style style;
};

ExitStatus run(AuditOptions& options) {
    const AuditReport report = required(options.target.connect()->audit());
    show(std::cout, report, options.style);
    return report.clean() ? ExitStatus::ok : ExitStatus::refused;
}

}  // namespace

void define_audit(CLI::App& command, Action& action) {
    const auto options = std::make_shared<AuditOptions>();
    describe(
        command,
        {"proves that every unit is accounted for",
         "Recomputes every counter and every pending hold from the events, compares them with "
         "what is kept, and names each difference. On a data directory (--data) while no server "
         "runs, or by a running server (--server), which goes on selling meanwhile. Ends with 1 "
         "when anything differs.",
         "$ holdfast audit --data shop"});
    options->target.add_options(command);
    options->style.add_option(command);
    command.callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace holdfast::cli
