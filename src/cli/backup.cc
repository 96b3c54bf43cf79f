#include <iostream>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/terminal.h"

namespace holdfast::cli {

namespace {

struct BackupOptions {
    Target target;
    std::string directory;
};

std::filesystem::path beside(const std::filesystem::path& directory, const char* suffix) {
    const auto path = std::filesystem::absolute(directory).lexically_normal();
    return (path.has_filename() ? path : path.parent_path()).string() + suffix;
}

// A backup is worth what its restore is: makes a store of it at `to`, opens that and audits it. What is
// not sound does not stay.
AuditReport prove(const std::filesystem::path& backup, const std::filesystem::path& to) {
    std::filesystem::remove_all(to);
    try {
        holdfast::restore(backup, to);
        AuditReport report = open_existing(to)->audit();
        if (report.clean()) {
            return report;
        }
        const AuditDifference& first = report.differences.front();
        throw Failure(ExitStatus::refused, backup.string() + " is not sound: " +
                                               std::to_string(report.differences.size()) +
                                               " differences, the first: " + first.what + " is " +
                                               first.kept + ", by the events " + first.events);
    } catch (...) {
        std::filesystem::remove_all(to);
        throw;
    }
}

ExitStatus run(BackupOptions& options) {
    Progress progress("");
    progress.say("backing up");
    const auto copy = required(options.target.connect()->backup(options.directory));
    if (!options.target.local()) {
        std::cout << "the server made and checked the backup " << copy.string()
                  << "; prove it there with `holdfast restore` and `holdfast audit`\n";
        return ExitStatus::ok;
    }
    progress.say("restoring and auditing the copy");
    const auto rehearsal = beside(copy, ".rehearsal");
    const AuditReport report = prove(copy, rehearsal);
    std::filesystem::remove_all(rehearsal);
    std::cout << "backed up " << options.target.name() << " to " << copy.string() << ": "
              << thousands(static_cast<std::int64_t>(report.events))
              << " events; restoring it was rehearsed, and its audit is clean\n";
    return ExitStatus::ok;
}

struct RestoreOptions {
    std::string backup;
    std::string data;
};

// The copy is proved under another name: a data directory appears whole and sound, or not at all.
ExitStatus restore(const RestoreOptions& options) {
    namespace fs = std::filesystem;
    if (!fs::is_directory(options.backup)) {
        throw Failure(ExitStatus::unreachable, "there is no backup directory " + options.backup);
    }
    if (fs::exists(options.data) && !fs::is_empty(options.data)) {
        throw Failure(ExitStatus::refused, options.data +
                                               " has files in it; restore into a directory that "
                                               "does not exist yet, and move the old one away");
    }
    const fs::path unproved = beside(options.data, ".restoring");
    const AuditReport report = prove(options.backup, unproved);
    fs::remove(options.data);
    fs::rename(unproved, options.data);
    std::cout << "restored " << options.data << " from " << options.backup << ": "
              << thousands(static_cast<std::int64_t>(report.events))
              << " events, the audit is clean\n";
    return ExitStatus::ok;
}

}  // namespace

void define_backup(CLI::App& command, Action& action) {
    const auto options = std::make_shared<BackupOptions>();
    describe(
        command,
        {"makes a consistent copy of a store",
         "Restoring the copy is rehearsed beside it, and the result audited, before the command "
         "ends. A running server (--server) makes the copy while it goes on selling, under "
         "this name in the directory of its --backups, and checks it itself.",
         "$ holdfast backup --data shop shop-backup"});
    options->target.add_options(command);
    command
        .add_option("DIRECTORY", options->directory,
                    "Where to; it must not exist yet. With --server: a name.")
        ->required();
    command.callback([options, &action] { action = [options] { return run(*options); }; });
}

void define_restore(CLI::App& command, Action& action) {
    const auto options = std::make_shared<RestoreOptions>();
    describe(command,
             {"makes a data directory from a backup",
              "The copy is opened and audited first; a backup that is not sound is not restored.",
              "$ holdfast backup --data shop shop-backup\n"
              "$ holdfast restore shop-backup --data shop-restored"});
    command.add_option("BACKUP", options->backup, "The directory that `backup` made.")->required();
    command.add_option("--data", options->data, "The data directory; it must not exist yet.")
        ->required()
        ->option_text("DIR");
    command.callback([options, &action] { action = [options] { return restore(*options); }; });
}

}  // namespace holdfast::cli
