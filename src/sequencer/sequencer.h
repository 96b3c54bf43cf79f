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
#include "sequencer/item.h"
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
    // `concurrency` matters where others append to the store too.
    Sequencer(store::Store& store, const Clock& clock,
              Concurrency concurrency = Concurrency::automatic);
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
    Sequencer(store::Store& store, const Clock& clock, Concurrency concurrency,
              Recovered recovered);

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
    void work();
    // Sleeps until there is something to do; false when everything is done and it is to end.
    bool wait_for_work();
    [[nodiscard]] bool due_at(Instant now) const;
    [[nodiscard]] Instant next_due() const;
    [[nodiscard]] std::chrono::milliseconds nap();
    void refuse_all(const Refusal& failure);
    void refuse_taken(const Refusal& failure);
    // Throws StoreError or CodecError when the store cannot be read.
    void fill_round();
    [[nodiscard]] std::size_t prefetch(std::size_t from) const;
    void open_round();
    void expire(const core::Decision& expiry);
    // Leaves out what another node is nearer to, and has had no time for yet.
    void leave_to_others(core::Decision& expiry);
    void flush_refusals();
    void look_at_changes();
    // These and decide() may close the round: then nothing was done, and it is for the next one.
    void execute(Item& item);
    void execute(std::unique_ptr<Read>& read);
    Outcome<Answer> execute(const Submission& submission);
    Outcome<Answer> decide_and_answer(const Submission& submission);
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
    void appended(std::unique_ptr<Round> round, store::AppendResult result);

    // The same, where others append to the store too (follow.cc).
    [[nodiscard]] bool shared() const { return writer_.has_value(); }
    [[nodiscard]] std::uint64_t number_after(std::uint64_t number) const;
    // A round that was not kept: what it did is taken back, and what was asked is decided again, or refused.
    void take_back();
    void decide_again(std::vector<Item>&& items);
    // Catches up with the others; refuses what waits when the store cannot be read.
    void follow();
    void catch_up();
    void evolve_others(const RecordedEvent& recorded);
    void restore_answers(PartitionId partition, Version after, Version until);
    // Whether what the answers of a round without events rest on is still so.
    [[nodiscard]] bool holds_still(const Round& round);
    void rely_on(const Command& command, bool told);
    // Sees to it that the holds that a command names are in memory, as of the state. False: the state is
    // behind the store.
    [[nodiscard]] bool fetch_past(const Command& command);
    [[nodiscard]] bool fetch_past(const Item& item);
    [[nodiscard]] bool knows(PartitionId partition, const store::Head& head) const;
    [[nodiscard]] bool follow_is_due();
    // Whether the next append takes the partitions' locks first.
    [[nodiscard]] bool locks() const;

    store::Store& store_;
    const std::optional<std::uint16_t> writer_;
    const Concurrency concurrency_;

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
    // A round that the store did not keep, until the sequencer's thread takes it back.
    std::unique_ptr<Round> returned_;
    store::AppendResult why_returned_;
    bool strong_read_waits_ = false;  // in queue_
    std::string unreachable_;         // why the store cannot be read or written at the moment

    // What others do to the store: the sequencer's thread.
    std::vector<store::Head> known_;  // by partition, when they were last followed
    std::vector<bool> ours_;          // by partition: the last append that is known was made here
    Instant look_for_due_at_;         // holds that were left to another node
    std::atomic<int> ticks_ =
        0;  // that wait: everything that is due ends here, whoever is nearer to it
    mutable bool behind_ = false;  // a row was found that is newer than the state
    bool must_follow_ = false;     // before anything more is decided
    bool can_follow_ = false;      // found when there was something to do
    bool may_decide_ = true;       // the same
    bool locked_ = false;          // the last append took the partitions' locks
    bool holds_locks_ = false;     // and conflicted: the store keeps them until the next append
    Instant next_follow_;
    // Grows with each conflict, and falls with each append: see locks().
    std::atomic<int> contention_ = 0;

    std::atomic<std::uint64_t> commands_ = 0;
    std::atomic<std::uint64_t> events_ = 0;
    std::atomic<std::uint64_t> rounds_ = 0;
    std::atomic<std::uint64_t> conflicts_ = 0;
    std::atomic<std::uint64_t> expired_ = 0;
    std::atomic<std::uint64_t> pending_ = 0;
    std::atomic<std::uint64_t> skus_ = 0;
    std::once_flag joined_;
    std::jthread thread_;
};

}  // namespace holdfast::sequencer
