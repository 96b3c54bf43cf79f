#include <random>
#include <regex>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/serialize.hpp>

#include <holdfast/version.h>
#include "cli/connection.h"
#include "cli/members.h"
#include "cli/wire.h"

namespace holdfast::cli {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A stopped server is asked again after this long, and twice as long each time up to the second.
constexpr milliseconds first_wait{20};
constexpr milliseconds longest_wait{500};
// An audit or a backup reads everything there is.
constexpr milliseconds long_work{3'600'000};
constexpr std::uint64_t body_bytes_max = 256'000'000;

struct Address {
    std::string host;
    std::string port;
};

Address parse_url(const std::string& url) {
    static const std::regex pattern(R"(http://(\[[0-9A-Fa-f:]+\]|[^/:@\[\]]+)(?::(\d{1,5}))?/?)");
    std::smatch match;
    if (!std::regex_match(url, match, pattern)) {
        throw Failure(ExitStatus::usage,
                      "\"" + url +
                          "\" is no server URL; write http://HOST:PORT, for example "
                          "http://127.0.0.1:8080");
    }
    std::string host = match[1];
    if (host.starts_with('[')) {
        host = host.substr(1, host.size() - 2);
    }
    return {host, match[2].matched ? match[2].str() : "80"};
}

struct Answered {
    unsigned status = 0;
    bool replayed = false;
    json::value body;
};

// std::expected's own transform() is not in GCC 12's library.
template <class Read>
auto transformed(const Result<json::value>& body, Read read) -> Result<decltype(read(*body))> {
    if (!body) {
        return std::unexpected(body.error());
    }
    return read(*body);
}

class HttpConnection final : public Connection {
public:
    explicit HttpConnection(HttpOptions options)
        : options_(std::move(options)), address_(parse_url(options_.url)), stream_(context_) {}

    Outcome<Answer> submit_any(Submission submission) override;
    std::vector<Outcome<Answer>> submit_many(std::vector<Command> commands,
                                             const std::string& key) override;
    Result<HoldAnswer> hold(HoldId id) override {
        return transformed(get("/v1/holds/" + to_string(id)), hold_answer_from);
    }
    Result<SkuAnswer> sku(const std::string& sku) override {
        return transformed(get("/v1/skus/" + percent_encoded(sku)), sku_answer_from);
    }
    Result<StockAnswer> stock(const std::string& sku) override {
        return transformed(get("/v1/skus/" + percent_encoded(sku) + "/stock"), stock_answer_from);
    }
    Result<EntryAnswer> entry(const std::string& sku, EntryId entry) override {
        return transformed(
            get("/v1/skus/" + percent_encoded(sku) + "/waitlist/" + to_string(entry)),
            entry_answer_from);
    }
    Result<Page<EntryAnswer>> waitlist(const std::string& sku, const std::string& after,
                                       std::size_t limit) override;
    Result<Page<AlertAnswer>> alerts(const AlertFilter& filter) override;
    Result<std::vector<LocationAnswer>> locations() override;
    Result<Page<SkuAnswer>> skus(const std::string& after, std::size_t limit) override;
    Result<Page<Hold>> holds(const HoldFilter& filter) override;
    Result<Page<RecordedEvent>> events(const std::string& after, std::size_t limit) override;
    Result<AuditReport> audit() override;
    Result<std::filesystem::path> backup(const std::filesystem::path& directory) override;

private:
    using HttpRequest = http::request<http::string_body>;
    using HttpResponse = http::response<http::string_body>;

    Result<json::value> get(const std::string& target);
    Answered exchange(const WireRequest& request, const std::string& key, bool repeatable,
                      milliseconds timeout);
    HttpResponse exchange_once(const HttpRequest& request, milliseconds timeout);
    void open_stream();
    // Starts one asynchronous operation and waits for its end: the only way to have its timeout.
    template <class Start>
    void wait_for(Start start);

    HttpOptions options_;
    Address address_;
    asio::io_context context_;
    beast::tcp_stream stream_;
    bool connected_ = false;
};

template <class Start>
void HttpConnection::wait_for(Start start) {
    beast::error_code error;
    start([&error](beast::error_code outcome, auto&&...) { error = outcome; });
    context_.restart();
    context_.run();
    if (error) {
        throw beast::system_error(error);
    }
}

void HttpConnection::open_stream() {
    asio::ip::tcp::resolver resolver(context_);
    const auto endpoints = resolver.resolve(address_.host, address_.port);
    wait_for([&](auto done) { stream_.async_connect(endpoints, std::move(done)); });
    stream_.socket().set_option(asio::ip::tcp::no_delay(true));
    connected_ = true;
}

HttpConnection::HttpResponse HttpConnection::exchange_once(const HttpRequest& request,
                                                           milliseconds timeout) {
    stream_.expires_after(timeout);
    if (!connected_) {
        open_stream();
    }
    // Whatever breaks from here on leaves the stream in a state nobody knows.
    connected_ = false;
    wait_for([&](auto done) { http::async_write(stream_, request, std::move(done)); });
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(body_bytes_max);
    wait_for([&](auto done) { http::async_read(stream_, buffer, parser, std::move(done)); });
    stream_.expires_never();
    connected_ = parser.get().keep_alive();
    if (!connected_) {
        stream_.close();
    }
    return parser.release();
}

// Whether a request that changed nothing, or may have, is worth sending again as it is.
bool passing(const Answered& answered) {
    const json::value* retryable =
        answered.body.is_object() ? answered.body.get_object().if_contains("retryable") : nullptr;
    return answered.status >= 400 && retryable != nullptr && retryable->is_bool() &&
           retryable->get_bool();
}

Answered HttpConnection::exchange(const WireRequest& wire, const std::string& key, bool repeatable,
                                  milliseconds timeout) {
    HttpRequest request(http::string_to_verb(wire.method), wire.target, 11);
    request.set(http::field::host, address_.host);
    request.set(http::field::user_agent, "holdfast/" + std::string(version_text));
    if (!wire.body.is_null()) {
        request.set(http::field::content_type, "application/json");
        request.body() = json::serialize(wire.body);
    }
    if (!key.empty()) {
        request.set("Idempotency-Key", "\"" + key + "\"");
    }
    request.prepare_payload();

    const auto give_up = steady_clock::now() + options_.retry_for;
    // A kept-alive connection may have been closed by the server between two requests.
    bool was_open = connected_;
    for (milliseconds pause = first_wait;; pause = std::min(pause * 2, longest_wait)) {
        try {
            HttpResponse response = exchange_once(request, timeout);
            Answered answered{
                .status = response.result_int(),
                .replayed = response["Idempotent-Replayed"] == "true",
                .body = response.body().empty() ? json::value() : parse_json(response.body())};
            if (!repeatable || !passing(answered) || steady_clock::now() >= give_up) {
                return answered;
            }
        } catch (const beast::system_error& error) {
            stream_.close();
            if (repeatable && std::exchange(was_open, false)) {
                continue;
            }
            if (!repeatable || steady_clock::now() >= give_up) {
                throw Failure(ExitStatus::unreachable,
                              "cannot reach " + options_.url + " (" + error.code().message() +
                                  "); start one with `holdfast serve`, or name another with "
                                  "--server");
            }
        }
        std::this_thread::sleep_for(pause);  // nobody tells a client when the server is back
    }
}

Result<json::value> HttpConnection::get(const std::string& target) {
    Answered answered = exchange({"GET", target, nullptr}, "", true, options_.timeout);
    if (answered.status >= 400) {
        return std::unexpected(refusal_from(answered.body));
    }
    return std::move(answered.body);
}

// Every command gets a key, so that it can be repeated when the connection breaks.
std::string fresh_key() {
    static thread_local std::random_device device;
    std::string key = "cli-";
    for (int i = 0; i < 4; ++i) {
        key += std::to_string(device()) + (i < 3 ? "-" : "");
    }
    return key;
}

Outcome<Answer> HttpConnection::submit_any(Submission submission) {
    std::string& key = submission.request.idempotency_key;
    if (key.empty()) {
        key = fresh_key();
    }
    const Answered answered = exchange(to_wire(submission.command), key, true, options_.timeout);
    if (answered.status >= 400) {
        return {std::unexpected(refusal_from(answered.body)), answered.replayed};
    }
    return {answer_from(submission.command, answered.body), answered.replayed};
}

std::vector<Outcome<Answer>> HttpConnection::submit_many(std::vector<Command> commands,
                                                         const std::string& key) {
    json::array items;
    for (const Command& command : commands) {
        items.push_back(to_batch_item(command));
    }
    const Answered answered =
        exchange({"POST", "/v1/batch", json::object{{"commands", std::move(items)}}},
                 key.empty() ? fresh_key() : key, true, options_.timeout);
    if (answered.status >= 400) {
        const Refusal refusal = refusal_from(answered.body);
        return {commands.size(), Outcome<Answer>{std::unexpected(refusal)}};
    }
    const json::array& results = Members(answered.body).list("results");
    if (results.size() != commands.size()) {
        not_an_answer(answered.body, "as many results as commands were expected");
    }
    std::vector<Outcome<Answer>> outcomes;
    for (std::size_t i = 0; i < results.size(); ++i) {
        const Members result(results[i]);
        const json::value& body = result.need("body");
        const bool replayed = result.get<bool>("replayed");
        if (result.number("status") >= 400) {
            outcomes.push_back({std::unexpected(refusal_from(body)), replayed});
        } else {
            outcomes.push_back({answer_from(commands[i], body), replayed});
        }
    }
    return outcomes;
}

template <class T>
Page<T> page_from(const json::value& body, std::string_view name,
                  const std::function<T(const json::value&)>& read) {
    const Members members(body);
    Page<T> page;
    for (const json::value& item : members.list(name)) {
        page.items.push_back(read(item));
    }
    page.next = members.text("next");
    return page;
}

std::string page_query(const std::string& after, std::size_t limit) {
    return "?limit=" + std::to_string(limit) +
           (after.empty() ? "" : "&after=" + percent_encoded(after));
}

Result<std::vector<LocationAnswer>> HttpConnection::locations() {
    return transformed(get("/v1/locations"), [](const json::value& body) {
        return page_from<LocationAnswer>(body, "locations", location_answer_from).items;
    });
}

Result<Page<SkuAnswer>> HttpConnection::skus(const std::string& after, std::size_t limit) {
    return transformed(get("/v1/skus" + page_query(after, limit)), [](const json::value& body) {
        return page_from<SkuAnswer>(body, "skus", sku_answer_from);
    });
}

Result<Page<EntryAnswer>> HttpConnection::waitlist(const std::string& sku, const std::string& after,
                                                   std::size_t limit) {
    return transformed(
        get("/v1/skus/" + percent_encoded(sku) + "/waitlist" + page_query(after, limit)),
        [](const json::value& body) {
            return page_from<EntryAnswer>(body, "waitlist", entry_answer_from);
        });
}

Result<Page<AlertAnswer>> HttpConnection::alerts(const AlertFilter& filter) {
    std::string target = "/v1/alerts" + page_query(filter.after, filter.limit);
    if (!filter.sku.empty()) {
        target += "&sku=" + percent_encoded(filter.sku);
    }
    if (filter.kind) {
        target += "&kind=" + std::string(to_string(*filter.kind));
    }
    if (filter.acknowledged) {
        target += *filter.acknowledged ? "&acknowledged=true" : "&acknowledged=false";
    }
    return transformed(get(target), [](const json::value& body) {
        return page_from<AlertAnswer>(body, "alerts", alert_answer_from);
    });
}

Result<Page<Hold>> HttpConnection::holds(const HoldFilter& filter) {
    std::string target = "/v1/holds" + page_query(filter.after, filter.limit);
    if (!filter.cart.empty()) {
        target += "&cart=" + percent_encoded(filter.cart);
    }
    if (!filter.customer.empty()) {
        target += "&customer=" + percent_encoded(filter.customer);
    }
    if (filter.status) {
        target += "&status=" + std::string(to_string(*filter.status));
    }
    return transformed(get(target), [](const json::value& body) {
        return page_from<Hold>(body, "holds", hold_from);
    });
}

Result<Page<RecordedEvent>> HttpConnection::events(const std::string& after, std::size_t limit) {
    return transformed(get("/v1/events" + page_query(after, limit)), [](const json::value& body) {
        return page_from<RecordedEvent>(body, "events", event_from);
    });
}

Result<AuditReport> HttpConnection::audit() {
    const Answered answered = exchange({"GET", "/v1/audit", nullptr}, "", true, long_work);
    if (answered.status >= 400) {
        return std::unexpected(refusal_from(answered.body));
    }
    return audit_report_from(answered.body);
}

Result<std::filesystem::path> HttpConnection::backup(const std::filesystem::path& directory) {
    const Answered answered = exchange(
        {"POST", "/v1/backups", json::object{{"name", directory.string()}}}, "", false, long_work);
    if (answered.status >= 400) {
        return std::unexpected(refusal_from(answered.body));
    }
    return Members(answered.body).text("directory");
}

}  // namespace

std::unique_ptr<Connection> connect_http(const HttpOptions& options) {
    return std::make_unique<HttpConnection>(options);
}

}  // namespace holdfast::cli
