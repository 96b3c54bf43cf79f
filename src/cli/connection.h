// The seam of the command line: one way to a running server and to a data directory opened here, so
// that each command is written once. A Connection belongs to one thread; a Target makes many.
// What a user can cause comes back as a Refusal; what cannot be reached or opened is a Failure.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <holdfast/service.h>
#include "cli/command.h"

namespace holdfast::cli {

class Connection {
public:
    Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    virtual ~Connection() = default;

    template <class C>
    Outcome<AnswerOf<C>> submit(C command, Request request = {}) {
        Outcome<Answer> outcome = submit_any({std::move(command), std::move(request)});
        if (!outcome.result) {
            return {std::unexpected(std::move(outcome.result.error())), outcome.replayed};
        }
        return {std::get<AnswerOf<C>>(std::move(*outcome.result)), outcome.replayed};
    }
    virtual Outcome<Answer> submit_any(Submission submission) = 0;
    // In order, answered together. With a key each is carried out once, however often the same list
    // is sent with it.
    virtual std::vector<Outcome<Answer>> submit_many(std::vector<Command> commands,
                                                     const std::string& key) = 0;

    virtual Result<HoldAnswer> hold(HoldId id) = 0;
    virtual Result<SkuAnswer> sku(const std::string& sku) = 0;
    virtual Result<StockAnswer> stock(const std::string& sku) = 0;
    virtual Result<EntryAnswer> entry(const std::string& sku, EntryId entry) = 0;
    virtual Result<Page<EntryAnswer>> waitlist(const std::string& sku, const std::string& after,
                                               std::size_t limit) = 0;
    virtual Result<Page<AlertAnswer>> alerts(const AlertFilter& filter) = 0;
    virtual Result<std::vector<LocationAnswer>> locations() = 0;
    virtual Result<Page<SkuAnswer>> skus(const std::string& after, std::size_t limit) = 0;
    virtual Result<Page<Hold>> holds(const HoldFilter& filter) = 0;
    virtual Result<Page<RecordedEvent>> events(const std::string& after, std::size_t limit) = 0;
    virtual Result<AuditReport> audit() = 0;
    virtual Result<std::filesystem::path> backup(const std::filesystem::path& directory) = 0;
};

// How a server is spoken to.
struct HttpOptions {
    std::string url = "http://127.0.0.1:8080";
    std::chrono::milliseconds timeout{30'000};
    // How long requests that are safe to repeat are repeated while the server cannot be reached or
    // is overloaded. 0: not at all.
    std::chrono::milliseconds retry_for{0};
};

std::unique_ptr<Connection> connect_http(const HttpOptions& options);
// The service is shared by its connections and must outlive them.
std::unique_ptr<Connection> connect_local(Service& service);

// Opens a data directory that is there. Failure when it is not, or cannot be opened.
std::unique_ptr<Service> open_existing(const std::filesystem::path& directory);

// --server and --data of a command, and what they lead to.
class Target {
public:
    // Adds the two options to a command.
    void add_options(CLI::App& command);

    [[nodiscard]] bool local() const { return !data_.empty(); }
    [[nodiscard]] const std::string& data() const { return data_; }
    [[nodiscard]] const HttpOptions& http() const { return http_; }
    // For messages: "http://127.0.0.1:8080" or "the data directory shop".
    [[nodiscard]] std::string name() const;
    // Opens the data directory once; every connection shares it. `create`: make it when it is not there.
    std::unique_ptr<Connection> connect(bool create = false);

private:
    std::string data_;
    HttpOptions http_;
    std::unique_ptr<Service> service_;
};

// "insufficient_stock: ..." with every short line, for people.
std::string describe_refusal(const Refusal& refusal);

// The answer, or a Failure with the refusal's words.
template <class T>
T required(Result<T> result) {
    if (!result) {
        throw Failure(ExitStatus::refused, describe_refusal(result.error()));
    }
    return std::move(*result);
}

}  // namespace holdfast::cli
