// What a subcommand is: a page of the manual, options, and an action that ends with a status.
// main() holds the table of them; every other file here adds one or serves several of them.
// A command that cannot go on throws a Failure; main() prints it.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

namespace holdfast::cli {

// Stands in every --help.
enum class ExitStatus : int { ok = 0, refused = 1, usage = 2, unreachable = 3 };

class Failure : public std::runtime_error {
public:
    Failure(ExitStatus status, const std::string& what)
        : std::runtime_error(what), status_(status) {}
    [[nodiscard]] ExitStatus status() const { return status_; }

private:
    ExitStatus status_;
};

// Set by the subcommand that was named; run by main() once the whole line is understood.
using Action = std::function<ExitStatus()>;

struct Subcommand {
    std::string_view name;
    void (*define)(CLI::App& command, Action& action);
};

// A page of the manual. Lines of `examples` that begin with "$ " are run by the tests, in order, in
// a directory with the files that docs name.
struct ManualPage {
    std::string_view summary;
    std::string_view description;
    std::string_view examples;
};

void describe(CLI::App& command, const ManualPage& page);

// Lays a page out: name, synopsis, description, options, examples, exit status.
class ManualFormatter : public CLI::Formatter {
public:
    std::string make_help(const CLI::App* app, std::string name,
                          CLI::AppFormatMode mode) const override;
    std::string make_subcommand(const CLI::App* sub) const override;
};

// One for each row of the table.
void define_alerts(CLI::App& command, Action& action);
void define_audit(CLI::App& command, Action& action);
void define_backup(CLI::App& command, Action& action);
void define_bench(CLI::App& command, Action& action);
void define_completion(CLI::App& command, Action& action);
void define_demo(CLI::App& command, Action& action);
void define_export(CLI::App& command, Action& action);
void define_hold(CLI::App& command, Action& action);
void define_import(CLI::App& command, Action& action);
void define_migrate(CLI::App& command, Action& action);
void define_replay(CLI::App& command, Action& action);
void define_restore(CLI::App& command, Action& action);
void define_serve(CLI::App& command, Action& action);
void define_simulate(CLI::App& command, Action& action);
void define_stock(CLI::App& command, Action& action);
void define_waitlist(CLI::App& command, Action& action);

}  // namespace holdfast::cli
