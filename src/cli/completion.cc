#include <functional>
#include <iostream>

#include <fmt/format.h>

#include "cli/command.h"

namespace holdfast::cli {

namespace {

// One command with its path ("hold place"; empty for the program itself).
struct Node {
    std::string path;
    const CLI::App* app;
};

void walk(const CLI::App& app, const std::string& path, const std::function<void(Node)>& visit) {
    visit({path, &app});
    for (const CLI::App* sub : app.get_subcommands({})) {
        walk(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), visit);
    }
}

std::vector<std::string> option_words(const CLI::App& app) {
    std::vector<std::string> words;
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) {
            words.push_back("--" + name);
        }
    }
    return words;
}

std::string words(const CLI::App& app) {
    std::string text;
    for (const CLI::App* sub : app.get_subcommands({})) {
        text += sub->get_name() + " ";
    }
    for (const std::string& word : option_words(app)) {
        text += word + " ";
    }
    return text;
}

// The lines of a `case` that maps a command's path to something of it.
std::string cases(const CLI::App& root, const std::function<std::string(const CLI::App&)>& what) {
    std::string text;
    walk(root, "", [&](const Node& node) {
        text += "        \"" + node.path + "\") " + what(*node.app) + " ;;\n";
    });
    return text;
}

std::string subcommand_pattern(const CLI::App& root) {
    std::string pattern;
    walk(root, "", [&](const Node& node) {
        if (!node.path.empty()) {
            pattern += (pattern.empty() ? "" : "|") + ("\"" + node.path + "\"");
        }
    });
    return pattern;
}

std::string bash(const CLI::App& root) {
    return "# bash completion of holdfast\n"
           "_holdfast() {\n"
           "    local word path=\"\" words=\"\"\n"
           "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
           "        case \"${path:+$path }$word\" in " +
           subcommand_pattern(root) +
           ") path=\"${path:+$path }$word\" ;; esac\n"
           "    done\n"
           "    case \"$path\" in\n" +
           cases(root, [](const CLI::App& app) { return "words=\"" + words(app) + "\""; }) +
           "    esac\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
           "}\n"
           "complete -o default -F _holdfast holdfast\n";
}

// Inside single quotes of the shells.
std::string quoted(std::string text) {
    for (std::size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 4) {
        text.replace(at, 1, "'\\''");
    }
    return "'" + text + "'";
}

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

std::string zsh(const CLI::App& root) {
    const auto described = [](const CLI::App& app) {
        std::string list = "described=(";
        for (const CLI::App* sub : app.get_subcommands({})) {
            list += quoted(sub->get_name() + ":" + sub->get_description()) + " ";
        }
        for (const CLI::Option* option : app.get_options()) {
            for (const std::string& name : option->get_lnames()) {
                list += quoted("--" + name + ":" + first_line(option->get_description())) + " ";
            }
        }
        return list + ")";
    };
    return "#compdef holdfast\n"
           "_holdfast() {\n"
           "    local word found=\"\"\n"
           "    local -a described\n"
           "    for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
           "        case \"${found:+$found }$word\" in (" +
           subcommand_pattern(root) +
           ") found=\"${found:+$found }$word\" ;; esac\n"
           "    done\n"
           "    case \"$found\" in\n" +
           cases(root, described) +
           "    esac\n"
           "    _describe holdfast described\n"
           "    [[ $PREFIX == -* ]] || _files\n"
           "}\n"
           "if [ \"$funcstack[1]\" = _holdfast ]; then _holdfast \"$@\"; else compdef _holdfast "
           "holdfast; fi\n";
}

std::string fish(const CLI::App& root) {
    std::string text =
        "# fish completion of holdfast\n"
        "function __holdfast_at\n"
        "    set -l path\n"
        "    for word in (commandline -opc)[2..]\n"
        "        switch \"$path $word\"\n";
    std::string paths;
    walk(root, "", [&](const Node& node) {
        paths += node.path.empty() ? "" : " " + quoted(" " + node.path);
    });
    text += "            case" + paths +
            "\n"
            "                set path \"$path $word\"\n"
            "        end\n"
            "    end\n"
            "    test \"$path\" = \"$argv[1]\"\n"
            "end\n";
    walk(root, "", [&](const Node& node) {
        const std::string at = node.path.empty() ? "" : " " + node.path;
        const std::string prefix = "complete -c holdfast -n \"__holdfast_at '" + at + "'\" ";
        for (const CLI::App* sub : node.app->get_subcommands({})) {
            text += fmt::format("{}-f -a {} -d {}\n", prefix, sub->get_name(),
                                quoted(sub->get_description()));
        }
        for (const CLI::Option* option : node.app->get_options()) {
            for (const std::string& name : option->get_lnames()) {
                text += fmt::format("{}-l {}{} -d {}\n", prefix, name,
                                    option->get_option_text().empty() ? "" : " -r",
                                    quoted(first_line(option->get_description())));
            }
        }
    });
    return text;
}

}  // namespace

void define_completion(CLI::App& command, Action& action) {
    describe(command, {"prints what a shell needs to complete holdfast's words",
                       "For bash: source <(holdfast completion bash), in ~/.bashrc. For zsh: "
                       "source <(holdfast completion zsh), in ~/.zshrc after compinit. For fish: "
                       "holdfast completion fish > ~/.config/fish/completions/holdfast.fish.",
                       "$ holdfast completion bash > holdfast.bash\n"
                       "$ source ./holdfast.bash"});
    const auto shell = std::make_shared<std::string>();
    command.add_option("SHELL", *shell, "One of bash, zsh, fish.")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    const CLI::App* root = command.get_parent();
    command.callback([shell, root, &action] {
        action = [shell, root] {
            std::cout << (*shell == "bash" ? bash : *shell == "zsh" ? zsh : fish)(*root);
            return ExitStatus::ok;
        };
    });
}

}  // namespace holdfast::cli
