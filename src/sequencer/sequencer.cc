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
      writer_(store.writer()),
      concurrency_(concurrency),
      state_(std::move(recovered.state)),
      time_(clock, state_.time),
      watch_(state_, time_.now()),
      idempotency_(std::move(recovered.idempotency)),
      next_number_(number_after(store::last_batch(recovered.heads))),
      durable_round_(store::last_batch(recovered.heads)),
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
    const Instant deadline = ticks_ > 0 ? state_.holds.next_deadline()
                                        : std::max(state_.holds.next_deadline(), look_for_due_at_);
    return std::min({deadline, refusals_.next_flush(), watch_.next()});
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
        const bool can_send = round_ != nullptr && !in_flight_;
        const bool round_full = round_ != nullptr && (closed_ || round_->full());
        const bool asked = !queue_.empty() || next_ < taken_.size();
        // Also the other nodes, for locks that this one keeps.
        const bool somebody_waits = asked || holds_locks_;
        // On top of what will hardly be kept nothing more is decided.
        may_decide_ = !must_follow_ && (contention_ == 0 || !in_flight_);
        const bool can_take = may_decide_ && !round_full && somebody_waits;
        can_follow_ = shared() && !in_flight_ && round_ == nullptr &&
                      ((must_follow_ && somebody_waits) || (!stopping_ && follow_is_due()));
        if (can_send || can_take || can_follow_ || returned_ || (failure_ && asked)) {
            break;
        }
        if (stopping_ && !in_flight_) {
            return false;
        }
        // A round that is open has a time of its own already: what is due later waits for the next.
        const bool timer_runs = !stopping_ && !failure_ && round_ == nullptr && may_decide_;
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
    if (can_follow_) {
        follow();
    }
    if (may_decide_ && !must_follow_) {
        fill_round();
    }
    bool idle = false;
    {
        const std::lock_guard lock(mutex_);
        // After a failure, which may have come meanwhile, what was decided on top is refused.
        idle = !in_flight_ && !failure_ && !returned_;
    }
    if (idle && round_) {
        send_round();
    }
}

void Sequencer::fill_round() {
    recent_.forget(durable_round_.load(std::memory_order_acquire));
    open_round();
    flush_refusals();
    std::size_t prefetched = next_;
    while (next_ < taken_.size() && !closed_ && !round_->full()) {
        if (next_ == prefetched) {
            prefetched = prefetch(next_);
        }
        execute(taken_[next_]);
        next_ += closed_ ? 0 : 1;  // not before: who was not answered is refused with the rest
    }
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
    std::unique_ptr<Round> returned;
    store::AppendResult why;
    {
        const std::lock_guard lock(mutex_);
        returned = std::move(returned_);
        why = std::move(why_returned_);
    }
    if (returned) {
        // Not the same for all: of this one it may not be known what became of it.
        const Refusal refusal = store_refusal(why);
        returned->answer_all(&refusal);
    }
    if (round_) {
        round_->answer_all(&failure);
        round_.reset();
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
    if (!round_) {
        const Instant now = time_.now();
        round_ = std::make_unique<Round>(next_number_, now, state_, last_size_, shared());
        closed_ = false;
        served_ = 0;
        if (state_.holds.any_due(now)) {
            core::Decision expiry = core::decide(state_, ExpireHolds{}, {.now = now});
            leave_to_others(expiry);
            expire(expiry);
        }
        serve_waiting();
        apply(watch_.pass(state_, now));
    }
}

// However many lapsed holds stand in somebody's way, a round stays as small as it should: when it has
// no room for the end of these, who is in need of it waits for the next one.
void Sequencer::expire(const core::Decision& expiry) {
    closed_ =
        round_->full() || round_->event_count() + expiry.events.size() > limits::round_commands_max;
    if (!closed_) {
        apply(expiry);
        serve_waiting();
    }
}

void Sequencer::flush_refusals() {
    for (HoldRefused& rest : refusals_.flush(round_->now())) {
        apply(std::move(rest), {});
    }
}

void Sequencer::look_at_changes() {
    std::vector<core::SkuIndex> skus;
    round_->each_changed_sku([&](core::SkuIndex sku) {
        if (core::Watch::concerns(state_.skus[sku])) {
            skus.push_back(sku);
        }
    });
    apply(watch_.look(state_, std::move(skus), round_->now()));
}

void Sequencer::send_round() {
    look_at_changes();
    pending_ = state_.holds.count();
    skus_ = state_.skus.size();
    if (!round_->has_events() && !round_->has_told() && !holds_locks_) {
        // Nothing is on its way to disk either: all that was seen is durable.
        if (!shared() || holds_still(*round_)) {
            round_->answer_all(nullptr);
            round_.reset();
        } else {
            decide_again(round_->take_back(state_));
            round_.reset();
            must_follow_ = true;
        }
        return;
    }
    for (const AnswersRow& row : idempotency_.prune(round_->now())) {
        round_->forget_answers(row.partition, row.version);
    }
    store::Batch batch = round_->seal(state_);
    last_size_ = round_->final_size();
    next_number_ = number_after(next_number_);
    batch.lock = locked_ = locks();
    holds_locks_ = false;
    for (const store::PartitionStep& step : batch.steps) {
        ours_[step.partition] = true;
    }
    {
        const std::lock_guard lock(mutex_);
        in_flight_ = true;
    }
    if (HF_FAULT(answer_before_durable)) {
        appended(std::move(round_), {});
        store_.append(std::move(batch), [](const store::AppendResult&) {});
        return;
    }
    store_.append(std::move(batch),
                  [this, round = std::move(round_)](store::AppendResult result) mutable {
                      appended(std::move(round), std::move(result));
                  });
}

// On the store's thread. The callers are answered before the next round is sent, so that those who
// ask again at once are all in it.
void Sequencer::appended(std::unique_ptr<Round> round, store::AppendResult result) {
    std::optional<Refusal> failure;
    if (result.outcome == store::AppendOutcome::appended || HF_FAULT(failure_ignored)) {
        durable_round_.store(round->number(), std::memory_order_release);
        rounds_.fetch_add(1, std::memory_order_relaxed);
        events_.fetch_add(round->event_count(), std::memory_order_relaxed);
        contention_ = std::max(contention_ - 1, 0);
    } else if (shared()) {
        const std::lock_guard lock(mutex_);
        returned_ = std::move(round);
        why_returned_ = std::move(result);
        in_flight_ = false;
        wake_.notify_one();
        return;
    } else {
        failure = store_refusal(result);
    }
    round->answer_all(failure ? &*failure : nullptr);
    // Still under the lock: the sequencer may be gone as soon as its thread sees that nothing is in flight.
    const std::lock_guard lock(mutex_);
    in_flight_ = false;
    if (failure) {
        failure_ = stopped(result.error);
    }
    wake_.notify_one();
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
