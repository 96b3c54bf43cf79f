#include "http/answer_json.h"
#include "http/command_json.h"
#include "http/handlers.h"

namespace holdfast::http {
namespace {

void write_sku(Exchange& x, const SkuAnswer& answer) {
    JsonWriter json = x.json();
    write(json, answer);
    x.etag(answer.defined_at);
    x.answer(200);
}

}  // namespace

void put_sku(Exchange& x) {
    DefineSku command;
    command.sku = x.parameter(0);
    if (x.read([&](Fields& in) { read(in, command); })) {
        x.submit(std::move(command), [](Exchange& late, const Answer& answer) {
            write_sku(late, std::get<SkuAnswer>(answer));
        });
    }
}

void get_sku(Exchange& x) {
    x.service().read_sku(std::string(x.parameter(0)), x.later<SkuAnswer>(write_sku));
}

void list_skus(Exchange& x) {
    if (const auto page = take_page(x)) {
        x.service().list_skus(
            page->after, page->limit,
            x.later<Page<SkuAnswer>>([](Exchange& late, const Page<SkuAnswer>& found) {
                write_page(late, "skus", found);
            }));
    }
}

}  // namespace holdfast::http
