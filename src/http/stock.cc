#include <fmt/format.h>

#include "http/answer_json.h"
#include "http/command_json.h"
#include "http/handlers.h"

namespace holdfast::http {
namespace {

void write_stock(Exchange& x, const StockAnswer& answer) {
    JsonWriter json = x.json();
    write(json, answer);
    x.answer(200);
}

}  // namespace

void post_stock(Exchange& x) {
    std::optional<Command> work;
    const bool good =
        x.read([&](Fields& in) { work = read_stock_work(in, std::string(x.parameter(0))); });
    if (good) {
        x.submit(std::move(*work), [](Exchange& late, const Answer& answer) {
            write_stock(late, std::get<StockAnswer>(answer));
        });
    }
}

void get_stock(Exchange& x) {
    const auto moment = x.query().take("at");
    if (auto unknown = x.query().rest()) {
        return x.refuse(*unknown);
    }
    if (moment) {
        const auto at = parse_rfc3339(*moment);
        if (!at) {
            return x.refuse(problem(
                HttpFault::bad_request,
                fmt::format("at={} is not a moment: write it like 2026-11-21T03:19:57Z", *moment)));
        }
        return x.block([&service = x.service(), sku = std::string(x.parameter(0)),
                        at = *at] { return service.stock_at(sku, at); },
                       write_stock);
    }
    x.service().read_stock(std::string(x.parameter(0)), x.later<StockAnswer>(write_stock));
}

}  // namespace holdfast::http
