// The examples of every page of the manual work, the shells understand the completions, the demo is over
// in ten seconds.
#include <chrono>
#include <sstream>

#include <boost/algorithm/string/replace.hpp>

#include "tests/cli/program.h"

namespace holdfast::cli {
namespace {

// The lines of a section of a page.
std::vector<std::string> section(const std::string& page, const std::string& name) {
    std::vector<std::string> lines;
    std::istringstream in(page);
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with(' ') && !line.empty()) {
            inside = line == name;
        } else if (inside && !line.empty()) {
            lines.push_back(line.substr(4));
        }
    }
    return lines;
}

class ExamplesTest : public ShopTest {
protected:
    void check_page(const std::string& command) {
        const std::string page = expect(0, command + " --help");
        for (const char* name : {"NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "EXIT STATUS"}) {
            EXPECT_FALSE(section(page, name).empty()) << name << " of " << command;
        }
        expect_narrow(page);
        std::string script;
        for (const std::string& line : section(page, "EXAMPLES")) {
            script += line.starts_with("$ ") ? line.substr(2) + "\n" : "";
        }
        EXPECT_NE(script.find(command), std::string::npos) << command;
        check_script(script);
        for (const std::string& line : section(page, "COMMANDS")) {
            check_page(command + " " + line.substr(0, line.find(' ')));
        }
    }

    static void expect_narrow(const std::string& page) {
        std::istringstream in(page);
        for (std::string line; std::getline(in, line);) {
            EXPECT_LE(line.size(), 80) << line;
        }
    }

    void check_script(std::string script) {
        SCOPED_TRACE(script);
        ++scripts_;
        if (script.find("holdfast serve") != std::string::npos) {
            // Any port will do, and it has to end.
            boost::algorithm::replace_all(script, ":8080", ":0");
            script.pop_back();
            script =
                "mkfifo line\n" + script + " > line &\nread -r words < line\nkill $!\nwait $!\n";
        }
        boost::algorithm::replace_all(script, "holdfast demo", "holdfast demo --help");
        expect(0, "rm -rf copy && mkdir copy && cp -r shop *.csv copy/ && cd copy\n" + script);
    }

    int scripts_ = 0;
};

TEST_F(ExamplesTest, OfEveryPageWork) {
    check_page("holdfast");
    EXPECT_GT(scripts_, 25);
}

TEST_F(ExamplesTest, BashCompletes) {
    const std::string completed = expect(0, R"(
source <(holdfast completion bash)
complete() { COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _holdfast; echo "${COMPREPLY[@]}"; }
complete holdfast si
complete holdfast hold co
complete holdfast hold --data x confirm --fe
complete holdfast simulate --stock-
)");
    EXPECT_EQ(completed, "simulate\nconfirm\n--fence\n--stock-share\n");
}

TEST_F(ExamplesTest, CompletionsNameEveryCommand) {
    for (const char* shell : {"bash", "zsh", "fish"}) {
        const std::string script = expect(0, std::string("holdfast completion ") + shell);
        for (const char* word : {"simulate", "fulfil", "stock-share", "abandon"}) {
            EXPECT_NE(script.find(word), std::string::npos) << word << " for " << shell;
        }
        expect(0, std::string("! command -v ") + shell + " >/dev/null || holdfast completion " +
                      shell + " | " + shell + " -n /dev/stdin");
    }
}

TEST_F(ExamplesTest, TheDemoSurvivesItsCrash) {
    const auto started = std::chrono::steady_clock::now();
    const std::string text = expect(0, "holdfast demo");
    const auto took = std::chrono::steady_clock::now() - started;
    std::string plain = text;
    while (plain.find("  ") != std::string::npos) {
        boost::algorithm::replace_all(plain, "  ", " ");
    }
    for (const char* row :
         {"\nshoppers 1,000 1,000\n", "\nsold 100 ", "\noversold 0 ",
          "\nserver killed (kill -9) once", "\nsales lost by it 0", "\naudit clean"}) {
        EXPECT_NE(plain.find(row), std::string::npos) << row << "\n" << text;
    }
    EXPECT_EQ(text.find('\x1b'), std::string::npos) << "colours are for terminals";
    // Ten seconds on a machine that does nothing else; a loaded one may take its time.
    EXPECT_LT(took, std::chrono::seconds(60));
}

}  // namespace
}  // namespace holdfast::cli
