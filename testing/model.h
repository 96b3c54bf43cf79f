// What Holdfast should do, written a second time as naively as possible and without a line of the core: of the
// counters only what lies on the shelves is kept, the others are summed over all holds ever placed, each time.
// Judges what validate() accepts. Its fences only count changes. Tests only; one thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "testing/scenario.h"

namespace holdfast::testing {

class Model : public Target {
public:
    Outcome<Answer> submit(const Submission& submission) override;
    Result<HoldAnswer> read_hold(HoldId id) override;
    Result<StockAnswer> read_stock(const std::string& sku) override;
    Result<EntryAnswer> read_entry(const std::string& sku, EntryId entry) override;
    std::vector<Alert> alerts(const std::string& sku) override;
    std::optional<HoldId> offer_to(EntryId entry) override;
    void advance(std::chrono::milliseconds by) override;

private:
    using Place = std::pair<std::string, std::string>;  // SKU and location

    struct Rules;
    struct Shelf;
    [[nodiscard]] Counters counters(const Place& place) const;
    template <class AnyLine>
    [[nodiscard]] Policy strictest(const std::vector<AnyLine>& lines) const;
    // How far the sale has come, and whether a hold that had lapsed is paid.
    enum class Stage { cart, checkout, payment, late };
    [[nodiscard]] std::vector<HoldLine> allocate(const PlaceHold& cart, const Hold* own,
                                                 Stage stage,
                                                 const JoinWaitlist* shopper = nullptr) const;
    [[nodiscard]] bool is_for_others(const Place& place, const JoinWaitlist* shopper) const;
    bool offer_one();
    [[nodiscard]] bool is_soft(const std::string& sku, Stage stage) const;
    [[nodiscard]] Quantity waiting(const std::string& sku, const std::string& location,
                                   const Hold* but) const;
    void serve_waiting();
    bool serve_one(const Place& place);
    void ship_at_confirm(Hold& hold);
    [[nodiscard]] std::vector<std::string> candidates(const HoldLine& line,
                                                      const std::string& region,
                                                      const std::map<Place, Quantity>& free) const;
    void limit(std::vector<HoldLine>& lines, const PlaceHold& cart, const Hold* own,
               Stage stage) const;
    void start_windows(const Hold& hold, const std::vector<HoldLine>& taken, Instant at);
    [[nodiscard]] bool ran_out(const Hold& hold, const std::string& sku) const;

    void watch();
    [[nodiscard]] std::optional<Alert> cause(const std::string& sku, AlertKind kind) const;
    void acknowledge(const AcknowledgeAlert& seen);

    Instant now_{std::chrono::hours(24)};
    std::map<std::string, Policy> policies_;
    std::map<std::string, std::pair<int, std::string>> locations_ = {{"main", {}}};
    std::map<Place, Counters>
        shelves_;  // only on_hand, returned, repair and damaged mean something
    std::map<HoldId, Hold> holds_;
    // When a hold took units of a SKU that is limited for a while, and for how long they were to count.
    std::map<std::pair<HoldId, std::string>, std::pair<Instant, Seconds>> windows_;
    Fence changes_ = 0;
    Version places_ = 0;  // in queues, given out so far
    // Who waits, in order, and what was offered.
    struct Shopper {
        EntryId id;
        JoinWaitlist asked;
    };
    std::vector<Shopper> line_;
    std::map<EntryId, HoldId> offers_;
    std::uint64_t joined_ = 0;
    // Alerts that stand, by SKU and kind, and since when their cause is gone.
    struct Standing {
        Alert alert;
        std::optional<Instant> gone;
    };
    std::map<std::pair<std::string, AlertKind>, Standing> standing_;
    std::set<std::string> was_on_sale_;
    Version raised_ = 0;
    // Announced goods, by SKU, then location and reference.
    std::map<std::string, std::map<std::pair<std::string, std::string>, ExpectedReceipt>> expected_;
};

}  // namespace holdfast::testing
