#include "cli/server_process.h"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"

namespace holdfast::cli {

ServerProcess::ServerProcess(std::filesystem::path program, std::vector<std::string> from,
                             std::filesystem::path log)
    : program_(std::move(program)), from_(std::move(from)), log_(std::move(log)) {
    start();
}

ServerProcess::~ServerProcess() {
    kill();
}

void ServerProcess::start() {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
    }
    std::vector<std::string> arguments = {"holdfast", "serve", "--listen", "127.0.0.1:" + port_};
    arguments.insert(arguments.end(), from_.begin(), from_.end());
    std::vector<char*> words;
    words.reserve(arguments.size() + 1);
    for (std::string& argument : arguments) {
        words.push_back(argument.data());
    }
    words.push_back(nullptr);
    child_ = fork();
    if (child_ == 0) {
        run_child(words.data(), ends[1]);
    }
    close(ends[1]);
    output_ = ends[0];
    if (child_ < 0) {
        throw std::system_error(errno, std::generic_category(), "cannot start a process");
    }
    // It says so when it listens: "... http://127.0.0.1:43210 ...".
    const std::string line = read_line(output_);
    const std::size_t begin = line.find("http://");
    if (begin == std::string::npos) {
        kill();
        std::stringstream errors;
        errors << std::ifstream(log_).rdbuf();
        throw Failure(ExitStatus::unreachable, "the server did not come up: " + errors.str());
    }
    url_ = line.substr(begin, line.find_first_of(" \n", begin) - begin);
    port_ = url_.substr(url_.rfind(':') + 1);
}

// Between fork and exec only what is safe after a fork of many threads.
void ServerProcess::run_child(char* const* arguments, int output) const {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int log = open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    dup2(output, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    // Connections of this process would stay open in the server when they are closed here.
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    execv(program_.c_str(), arguments);
    _exit(127);
}

std::string ServerProcess::read_line(int from) {
    std::string line;
    char character = 0;
    while (!line.ends_with('\n') && read(from, &character, 1) == 1) {
        line += character;
    }
    return line;
}

int ServerProcess::wait() {
    int status = 0;
    while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    child_ = -1;
    close(std::exchange(output_, -1));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void ServerProcess::kill() {
    if (child_ > 0) {
        ::kill(child_, SIGKILL);
        wait();
    }
}

int ServerProcess::stop() {
    ::kill(child_, SIGTERM);
    return wait();
}

}  // namespace holdfast::cli
