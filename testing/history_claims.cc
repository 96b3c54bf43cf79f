#include "testing/history_claims.h"

#include <algorithm>
#include <array>
#include <type_traits>

#include <fmt/format.h>

namespace holdfast::testing {
namespace {

constexpr std::array<std::string_view, std::variant_size_v<Command>> command_names = {
    "place",           "amend",   "extend", "beat",  "secure",   "confirm", "release",    "expire",
    "allocate",        "join",    "leave",  "offer", "fulfil",   "cancel",  "return",     "define",
    "define location", "receive", "adjust", "move",  "transfer", "expect",  "acknowledge"};

template <class Lines>
std::map<std::string, Quantity> wanted(const Lines& lines) {
    std::map<std::string, Quantity> wanted;
    for (const auto& line : lines) {
        wanted[line.sku] += line.quantity;
    }
    return wanted;
}

// Whether an event is what a command makes: what is not named here is made by no command.
struct Makes {
    bool operator()(const PlaceHold& c, const HoldPlaced& e) const {
        return c.cart == e.hold.cart && c.customer == e.hold.customer &&
               (c.partial || wanted(c.lines) == wanted(e.hold.lines));
    }
    bool operator()(const AmendHold& c, const HoldAmended& e) const {
        return c.id == e.hold.id && wanted(c.lines) == wanted(e.hold.lines);
    }
    bool operator()(const ExtendHold& c, const HoldExtended& e) const { return c.id == e.id; }
    bool operator()(const BeatHold& c, const HoldExtended& e) const { return c.id == e.id; }
    bool operator()(const SecureHold& c, const HoldSecured& e) const { return c.id == e.id; }
    bool operator()(const ConfirmHold& c, const HoldConfirmed& e) const { return c.id == e.id; }
    bool operator()(const ReleaseHold& c, const HoldReleased& e) const { return c.id == e.id; }
    bool operator()(const FulfilHold& c, const HoldFulfilled& e) const { return c.id == e.id; }
    bool operator()(const CancelHold& c, const HoldCancelled& e) const { return c.id == e.id; }
    bool operator()(const ReturnUnits& c, const HoldReturned& e) const { return c.id == e.id; }
    bool operator()(const DefineSku& c, const SkuDefined& e) const {
        return c.sku == e.sku && c.policy == e.policy;
    }
    bool operator()(const DefineLocation& c, const LocationDefined& e) const {
        return c.location == e.location && c.region == e.region && c.priority == e.priority;
    }
    bool operator()(const ReceiveStock& c, const StockReceived& e) const {
        return c.sku == e.sku && c.location == e.location && c.quantity == e.quantity &&
               c.reference == e.reference;
    }
    bool operator()(const ExpectStock& c, const StockExpected& e) const {
        return c.sku == e.sku && c.location == e.location && c.quantity == e.quantity &&
               c.reference == e.reference && c.expected_at == e.expected_at;
    }
    bool operator()(const AdjustStock& c, const StockAdjusted& e) const {
        return c.sku == e.sku && c.location == e.location && c.delta == e.delta &&
               c.reason == e.reason && c.reference == e.reference;
    }
    bool operator()(const MoveStock& c, const StockMoved& e) const {
        return c.sku == e.sku && c.location == e.location && c.quantity == e.quantity &&
               c.from == e.from && c.to == e.to && c.reference == e.reference;
    }
    bool operator()(const TransferStock& c, const StockTransferred& e) const {
        return c.sku == e.sku && c.from == e.from && c.to == e.to && c.quantity == e.quantity &&
               c.reference == e.reference;
    }
    template <class C, class E>
    bool operator()(const C&, const E&) const {
        return false;
    }
};

// Whether carrying it out makes an event, or finds one that made it needless. The others may ask for what is so
// anyway: a deadline that is later, no goods where none were expected.
bool must_have_made(const Command& command) {
    return !std::holds_alternative<ExtendHold>(command) &&
           !std::holds_alternative<BeatHold>(command) &&
           !std::holds_alternative<ExpectStock>(command);
}

}  // namespace

std::string name_of(const History& history, std::size_t operation) {
    const Operation& op = history.operations[operation];
    const Command* const command = command_of(op);
    std::string name = fmt::format("#{} {}", operation,
                                   command == nullptr ? "read" : command_names[command->index()]);
    if (!op.node.empty()) {
        name += " at " + op.node;
    }
    return op.key.empty() ? name : fmt::format("{} (key {})", name, op.key);
}

const Command* command_of(const Operation& operation) {
    return std::get_if<Command>(&operation.asked);
}

std::optional<RefusalCode> refused(const Operation& operation) {
    return operation.told && !*operation.told ? std::optional(operation.told->error().code)
                                              : std::nullopt;
}

bool is_passing(RefusalCode code) {
    return code == RefusalCode::idempotency_key_in_use || code >= RefusalCode::overloaded;
}

bool makes(const Command& command, const Event& event) {
    return std::visit(Makes{}, command, event);
}

bool makes_its_own(const Command& command) {
    return std::holds_alternative<PlaceHold>(command) ||
           std::holds_alternative<AmendHold>(command) ||
           std::holds_alternative<ReceiveStock>(command) ||
           std::holds_alternative<AdjustStock>(command) ||
           std::holds_alternative<MoveStock>(command) ||
           std::holds_alternative<TransferStock>(command);
}

Claims::Claims(const History& history, const HistoryLog& log, Findings& findings)
    : history_(history), log_(log), findings_(findings) {
    for (const LogEntry& entry : log.entries()) {
        if (const auto* offered = std::get_if<WaitlistOffered>(&entry.event())) {
            offers_.insert(offered->hold);
        }
    }
    gather();
    find_answered();
    find_open();
}

void Claims::gather() {
    std::map<std::string, std::size_t> by_key;
    for (std::size_t i = 0; i < history_.operations.size(); ++i) {
        const Operation& op = history_.operations[i];
        const auto [found, fresh] = op.key.empty() ? std::pair(by_key.end(), true)
                                                   : by_key.try_emplace(op.key, requests_.size());
        const std::size_t index = fresh ? requests_.size() : found->second;
        if (fresh) {
            requests_.push_back({.operations = {}, .command = command_of(op)});
        }
        request_of_.push_back(index);
        KeyedRequest& request = requests_[index];
        request.operations.push_back(i);
        request.called = std::min(request.called, op.called);
        request.open = request.open || !op.told || refused(op) == RefusalCode::outcome_unknown;
        if (op.told && *op.told && !request.answered) {
            request.answered = i;
        }
    }
}

// The event behind an answer: the last of its kind that the hold had seen by then. That may be an older one where
// the command found done what it asked for.
std::optional<std::size_t> Claims::event_of(const HoldAnswer& answer,
                                            const Command& command) const {
    std::optional<std::size_t> found;
    for (const std::size_t entry : log_.of_hold(answer.hold.id)) {
        const auto fence = given_fence(log_.entries()[entry].event());
        if (!fence || *fence > answer.hold.fence) {
            continue;
        }
        const Event& event = log_.entries()[entry].event();
        const auto* const placed = std::get_if<HoldPlaced>(&event);
        const bool bought = placed != nullptr && placed->hold.status != HoldStatus::pending &&
                            std::holds_alternative<ConfirmHold>(command);
        if (makes(command, event) || bought) {
            found = entry;
        }
    }
    return found;
}

// Units that came in may have gone on to who waited for them before the answer was given.
std::optional<std::size_t> Claims::event_of(const StockAnswer& answer,
                                            const Command& command) const {
    const auto& entries = log_.of_partition(log_.home(answer.sku));
    for (auto at = entries.upper_bound(answer.version); at != entries.begin();) {
        const std::size_t entry = (--at)->second;
        if (makes(command, log_.entries()[entry].event())) {
            return entry;
        }
        if (!is_the_engines(entry)) {
            return std::nullopt;
        }
    }
    return std::nullopt;
}

std::optional<std::size_t> Claims::event_of(std::size_t operation) const {
    const Operation& op = history_.operations[operation];
    const Command& command = *command_of(op);
    if (const auto* hold = told<HoldAnswer>(op)) {
        return event_of(*hold, command);
    }
    if (const auto* stock = told<StockAnswer>(op)) {
        return event_of(*stock, command);
    }
    const auto* const sku = told<SkuAnswer>(op);
    const auto* const location = told<LocationAnswer>(op);
    auto at = sku != nullptr        ? log_.entry_at(log_.home(sku->sku), sku->defined_at)
              : location != nullptr ? log_.entry_at(0, location->version)
                                    : std::nullopt;
    // A place that is set again to what it was makes no event.
    while (location != nullptr && at && *at > 0 && !makes(command, log_.entries()[*at].event())) {
        --*at;
    }
    return at && makes(command, log_.entries()[*at].event()) ? at : std::nullopt;
}

void Claims::find_answered() {
    for (KeyedRequest& request : requests_) {
        if (request.command == nullptr || !request.answered) {
            continue;
        }
        const std::size_t index = static_cast<std::size_t>(&request - requests_.data());
        for (const std::size_t operation : request.operations) {
            const Operation& op = history_.operations[operation];
            if (!op.told || !*op.told || told<EntryAnswer>(op) || told<AlertAnswer>(op)) {
                continue;
            }
            const auto made = event_of(operation);
            if (!made && must_have_made(*request.command)) {
                findings_.add(Rule::durability,
                              fmt::format("{} was carried out, by its answer, and the log does not "
                                          "have it",
                                          name_of(history_, operation)));
            }
            // A confirmed purchase was made by who placed it.
            const bool its_own = made && makes(*request.command, log_.entries()[*made].event());
            if (its_own && request.made != made) {
                request.made = request.made ? request.made : made;
                claims_[*made].push_back(index);
            }
        }
    }
    for (const auto& [entry, requests] : claims_) {
        if (requests.size() > 1 && makes_its_own(*requests_[requests.front()].command)) {
            findings_.add(Rule::sequence,
                          fmt::format("{} and {} were both answered with {}",
                                      name_of(history_, *requests_[requests[0]].answered),
                                      name_of(history_, *requests_[requests[1]].answered),
                                      log_.entries()[entry].name()));
        }
    }
}

// What the engine does by itself: it ends holds, ships what is shipped when it is sold, gives to who waits.
bool Claims::is_the_engines(std::size_t entry) const {
    const Event& event = log_.entries()[entry].event();
    if (const auto* placed = std::get_if<HoldPlaced>(&event)) {
        return offers_.contains(placed->hold.id);
    }
    if (std::holds_alternative<HoldFulfilled>(event)) {
        const auto& events = log_.of_hold(*changed_hold(event));
        const auto at = std::ranges::find(events, entry);
        const RecordedEvent* const sale =
            at == events.begin() ? nullptr : log_.entries()[*std::prev(at)].recorded;
        return sale != nullptr && sale->batch == log_.entries()[entry].recorded->batch &&
               (std::holds_alternative<HoldConfirmed>(sale->event) ||
                std::holds_alternative<HoldPlaced>(sale->event));
    }
    return std::holds_alternative<HoldExpired>(event) || std::holds_alternative<HoldLost>(event) ||
           std::holds_alternative<BackorderAllocated>(event) ||
           (!changed_hold(event) && !std::holds_alternative<SkuDefined>(event) &&
            !std::holds_alternative<LocationDefined>(event) &&
            !std::holds_alternative<StockReceived>(event) &&
            !std::holds_alternative<StockAdjusted>(event) &&
            !std::holds_alternative<StockMoved>(event) &&
            !std::holds_alternative<StockTransferred>(event) &&
            !std::holds_alternative<StockExpected>(event));
}

void Claims::find_open() {
    for (std::size_t i = 0; i < requests_.size(); ++i) {
        if (requests_[i].open && requests_[i].command != nullptr) {
            open_.push_back(i);
        }
    }
    for (std::size_t i = 0; i < log_.entries().size(); ++i) {
        if (claims_.contains(i) || is_the_engines(i)) {
            continue;
        }
        const auto maker = std::ranges::find_if(requests_, [&](const KeyedRequest& request) {
            return request.open && !request.made && !request.answered &&
                   request.command != nullptr && makes(*request.command, log_.entries()[i].event());
        });
        if (maker == requests_.end()) {
            orphans_.push_back(i);
        } else {
            maker->made = i;
            claims_[i].push_back(static_cast<std::size_t>(maker - requests_.begin()));
        }
    }
}

std::vector<const KeyedRequest*> Claims::claimants(std::size_t entry) const {
    std::vector<const KeyedRequest*> claimants;
    if (const auto found = claims_.find(entry); found != claims_.end()) {
        for (const std::size_t request : found->second) {
            claimants.push_back(&requests_[request]);
        }
    }
    return claimants;
}

std::optional<Moment> Claims::first_asked(std::size_t entry) const {
    std::optional<Moment> first;
    if (is_the_engines(entry)) {
        return first;
    }
    const auto ask = [&](const KeyedRequest& request) {
        first = std::min(first.value_or(request.called), request.called);
    };
    for (const KeyedRequest* const request : claimants(entry)) {
        ask(*request);
    }
    // Who has no answer may have made what another was told of.
    for (const std::size_t open : open_) {
        const KeyedRequest& request = requests_[open];
        if (first && request.called < *first &&
            makes(*request.command, log_.entries()[entry].event())) {
            ask(request);
        }
    }
    return first;
}

std::optional<Version> Claims::own_version(std::size_t operation, PartitionId partition) const {
    const KeyedRequest& request = request_of(operation);
    if (!request.made || !makes_its_own(*request.command) || claims_.at(*request.made).size() > 1) {
        return std::nullopt;
    }
    const auto& versions = log_.entries()[*request.made].versions;
    const auto found = versions.find(partition);
    return found == versions.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace holdfast::testing
