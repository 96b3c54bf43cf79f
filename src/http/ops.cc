// What operators ask: health, metrics, the API's document and limits, audits, backups; and pages, which
// every list has.
#include <algorithm>
#include <charconv>
#include <filesystem>

#include <fmt/format.h>

#include <holdfast/limits.h>
#include <holdfast/version.h>
#include "http/answer_json.h"
#include "http/handlers.h"
#include "http/openapi.h"

namespace holdfast::http {
namespace {

Refusal refusal(RefusalCode code, std::string detail) {
    return {.code = code, .detail = std::move(detail), .field = {}, .short_lines = {}, .fence = {}};
}

bool is_backup_name(std::string_view name) {
    constexpr std::size_t bytes_max = 64;
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
    };
    return !name.empty() && name.size() <= bytes_max && name.front() != '.' &&
           std::ranges::all_of(name, plain);
}

void write_status(Exchange& x, std::string_view status) {
    JsonWriter json = x.json();
    json.open_object();
    json.field("status", status);
    json.close_object();
    x.answer(200);
}

}  // namespace

std::optional<PageRequest> take_page(Exchange& x) {
    PageRequest page;
    page.after = x.query().take("after").value_or("");
    if (const auto text = x.query().take("limit")) {
        const char* end = text->data() + text->size();
        const auto [stop, error] = std::from_chars(text->data(), end, page.limit);
        if (error != std::errc{} || stop != end || page.limit < 1 ||
            page.limit > limits::page_max) {
            x.refuse(problem(HttpFault::bad_request,
                             fmt::format("the limit '{}' is not a whole number from 1 to {}",
                                         shown(*text), limits::page_max)));
            return std::nullopt;
        }
    }
    if (const auto unknown = x.query().rest()) {
        x.refuse(*unknown);
        return std::nullopt;
    }
    return page;
}

void get_audit(Exchange& x) {
    x.block([&service = x.service()]() -> Result<AuditReport> { return service.audit(); },
            [](Exchange& late, const AuditReport& report) {
                JsonWriter json = late.json();
                write(json, report);
                late.answer(200);
            });
}

void post_backup(Exchange& x) {
    const std::filesystem::path& home = x.shared().options.backups;
    if (home.empty()) {
        return x.refuse(problem(HttpFault::unknown_route,
                                "this server keeps no backups: use `holdfast backup`"));
    }
    std::string name;
    const bool good = x.read([&](Fields& in) {
        in.id("name", Need::required, name);
        if (!name.empty() && !is_backup_name(name)) {
            in.fault("name", fmt::format("\"{}\" is not a name of 1 to 64 letters, digits, '-', "
                                         "'_' and '.', with no '.' in front",
                                         shown(name)));
        }
    });
    if (!good) {
        return;
    }
    const std::filesystem::path directory = home / name;
    if (std::filesystem::exists(directory)) {
        return x.refuse(
            problem(HttpFault::backup_exists,
                    fmt::format("there is a backup '{}' already: choose another name", name)));
    }
    x.block(
        [&service = x.service(), directory] {
            std::filesystem::create_directories(directory.parent_path());
            return service.backup(directory);
        },
        [](Exchange& late, const std::filesystem::path& made) {
            JsonWriter json = late.json();
            json.open_object();
            json.field("name", made.filename().string());
            json.field("directory", made.string());
            json.close_object();
            late.answer(201);
        });
}

void get_meta(Exchange& x) {
    const ServerOptions& options = x.shared().options;
    JsonWriter json = x.json();
    json.open_object();
    json.field("name", "holdfast");
    json.field("version", version_text);
    json.name("idempotency");
    json.open_object();
    json.field("life_seconds", limits::idempotency_life);
    json.field("keys_max", limits::idempotency_keys_max);
    json.field("key_bytes_max", limits::idempotency_key_bytes_max);
    json.close_object();
    json.name("limits");
    json.open_object();
    json.field("quantity_max", limits::quantity_max);
    json.field("id_bytes_max", limits::id_bytes_max);
    json.field("text_bytes_max", limits::text_bytes_max);
    json.field("lines_max", limits::lines_max);
    json.field("batch_commands_max", limits::batch_commands_max);
    json.field("locations_max", limits::locations_max);
    json.field("hold_life_max", limits::hold_life_max);
    json.field("extensions_max", limits::extensions_max);
    json.field("page_max", limits::page_max);
    json.field("body_bytes_max", options.body_bytes_max);
    json.field("batch_bytes_max", options.batch_bytes_max);
    json.field("connections_max", options.connections_max);
    json.field("request_timeout_max",
               std::chrono::floor<std::chrono::seconds>(options.request_time_max));
    json.close_object();
    json.field("server_time", x.shared().clock.now());
    json.close_object();
    x.answer(200);
}

void get_openapi(Exchange& x) {
    x.body() = openapi_json;
    x.answer(200);
}

void get_health(Exchange& x) {
    write_status(x, "ok");
}

void get_readiness(Exchange& x) {
    if (x.shared().draining) {
        return x.refuse(refusal(RefusalCode::stopping, "the server is stopping: ask another"));
    }
    const Statistics statistics = x.service().statistics();
    if (!statistics.serving || !statistics.failure.empty()) {
        return x.refuse(refusal(RefusalCode::store_failed, statistics.failure.empty()
                                                               ? "the engine has been closed"
                                                               : statistics.failure));
    }
    write_status(x, "ready");
}

void get_metrics(Exchange& x) {
    telemetry::Metrics& metrics = x.shared().metrics;
    const Statistics statistics = x.service().statistics();
    const auto number = [](std::uint64_t count) { return static_cast<double>(count); };
    metrics.serving.Set(statistics.serving ? 1 : 0);
    metrics.stock_keeping_units.Set(number(statistics.stock_keeping_units));
    metrics.pending_holds.Set(number(statistics.pending_holds));
    metrics.queue_length.Set(number(statistics.queue_length));
    metrics.clock_behind.Set(std::chrono::duration<double>(statistics.clock_behind).count());
    metrics.connections.Set(number(x.shared().admissions.in_all()));
    telemetry::Metrics::catch_up(metrics.rounds, number(statistics.rounds));
    telemetry::Metrics::catch_up(metrics.commands, number(statistics.commands));
    telemetry::Metrics::catch_up(metrics.events, number(statistics.events));
    telemetry::Metrics::catch_up(metrics.holds_expired, number(statistics.holds_expired));
    telemetry::Metrics::catch_up(metrics.conflicts, number(statistics.conflicts));
    x.body() = metrics.text();
    x.answer(200, "text/plain; version=0.0.4; charset=utf-8");
}

}  // namespace holdfast::http
