// The rules about what becomes of requests and holds: 7, 8 and 10.
#include <algorithm>

#include <fmt/format.h>

#include "testing/history_rules.h"

namespace holdfast::testing {
namespace {

// Whether a hold in this state may have this happen to it at that time; null: it was never placed.
bool may_happen(const HoldBook* hold, const Event& event, Instant at) {
    if (std::holds_alternative<HoldPlaced>(event)) {
        return hold == nullptr;
    }
    if (hold == nullptr) {
        return false;
    }
    const bool pending = hold->status == HoldStatus::pending;
    const bool lapsed = at >= hold->deadline();
    if (const auto* confirmed = std::get_if<HoldConfirmed>(&event); confirmed && confirmed->late) {
        return hold->status == HoldStatus::expired;
    }
    if (std::holds_alternative<HoldExpired>(event)) {
        return pending && lapsed;
    }
    if (std::holds_alternative<HoldReleased>(event)) {
        return pending;
    }
    if (std::holds_alternative<HoldLost>(event)) {
        return pending || hold->status == HoldStatus::expired;
    }
    if (const auto* allocated = std::get_if<BackorderAllocated>(&event)) {
        return hold->status == allocated->status;
    }
    if (std::holds_alternative<HoldFulfilled>(event) ||
        std::holds_alternative<HoldCancelled>(event) ||
        std::holds_alternative<HoldReturned>(event)) {
        return hold->status == HoldStatus::confirmed || hold->status == HoldStatus::fulfilled;
    }
    return pending && !lapsed;  // amended, extended, secured, confirmed
}

bool same_answer(const Told& a, const Told& b) {
    return std::visit(
        []<class A, class B>(const A& one, const B& other) {
            if constexpr (std::is_same_v<A, B> && requires { one == other; }) {
                return one == other;
            } else {
                return false;
            }
        },
        a, b);
}

}  // namespace

void check_hold_states(const Case& it) {
    Books books;
    for (const LogEntry& entry : it.log.entries()) {
        const auto id = changed_hold(entry.event());
        const HoldBook* const hold = id ? books.hold(*id) : nullptr;
        if (id && !may_happen(hold, entry.event(), entry.recorded->at)) {
            it.findings.add(
                Rule::hold_states,
                fmt::format("{} at {} happens to a hold that {}", entry.name(),
                            to_rfc3339(entry.recorded->at),
                            hold == nullptr ? "was never placed"
                                            : fmt::format("is {} and has time until {}",
                                                          to_string(hold->status),
                                                          to_rfc3339(hold->deadline()))));
        }
        books.apply(entry.event());
    }
}

void check_idempotency(const Case& it) {
    const auto& operations = it.history.operations;
    for (const KeyedRequest& request : it.claims.requests()) {
        if (request.command == nullptr || !request.answered ||
            operations[request.operations.front()].key.empty()) {
            continue;
        }
        const Operation& first = operations[*request.answered];
        Moment settled = Moment::max();  // when somebody first knew the outcome
        for (const std::size_t i : request.operations) {
            const Operation& op = operations[i];
            if (op.told && *op.told) {
                settled = std::min(settled, op.returned);
                const bool other_request =
                    request.made && makes_its_own(*request.command) &&
                    !makes(*command_of(op), it.log.entries()[*request.made].event());
                if (other_request || !same_answer(**op.told, **first.told)) {
                    it.findings.add(
                        Rule::idempotency,
                        fmt::format("{} and {} {}", name_of(it.history, *request.answered),
                                    name_of(it.history, i),
                                    other_request ? "ask for different things, and "
                                                    "have the same answer"
                                                  : "have different answers"));
                }
            }
        }
        for (const std::size_t i : request.operations) {
            const auto code = refused(operations[i]);
            if (code && !is_passing(*code) && *code != RefusalCode::idempotency_key_reused &&
                operations[i].called > settled) {
                it.findings.add(Rule::idempotency,
                                fmt::format("{} was refused with {}, though {} had been answered",
                                            name_of(it.history, i), to_string(*code),
                                            name_of(it.history, *request.answered)));
            }
        }
    }
    // An event that nobody was told of, and that repeats what a key has done already.
    for (const std::size_t orphan : it.claims.orphans()) {
        for (const KeyedRequest& request : it.claims.requests()) {
            if (request.command != nullptr && request.made && makes_its_own(*request.command) &&
                makes(*request.command, it.log.entries()[orphan].event())) {
                it.findings.add(Rule::idempotency,
                                fmt::format("{} was carried out twice: {} and {}",
                                            name_of(it.history, request.operations.front()),
                                            it.log.entries()[*request.made].name(),
                                            it.log.entries()[orphan].name()));
            }
        }
    }
}

// That an event is in all of its partitions is checked where the log is read.
void check_open_operations(const Case& it) {
    for (const std::size_t orphan : it.claims.orphans()) {
        const auto* const placed = std::get_if<HoldPlaced>(&it.log.entries()[orphan].event());
        for (const KeyedRequest& request : it.claims.requests()) {
            const auto* const asked =
                request.command == nullptr ? nullptr : std::get_if<PlaceHold>(request.command);
            if (placed != nullptr && asked != nullptr && request.open && !request.made &&
                asked->cart == placed->hold.cart) {
                it.findings.add(Rule::open_operations,
                                fmt::format("{} was not answered, and {} has other lines than it "
                                            "asked for",
                                            name_of(it.history, request.operations.front()),
                                            it.log.entries()[orphan].name()));
            }
        }
    }
}

}  // namespace holdfast::testing
