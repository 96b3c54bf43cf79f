#include "http/answer_json.h"
#include "http/command_json.h"
#include "http/handlers.h"

namespace holdfast::http {

void put_location(Exchange& x) {
    DefineLocation command;
    command.location = x.parameter(0);
    if (x.read([&](Fields& in) { read(in, command); })) {
        x.submit(std::move(command), [](Exchange& late, const Answer& answer) {
            JsonWriter json = late.json();
            write(json, answer);
            late.answer(200);
        });
    }
}

void list_locations(Exchange& x) {
    if (const auto unknown = x.query().rest()) {
        return x.refuse(*unknown);
    }
    using Locations = std::vector<LocationAnswer>;
    x.service().list_locations(x.later<Locations>([](Exchange& late, const Locations& locations) {
        JsonWriter json = late.json();
        json.open_object();
        json.name("locations");
        json.open_array();
        for (const LocationAnswer& location : locations) {
            write(json, location);
        }
        json.close_array();
        json.close_object();
        late.answer(200);
    }));
}

}  // namespace holdfast::http
