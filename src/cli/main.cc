#include <array>
#include <iostream>
#include <span>

#include <holdfast/version.h>
#include "cli/command.h"

namespace {

using holdfast::cli::ExitStatus;
using holdfast::cli::Subcommand;

constexpr std::array commands = {
    Subcommand{"serve", holdfast::cli::define_serve},
    Subcommand{"demo", holdfast::cli::define_demo},
    Subcommand{"stock", holdfast::cli::define_stock},
    Subcommand{"waitlist", holdfast::cli::define_waitlist},
    Subcommand{"alerts", holdfast::cli::define_alerts},
    Subcommand{"hold", holdfast::cli::define_hold},
    Subcommand{"import", holdfast::cli::define_import},
    Subcommand{"export", holdfast::cli::define_export},
    Subcommand{"audit", holdfast::cli::define_audit},
    Subcommand{"replay", holdfast::cli::define_replay},
    Subcommand{"backup", holdfast::cli::define_backup},
    Subcommand{"restore", holdfast::cli::define_restore},
    Subcommand{"migrate", holdfast::cli::define_migrate},
    Subcommand{"simulate", holdfast::cli::define_simulate},
    Subcommand{"bench", holdfast::cli::define_bench},
    Subcommand{"completion", holdfast::cli::define_completion},
};

constexpr holdfast::cli::ManualPage page = {
    "holds stock for shoppers and never sells a unit twice",
    "A shop asks Holdfast to hold units for a cart. The hold is exclusive and timed: it is "
    "confirmed "
    "when the shopper pays, or it ends and the units go back on sale.\n"
    "\n"
    "Most commands talk to a running server (--server, by default http://127.0.0.1:8080) or open a "
    "data directory that no server has open (--data).\n"
    "`holdfast COMMAND --help` describes each command.",
    "A flash sale in ten seconds, with a crash in the middle:\n"
    "$ holdfast demo",
};

// The innermost subcommand that was named, for messages: "holdfast hold place".
std::string named(const CLI::App& app) {
    const auto chosen = app.get_subcommands();
    return app.get_name() + (chosen.empty() ? "" : " " + named(*chosen.front()));
}

// The first word that should be a command and is none; empty when there is no such word.
std::string unknown_command(const CLI::App& app, std::span<char*> words) {
    if (words.empty() || app.get_subcommands({}).empty() || *words.front() == '-') {
        return "";
    }
    const auto named =
        app.get_subcommands([&](const CLI::App* sub) { return sub->check_name(words.front()); });
    return named.empty() ? words.front() : unknown_command(*named.front(), words.subspan(1));
}

int run(int argc, char** argv) {
    CLI::App app;
    app.name("holdfast");
    app.formatter(std::make_shared<holdfast::cli::ManualFormatter>());
    app.set_help_flag("-h,--help", "Print this page.");
    app.set_version_flag("--version", "holdfast " + std::string(holdfast::version_text),
                         "Print the version.");
    app.require_subcommand(1);
    holdfast::cli::describe(app, page);
    holdfast::cli::Action action;
    for (const Subcommand& command : commands) {
        command.define(*app.add_subcommand(std::string(command.name)), action);
    }
    const std::span arguments(argv, static_cast<std::size_t>(argc));
    if (const std::string word = unknown_command(app, arguments.subspan(1)); !word.empty()) {
        std::cerr << "holdfast: there is no command \"" << word << "\"\nTry `holdfast --help`.\n";
        return static_cast<int>(ExitStatus::usage);
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) {
            return app.exit(error);
        }
        const std::string name = named(app);
        std::cerr << name << ": " << error.what() << "\nTry `" << name << " --help`.\n";
        return static_cast<int>(ExitStatus::usage);
    }
    try {
        return static_cast<int>(action());
    } catch (const holdfast::cli::Failure& failure) {
        std::cerr << named(app) << ": " << failure.what() << '\n';
        return static_cast<int>(failure.status());
    } catch (const std::exception& error) {
        std::cerr << named(app) << ": " << error.what() << '\n';
        return static_cast<int>(ExitStatus::unreachable);
    }
}

}  // namespace

int main(int argc, char** argv) {
    return run(argc, argv);
}
