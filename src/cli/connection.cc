#include "cli/connection.h"

#include <cstdlib>
#include <future>

#include <boost/container_hash/hash.hpp>
#include <boost/json/serialize.hpp>

#include "cli/wire.h"

namespace holdfast::cli {

namespace {

// Tells a repeated command from another one under the same key.
std::uint64_t fingerprint(const Command& command) {
    return boost::hash<std::string>()(boost::json::serialize(to_batch_item(command)));
}

class LocalConnection final : public Connection {
public:
    explicit LocalConnection(Service& service) : service_(service) {}

    Outcome<Answer> submit_any(Submission submission) override {
        submission.request.fingerprint = fingerprint(submission.command);
        return wait<Outcome<Answer>>(
            [&](auto done) { service_.submit_any(std::move(submission), std::move(done)); });
    }
    std::vector<Outcome<Answer>> submit_many(std::vector<Command> commands,
                                             const std::string& key) override {
        std::vector<Submission> submissions;
        for (Command& command : commands) {
            // The same keys that the server makes from a batch's.
            Request request;
            if (!key.empty()) {
                request.idempotency_key = key + "#" + std::to_string(submissions.size());
                request.fingerprint = fingerprint(command);
            }
            submissions.push_back({std::move(command), std::move(request)});
        }
        return wait<std::vector<Outcome<Answer>>>(
            [&](auto done) { service_.submit_many(std::move(submissions), std::move(done)); });
    }
    Result<HoldAnswer> hold(HoldId id) override {
        return read<HoldAnswer>([&](auto done) { service_.read_hold(id, std::move(done)); });
    }
    Result<SkuAnswer> sku(const std::string& sku) override {
        return read<SkuAnswer>([&](auto done) { service_.read_sku(sku, std::move(done)); });
    }
    Result<StockAnswer> stock(const std::string& sku) override {
        return read<StockAnswer>([&](auto done) { service_.read_stock(sku, std::move(done)); });
    }
    Result<EntryAnswer> entry(const std::string& sku, EntryId entry) override {
        return read<EntryAnswer>(
            [&](auto done) { service_.read_entry(sku, entry, std::move(done)); });
    }
    Result<Page<EntryAnswer>> waitlist(const std::string& sku, const std::string& after,
                                       std::size_t limit) override {
        return read<Page<EntryAnswer>>(
            [&](auto done) { service_.list_waitlist(sku, after, limit, std::move(done)); });
    }
    Result<Page<AlertAnswer>> alerts(const AlertFilter& filter) override {
        return read<Page<AlertAnswer>>(
            [&](auto done) { service_.list_alerts(filter, std::move(done)); });
    }
    Result<std::vector<LocationAnswer>> locations() override {
        return read<std::vector<LocationAnswer>>(
            [&](auto done) { service_.list_locations(std::move(done)); });
    }
    Result<Page<SkuAnswer>> skus(const std::string& after, std::size_t limit) override {
        return read<Page<SkuAnswer>>(
            [&](auto done) { service_.list_skus(after, limit, std::move(done)); });
    }
    Result<Page<Hold>> holds(const HoldFilter& filter) override {
        return read<Page<Hold>>([&](auto done) { service_.find_holds(filter, std::move(done)); });
    }
    Result<Page<RecordedEvent>> events(const std::string& after, std::size_t limit) override {
        return service_.events(after, limit);
    }
    Result<AuditReport> audit() override { return service_.audit(); }
    Result<std::filesystem::path> backup(const std::filesystem::path& directory) override {
        return service_.backup(directory);
    }

private:
    template <class T, class Start>
    static T wait(Start start) {
        std::promise<T> promise;
        auto answered = promise.get_future();
        start([&promise](T value) { promise.set_value(std::move(value)); });
        return answered.get();
    }
    template <class T, class Start>
    static Result<T> read(Start start) {
        return wait<Outcome<T>>(std::move(start)).result;
    }

    Service& service_;
};

}  // namespace

std::unique_ptr<Connection> connect_local(Service& service) {
    return std::make_unique<LocalConnection>(service);
}

std::unique_ptr<Service> open_existing(const std::filesystem::path& directory) {
    if (!std::filesystem::is_directory(directory)) {
        throw Failure(ExitStatus::unreachable,
                      "there is no data directory " + directory.string() +
                          "; `holdfast serve` and `holdfast import` make one");
    }
    return open({.data = directory, .clock = nullptr});
}

std::string describe_refusal(const Refusal& refusal) {
    std::string text = std::string(to_string(refusal.code)) + ": " + refusal.detail;
    for (const ShortLine& line : refusal.short_lines) {
        text += "\n    " + line.sku + (line.location.empty() ? "" : "@" + line.location) +
                ": wanted " + std::to_string(line.wanted) + ", available " +
                std::to_string(line.available);
    }
    return text;
}

void Target::add_options(CLI::App& command) {
    // A default, not CLI11's envname(): that counts as if --server had been written, and excludes --data.
    if (const char* url = std::getenv("HOLDFAST_SERVER"); url != nullptr && *url != '\0') {
        http_.url = url;
    }
    CLI::Option* server = command
                              .add_option("--server", http_.url,
                                          "The server to talk to (default $HOLDFAST_SERVER, or "
                                          "else http://127.0.0.1:8080).")
                              ->option_text("URL");
    command
        .add_option("--data", data_,
                    "Open this data directory instead; no server may have it open.")
        ->option_text("DIR")
        ->excludes(server);
}

std::string Target::name() const {
    return local() ? "the data directory " + data_ : http_.url;
}

std::unique_ptr<Connection> Target::connect(bool create) {
    if (!local()) {
        return connect_http(http_);
    }
    if (!service_) {
        service_ = create ? open({.data = data_, .clock = nullptr}) : open_existing(data_);
    }
    return connect_local(*service_);
}

}  // namespace holdfast::cli
