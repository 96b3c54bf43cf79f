// The only place where commands become durable: collects what has arrived, lets the core decide,
// appends once, then answers. While one round is on its way to disk the next is decided.
// One thread owns the State; reads are answered when what they saw is durable.
// Fails stop: after an append that is not `appended` nothing more is answered as done.
// Where the store is shared and takes several appends at once, rounds are decided in lanes, each with
// partitions of its own (lanes.cc).
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
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
#include "core/undo.h"
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
    // Rounds of some of the partitions: one that is being filled, and one that is on its way to disk.
    struct Lane {
        std::unique_ptr<Round> round;  // being filled; null between rounds
        bool closed = false;           // it takes no more: the next item is for another one
        std::size_t served = 0;        // times that somebody who waits was served in it
        bool in_flight = false;        // under mutex_
        // The round that is on its way, until it is durable, or taken back; 0: none.
        std::atomic<std::uint64_t> sent = 0;
        std::chrono::milliseconds sent_at{0};  // steady time
    };
    struct WaitingRead {
        std::uint64_t until = 0;  // it saw what rounds up to this one did
        std::unique_ptr<Read> read;
    };
    struct Returned {
        std::unique_ptr<Round> round;
        store::AppendResult why;
    };

    Sequencer(store::Store& store, const Clock& clock, Concurrency concurrency,
              Recovered recovered);

    // View.
    [[nodiscard]] const core::State& state() const override { return state_; }
    [[nodiscard]] Instant now() const override { return now_; }
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
    void fill_rounds();
    // Opens a round for the next item; false: it is for a later one.
    [[nodiscard]] bool enter_round();
    [[nodiscard]] std::size_t prefetch(std::size_t from) const;
    void open_round();
    void expire(const core::Decision& expiry);
    // A node that is nearer to a partition than this one has so long to end what lapses there: if it is gone
    // the units are back on sale within a second nonetheless.
    static constexpr std::chrono::milliseconds left_to_others{400};
    // Leaves out what another node is nearer to, and has had no time for yet: whether there is such.
    bool leave_to_others(core::Decision& expiry);
    void flush_refusals();
    void look_at_changes();
    std::unique_ptr<Round> take_unsent(Lane& lane);
    // False: nothing was done, and it is for another round. So is what these and decide() say when they close the
    // round.
    [[nodiscard]] bool execute(Item& item);
    [[nodiscard]] bool execute(std::unique_ptr<Read>& read);
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
    void send_round(Lane& lane);
    void appended(Lane& lane, std::unique_ptr<Round> round, store::AppendResult result);
    // Those that saw nothing that is not durable.
    void answer_reads();
    // All rounds up to this one are durable.
    [[nodiscard]] std::uint64_t settled_until() const;
    [[nodiscard]] bool settled(std::uint64_t round) const;

    // Several rounds at once (lanes.cc).
    // When nothing is on its way or open: from here on all can be taken back.
    void begin_era();
    [[nodiscard]] bool needs_one_lane() const;
    void note_duration(std::chrono::microseconds took);
    // Makes lane_ that of the next item, a command; false: it needs more than one.
    [[nodiscard]] bool choose_lane();
    // The next item into its commands, which may be of different lanes.
    void split();
    // Those of what the command names, without the lines of a hold; none: it may be of any.
    void named_partitions(const Command& command, std::vector<PartitionId>& out) const;
    [[nodiscard]] bool in_lane(PartitionId partition) const {
        return partition % lanes_used_ == lane_place_;
    }
    [[nodiscard]] bool in_lane(const core::Decision& decision);
    void want_one_lane();
    // What is at hand needs more than its lane: it is for a round of all partitions.
    void leave_lanes();

    // The same, where others append to the store too (follow.cc).
    [[nodiscard]] bool shared() const { return writer_.has_value(); }
    [[nodiscard]] std::uint64_t number_after(std::uint64_t number) const;
    // Rounds that were not kept: all of the era is taken back, and what was asked is decided again, or refused.
    void take_back();
    void take_back_open();
    void take_back_reads();
    void decide_again(std::vector<Item>&& items);
    // Catches up with the others; refuses what waits when the store cannot be read.
    void follow();
    void catch_up();
    void evolve_others(const RecordedEvent& recorded);
    // Whether what the answers of a round without events rest on is still so.
    [[nodiscard]] bool holds_still(const Round& round);
    // False: it needs more than its lane.
    [[nodiscard]] bool rely_on(const Command& command, bool told);
    // Sees to it that the holds that a command names are in memory, as of the state. False: the state is
    // behind the store.
    [[nodiscard]] bool fetch_past(const Command& command);
    [[nodiscard]] bool fetch_past(const Item& item);
    [[nodiscard]] bool knows(PartitionId partition, const store::Head& head) const;
    [[nodiscard]] bool follow_is_due();
    // Whether the next append takes the partitions' locks first.
    [[nodiscard]] bool locks() const;

    store::Store& store_;
    const Clock& clock_;
    const std::optional<std::uint16_t> writer_;
    const Concurrency concurrency_;

    core::State state_;
    EngineTime time_;
    core::RefusalMeter refusals_;
    core::Watch watch_;
    Idempotency idempotency_;
    std::vector<Lane> lanes_;
    // A partition's lane is its number modulo this.
    std::size_t lanes_used_ = 1;
    std::size_t lane_place_ = 0;                           // of lane_
    Lane* lane_;                                           // of the item at hand
    Instant now_;                                          // of the item at hand
    std::atomic<std::chrono::microseconds> append_takes_;  // about, by those of late
    int one_lane_for_ = 0;  // eras, because somebody wanted partitions of several lanes
    // What was before the rounds that are on their way or open, and some that are durable. Not kept of a store
    // that nobody else appends to.
    std::optional<core::Undo> undo_;
    std::uint64_t era_ = 0;                // the first round since then
    std::vector<PartitionId> partitions_;  // kept for its memory
    RoundSize last_size_;
    std::uint64_t next_number_ = 1;
    RecentHolds recent_;
    // Taken from the queue, executed up to next_.
    std::vector<Item> taken_;
    std::size_t next_ = 0;
    std::deque<WaitingRead> reads_;  // in the order in which they looked
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
    // Rounds that the store did not keep, until the sequencer's thread takes them back.
    std::vector<Returned> returned_;
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
    // Found when there was something to do.
    bool can_follow_ = false;
    bool may_decide_ = true;
    bool quiescent_ = true;     // nothing is on its way or open
    bool locked_ = false;       // the last append took the partitions' locks
    bool holds_locks_ = false;  // and conflicted: the store keeps them until the next append
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
