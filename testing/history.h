// What clients saw of a shop, what its log says, and whether both can be true of one shop that sells nothing twice.
// With a version in every answer, rules 1 to 3 together prove a history linearizable: the version is the witness.
// Shares no code with the core. Knows what the tests' clients ask: stock work, holds from placing to return, and
// reads; events of waiting lines and alerts are taken as the engine's own.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include <holdfast/answers.h>
#include <holdfast/commands.h>
#include <holdfast/result.h>

namespace holdfast::testing {

struct ReadHold {
    HoldId id;
};
struct ReadStock {
    std::string sku;
};
struct ReadAvailability {
    std::vector<std::string> skus;
};
using Asked = std::variant<Command, ReadHold, ReadStock, ReadAvailability>;
using Told = std::variant<HoldAnswer, SkuAnswer, StockAnswer, LocationAnswer, EntryAnswer,
                          AlertAnswer, AvailabilityAnswer>;

// By one clock for all clients, which is never set.
using Moment = std::chrono::steady_clock::time_point;

struct Operation {
    Moment called;
    Moment returned;   // of no meaning when it is open
    std::string node;  // which was asked, for the text of a finding
    std::string key;   // empty: none
    Asked asked;
    // Nothing: open. No answer came, so it may have happened, and may happen yet.
    std::optional<Result<Told>> told = std::nullopt;
    // A read may be so much behind.
    std::chrono::milliseconds stale{0};
};

struct History {
    std::uint32_t partitions = 1;
    std::vector<Operation> operations;
    // All events since the beginning: as Service::events() gives them, each once; or the logs of the partitions one
    // after another, in which an event stands once for each partition that it touches.
    std::vector<RecordedEvent> log;
    bool log_by_partition = false;
    // At the end, when nothing happens any more: stock of all SKUs, and every hold that somebody was granted.
    // Empty: not looked at.
    std::vector<StockAnswer> stock;
    std::vector<Hold> holds;
    // How far the servers' clocks may run from that of the clients: a hold that expired may have done so by that
    // much earlier.
    std::chrono::milliseconds clock_error{0};
};

enum class Rule : std::uint8_t {
    sequence = 1,  // the log is gapless, and what was answered has a version of its own in it
    real_time,     // what was asked after an answer comes after it
    replay,        // each answer is what the log makes of its version
    conservation,  // counters are never negative, and are the sum of the holds
    bound,         // whatever the versions say: no more is held and sold than there can have been
    spurious_refusal,  // what was refused for want of stock can have been short
    idempotency,       // one key, one outcome
    hold_states,       // a hold ends once, and not before its deadline
    durability,        // what was answered is there, and what is there was asked for
    open_operations    // what was not answered is there wholly, or not at all
};
std::ostream& operator<<(std::ostream& out, Rule rule);

struct Finding {
    Rule rule = Rule::sequence;
    std::string text;  // with the numbers of operations (#0 is the first) and events
};
std::ostream& operator<<(std::ostream& out, const Finding& finding);

// Empty: it is all true. At most findings_max for each rule.
inline constexpr std::size_t findings_max = 20;
std::vector<Finding> check(const History& history);

}  // namespace holdfast::testing
