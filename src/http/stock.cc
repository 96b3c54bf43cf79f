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
    x.service().read_stock(std::string(x.parameter(0)), x.later<StockAnswer>(write_stock));
}

}  // namespace holdfast::http
