// Which operation of a history made which event of its log. For the checker of histories only.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "testing/history_log.h"

namespace holdfast::testing {

// Operations with one key are one request, asked again; one without a key is a request by itself.
struct KeyedRequest {
    std::vector<std::size_t> operations;
    const Command* command = nullptr;     // null: a read
    Moment called = Moment::max();        // for the first time
    std::optional<std::size_t> answered;  // the first that was carried out, by its answer
    bool open = false;                    // one of them may have been carried out without an answer
    std::optional<std::size_t> made;      // the event, by its place in the log
};

// "#3 confirm at node-1 (key c-81)"
std::string name_of(const History& history, std::size_t operation);
const Command* command_of(const Operation& operation);
template <class T>
const T* told(const Operation& operation) {
    return operation.told && *operation.told ? std::get_if<T>(&**operation.told) : nullptr;
}
// Nothing unless it was refused.
std::optional<RefusalCode> refused(const Operation& operation);
// Refused for a reason that says nothing of the request itself: it was not looked at.
bool is_passing(RefusalCode code);

// Whether the event is what carrying out the command makes.
bool makes(const Command& command, const Event& event);
// Whether the command makes a new event each time that it is carried out.
bool makes_its_own(const Command& command);

class Claims {
public:
    // Says which answers have no event: rules 1 and 9.
    Claims(const History& history, const HistoryLog& log, Findings& findings);

    [[nodiscard]] const std::vector<KeyedRequest>& requests() const { return requests_; }
    [[nodiscard]] const KeyedRequest& request_of(std::size_t operation) const {
        return requests_[request_of_[operation]];
    }
    // The requests whose answers name an event, or that may have made it without one.
    [[nodiscard]] std::vector<const KeyedRequest*> claimants(std::size_t entry) const;
    // When somebody first asked for what can have made this event; nothing when it is the engine's own, or nobody did.
    [[nodiscard]] std::optional<Moment> first_asked(std::size_t entry) const;
    // Events that need a request and have none.
    [[nodiscard]] const std::vector<std::size_t>& orphans() const { return orphans_; }
    // The version of the event that an operation made and no other can have, in a partition.
    [[nodiscard]] std::optional<Version> own_version(std::size_t operation,
                                                     PartitionId partition) const;

private:
    void gather();
    void find_answered();
    void find_open();
    [[nodiscard]] std::optional<std::size_t> event_of(std::size_t operation) const;
    [[nodiscard]] std::optional<std::size_t> event_of(const HoldAnswer& answer,
                                                      const Command& command) const;
    [[nodiscard]] std::optional<std::size_t> event_of(const StockAnswer& answer,
                                                      const Command& command) const;
    [[nodiscard]] bool is_the_engines(std::size_t entry) const;

    const History& history_;
    const HistoryLog& log_;
    Findings& findings_;
    std::vector<KeyedRequest> requests_;
    std::vector<std::size_t> request_of_;                     // by operation
    std::vector<std::size_t> open_;                           // requests
    std::map<std::size_t, std::vector<std::size_t>> claims_;  // entry to requests
    std::set<HoldId> offers_;                                 // holds that were made for who waited
    std::vector<std::size_t> orphans_;
};

}  // namespace holdfast::testing
