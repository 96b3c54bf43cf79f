#include <fmt/format.h>

#include "http/answer_json.h"
#include "http/command_json.h"
#include "http/handlers.h"

namespace holdfast::http {
namespace {

// Its ETag is the fence, which If-Match takes back.
void write_hold(Exchange& x, const HoldAnswer& answer) {
    JsonWriter json = x.json();
    write(json, answer);
    x.etag(answer.hold.fence);
}

void hold_placed(Exchange& x, const Answer& answer) {
    const auto& placed = std::get<HoldAnswer>(answer);
    write_hold(x, placed);
    x.header("Location", "/v1/holds/" + to_string(placed.hold.id));
    x.answer(201);
}

void hold_changed(Exchange& x, const Answer& answer) {
    write_hold(x, std::get<HoldAnswer>(answer));
    x.answer(200);
}

std::optional<HoldId> path_id(Exchange& x) {
    const auto id = parse_hold_id(x.parameter(0));
    if (!id) {
        x.refuse(Refusal{.code = RefusalCode::unknown_hold,
                         .detail = fmt::format("'{}' is not the id of a hold: use the `id` that "
                                               "placing it answered",
                                               shown(x.parameter(0))),
                         .field = {},
                         .short_lines = {},
                         .fence = {}});
    }
    return id;
}

template <class HoldCommand>
void change_hold(Exchange& x) {
    const auto id = path_id(x);
    if (!id) {
        return;
    }
    HoldCommand command;
    command.id = *id;
    const bool good = x.read([&](Fields& in) {
        read(in, command);
        if (command.fence && x.if_match() && *command.fence != *x.if_match()) {
            in.fault("fence", fmt::format("{} is not what If-Match says, {}: name one fence",
                                          *command.fence, *x.if_match()));
        }
    });
    if (good) {
        command.fence = command.fence ? command.fence : x.if_match();
        x.submit(std::move(command), hold_changed);
    }
}

}  // namespace

void place_hold(Exchange& x) {
    PlaceHold command;
    if (x.read([&](Fields& in) { read(in, command); })) {
        x.submit(std::move(command), hold_placed);
    }
}

void get_hold(Exchange& x) {
    if (const auto id = path_id(x)) {
        x.service().read_hold(*id,
                              x.later<HoldAnswer>([](Exchange& late, const HoldAnswer& answer) {
                                  write_hold(late, answer);
                                  late.answer(200);
                              }));
    }
}

void find_holds(Exchange& x) {
    constexpr std::array statuses{
        HoldStatus::pending, HoldStatus::confirmed, HoldStatus::fulfilled, HoldStatus::released,
        HoldStatus::expired, HoldStatus::cancelled, HoldStatus::returned,  HoldStatus::lost};
    HoldFilter filter;
    filter.cart = x.query().take("cart").value_or("");
    filter.customer = x.query().take("customer").value_or("");
    if (const auto word = x.query().take("status")) {
        const auto* const found =
            std::ranges::find(statuses, *word, [](HoldStatus status) { return to_string(status); });
        if (found == statuses.end()) {
            return x.refuse(
                problem(HttpFault::bad_request,
                        fmt::format("the status '{}' is not one that a hold has", shown(*word))));
        }
        filter.status = *found;
    }
    const auto page = take_page(x);
    if (!page) {
        return;
    }
    filter.limit = page->limit;
    filter.after = page->after;
    x.service().find_holds(std::move(filter),
                           x.later<Page<Hold>>([](Exchange& late, const Page<Hold>& found) {
                               write_page(late, "holds", found);
                           }));
}

void amend_hold(Exchange& x) {
    change_hold<AmendHold>(x);
}
void confirm_hold(Exchange& x) {
    change_hold<ConfirmHold>(x);
}
void release_hold(Exchange& x) {
    change_hold<ReleaseHold>(x);
}
void extend_hold(Exchange& x) {
    change_hold<ExtendHold>(x);
}
void beat_hold(Exchange& x) {
    change_hold<BeatHold>(x);
}
void secure_hold(Exchange& x) {
    change_hold<SecureHold>(x);
}
void fulfil_hold(Exchange& x) {
    change_hold<FulfilHold>(x);
}
void cancel_hold(Exchange& x) {
    change_hold<CancelHold>(x);
}
void return_units(Exchange& x) {
    change_hold<ReturnUnits>(x);
}

}  // namespace holdfast::http
