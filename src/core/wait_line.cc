#include "core/wait_line.h"

#include <algorithm>
#include <deque>

#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>

#include <holdfast/assert.h>

namespace holdfast::core {

// Nearly everybody joins at the end and leaves at the front: both are a step in a deque, whose memory lies
// together. Who leaves from between stays there as an empty slot, counted, until the front comes by or half
// of the slots are empty.
struct WaitLine::Slots {
    struct Slot {
        EntryId id;
        WaitEntry entry;
        bool stands = true;
    };
    using Ids =
        __gnu_pbds::tree<EntryId, __gnu_pbds::null_type, std::less<>, __gnu_pbds::rb_tree_tag,
                         __gnu_pbds::tree_order_statistics_node_update>;

    std::deque<Slot> all;  // by id; the first and the last stand
    Ids gone;              // those who do not

    [[nodiscard]] auto lower_bound(EntryId id) {
        if (!all.empty() && all.front().id >= id) {
            return all.begin();
        }
        if (!all.empty() && all.back().id == id) {
            return all.end() - 1;
        }
        return std::ranges::lower_bound(all, id, {}, &Slot::id);
    }

    void tidy() {
        while (!all.empty() && !all.front().stands) {
            gone.erase(all.front().id);
            all.pop_front();
        }
        while (!all.empty() && !all.back().stands) {
            gone.erase(all.back().id);
            all.pop_back();
        }
        if (gone.size() > all.size() / 2) {
            std::erase_if(all, [](const Slot& slot) { return !slot.stands; });
            gone.clear();
        }
    }
};

WaitLine::WaitLine() : slots_(std::make_unique<Slots>()) {}
WaitLine::~WaitLine() = default;
WaitLine::WaitLine(WaitLine&&) noexcept = default;
WaitLine& WaitLine::operator=(WaitLine&&) noexcept = default;

bool WaitLine::empty() const {
    return slots_->all.empty();
}

std::size_t WaitLine::size() const {
    return slots_->all.size() - slots_->gone.size();
}

EntryId WaitLine::first() const {
    HF_ASSERT(!empty());
    return slots_->all.front().id;
}

EntryId WaitLine::last() const {
    HF_ASSERT(!empty());
    return slots_->all.back().id;
}

const WaitEntry* WaitLine::find(EntryId id) const {
    const auto found = slots_->lower_bound(id);
    return found == slots_->all.end() || found->id != id || !found->stands ? nullptr
                                                                           : &found->entry;
}

std::size_t WaitLine::before(EntryId id) const {
    const auto slots = slots_->lower_bound(id) - slots_->all.begin();
    return static_cast<std::size_t>(slots) - slots_->gone.order_of_key(id);
}

void WaitLine::join(EntryId id, WaitEntry entry) {
    HF_ASSERT(empty() || last() < id);
    slots_->all.push_back({.id = id, .entry = std::move(entry)});
}

void WaitLine::leave(EntryId id) {
    const auto found = slots_->lower_bound(id);
    HF_ASSERT(found != slots_->all.end() && found->id == id && found->stands);
    if (found == slots_->all.begin()) {
        slots_->all.pop_front();
    } else {
        found->stands = false;
        found->entry = {};
        slots_->gone.insert(id);
    }
    slots_->tidy();
}

void WaitLine::put_back(EntryId id, WaitEntry entry) {
    const auto found = slots_->lower_bound(id);
    if (found == slots_->all.end() || found->id != id) {
        slots_->all.insert(found, {.id = id, .entry = std::move(entry)});
        return;
    }
    HF_ASSERT(!found->stands);
    found->stands = true;
    found->entry = std::move(entry);
    slots_->gone.erase(id);
}

void WaitLine::for_each_after(EntryId after,
                              const std::function<bool(EntryId, const WaitEntry&)>& visit) const {
    for (auto slot = slots_->lower_bound(after); slot != slots_->all.end(); ++slot) {
        if (slot->stands && slot->id > after && !visit(slot->id, slot->entry)) {
            return;
        }
    }
}

}  // namespace holdfast::core
