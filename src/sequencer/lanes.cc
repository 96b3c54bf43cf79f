// Several rounds at once, for stores that take several appends at once: the partitions are divided among lanes, and
// commands that need those of one lane only are decided in a round of that lane. Rounds of different lanes have no
// partition in common, so that it does not matter which is durable first. There are as many lanes as the commands that
// wait are worth, since a database has many processors, and all that there can be where appends are slow; an append
// that is small costs nearly as much as one that is large. What needs more than one lane waits until
// nothing is on its way; then all partitions are one lane for a while, which is also how time passes: what lapses
// or is to be told may be of any partition.
//
// From one moment at which nothing is on its way to the next is an era. When a round was not kept, all of its era is
// taken back, with rounds that are durable: those come back with what the store has.
#include <algorithm>
#include <memory>

#include "core/evolve.h"
#include "sequencer/sequencer.h"

namespace holdfast::sequencer {
namespace {

// A command over several lanes is seldom the only one.
constexpr int eras_of_one_lane = 4;
// As many as make an append of a lane worth its fixed costs: half of them are on their way, half wait.
constexpr std::size_t commands_per_lane = 24;
// A round trip to another zone, or a standby that is waited for.
constexpr std::chrono::milliseconds slow_append{5};

}  // namespace

void Sequencer::begin_era() {
    if (!shared()) {
        return;
    }
    undo_.emplace(state_);
    era_ = next_number_;
    const std::size_t worth_it =
        append_takes_.load() >= slow_append ? lanes_.size() : queued_commands_ / commands_per_lane;
    const bool one = needs_one_lane() || due_at(time_.now());
    lanes_used_ = one ? 1 : std::clamp<std::size_t>(worth_it, 1, lanes_.size());
    lane_ = lanes_.data();
    lane_place_ = 0;
    one_lane_for_ = std::max(one_lane_for_ - 1, 0);
}

// Forgets a slow one slowly: they come in groups.
void Sequencer::note_duration(std::chrono::microseconds took) {
    const std::chrono::microseconds before = append_takes_;
    append_takes_ = std::max(took, before - before / 16);
}

bool Sequencer::needs_one_lane() const {
    return one_lane_for_ > 0 || contention_ > 0 || holds_locks_ || ticks_ > 0 ||
           concurrency_ == Concurrency::pessimistic;
}

void Sequencer::want_one_lane() {
    one_lane_for_ = eras_of_one_lane;
}

void Sequencer::leave_lanes() {
    want_one_lane();
    lane_->closed = true;
}

bool Sequencer::in_lane(const core::Decision& decision) {
    return std::ranges::all_of(decision.events, [this](const Event& event) {
        core::touched_partitions(state_, event, partitions_);
        return std::ranges::all_of(partitions_, [this](PartitionId one) { return in_lane(one); });
    });
}

void Sequencer::named_partitions(const Command& command, std::vector<PartitionId>& out) const {
    std::visit(
        [&]<class C>(const C& c) {
            if constexpr (requires { c.sku; }) {
                out.push_back(state_.home(c.sku));
            }
            if constexpr (std::is_same_v<C, DefineLocation>) {
                out.push_back(0);  // every partition has all of them
            }
            if constexpr (requires { c.alert.token; }) {
                out.push_back(partition_of(c.alert.token, state_.partition_count()));
            }
            if constexpr (requires { c.lines; }) {
                for (const LineRequest& line : c.lines) {
                    out.push_back(state_.home(line.sku));
                }
            }
            if constexpr (requires { c.id; }) {
                out.push_back(state_.home(c.id));
            }
        },
        command);
}

bool Sequencer::choose_lane() {
    partitions_.clear();
    named_partitions(std::get<Single>(taken_[next_]).submission.command, partitions_);
    lane_place_ = partitions_.empty() ? 0 : partitions_.front() % lanes_used_;
    lane_ = &lanes_[lane_place_];
    if (partitions_.empty() ||
        !std::ranges::all_of(partitions_, [this](PartitionId one) { return in_lane(one); })) {
        want_one_lane();
        return false;
    }
    return true;
}

void Sequencer::split() {
    struct Joined {
        ManyDone done;
        std::vector<Outcome<Answer>> outcomes;
        std::atomic<std::size_t> missing;
    };
    Many many = std::move(std::get<Many>(taken_[next_]));
    const auto joined = std::make_shared<Joined>();
    joined->done = std::move(many.done);
    joined->outcomes.resize(many.submissions.size());
    joined->missing = many.submissions.size();
    std::vector<Item> singles;
    singles.reserve(many.submissions.size());
    for (std::size_t i = 0; i < many.submissions.size(); ++i) {
        singles.emplace_back(std::in_place_type<Single>, std::move(many.submissions[i]),
                             [joined, i](Outcome<Answer> outcome) {
                                 joined->outcomes[i] = std::move(outcome);
                                 if (--joined->missing == 0) {
                                     joined->done(std::move(joined->outcomes));
                                 }
                             });
    }
    const auto place = taken_.begin() + static_cast<std::ptrdiff_t>(next_);
    taken_.insert(taken_.erase(place), std::move_iterator(singles.begin()),
                  std::move_iterator(singles.end()));
}

}  // namespace holdfast::sequencer
