// A `holdfast serve` of its own as a child process, which can be killed the hard way and started again on
// the same port. Called by the demo and by tests that crash servers; one thread, which must outlive it:
// the child dies with the thread that started it. A server that does not come up is a Failure.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace holdfast::cli {

class ServerProcess {
public:
    // Starts on a free port of the loopback and waits until it listens. `from` is where its store is:
    // {"--data", directory} or {"--store", URL}. What the server writes to its error stream goes to `log`.
    ServerProcess(std::filesystem::path program, std::vector<std::string> from,
                  std::filesystem::path log);
    // Kills it when it still runs.
    ~ServerProcess();
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;

    [[nodiscard]] const std::string& url() const { return url_; }
    // SIGKILL: no chance to finish anything. Waits until it is gone.
    void kill();
    // After kill() or stop(): on the same port.
    void start();
    // SIGTERM; waits for the end and returns the exit status, or 128 and the signal.
    int stop();
    // Waits until it ends by itself.
    int wait();

private:
    [[noreturn]] void run_child(char* const* arguments, int output) const;
    std::string read_line(int from);

    std::filesystem::path program_;
    std::vector<std::string> from_;
    std::filesystem::path log_;
    std::string port_ = "0";
    std::string url_;
    pid_t child_ = -1;
    int output_ = -1;
};

}  // namespace holdfast::cli
