#include <fmt/format.h>

#include <holdfast/limits.h>
#include "http/answer_json.h"
#include "http/command_json.h"
#include "http/handlers.h"

namespace holdfast::http {
namespace {

// A fault of shape anywhere refuses the whole batch: nothing has been done then.
void read_commands(Fields& in, std::vector<Submission>& to) {
    const JsonNode* array = in.find("commands", Need::required, JsonKind::array);
    if (array == nullptr) {
        return;
    }
    if (array->count < 1 || array->count > limits::batch_commands_max) {
        in.fault("commands", fmt::format("{} commands: give 1 to {}", array->count,
                                         limits::batch_commands_max));
        return;
    }
    to.reserve(array->count);
    const Where above{&in.where(), "commands", {}};
    std::uint32_t at = in.tree().index_of(*array) + 1;
    for (std::size_t i = 0; i < array->count; ++i) {
        const JsonNode& node = in.tree().at(at);
        Fields item(in.tree(), node, Where{&above, {}, i}, in.faults());
        if (auto command = read_batch_item(item)) {
            item.finish();
            to.push_back({std::move(*command), {}});
        }
        at = node.end;
    }
}

// Each command gets a key of its own, so that a batch that was answered in part is completed, not
// repeated, by sending it again.
bool give_keys(const Request& request, std::vector<Submission>& submissions) {
    for (std::size_t i = 0; i < submissions.size(); ++i) {
        Request& its = submissions[i].request;
        its.deadline = request.deadline;
        if (request.idempotency_key.empty()) {
            continue;
        }
        its.idempotency_key = fmt::format("{}#{}", request.idempotency_key, i);
        its.fingerprint = request.fingerprint + i;
        if (its.idempotency_key.size() > limits::idempotency_key_bytes_max) {
            return false;
        }
    }
    return true;
}

void write_result(Exchange& x, JsonWriter& json, Outcome<Answer>& outcome, bool placed) {
    json.open_object();
    if (outcome.result) {
        json.field("status", placed ? 201 : 200);
        if (outcome.replayed) {
            json.field("replayed", true);
        }
        json.name("body");
        write(json, *outcome.result);
    } else {
        const Problem refused = problem(std::move(outcome.result.error()));
        json.field("status", refused.kind.status);
        json.name("body");
        json.plain("");
        x.write(refused);
    }
    json.close_object();
}

}  // namespace

void post_batch(Exchange& x) {
    std::vector<Submission> submissions;
    if (!x.read([&](Fields& in) { read_commands(in, submissions); })) {
        return;
    }
    if (!give_keys(x.request(), submissions)) {
        return x.refuse(problem(HttpFault::invalid_idempotency_key,
                                fmt::format("a batch's Idempotency-Key may have {} characters: its "
                                            "commands' keys are made from it",
                                            limits::idempotency_key_bytes_max - 4)));
    }
    std::vector<bool> placed;
    placed.reserve(submissions.size());
    for (const Submission& submission : submissions) {
        placed.push_back(std::holds_alternative<PlaceHold>(submission.command));
    }
    x.submit_many(
        std::move(submissions),
        [placed = std::move(placed)](Exchange& late, std::vector<Outcome<Answer>>& outcomes) {
            JsonWriter json = late.json();
            json.open_object();
            json.name("results");
            json.open_array();
            for (std::size_t i = 0; i < outcomes.size(); ++i) {
                write_result(late, json, outcomes[i], placed[i]);
            }
            json.close_array();
            json.close_object();
            late.answer(200);
        });
}

}  // namespace holdfast::http
