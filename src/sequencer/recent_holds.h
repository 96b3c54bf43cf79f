// The holds that came to an end, or changed after it, of late. Those whose round is not yet durable must be
// found here, since the store does not have them; some more stay, because a hold that was just paid is
// the one that is asked for or fulfilled next, and a look into the store takes longer than all else
// that a command costs. The sequencer's thread only.
#pragma once

#include <cstdint>
#include <deque>

#include <boost/unordered/unordered_flat_map.hpp>

#include <holdfast/hold.h>

namespace holdfast::sequencer {

class RecentHolds {
public:
    // Null when it is not known here: then the store has it, if anything has. Valid until the next change.
    [[nodiscard]] const Hold* find(HoldId id) const;
    // As this round leaves it.
    void put(Hold hold, std::uint64_t round);
    // It was changed elsewhere.
    void forget(HoldId id) { holds_.erase(id); }
    void forget_all();
    // All rounds up to this one are durable: of their holds only the latest are kept.
    void forget(std::uint64_t durable_round);

private:
    struct Entry {
        Hold hold;
        std::uint64_t round = 0;
    };
    struct Put {
        HoldId id;
        std::uint64_t round = 0;
        std::size_t size = 0;
    };
    struct HashId {
        std::size_t operator()(HoldId id) const { return id.high * 0x9e3779b97f4a7c15 ^ id.low; }
    };

    boost::unordered_flat_map<HoldId, Entry, HashId> holds_;
    std::deque<Put> puts_;  // oldest first
    std::size_t size_ = 0;  // of all in puts_
};

}  // namespace holdfast::sequencer
