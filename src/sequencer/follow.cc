// The sequencer's half for stores that others append to: it follows what they do, and takes back what it
// decided when one of them was faster.
#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include <holdfast/assert.h>
#include <holdfast/fault.h>
#include <holdfast/limits.h>
#include "core/evolve.h"
#include "sequencer/event_log.h"
#include "sequencer/refusals.h"
#include "sequencer/sequencer.h"
#include "store/codec.h"

namespace holdfast::sequencer {
namespace {

constexpr int contention_per_conflict = 2;
// Two conflicts in a row; one that comes now and then falls away in between.
constexpr int contention_that_locks = 3;
constexpr int contention_max = 8;

// Whose change other commands may have looked up in the store.
template <class E>
std::optional<HoldId> changed_hold(const E& event) {
    if constexpr (requires { event.id; }) {
        return event.id;
    } else if constexpr (requires { event.hold.id; }) {
        return event.hold.id;
    } else {
        return std::nullopt;
    }
}

}  // namespace

std::uint64_t Sequencer::number_after(std::uint64_t number) const {
    return writer_ ? ((number >> 16) + 1) << 16 | *writer_ : number + 1;
}

bool Sequencer::follow_is_due() {
    return shared() && next_follow_ <= time_.now();
}

bool Sequencer::locks() const {
    return shared() && concurrency_ != Concurrency::optimistic &&
           (concurrency_ == Concurrency::pessimistic || contention_ >= contention_that_locks);
}

void Sequencer::take_back() {
    std::vector<Returned> returned;
    {
        const std::lock_guard lock(mutex_);
        if (std::ranges::any_of(lanes_, [](const Lane& lane) { return lane.in_flight; })) {
            return;
        }
        returned.swap(returned_);
    }
    if (returned.empty()) {
        return;
    }
    // What is durable of the era is read again.
    undo_->roll_back(state_);
    recent_.forget_all();
    idempotency_.take_back(era_);
    must_follow_ = true;
    take_back_reads();
    take_back_open();
    for (Lane& lane : lanes_) {
        lane.sent = 0;
    }
    std::ranges::sort(returned, std::ranges::greater(),
                      [](const Returned& one) { return one.round->number(); });
    for (const Returned& one : returned) {
        if (one.why.outcome == store::AppendOutcome::conflict || HF_FAULT(unknown_decided_again)) {
            conflicts_.fetch_add(1, std::memory_order_relaxed);
            holds_locks_ = locked_;
            contention_ = std::min(contention_ + contention_per_conflict, contention_max);
            decide_again(one.round->give_back());
            continue;
        }
        {
            const std::lock_guard lock(mutex_);
            unreachable_ = one.why.error;
        }
        const Refusal refusal = store_refusal(one.why);
        one.round->answer_all(&refusal);
    }
}

// What was not sent; the latest first, since each comes before all that waits.
void Sequencer::take_back_open() {
    std::vector<std::unique_ptr<Round>> open;
    for (Lane& lane : lanes_) {
        if (lane.round) {
            open.push_back(std::move(lane.round));
        }
    }
    std::ranges::sort(open, std::ranges::greater(), &Round::number);
    for (const std::unique_ptr<Round>& round : open) {
        decide_again(round->give_back());
    }
}

void Sequencer::take_back_reads() {
    std::vector<Item> again;
    again.reserve(reads_.size());
    for (WaitingRead& waiting : std::exchange(reads_, {})) {
        again.emplace_back(std::move(waiting.read));
    }
    decide_again(std::move(again));
}

void Sequencer::decide_again(std::vector<Item>&& items) {
    for (const Item& item : items) {
        queued_commands_.fetch_add(weight(item), std::memory_order_relaxed);
        if (!std::holds_alternative<std::unique_ptr<Read>>(item)) {
            commands_.fetch_sub(weight(item), std::memory_order_relaxed);  // they count once
        }
    }
    std::move(taken_.begin() + static_cast<std::ptrdiff_t>(next_), taken_.end(),
              std::back_inserter(items));
    taken_ = std::move(items);
    next_ = 0;
}

void Sequencer::follow() {
    std::optional<Refusal> refusal;
    try {
        catch_up();
        must_follow_ = false;
    } catch (const StoreUnreachable& error) {
        must_follow_ = true;
        refusal = unreachable(error.what());
    }
    next_follow_ = time_.now() + limits::follow_every;
    {
        const std::lock_guard lock(mutex_);
        unreachable_ = refusal ? refusal->detail : "";
    }
    if (refusal) {
        refuse_taken(*refusal);
    }
}

void Sequencer::catch_up() {
    const std::vector<Version> known = state_.versions;
    // Requests that others answered may be repeated here. Before the events: when reading those breaks off, what they
    // changed so far is not looked at again.
    store::News news =
        store_.news(known, EventLog::piece_bytes,
                    [this](PartitionId partition, Version version, std::string_view value) {
                        const KeptAnswers kept =
                            kept_answers(partition, store::encode_version_key(version), value);
                        idempotency_.restore(kept.row, kept.keys);
                    });
    for (std::size_t i = 0; i < known.size(); ++i) {
        if (news.heads[i].version < known[i]) {
            throw store::StoreError(fmt::format(
                "partition {} is at version {}, and was at {} before: the store has lost "
                "acknowledged changes, as after a fail-over to a standby that had not all of them, "
                "or a restored backup. Start again to go on with what it has",
                i, news.heads[i].version, known[i]));
        }
    }
    const std::vector<store::Head> heads = news.heads;
    EventLog log(store_, known, std::move(news));
    bool changed = false;
    while (const auto recorded = log.next()) {
        evolve_others(*recorded);
        if (HF_FAULT(tail_applied_twice)) {
            evolve_others(*recorded);
        }
        changed = true;
    }
    for (std::size_t i = 0; i < heads.size(); ++i) {
        ours_[i] = (heads[i].batch & 0xffff) == *writer_;
    }
    known_ = heads;
    behind_ = false;
    next_number_ = std::max(next_number_, number_after(store::last_batch(heads)));
    time_.not_before(state_.time);
    if (!changed) {
        return;
    }
    watch_.review(state_, time_.now());
    pending_ = state_.holds.count();
    skus_ = state_.skus.size();
}

void Sequencer::evolve_others(const RecordedEvent& recorded) {
    if (const auto id =
            std::visit([](const auto& event) { return changed_hold(event); }, recorded.event)) {
        recent_.forget(*id);
    }
    // What is placed here later sorts behind it.
    if (const auto* const placed = std::get_if<HoldPlaced>(&recorded.event)) {
        last_id_high_ = std::max(last_id_high_, placed->hold.id.high);
    } else if (const auto* const joined = std::get_if<WaitlistJoined>(&recorded.event)) {
        last_id_high_ = std::max(last_id_high_, joined->entry.high);
    }
    core::evolve(state_, recorded.event, recorded.at);
    HF_ASSERT(state_.versions[recorded.partition] == recorded.version);
    watch_.count(state_, recorded.event);
}

// Who made the last append knew all before it.
bool Sequencer::knows(PartitionId partition, const store::Head& head) const {
    return head.batch == known_[partition].batch || (head.batch & 0xffff) == *writer_;
}

bool Sequencer::fetch_past(const Command& command) {
    const auto id = core::named_hold(command);
    if (!id || state_.holds.find(*id) != nullptr || recent_.find(*id) != nullptr) {
        return true;
    }
    try {
        std::optional<Hold> past = find_past(*id);
        if (past && !behind_) {
            recent_.put(*std::move(past), 0);
        }
        return !std::exchange(behind_, false);
    } catch (const StoreUnreachable&) {
        return false;  // catching up will say so
    }
}

bool Sequencer::fetch_past(const Item& item) {
    if (const auto* const single = std::get_if<Single>(&item)) {
        return fetch_past(single->submission.command);
    }
    const auto* const many = std::get_if<Many>(&item);
    return many == nullptr ||
           std::ranges::all_of(many->submissions, [this](const Submission& submission) {
               return fetch_past(submission.command);
           });
}

bool Sequencer::leave_to_others(core::Decision& expiry) {
    if (!shared() || ticks_ > 0) {
        return false;
    }
    const Instant now = lane_->round->now();
    const auto left = std::ranges::find_if(expiry.events, [&](const Event& event) {
        const auto* const expired = std::get_if<HoldExpired>(&event);
        return expired != nullptr && !ours_[state_.home(expired->id)] &&
               state_.holds.find(expired->id)->deadline() + left_to_others > now;
    });
    if (left == expiry.events.end()) {
        return false;
    }
    // And what comes after it: its fences count on all that is before.
    expiry.events.erase(left, expiry.events.end());
    look_for_due_at_ = now + limits::follow_every;
    return true;
}

bool Sequencer::holds_still(const Round& round) {
    if (round.relied_on().empty() || HF_FAULT(refused_on_a_stale_state)) {
        return true;
    }
    try {
        const std::vector<store::Head> heads = store_.heads();
        return std::ranges::all_of(round.relied_on(), [&](PartitionId partition) {
            return heads[partition].version == state_.versions[partition];
        });
    } catch (const StoreUnreachable&) {
        return false;  // nobody knows
    }
}

bool Sequencer::rely_on(const Command& command, bool told) {
    if (!shared()) {
        return true;
    }
    partitions_.clear();
    named_partitions(command, partitions_);
    if (const auto id = core::named_hold(command)) {
        if (const std::optional<Hold> hold = find_hold(*id)) {
            for (const HoldLine& line : hold->lines) {
                partitions_.push_back(state_.home(line.sku));
            }
        }
    }
    if (!std::ranges::all_of(partitions_, [this](PartitionId one) { return in_lane(one); })) {
        return false;
    }
    for (const PartitionId partition : partitions_) {
        lane_->round->rely_on(partition, told);
    }
    return true;
}

}  // namespace holdfast::sequencer
