#include "tests/scenarios/remote_targets.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <fmt/format.h>

#include "cli/policy_fields.h"
#include "cli/wire.h"
#include "testing/memory_store.h"
#include "testing/scratch_directory.h"

namespace holdfast::testing {

HttpTarget::HttpTarget()
    : clock_(std::make_shared<ManualClock>(Instant(std::chrono::hours(24)))),
      open_(on_memory_store(std::make_shared<MemoryStore>())),
      service_(open_(clock_)) {
    cli::ServerSettings settings;
    settings.clock = clock_;
    server_ = std::make_unique<cli::OwnServer>(*service_, settings);
    cli::HttpOptions http;
    http.url = url();
    connection_ = cli::connect_http(http);
}

HttpTarget::~HttpTarget() = default;

Outcome<Answer> HttpTarget::submit(const Submission& submission) {
    return connection_->submit_any(submission);
}

Result<HoldAnswer> HttpTarget::read_hold(HoldId id) {
    return connection_->hold(id);
}

Result<StockAnswer> HttpTarget::read_stock(const std::string& sku) {
    return connection_->stock(sku);
}

Result<EntryAnswer> HttpTarget::read_entry(const std::string& sku, EntryId entry) {
    return connection_->entry(sku, entry);
}

std::vector<Alert> HttpTarget::alerts(const std::string& sku) {
    return alerts_of(connection_->alerts({.sku = sku}).value());
}

std::optional<HoldId> HttpTarget::offer_to(EntryId entry) {
    return find_offer(entry, [this](const std::string& after) {
        return connection_->events(after, limits::page_max).value();
    });
}

void HttpTarget::advance(std::chrono::milliseconds by) {
    clock_->advance(by);
    service_->tick();
}

namespace {

// " --name value", or nothing.
std::string option(std::string_view name, std::string_view value) {
    return value.empty() ? "" : fmt::format(" --{} '{}'", name, value);
}

std::string option(std::string_view name, std::optional<Seconds> value) {
    return value ? fmt::format(" --{} {}", name, value->count()) : "";
}

std::string arguments(const std::vector<LineRequest>& lines) {
    std::string out;
    for (const LineRequest& line : lines) {
        out += fmt::format(" '{}={}{}{}'", line.sku, line.quantity,
                           line.location.empty() ? "" : "@", line.location);
    }
    return out;
}

template <class HoldCommand>
std::string step(std::string_view verb, const HoldCommand& command) {
    std::string out = fmt::format("hold {} {}", verb, to_string(command.id));
    if constexpr (requires { command.lines; }) {
        out += arguments(command.lines);
    }
    if constexpr (requires { command.ttl; }) {
        out += option("ttl", command.ttl);
    }
    if constexpr (requires { command.region; }) {
        out += option("region", command.region);
    }
    return out + (command.fence ? fmt::format(" --fence {}", *command.fence) : "");
}

// A command as the arguments of the program.
struct Arguments {
    std::string operator()(const PlaceHold& c) const {
        return "hold place" + arguments(c.lines) + option("cart", c.cart) +
               option("customer", c.customer) + option("region", c.region) + option("ttl", c.ttl) +
               option("heartbeat", c.heartbeat) + (c.partial ? " --partial" : "") +
               (c.confirm ? " --confirm" : "");
    }
    std::string operator()(const AmendHold& c) const { return step("amend", c); }
    std::string operator()(const ExtendHold& c) const { return step("extend", c); }
    std::string operator()(const BeatHold& c) const { return step("heartbeat", c); }
    std::string operator()(const SecureHold& c) const { return step("secure", c); }
    std::string operator()(const ConfirmHold& c) const { return step("confirm", c); }
    std::string operator()(const ReleaseHold& c) const { return step("release", c); }
    std::string operator()(const FulfilHold& c) const { return step("fulfil", c); }
    std::string operator()(const CancelHold& c) const { return step("cancel", c); }
    std::string operator()(const ReturnUnits& c) const { return step("return", c); }
    std::string operator()(const ReceiveStock& c) const {
        return fmt::format("stock receive '{}' {}", c.sku, c.quantity) +
               option("location", c.location) + option("reference", c.reference);
    }
    std::string operator()(const ExpectStock& c) const {
        return fmt::format("stock expect '{}' {}", c.sku, c.quantity) +
               option("location", c.location) + option("reference", c.reference) +
               option("at", to_rfc3339(c.expected_at));
    }
    std::string operator()(const AdjustStock& c) const {
        return fmt::format("stock adjust '{}' {}", c.sku, c.delta) +
               option("location", c.location) + option("reason", c.reason);
    }
    std::string operator()(const MoveStock& c) const {
        return fmt::format("stock move '{}' {} --from {} --to {}", c.sku, c.quantity,
                           to_string(c.from), to_string(c.to)) +
               option("location", c.location);
    }
    std::string operator()(const TransferStock& c) const {
        return fmt::format("stock transfer '{}' {}", c.sku, c.quantity) + option("from", c.from) +
               option("to", c.to);
    }
    std::string operator()(const JoinWaitlist& c) const {
        return fmt::format("waitlist join '{}' --quantity {}", c.sku, c.quantity) +
               option("customer", c.customer) + option("location", c.location) +
               option("cart", c.cart) + option("region", c.region);
    }
    std::string operator()(const LeaveWaitlist& c) const {
        return fmt::format("waitlist leave '{}' {}", c.sku, to_string(c.entry));
    }
    std::string operator()(const AcknowledgeAlert& c) const {
        return fmt::format("alerts acknowledge {}", to_string(c.alert)) + option("by", c.person);
    }
    std::string operator()(const auto&) const {
        throw ScenarioError("the command line has no words for this step");
    }
};

}  // namespace

Result<std::string> CommandLineTarget::run(const std::string& arguments) const {
    const char* const program = std::getenv("HOLDFAST_BINARY");
    if (program == nullptr) {
        throw ScenarioError("$HOLDFAST_BINARY must name the program under test");
    }
    const std::string line =
        fmt::format("'{}' {} --server {} 2>/dev/null", program, arguments, url());
    std::FILE* const output = ::popen(line.c_str(), "r");
    if (output == nullptr) {
        throw ScenarioError("cannot be run: " + line);
    }
    std::string printed;
    for (int c = std::fgetc(output); c != EOF; c = std::fgetc(output)) {
        printed += static_cast<char>(c);
    }
    const int status = ::pclose(output);
    if (status != 0 && printed.empty()) {
        throw ScenarioError(fmt::format("ended with {} and said nothing: {}", status, line));
    }
    if (status != 0) {
        return std::unexpected(cli::refusal_from(cli::parse_json(printed)));
    }
    return printed;
}

Result<boost::json::value> CommandLineTarget::run_for_json(const std::string& arguments) const {
    const Result<std::string> printed = run(arguments + " --json");
    if (!printed) {
        return std::unexpected(printed.error());
    }
    return cli::parse_json(*printed);
}

Result<HoldAnswer> CommandLineTarget::run_for_hold(const std::string& arguments) const {
    const Result<boost::json::value> body = run_for_json(arguments);
    if (!body) {
        return std::unexpected(body.error());
    }
    return HoldAnswer{.hold = cli::hold_from(*body), .server_time = now()};
}

Outcome<Answer> CommandLineTarget::import_file(const std::string& option,
                                               const std::string& csv) const {
    const ScratchDirectory directory;
    const std::filesystem::path file = directory.path() / "import.csv";
    std::ofstream(file) << csv;
    if (const auto done = run(fmt::format("import {} {}", option, file.string())); !done) {
        return {std::unexpected(done.error())};
    }
    return {LocationAnswer{}};
}

Outcome<Answer> CommandLineTarget::submit(const Submission& submission) {
    const Command& command = submission.command;
    if (const auto* define = std::get_if<DefineSku>(&command)) {
        std::string names = "sku";
        std::string values = define->sku;
        for (const std::string_view name : cli::policy_field_names()) {
            names.append(",").append(name);
            values.append(",").append(cli::policy_field(define->policy, name));
        }
        return import_file("--skus", names + "\n" + values + "\n");
    }
    if (const auto* define = std::get_if<DefineLocation>(&command)) {
        return import_file("--locations",
                           fmt::format("location,region,priority\n{},{},{}\n", define->location,
                                       define->region, define->priority));
    }
    const std::string arguments = std::visit(Arguments{}, command);
    if (arguments.starts_with("hold ")) {
        Result<HoldAnswer> answer = run_for_hold(arguments);
        if (!answer) {
            return {std::unexpected(answer.error())};
        }
        return {std::move(*answer)};
    }
    const Result<boost::json::value> body = run_for_json(arguments);
    if (!body) {
        return {std::unexpected(body.error())};
    }
    if (arguments.starts_with("waitlist ")) {
        return {cli::entry_answer_from(*body)};
    }
    return {LocationAnswer{}};
}

std::vector<Alert> CommandLineTarget::alerts(const std::string& sku) {
    const boost::json::value body = run_for_json("alerts list --sku '" + sku + "'").value();
    std::vector<Alert> alerts;
    for (const boost::json::value& item : body.get_array()) {
        alerts.push_back(cli::alert_answer_from(item).alert);
    }
    return alerts;
}

Result<HoldAnswer> CommandLineTarget::read_hold(HoldId id) {
    return run_for_hold("hold show " + to_string(id));
}

Result<StockAnswer> CommandLineTarget::read_stock(const std::string& sku) {
    const Result<boost::json::value> body = run_for_json("stock show '" + sku + "'");
    if (!body) {
        return std::unexpected(body.error());
    }
    return cli::stock_answer_from(body->at(0));
}

}  // namespace holdfast::testing
