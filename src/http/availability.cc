#include <charconv>

#include <fmt/format.h>
#include <xxhash.h>

#include <holdfast/limits.h>
#include "http/answer_json.h"
#include "http/handlers.h"

namespace holdfast::http {
namespace {

// What is asked besides the SKUs.
struct Asked {
    std::string group;
    std::optional<Quantity> cap;
};

std::optional<Problem> read_asked(Query& in, AvailabilityQuery& query, Asked& asked) {
    query.skus = in.take_all("sku");
    asked.group = in.take("by").value_or("");
    if (asked.group == "location") {
        query.group = GroupBy::location;
    } else if (asked.group == "region") {
        query.group = GroupBy::region;
    } else if (!asked.group.empty()) {
        return problem(HttpFault::bad_request,
                       fmt::format("by={} is not one of: location, region", shown(asked.group)));
    }
    if (const auto moment = in.take("at")) {
        query.by = parse_rfc3339(*moment);
        if (!query.by) {
            return problem(HttpFault::bad_request,
                           fmt::format("at={} is not a moment: write it like 2026-11-21T03:19:57Z",
                                       shown(*moment)));
        }
    }
    if (const auto text = in.take("cap")) {
        Quantity cap = 0;
        const char* const end = text->data() + text->size();
        const auto [stop, error] = std::from_chars(text->data(), end, cap);
        if (error != std::errc{} || stop != end || cap < 1 || cap > limits::quantity_max) {
            return problem(HttpFault::bad_request,
                           fmt::format("cap={} is not a whole number from 1 to {}", shown(*text),
                                       limits::quantity_max));
        }
        asked.cap = cap;
    }
    const auto consistency = in.take("consistency");
    if (consistency && *consistency != "strong" && *consistency != "weak") {
        return problem(
            HttpFault::bad_request,
            fmt::format("consistency={} is neither strong nor weak", shown(*consistency)));
    }
    query.strong = consistency == "strong";
    return in.rest();
}

// Changes when what a shopper is told does, and not with every hold of somebody else.
std::uint64_t tag_of(const AvailabilityAnswer& answer, const Asked& asked) {
    std::string told = asked.group;
    JsonWriter json(told);
    json.open_array();
    for (SkuAvailability sku : answer.skus) {
        sku.version = 0;
        write(json, sku, asked.group, asked.cap);
    }
    json.close_array();
    for (const std::string& sku : answer.unknown) {
        told += '\n' + sku;
    }
    return XXH3_64bits(told.data(), told.size());
}

void write_availability(Exchange& x, const AvailabilityAnswer& answer, const Asked& asked) {
    const std::string tag = fmt::format("W/\"{:016x}\"", tag_of(answer, asked));
    x.header("ETag", tag);
    if (x.if_none_match() == tag) {
        return x.answer(304);
    }
    JsonWriter json = x.json();
    json.open_object();
    json.name("availability");
    json.open_array();
    for (const SkuAvailability& sku : answer.skus) {
        write(json, sku, asked.group, asked.cap);
    }
    json.close_array();
    json.name("unknown");
    json.open_array();
    for (const std::string& sku : answer.unknown) {
        json.value(sku);
    }
    json.close_array();
    json.field("as_of", answer.as_of);
    json.close_object();
    x.answer(200);
}

}  // namespace

void get_availability(Exchange& x) {
    AvailabilityQuery query;
    Asked asked;
    if (auto wrong = read_asked(x.query(), query, asked)) {
        return x.refuse(*wrong);
    }
    x.service().read_availability(
        std::move(query),
        x.later<AvailabilityAnswer>([asked](Exchange& late, const AvailabilityAnswer& answer) {
            write_availability(late, answer, asked);
        }));
}

}  // namespace holdfast::http
