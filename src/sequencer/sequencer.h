// The only place where commands become durable: collects what has arrived, lets the core decide,
// appends once, then answers. While one round is on its way to disk the next is decided.
// One thread owns the State; reads join a round and are answered when what they saw is durable.
// Fails stop: after an append that is not `appended` nothing more is answered as done.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <variant>
#include <vector>

#include <holdfast/clock.h>
#include <holdfast/service.h>
#include "core/decide.h"
#include "core/refusal_meter.h"
#include "core/state.h"
#include "core/watch.h"
#include "sequencer/engine_time.h"
#include "sequencer/idempotency.h"
#include "sequencer/recent_holds.h"
#include "sequencer/recovery.h"
#include "sequencer/round.h"
#include "store/store.h"

namespace holdfast::sequencer {

// The part of an id that sorts by age: milliseconds, then a counter.
inline std::uint64_t id_time(Instant at) {
    return static_cast<std::uint64_t>(at.time_since_epoch().count()) << 16;
}

class Sequencer final : private View {
public:
    // Loads the state and starts. Throws StoreError. Store and clock must outlive it.
    Sequencer(store::Store& store, const Clock& clock);
    ~Sequencer() override;

    // Any thread. Refused at once when the queue is full or the sequencer has stopped: then `done` is
    // called before these return.
    void submit(Submission&& submission, Done<Answer>&& done);
    void submit(std::vector<Submission>&& submissions, ManyDone&& done);
    void read(std::unique_ptr<Read> read);

    // Waits until everything due at the present moment is ended and durable.
    void tick();
    // Refuses what is new, answers what was accepted, joins the thread. Any thread, also several at
    // once: each returns when all is done.
    void stop();
    [[nodiscard]] Statistics statistics() const;

private:
    Sequencer(store::Store& store, const Clock& clock, Recovered recovered);

    struct Single {
        Submission submission;
        Done<Answer> done;
    };
    struct Many {
        std::vector<Submission> submissions;
        ManyDone done;
    };
    using Item = std::variant<Single, Many, std::unique_ptr<Read>>;

    // View.
    [[nodiscard]] const core::State& state() const override { return state_; }
    [[nodiscard]] Instant now() const override { return round_->now(); }
    [[nodiscard]] std::optional<Hold> find_hold(HoldId id) const override;

    // The queue; any thread.
    // `add` puts the item at the end of the queue; it is called only when nothing refuses it.
    template <class Add>
    [[nodiscard]] std::optional<Refusal> enqueue(std::size_t commands, Add add);

    // The sequencer's thread.
    void run();
    // Sleeps until there is something to do; false when everything is done and it is to end.
    bool wait_for_work();
    [[nodiscard]] bool due_at(Instant now) const;
    [[nodiscard]] std::chrono::milliseconds nap();
    void refuse_all(const Refusal& failure);
    // Throws StoreError or CodecError when the store cannot be read.
    void fill_round();
    [[nodiscard]] std::size_t prefetch(std::size_t from) const;
    void open_round();
    void expire(const core::Decision& expiry);
    void flush_refusals();
    void look_at_changes();
    // These and decide() may close the round: then nothing was done, and it is for the next one.
    void execute(Item& item);
    Outcome<Answer> execute(const Submission& submission);
    std::optional<Outcome<Answer>> first_answer(const Submission& submission);
    core::Decision decide(const Command& command);
    [[nodiscard]] core::Decision decide_on(const Command& command, HoldId fresh) const;
    void serve_waiting();
    void apply(const core::Decision& decision);
    void apply(const std::vector<Event>& events);
    void apply(const Event& event, const std::optional<Hold>& decided);
    Result<Answer> answer(const Command& command, core::Decision& decision);
    [[nodiscard]] EntryAnswer entry_answer(const Event& event) const;
    void remember(const Submission& submission, const Answer& answer);
    void note_refusal(const Command& command, const Refusal& refusal);
    HoldId fresh_id(const Command& command);
    [[nodiscard]] std::optional<Hold> find_past(HoldId id) const;
    void send_round();
    void appended(Round& round, const store::AppendResult& result);

    store::Store& store_;

    core::State state_;
    EngineTime time_;
    core::RefusalMeter refusals_;
    core::Watch watch_;
    Idempotency idempotency_;
    std::unique_ptr<Round> round_;  // being filled; null between rounds
    std::size_t served_ = 0;        // times that somebody who waits was served in round_
    bool closed_ = false;           // round_ takes no more: the next item is for another one
    RoundSize last_size_;
    std::uint64_t next_number_ = 1;
    RecentHolds recent_;
    // Taken from the queue, executed up to next_.
    std::vector<Item> taken_;
    std::size_t next_ = 0;
    std::mt19937_64 random_{std::random_device{}()};
    std::uint64_t last_id_high_ = 0;
    // Who joins a line may be offered units at once: then his answer says so.
    std::optional<WaitlistOffered> last_offer_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Item> queue_;
    std::atomic<std::size_t> queued_commands_ = 0;  // in queue_ and in taken_
    bool stopping_ = false;
    std::optional<Refusal> failure_;
    // The round that is on its way to disk; its callback clears it.
    bool in_flight_ = false;
    std::atomic<std::uint64_t> durable_round_ = 0;

    std::atomic<std::uint64_t> commands_ = 0;
    std::atomic<std::uint64_t> events_ = 0;
    std::atomic<std::uint64_t> rounds_ = 0;
    std::atomic<std::uint64_t> expired_ = 0;
    std::atomic<std::uint64_t> pending_ = 0;
    std::atomic<std::uint64_t> skus_ = 0;
    std::once_flag joined_;
    std::jthread thread_;
};

}  // namespace holdfast::sequencer
