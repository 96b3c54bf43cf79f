// Adds up events into counters, on its own: it shares nothing with the engine but the events' meaning,
// so what it says can be held against what the engine says. Called by replay; one thread.
// Total: any event of any log can be added.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include <holdfast/answers.h>
#include <holdfast/events.h>

namespace holdfast::cli {

class Ledger {
public:
    void add(const RecordedEvent& recorded);

    // By SKU, then by location.
    [[nodiscard]] std::map<std::pair<std::string, std::string>, StockRow> rows() const;
    [[nodiscard]] std::uint64_t events() const { return events_; }
    [[nodiscard]] std::size_t pending_holds() const { return pending_.size(); }
    // Events by type.
    [[nodiscard]] const std::map<std::string, std::uint64_t>& types() const { return types_; }

    // One for each type of event.
    void operator()(const HoldPlaced& event);
    void operator()(const HoldRefused& event);
    void operator()(const HoldAmended& event);
    void operator()(const HoldExtended& event);
    void operator()(const HoldSecured& event);
    void operator()(const HoldConfirmed& event);
    void operator()(const HoldReleased& event);
    void operator()(const HoldExpired& event);
    void operator()(const HoldLost& event);
    void operator()(const BackorderAllocated& event);
    void operator()(const WaitlistJoined& event);
    void operator()(const WaitlistLeft& event);
    void operator()(const WaitlistOffered& event);
    void operator()(const HoldFulfilled& event);
    void operator()(const HoldCancelled& event);
    void operator()(const HoldReturned& event);
    void operator()(const SkuDefined& event);
    void operator()(const LocationDefined& event);
    void operator()(const StockReceived& event);
    void operator()(const StockExpected& event);
    void operator()(const StockAdjusted& event);
    void operator()(const StockMoved& event);
    void operator()(const StockTransferred& event);
    // Move no unit.
    void operator()(const StockLevelChanged&) {}
    void operator()(const AlertRaised&) {}
    void operator()(const AlertAcknowledged&) {}
    void operator()(const AlertResolved&) {}
    void operator()(const PartitionsChanged&) {}

private:
    // available and safety_stock follow from the others and the policies.
    Counters& row(const std::string& sku, const std::string& location) {
        return rows_[{sku, location}].counters;
    }
    // `sign` 1: these units wait for stock now; -1: no longer.
    void wait(const std::vector<Part>& parts, Quantity sign);
    void take(const Hold& hold);
    void give_back(const std::vector<Part>& parts);

    std::map<std::pair<std::string, std::string>, StockRow> rows_;
    std::map<std::string, Quantity> safety_stock_;
    std::set<HoldId> pending_;
    std::map<std::string, std::uint64_t> types_;
    std::uint64_t events_ = 0;
};

}  // namespace holdfast::cli
