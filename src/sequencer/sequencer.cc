#include "sequencer/sequencer.h"

#include <algorithm>
#include <future>

#include <pthread.h>

#include <holdfast/assert.h>
#include <holdfast/fault.h>
#include <holdfast/limits.h>
#include "sequencer/recovery.h"
#include "sequencer/refusals.h"

namespace holdfast::sequencer {
namespace {

// A manual clock may stand still: look at it again at least this often.
constexpr std::chrono::milliseconds nap_max{1000};

}  // namespace

Sequencer::Sequencer(store::Store& store, const Clock& clock, Concurrency concurrency)
    : Sequencer(store, clock, concurrency, recover(store)) {}

Sequencer::Sequencer(store::Store& store, const Clock& clock, Concurrency concurrency,
                     Recovered recovered)
    : store_(store),
      clock_(clock),
      writer_(store.writer()),
      concurrency_(concurrency),
      state_(std::move(recovered.state)),
      time_(clock, state_.time),
      watch_(state_, time_.now()),
      idempotency_(std::move(recovered.idempotency)),
      lanes_(shared() ? store.appends_at_once() : 1),
      lane_(lanes_.data()),
      next_number_(number_after(store::last_batch(recovered.heads))),
      known_(std::move(recovered.heads)),
      ours_(known_.size()),
      pending_(state_.holds.count()),
      skus_(state_.skus.size()) {
    // Larger than all ids that are pending: those were made no later than the last event, but for those
    // that ran ahead of a clock that stood still or was set back.
    last_id_high_ = id_time(state_.time + std::chrono::milliseconds(1));
    state_.holds.for_each([this](const core::PendingHold& hold) {
        last_id_high_ = std::max(last_id_high_, hold.id.high);
    });
    for (const core::SkuState& sku : state_.skus) {
        for (std::size_t i = 0; sku.queues && i < sku.queues->shoppers.size(); ++i) {
            last_id_high_ = std::max(last_id_high_, sku.queues->shoppers[i].line.last().high);
        }
    }
    if (shared()) {
        state_.holds.index_names();  // the store's index has those that ended
    }
    thread_ = std::jthread([this] { run(); });
    // Shown by top and perf; at most 15 characters.
    ::pthread_setname_np(thread_.native_handle(), "hf-sequencer");
}

Sequencer::~Sequencer() {
    stop();
}

template <class Add>
std::optional<Refusal> Sequencer::enqueue(std::size_t commands, Add add) {
    bool was_empty = false;
    {
        const std::lock_guard lock(mutex_);
        if (failure_) {
            return failure_;
        }
        if (stopping_) {
            return stopping();
        }
        if (queued_commands_ + commands > limits::queue_length_max) {
            return overloaded();
        }
        was_empty = queue_.empty();
        queued_commands_ += commands;
        add(queue_);
    }
    if (was_empty) {
        wake_.notify_one();
    }
    return std::nullopt;
}

void Sequencer::submit(Submission&& submission, Done<Answer>&& done) {
    auto refused = enqueue(1, [&](std::vector<Item>& queue) {
        queue.emplace_back(std::in_place_type<Single>, std::move(submission), std::move(done));
    });
    if (refused) {
        done({std::unexpected(std::move(*refused))});
    }
}

void Sequencer::submit(std::vector<Submission>&& submissions, ManyDone&& done) {
    const std::size_t count = submissions.size();
    const auto refused = enqueue(count, [&](std::vector<Item>& queue) {
        queue.emplace_back(std::in_place_type<Many>, std::move(submissions), std::move(done));
    });
    if (refused) {
        done(std::vector<Outcome<Answer>>(count, {std::unexpected(*refused)}));
    }
}

void Sequencer::read(std::unique_ptr<Read> read) {
    const auto refused = enqueue(1, [&](std::vector<Item>& queue) {
        strong_read_waits_ = strong_read_waits_ || read->strong();
        queue.emplace_back(std::move(read));
    });
    if (refused) {
        read->answer(&*refused);
    }
}

void Sequencer::tick() {
    ++ticks_;
    // The first look says up to when: it may join a round that is older.
    std::optional<Instant> present;
    bool due = true;
    while (due) {
        std::promise<bool> more;
        read(make_read<bool>(
            [this, &present](const View&) -> Result<bool> {
                present = present.value_or(time_.now());
                return due_at(*present);
            },
            [&more](const Outcome<bool>& outcome) {
                more.set_value(outcome.result.value_or(false));
            }));
        due = more.get_future().get();
    }
    --ticks_;
}

void Sequencer::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    std::call_once(joined_, [this] { thread_.join(); });
}

bool Sequencer::due_at(Instant now) const {
    return next_due() <= now || !state_.to_serve.empty();
}

Instant Sequencer::next_due() const {
    const Instant due = std::min(state_.holds.next_deadline(), watch_.next());
    return std::min(ticks_ > 0 ? due : std::max(due, look_for_due_at_), refusals_.next_flush());
}

std::chrono::milliseconds Sequencer::nap() {
    Instant next = next_due();
    if (shared()) {
        next = std::min(next, next_follow_);
    }
    return std::clamp(next == Instant::max() ? nap_max : next - time_.now(),
                      std::chrono::milliseconds(1), nap_max);
}

bool Sequencer::wait_for_work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        const bool in_flight =
            std::ranges::any_of(lanes_, [](const Lane& lane) { return lane.in_flight; });
        const bool open =
            std::ranges::any_of(lanes_, [](const Lane& lane) { return lane.round != nullptr; });
        const bool full = std::ranges::any_of(lanes_, [](const Lane& lane) {
            return lane.round && (lane.closed || lane.round->full());
        });
        const bool can_send =
            returned_.empty() && std::ranges::any_of(lanes_, [](const Lane& lane) {
                return lane.round && !lane.in_flight;
            });
        const bool asked = !queue_.empty() || next_ < taken_.size();
        // Also the other nodes, for locks that this one keeps.
        const bool somebody_waits = asked || holds_locks_;
        quiescent_ = !in_flight && !open && returned_.empty();
        const bool follows = !stopping_ && follow_is_due();
        // On top of what will hardly be kept, or is to end soon, nothing more is decided.
        may_decide_ = !must_follow_ && returned_.empty() &&
                      (quiescent_ || (!follows && (contention_ == 0 || !in_flight) &&
                                      (lanes_used_ == 1 || !needs_one_lane())));
        const bool can_take = may_decide_ && !full && somebody_waits;
        can_follow_ = quiescent_ && ((must_follow_ && somebody_waits) || follows);
        const bool can_take_back = !returned_.empty() && !in_flight;
        const bool can_answer = !reads_.empty() && reads_.front().until <= settled_until();
        const bool can_refuse = failure_ && (asked || !reads_.empty());
        if (can_send || can_take || can_follow_ || can_take_back || can_answer || can_refuse) {
            break;
        }
        if (stopping_ && !in_flight) {
            return false;
        }
        // A round that is open has a time of its own already: what is due later waits for the next.
        const bool timer_runs =
            !stopping_ && !failure_ && !open && may_decide_ && (lanes_used_ == 1 || quiescent_);
        if (timer_runs && due_at(time_.now())) {
            break;
        }
        wake_.wait_for(lock, timer_runs ? nap() : nap_max);
    }
    if (next_ == taken_.size()) {
        taken_.clear();
        next_ = 0;
        taken_.swap(queue_);
        must_follow_ = must_follow_ || (shared() && std::exchange(strong_read_waits_, false));
    }
    return true;
}

void Sequencer::run() {
    while (wait_for_work()) {
        std::optional<Refusal> failure;
        {
            const std::lock_guard lock(mutex_);
            failure = failure_;
        }
        if (failure) {
            refuse_all(*failure);
            continue;
        }
        try {
            work();
        } catch (const std::exception& error) {
            // The store could not be read, or what it keeps is damaged: the state may have moved on
            // without its round, so nothing more may be decided on it.
            const std::lock_guard lock(mutex_);
            failure_ = stopped(error.what());
        }
    }
}

void Sequencer::work() {
    take_back();
    answer_reads();
    if (can_follow_) {
        follow();
    }
    if (may_decide_ && !must_follow_) {
        if (quiescent_) {
            begin_era();
        }
        fill_rounds();
    }
    for (Lane& lane : lanes_) {
        // What is decided later is not to have the time of a round that came to nothing.
        if (lane.round && lane.round->empty() && !holds_locks_) {
            take_unsent(lane);
        }
        bool idle = false;
        {
            const std::lock_guard lock(mutex_);
            // After a failure, which may have come meanwhile, what was decided on top is refused.
            idle = !lane.in_flight && !failure_ && returned_.empty();
        }
        if (idle && lane.round) {
            lane_ = &lane;
            send_round(lane);
        }
    }
    answer_reads();
}

void Sequencer::fill_rounds() {
    recent_.forget(settled_until());
    now_ = time_.now();
    if (lanes_used_ == 1 && (holds_locks_ || due_at(now_))) {
        open_round();
    }
    std::size_t prefetched = next_;
    while (next_ < taken_.size() && enter_round()) {
        if (next_ == prefetched) {
            prefetched = prefetch(next_);
        }
        // Not before it is done: who was not answered is refused with the rest.
        if (!execute(taken_[next_])) {
            break;
        }
        ++next_;
    }
}

// Reads open none: what is decided after one was answered is not to be of an earlier time.
bool Sequencer::enter_round() {
    if (lanes_used_ > 1 && std::holds_alternative<Many>(taken_[next_])) {
        split();
    }
    if (std::holds_alternative<std::unique_ptr<Read>>(taken_[next_])) {
        now_ = lanes_used_ == 1 && lane_->round ? lane_->round->now() : now_;
        return true;
    }
    if (lanes_used_ > 1 && !choose_lane()) {
        return false;
    }
    open_round();
    return !lane_->closed && !lane_->round->full();
}

// Brings what the next few commands will look at into the cache: together, which takes little longer
// than one. Returns the first item that it did not look at.
std::size_t Sequencer::prefetch(std::size_t from) const {
    constexpr std::size_t lines_max = 32;
    std::size_t lines = 0;
    for (; from < taken_.size() && lines < lines_max; ++from) {
        if (const auto* single = std::get_if<Single>(&taken_[from])) {
            lines += 1 + core::prefetch(state_, single->submission.command);
        } else if (const auto* many = std::get_if<Many>(&taken_[from])) {
            for (const Submission& submission : many->submissions) {
                lines += 1 + core::prefetch(state_, submission.command);
            }
        }
    }
    return from;
}

void Sequencer::refuse_all(const Refusal& failure) {
    std::vector<Returned> returned;
    {
        const std::lock_guard lock(mutex_);
        returned.swap(returned_);
    }
    for (const Returned& one : returned) {
        // Not the same for all: of these it may not be known what became of them.
        const Refusal refusal = store_refusal(one.why);
        one.round->answer_all(&refusal);
    }
    for (Lane& lane : lanes_) {
        if (lane.round) {
            lane.round->answer_all(&failure);
            lane.round.reset();
        }
    }
    answer_reads();
    for (const WaitingRead& waiting : std::exchange(reads_, {})) {
        waiting.read->answer(&failure);
    }
    refuse_taken(failure);
}

void Sequencer::refuse_taken(const Refusal& failure) {
    for (; next_ < taken_.size(); ++next_) {
        queued_commands_.fetch_sub(weight(taken_[next_]), std::memory_order_relaxed);
        refuse(taken_[next_], failure);
    }
}

void Sequencer::open_round() {
    if (lane_->round) {
        return;
    }
    const Instant now = time_.now();
    lane_->round = std::make_unique<Round>(next_number_, now, state_, last_size_, shared());
    lane_->closed = false;
    lane_->served = 0;
    next_number_ = number_after(next_number_);
    // What time brings about may be of any partition.
    if (lanes_used_ == 1) {
        bool left = false;
        if (state_.holds.any_due(now)) {
            core::Decision expiry = core::decide(state_, ExpireHolds{}, {.now = now});
            left = leave_to_others(expiry);
            expire(expiry);
        }
        serve_waiting();
        // Counts what came back: so it waits for that, but not for ever.
        if (!left || watch_.next() <= now - left_to_others) {
            apply(watch_.pass(state_, now));
        }
        flush_refusals();
    }
}

// However many lapsed holds stand in somebody's way, a round stays as small as it should: when it has
// no room for the end of these, who is in need of it waits for the next one.
void Sequencer::expire(const core::Decision& expiry) {
    lane_->closed = lane_->round->full() ||
                    lane_->round->event_count() + expiry.events.size() > limits::round_commands_max;
    if (!lane_->closed) {
        apply(expiry);
        serve_waiting();
    }
}

void Sequencer::flush_refusals() {
    for (HoldRefused& rest : refusals_.flush(lane_->round->now())) {
        apply(std::move(rest), {});
    }
}

void Sequencer::look_at_changes() {
    std::vector<core::SkuIndex> skus;
    lane_->round->each_changed_sku([&](core::SkuIndex sku) {
        if (core::Watch::concerns(state_.skus[sku])) {
            skus.push_back(sku);
        }
    });
    apply(watch_.look(state_, std::move(skus), lane_->round->now()));
}

std::unique_ptr<Round> Sequencer::take_unsent(Lane& lane) {
    std::unique_ptr<Round> round = std::move(lane.round);
    if (next_number_ == number_after(round->number())) {
        next_number_ = round->number();  // nobody has seen it
    }
    return round;
}

void Sequencer::send_round(Lane& lane) {
    look_at_changes();
    pending_ = state_.holds.count();
    skus_ = state_.skus.size();
    if (!lane.round->has_events() && !lane.round->has_told() && !holds_locks_) {
        // Nothing of these partitions is on its way to disk either: all that was seen is durable.
        const std::unique_ptr<Round> round = take_unsent(lane);
        if (!shared() || holds_still(*round)) {
            round->answer_all(nullptr);
        } else {
            decide_again(round->give_back());
            must_follow_ = true;
        }
        return;
    }
    for (const AnswersRow& row : idempotency_.prune(lane.round->now())) {
        lane.round->forget_answers(row.partition, row.version);
    }
    store::Batch batch = lane.round->seal(state_);
    last_size_ = lane.round->final_size();
    batch.lock = locked_ = locks();
    holds_locks_ = false;
    for (const store::PartitionStep& step : batch.steps) {
        ours_[step.partition] = true;
    }
    lane.sent = batch.number;
    lane.sent_at = clock_.steady();
    {
        const std::lock_guard lock(mutex_);
        lane.in_flight = true;
    }
    if (HF_FAULT(answer_before_durable)) {
        appended(lane, std::move(lane.round), {});
        store_.append(std::move(batch), [](const store::AppendResult&) {});
        return;
    }
    store_.append(std::move(batch),
                  [this, &lane, round = std::move(lane.round)](store::AppendResult result) mutable {
                      appended(lane, std::move(round), std::move(result));
                  });
}

// On the store's thread. The callers are answered before the next round is sent, so that those who
// ask again at once are all in it.
void Sequencer::appended(Lane& lane, std::unique_ptr<Round> round, store::AppendResult result) {
    std::optional<Refusal> failure;
    if (result.outcome == store::AppendOutcome::appended || HF_FAULT(failure_ignored)) {
        note_duration(clock_.steady() - lane.sent_at);
        lane.sent.store(0, std::memory_order_release);
        rounds_.fetch_add(1, std::memory_order_relaxed);
        events_.fetch_add(round->event_count(), std::memory_order_relaxed);
        contention_ = std::max(contention_ - 1, 0);
    } else if (shared()) {
        const std::lock_guard lock(mutex_);
        returned_.push_back({.round = std::move(round), .why = std::move(result)});
        lane.in_flight = false;
        wake_.notify_one();
        return;
    } else {
        failure = store_refusal(result);
    }
    round->answer_all(failure ? &*failure : nullptr);
    // Still under the lock: the sequencer may be gone as soon as its thread sees that nothing is in flight.
    const std::lock_guard lock(mutex_);
    lane.in_flight = false;
    if (failure) {
        failure_ = stopped(result.error);
    }
    wake_.notify_one();
}

void Sequencer::answer_reads() {
    while (!reads_.empty() && reads_.front().until <= settled_until()) {
        reads_.front().read->answer(nullptr);
        reads_.pop_front();
    }
}

std::uint64_t Sequencer::settled_until() const {
    std::uint64_t first = UINT64_MAX;
    for (const Lane& lane : lanes_) {
        if (const std::uint64_t sent = lane.sent.load(std::memory_order_acquire); sent != 0) {
            first = std::min(first, sent);
        }
        if (lane.round) {
            first = std::min(first, lane.round->number());
        }
    }
    return first - 1;
}

bool Sequencer::settled(std::uint64_t round) const {
    return round == 0 || std::ranges::none_of(lanes_, [round](const Lane& lane) {
               return lane.sent.load(std::memory_order_acquire) == round ||
                      (lane.round && lane.round->number() == round);
           });
}

Statistics Sequencer::statistics() const {
    Statistics statistics{.stock_keeping_units = skus_,
                          .pending_holds = pending_,
                          .queue_length = queued_commands_,
                          .rounds = rounds_,
                          .commands = commands_,
                          .events = events_,
                          .holds_expired = expired_,
                          .clock_behind = time_.behind(),
                          .conflicts = conflicts_};
    const std::lock_guard lock(mutex_);
    statistics.serving = !failure_ && !stopping_;
    statistics.failure = failure_ ? failure_->detail : unreachable_;
    return statistics;
}

}  // namespace holdfast::sequencer
