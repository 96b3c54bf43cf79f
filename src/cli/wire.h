// The client's half of the HTTP API: commands into requests, bodies into answers and events. Called
// by the HTTP connection. Pure; any thread.
// A body that is not what the API promises is a Failure that quotes it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include <holdfast/service.h>

namespace holdfast::cli {

// The value of an enumeration that is spelled like this; `last` is its last one.
template <class Enum>
std::optional<Enum> parse_word(std::string_view word, Enum last) {
    for (int i = 0; i <= static_cast<int>(last); ++i) {
        if (to_string(static_cast<Enum>(i)) == word) {
            return static_cast<Enum>(i);
        }
    }
    return std::nullopt;
}

struct WireRequest {
    std::string method;
    std::string target;
    boost::json::value body;  // null: none
};

WireRequest to_wire(const Command& command);
// The same as an item of POST /v1/batch: {"do": "hold", ...}.
boost::json::object to_batch_item(const Command& command);
// "mug/large" -> "mug%2Flarge".
std::string percent_encoded(std::string_view text);

boost::json::value parse_json(std::string_view body);
// What kind of answer it is follows from the command.
Answer answer_from(const Command& command, const boost::json::value& body);
Hold hold_from(const boost::json::value& body);
HoldAnswer hold_answer_from(const boost::json::value& body);
SkuAnswer sku_answer_from(const boost::json::value& body);
StockAnswer stock_answer_from(const boost::json::value& body);
EntryAnswer entry_answer_from(const boost::json::value& body);
AlertAnswer alert_answer_from(const boost::json::value& body);
class Members;
Alert alert_from(const Members& members);
LocationAnswer location_answer_from(const boost::json::value& body);
Policy policy_from(const boost::json::value& body);
std::vector<ShortLine> short_lines_from(const boost::json::array& items);
Refusal refusal_from(const boost::json::value& problem);
AuditReport audit_report_from(const boost::json::value& body);
RecordedEvent event_from(const boost::json::value& body);

boost::json::object to_json(const Counters& counters);
boost::json::object to_json(const Policy& policy);

}  // namespace holdfast::cli
