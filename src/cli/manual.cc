#include <sstream>

#include "cli/command.h"

namespace holdfast::cli {

namespace {

constexpr std::size_t text_columns = 80;
// A page keeps its description and its examples in the footer, parted by this.
constexpr std::string_view examples_heading = "\nEXAMPLES\n";

constexpr std::string_view exit_status_text =
    "    0  done\n"
    "    1  something was found or refused: a difference, a refusal, a bad file\n"
    "    2  the command line could not be understood\n"
    "    3  a server could not be reached, or a data directory or file not opened\n";

// Breaks a text into lines at spaces; a line break in the text stays one.
std::string wrapped(std::string_view text, std::size_t indent) {
    std::ostringstream out;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::size_t column = 0;
        for (std::string word; words >> word;) {
            if (column > 0 && column + 1 + word.size() > text_columns) {
                out << '\n';
                column = 0;
            }
            out << (column == 0 ? std::string(indent, ' ') : " ") << word;
            column += (column == 0 ? indent : 1) + word.size();
        }
        out << '\n';
    }
    return std::move(out).str();
}

// Set as they are: tables and file layouts, which begin with a space, and lines to copy.
bool is_set(std::string_view line) {
    return line.starts_with(' ') || line.starts_with("$ ");
}

std::string paragraphs(std::string_view text) {
    std::ostringstream out;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        out << (is_set(line) ? "    " + line + "\n" : wrapped(line + "\n", 4));
    }
    return std::move(out).str();
}

std::string option_entry(const CLI::Option& option) {
    std::string head = "    ";
    head += option.get_positional() ? option.get_name(true, false) : option.get_name(false, true);
    const std::string& value = option.get_option_text();
    head += option.get_positional() || value.empty() ? "" : " " + value;
    if (!option.get_envname().empty()) {
        head += "  (or $" + option.get_envname() + ")";
    }
    return head + "\n" + wrapped(option.get_description(), 8);
}

std::string synopsis(const CLI::App& app, const std::string& name) {
    std::string line = name;
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_positional()) {
            const std::string text =
                option->get_name(true, false) + (option->get_expected_max() > 1 ? "..." : "");
            line += option->get_required() ? " " + text : " [" + text + "]";
        } else if (option->get_required()) {
            line += " " + option->get_name(false, false) + " " + option->get_option_text();
        }
    }
    line += " [OPTION...]";
    return wrapped(line + (app.get_subcommands({}).empty() ? "" : " COMMAND ..."), 4);
}

}  // namespace

void describe(CLI::App& command, const ManualPage& page) {
    command.description(std::string(page.summary));
    command.footer(std::string(page.description) + std::string(examples_heading) +
                   std::string(page.examples));
}

std::string ManualFormatter::make_help(const CLI::App* app, std::string name,
                                       CLI::AppFormatMode /*mode*/) const {
    std::string full_name = app->get_name();
    for (const CLI::App* parent = app->get_parent(); parent != nullptr;
         parent = parent->get_parent()) {
        full_name.insert(0, parent->get_name() + " ");
    }
    std::ostringstream out;
    out << "NAME\n    " << full_name << " - " << app->get_description() << "\n\nSYNOPSIS\n"
        << synopsis(*app, full_name.empty() ? name : full_name);
    const std::string footer = app->get_footer();
    const std::size_t examples = footer.find(examples_heading);
    out << "\nDESCRIPTION\n" << paragraphs(footer.substr(0, examples));
    if (const auto commands = app->get_subcommands({}); !commands.empty()) {
        out << "\nCOMMANDS\n";
        for (const CLI::App* command : commands) {
            out << make_subcommand(command);
        }
    }
    std::string arguments;
    std::string options;
    for (const CLI::Option* option : app->get_options()) {
        (option->get_positional() ? arguments : options) += option_entry(*option);
    }
    out << (arguments.empty() ? "" : "\nARGUMENTS\n") << arguments;
    out << (options.empty() ? "" : "\nOPTIONS\n") << options;
    if (examples != std::string::npos) {
        out << examples_heading << paragraphs(footer.substr(examples + examples_heading.size()));
    }
    out << "\nEXIT STATUS\n" << exit_status_text;
    return std::move(out).str();
}

std::string ManualFormatter::make_subcommand(const CLI::App* sub) const {
    std::string line = "    " + sub->get_name();
    line.resize(std::max<std::size_t>(line.size() + 2, 16), ' ');
    return line + sub->get_description() + "\n";
}

}  // namespace holdfast::cli
