// One append in the making: the events of the commands decided so far, the rows that they changed, and
// the answers that wait for it. Filled by the sequencer's thread; then its batch goes to the store
// and the answers wait. Writes each counter once, however many commands of the round changed it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <boost/unordered/unordered_flat_set.hpp>

#include <holdfast/service.h>
#include "core/state.h"
#include "sequencer/item.h"
#include "store/batch.h"
#include "store/codec.h"

namespace holdfast::sequencer {

// How large a round became. The next one is likely as large: its memory is taken at once.
struct RoundSize {
    std::size_t commands = 0;
    std::size_t rows = 0;
    std::size_t row_bytes = 0;
    std::size_t event_bytes = 0;  // of the largest partition
};

// What is kept of a customer of a SKU; the row of nothing is not kept.
store::CustomerRow customer_row(const core::SkuState& sku, std::string_view customer);

class Round {
public:
    // `revocable`: give_back() may follow.
    Round(std::uint64_t number, Instant now, const core::State& state, const RoundSize& expected,
          bool revocable);

    [[nodiscard]] Instant now() const { return now_; }
    [[nodiscard]] std::uint64_t number() const { return batch_.number; }
    [[nodiscard]] bool has_events() const { return events_ > 0; }
    [[nodiscard]] std::uint32_t event_count() const { return events_; }
    // Has no events, and nobody waits for it.
    [[nodiscard]] bool empty() const { return events_ == 0 && singles_.empty() && manies_.empty(); }
    // Has as many commands, events (expiries have no command) or bytes as a round may have.
    [[nodiscard]] bool full() const;
    // After seal().
    [[nodiscard]] const RoundSize& final_size() const { return size_; }

    // An event that `state` has just evolved. `after` is what it made of the hold that it names;
    // null when it names none or carries it whole.
    void record(const core::State& state, const Event& event, const Hold* after);
    // The first answer to a key, to be found again in this row of `home`.
    void remember(PartitionId home, Version row_version, std::string_view key,
                  std::uint64_t fingerprint, const Answer& answer);
    // Whose stock, expected receipts, policy or alerts the events so far have changed.
    // In no order, some more than once.
    template <class Visit>
    void each_changed_sku(Visit visit) const {
        for (const std::uint64_t place : stock_) {
            visit(static_cast<core::SkuIndex>(place >> 16));
        }
        for (const core::SkuIndex sku : changed_) {
            visit(sku);
        }
    }
    // A row of first answers that nobody may ask for any more.
    void forget_answers(PartitionId partition, Version version);

    void reply(Single&& item, Outcome<Answer>&& outcome);
    void reply(Many&& item, std::vector<Outcome<Answer>>&& outcomes);

    // An answer rests on what this partition is, though it changes nothing there: it is given only if the
    // partition is that still. `told`: what others have changed is about to be told as durable.
    void rely_on(PartitionId partition, bool told);
    [[nodiscard]] const std::vector<PartitionId>& relied_on() const { return relied_on_; }
    [[nodiscard]] bool has_told() const { return told_; }
    // All that was to be answered, as it was asked.
    std::vector<Item> give_back();

    // The batch, with the rows of all counters that changed. Once, when the round is closed.
    store::Batch seal(const core::State& state);

    // Calls everyone back. `failure` replaces every answer. Any thread, once.
    void answer_all(const Refusal* failure);

private:
    template <class Done, class Outcomes>
    struct Reply {
        Done done;
        Outcomes outcome;
    };
    struct Answers {
        PartitionId partition = 0;
        Version version = 0;
        std::size_t count = 0;
        std::string bytes;
    };

    store::PartitionStep& step(const core::State& state, PartitionId partition);
    void touch(const core::State& state, std::string_view sku, std::string_view location);
    void touch_place(const core::State& state, std::string_view sku, std::string_view location,
                     Version place);
    void touch_customer(const core::State& state, std::string_view sku, std::string_view customer);
    // The bytes of the row, until the next one.
    std::string_view write_hold(const core::State& state, const Hold& hold);
    void write_counters(const core::State& state);
    void write_places(const core::State& state);

    Instant now_;
    RoundSize expected_;
    RoundSize size_;
    store::Batch batch_;
    std::vector<Version> opened_at_;  // versions of all partitions before the round
    std::uint32_t events_ = 0;
    std::size_t commands_ = 0;
    boost::unordered_flat_set<std::uint64_t> stock_;  // SKU index << 16 | location index
    std::vector<std::pair<core::SkuIndex, std::string>> customers_;
    std::vector<std::tuple<core::SkuIndex, core::LocationIndex, Version>> places_;  // in queues
    std::vector<core::SkuIndex> changed_;  // in more than their stock
    std::vector<Answers> answers_;
    std::vector<PartitionId> touched_;  // kept for its memory
    std::vector<Reply<Done<Answer>, Outcome<Answer>>> singles_;
    std::vector<Reply<ManyDone, std::vector<Outcome<Answer>>>> manies_;
    std::vector<PartitionId> relied_on_;
    bool told_ = false;
    // Only of a revocable round: what was asked, in the order of the replies.
    bool revocable_;
    std::vector<Submission> singles_asked_;
    std::vector<std::vector<Submission>> manies_asked_;

    friend struct RowWriter;
};

}  // namespace holdfast::sequencer
