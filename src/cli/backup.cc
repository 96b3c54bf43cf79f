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

ExitStatus run(BackupOptions& options) {
    Progress progress("backing up, then opening and auditing the copy");
    progress.show(0, 0);
    const auto copy = required(options.target.connect()->backup(options.directory));
    std::cout << "backed up " << options.target.name() << " to " << copy.string()
              << "; the copy was opened and its audit is clean\n";
    return ExitStatus::ok;
}

struct RestoreOptions {
    std::string backup;
    std::string data;
};

bool has_files(const std::filesystem::path& directory) {
    return std::filesystem::exists(directory) && !std::filesystem::is_empty(directory);
}

// The copy is proved under another name: a data directory appears whole and sound, or not at all.
ExitStatus restore(const RestoreOptions& options) {
    namespace fs = std::filesystem;
    if (!fs::is_directory(options.backup)) {
        throw Failure(ExitStatus::unreachable, "there is no backup directory " + options.backup);
    }
    if (has_files(options.data)) {
        throw Failure(ExitStatus::refused, options.data +
                                               " has files in it; restore into a directory that "
                                               "does not exist yet, and move the old one away");
    }
    const fs::path data = fs::absolute(options.data).lexically_normal();
    const fs::path unproved =
        (data.has_filename() ? data : data.parent_path()).string() + ".restoring";
    fs::remove_all(unproved);
    holdfast::restore(options.backup, unproved);
    AuditReport report;
    try {
        report = open_existing(unproved)->audit();
    } catch (...) {
        fs::remove_all(unproved);
        throw;
    }
    if (!report.clean()) {
        fs::remove_all(unproved);
        throw Failure(ExitStatus::refused,
                      options.backup + " is not sound, so nothing was restored; the first of " +
                          std::to_string(report.differences.size()) +
                          " differences: " + report.differences.front().what + " is " +
                          report.differences.front().kept + ", by the events " +
                          report.differences.front().events);
    }
    fs::remove(data);
    fs::rename(unproved, data);
    std::cout << "restored " << options.data << " from " << options.backup << ": "
              << thousands(static_cast<std::int64_t>(report.events))
              << " events, the audit is clean\n";
    return ExitStatus::ok;
}

}  // namespace

void define_backup(CLI::App& command, Action& action) {
    const auto options = std::make_shared<BackupOptions>();
    describe(command,
             {"makes a consistent copy of a store",
              "The copy is opened and audited before the command ends. A running server (--server) "
              "makes it while it goes on selling, in a directory on its own machine.",
              "$ holdfast backup --data shop shop-backup"});
    options->target.add_options(command);
    command.add_option("DIRECTORY", options->directory, "Where to; it must not exist yet.")
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
