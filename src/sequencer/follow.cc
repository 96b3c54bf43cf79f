// The sequencer's half for stores that others append to: it follows what they do, and takes back what it
// decided when one of them was faster.
#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include <holdfast/assert.h>
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

// A node that is nearer to a partition than this one has so long to end what lapses there: if it is gone the
// units are back on sale within a second nonetheless.
constexpr std::chrono::milliseconds left_to_others{400};

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
    std::unique_ptr<Round> round;
    store::AppendResult why;
    {
        const std::lock_guard lock(mutex_);
        round = std::move(returned_);
        why = std::move(why_returned_);
    }
    if (!round) {
        return;
    }
    std::vector<Item> later;
    if (round_) {
        later = round_->take_back(state_);
        round_.reset();
    }
    std::vector<Item> items = round->take_back(state_);
    recent_.forget_all();
    idempotency_.take_back(durable_round_);
    must_follow_ = true;
    decide_again(std::move(later));
    if (why.outcome == store::AppendOutcome::conflict) {
        conflicts_.fetch_add(1, std::memory_order_relaxed);
        holds_locks_ = locked_;
        contention_ = std::min(contention_ + contention_per_conflict, contention_max);
        decide_again(std::move(items));
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        unreachable_ = why.error;
    }
    const Refusal refusal = store_refusal(why);
    for (Item& item : items) {
        refuse(item, refusal);
    }
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
    std::vector<store::Head> heads = store_.heads();
    const std::vector<Version> known = state_.versions;
    for (std::size_t i = 0; i < heads.size(); ++i) {
        if (heads[i].version < known[i]) {
            throw store::StoreError(fmt::format(
                "partition {} is at version {}, and was at {} before: the store has lost "
                "acknowledged changes, as after a fail-over to a standby that had not all of them, "
                "or a restored backup. Start again to go on with what it has",
                i, heads[i].version, known[i]));
        }
    }
    // Before the events: when reading those breaks off, what they changed so far is not looked at again.
    for (std::size_t i = 0; i < heads.size(); ++i) {
        if (heads[i].version > known[i]) {
            restore_answers(static_cast<PartitionId>(i), known[i], heads[i].version);
        }
    }
    EventLog log(store_, known, heads);
    bool changed = false;
    while (const auto recorded = log.next()) {
        evolve_others(*recorded);
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

// Requests that others answered may be repeated here.
void Sequencer::restore_answers(PartitionId partition, Version after, Version until) {
    store_.scan(partition, store::RowKind::answers, store::encode_version_key(after),
                [&](std::string_view key, std::string_view value) {
                    if (store::decode_version_key(key) > until) {
                        return false;
                    }
                    const KeptAnswers kept = kept_answers(partition, key, value);
                    idempotency_.restore(kept.row, kept.keys);
                    return true;
                });
}

void Sequencer::leave_to_others(core::Decision& expiry) {
    if (!shared() || ticks_ > 0) {
        return;
    }
    const Instant now = round_->now();
    const auto left = std::ranges::find_if(expiry.events, [&](const Event& event) {
        const auto* const expired = std::get_if<HoldExpired>(&event);
        return expired != nullptr && !ours_[state_.home(expired->id)] &&
               state_.holds.find(expired->id)->deadline() + left_to_others > now;
    });
    if (left != expiry.events.end()) {
        // And what comes after it: its fences count on all that is before.
        expiry.events.erase(left, expiry.events.end());
        look_for_due_at_ = now + limits::follow_every;
    }
}

bool Sequencer::holds_still(const Round& round) {
    if (round.relied_on().empty()) {
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

void Sequencer::rely_on(const Command& command, bool told) {
    if (!shared()) {
        return;
    }
    const auto on_sku = [&](std::string_view sku) {
        round_->rely_on(partition_of(routing_token(sku), state_.partition_count()), told);
    };
    std::visit(
        [&]<class C>(const C& c) {
            if constexpr (requires { c.sku; }) {
                on_sku(c.sku);
            }
            if constexpr (std::is_same_v<C, DefineLocation>) {
                round_->rely_on(0, told);  // every partition has all of them
            }
            if constexpr (requires { c.alert.token; }) {
                round_->rely_on(partition_of(c.alert.token, state_.partition_count()), told);
            }
            if constexpr (requires { c.lines; }) {
                for (const LineRequest& line : c.lines) {
                    on_sku(line.sku);
                }
            }
            if constexpr (requires { c.id; }) {
                round_->rely_on(state_.home(c.id), told);
                if (const std::optional<Hold> hold = find_hold(c.id)) {
                    for (const HoldLine& line : hold->lines) {
                        on_sku(line.sku);
                    }
                }
            }
        },
        command);
}

}  // namespace holdfast::sequencer
