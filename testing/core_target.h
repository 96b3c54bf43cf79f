// Runs scenarios on the core alone: State, decide and evolve, with no sequencer, store or clock around them.
// Keeps the events, and checks after each that the hold which decide() answers with is the one that
// the events make. Tests only; one thread.
#pragma once

#include <unordered_map>
#include <vector>

#include "core/state.h"
#include "core/undo.h"
#include "core/watch.h"
#include "testing/scenario.h"

namespace holdfast::testing {

struct TimedEvent {
    Event event;
    Instant at;
};

// When lapsed holds are ended: when their time has come, or only when they stand in somebody's way. Nobody
// may notice a difference in what is answered.
enum class Expiry { punctual, lazy };

class CoreTarget : public Target {
public:
    explicit CoreTarget(std::uint32_t partitions = 1, Expiry expiry = Expiry::punctual)
        : state_(partitions), expiry_(expiry) {}

    Outcome<Answer> submit(const Submission& submission) override;
    Result<HoldAnswer> read_hold(HoldId id) override;
    Result<StockAnswer> read_stock(const std::string& sku) override;
    Result<EntryAnswer> read_entry(const std::string& sku, EntryId entry) override;
    std::vector<Alert> alerts(const std::string& sku) override;
    std::optional<HoldId> offer_to(EntryId entry) override;
    void advance(std::chrono::milliseconds by) override;

    // Ends what is due, as the sequencer's timer does.
    void expire();

    // All that comes after set_mark() is taken back by roll_back(), the latest mark first: as by a node when
    // another one was faster.
    void set_mark();
    void roll_back();

    [[nodiscard]] const core::State& state() const { return state_; }
    [[nodiscard]] const std::vector<TimedEvent>& events() const { return events_; }

private:
    struct Mark {
        core::Undo undo;
        core::Watch watch;
        Instant now;
        std::uint64_t holds_placed = 0;
        std::map<HoldId, Hold> past;
        std::size_t events = 0;
    };

    void apply(const Event& event);
    void serve_waiting();
    void watch();

    core::State state_;
    Expiry expiry_;
    Instant now_{std::chrono::hours(24)};
    core::Watch watch_{state_, now_};
    std::uint64_t holds_placed_ = 0;
    std::map<HoldId, Hold> past_;
    std::vector<TimedEvent> events_;
    std::vector<Mark> marks_;
};

// The hold that an event names, when it names one.
std::optional<HoldId> hold_of(const Event& event);

}  // namespace holdfast::testing
