#include <algorithm>
#include <array>
#include <ranges>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "http/answer_json.h"
#include "http/command_json.h"
#include "http/handlers.h"

namespace holdfast::http {
namespace {

constexpr std::array kinds{AlertKind::low_stock,  AlertKind::out_of_stock, AlertKind::back_in_stock,
                           AlertKind::reorder,    AlertKind::shortfall,    AlertKind::velocity,
                           AlertKind::ghost_holds};

// Nothing when the query is at fault: then that is the answer.
std::optional<AlertFilter> take_filter(Exchange& x) {
    AlertFilter filter;
    filter.sku = x.query().take("sku").value_or("");
    if (const auto word = x.query().take("kind")) {
        const auto* const found =
            std::ranges::find(kinds, *word, [](AlertKind kind) { return to_string(kind); });
        if (found == kinds.end()) {
            x.refuse(problem(
                HttpFault::bad_request,
                fmt::format("'{}' is not a kind of alert: use {}", shown(*word),
                            fmt::join(std::views::transform(
                                          kinds, [](AlertKind kind) { return to_string(kind); }),
                                      ", "))));
            return std::nullopt;
        }
        filter.kind = *found;
    }
    if (const auto word = x.query().take("acknowledged")) {
        if (*word != "true" && *word != "false") {
            x.refuse(problem(HttpFault::bad_request,
                             fmt::format("acknowledged is '{}': use true or false", shown(*word))));
            return std::nullopt;
        }
        filter.acknowledged = *word == "true";
    }
    const auto page = take_page(x);
    if (!page) {
        return std::nullopt;
    }
    filter.limit = page->limit;
    filter.after = page->after;
    return filter;
}

}  // namespace

void list_alerts(Exchange& x) {
    if (auto filter = take_filter(x)) {
        x.service().list_alerts(
            *std::move(filter),
            x.later<Page<AlertAnswer>>([](Exchange& late, const Page<AlertAnswer>& found) {
                write_page(late, "alerts", found);
            }));
    }
}

void acknowledge_alert(Exchange& x) {
    AcknowledgeAlert command;
    const auto id = parse_alert_id(x.parameter(0));
    if (!id) {
        x.refuse(Refusal{.code = RefusalCode::unknown_alert,
                         .detail = fmt::format("'{}' is not the id of an alert: use the `id` that "
                                               "GET /v1/alerts shows",
                                               shown(x.parameter(0))),
                         .field = {},
                         .short_lines = {},
                         .fence = {}});
        return;
    }
    command.alert = *id;
    if (x.read([&](Fields& in) { read(in, command); })) {
        x.submit(std::move(command), [](Exchange& late, const Answer& answer) {
            JsonWriter json = late.json();
            write(json, std::get<AlertAnswer>(answer));
            late.answer(200);
        });
    }
}

}  // namespace holdfast::http
