#include <fmt/format.h>

#include "http/answer_json.h"
#include "http/command_json.h"
#include "http/handlers.h"

namespace holdfast::http {
namespace {

void write_entry(Exchange& x, const EntryAnswer& answer) {
    JsonWriter json = x.json();
    write(json, answer);
}

std::optional<EntryId> path_entry(Exchange& x) {
    const auto id = parse_entry_id(x.parameter(1));
    if (!id) {
        x.refuse(Refusal{.code = RefusalCode::unknown_entry,
                         .detail = fmt::format("'{}' is not a place in a waiting line: use the "
                                               "`entry` that joining it answered",
                                               shown(x.parameter(1))),
                         .field = {},
                         .short_lines = {},
                         .fence = {}});
    }
    return id;
}

}  // namespace

void join_waitlist(Exchange& x) {
    JoinWaitlist command;
    command.sku = x.parameter(0);
    if (x.read([&](Fields& in) { read(in, command); })) {
        x.submit(std::move(command), [](Exchange& late, const Answer& answer) {
            write_entry(late, std::get<EntryAnswer>(answer));
            late.answer(201);
        });
    }
}

void leave_waitlist(Exchange& x) {
    if (const auto entry = path_entry(x)) {
        x.submit(LeaveWaitlist{.sku = std::string(x.parameter(0)), .entry = *entry},
                 [](Exchange& late, const Answer& answer) {
                     write_entry(late, std::get<EntryAnswer>(answer));
                     late.answer(200);
                 });
    }
}

void get_entry(Exchange& x) {
    if (const auto entry = path_entry(x)) {
        x.service().read_entry(std::string(x.parameter(0)), *entry,
                               x.later<EntryAnswer>([](Exchange& late, const EntryAnswer& answer) {
                                   write_entry(late, answer);
                                   late.answer(200);
                               }));
    }
}

void list_waitlist(Exchange& x) {
    if (const auto page = take_page(x)) {
        x.service().list_waitlist(
            std::string(x.parameter(0)), page->after, page->limit,
            x.later<Page<EntryAnswer>>([](Exchange& late, const Page<EntryAnswer>& found) {
                write_page(late, "waitlist", found);
            }));
    }
}

}  // namespace holdfast::http
