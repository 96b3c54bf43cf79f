#include "sequencer/recent_holds.h"

#include <utility>

namespace holdfast::sequencer {
namespace {

// Holds and lines that are kept beyond what has to be: a few megabytes.
constexpr std::size_t kept_max = 16'384;

}  // namespace

const Hold* RecentHolds::find(HoldId id) const {
    const auto found = holds_.find(id);
    return found == holds_.end() ? nullptr : &found->second.hold;
}

void RecentHolds::put(Hold hold, std::uint64_t round) {
    const HoldId id = hold.id;
    const std::size_t size = 1 + hold.lines.size();
    puts_.push_back({.id = id, .round = round, .size = size});
    size_ += size;
    holds_.insert_or_assign(id, Entry{.hold = std::move(hold), .round = round});
}

void RecentHolds::forget_all() {
    holds_.clear();
    puts_.clear();
    size_ = 0;
}

void RecentHolds::forget(std::uint64_t durable_round) {
    while (size_ > kept_max && puts_.front().round <= durable_round) {
        const Put& oldest = puts_.front();
        // It stays when a later round changed it again.
        const auto found = holds_.find(oldest.id);
        if (found != holds_.end() && found->second.round == oldest.round) {
            holds_.erase(found);
        }
        size_ -= oldest.size;
        puts_.pop_front();
    }
}

}  // namespace holdfast::sequencer
