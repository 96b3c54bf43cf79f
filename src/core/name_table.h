// A chained hash table of slots by a name, which many may have: to look them up, whoever asks compares the
// names, since only their hashes are here. So to grow looks at no hold; and the links go both ways, since a
// shop may give all of its holds one name. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "core/pending_holds.h"

namespace holdfast::core {

class NameTable {
public:
    NameTable() : heads_(1, no_slot) {}

    // Nothing without a name. The slot must not be in it.
    void insert(HoldSlot slot, std::string_view name) {
        links_.resize(std::max<std::size_t>(links_.size(), slot + std::size_t{1}));
        if (name.empty()) {
            return;
        }
        links_[slot].hash = hash_of(name);
        links_[slot].used = true;
        if (++count_ > heads_.size()) {
            grow();
        } else {
            link(slot);
        }
    }

    // Nothing when it is not in it.
    void erase(HoldSlot slot) {
        const Link gone = links_[slot];
        if (!gone.used) {
            return;
        }
        (gone.previous == no_slot ? heads_[bucket(gone.hash)] : links_[gone.previous].next) =
            gone.next;
        if (gone.next != no_slot) {
            links_[gone.next].previous = gone.previous;
        }
        links_[slot] = {};
        --count_;
    }

    // All slots with the name, and perhaps others.
    template <class Visit>
    void visit(std::string_view name, Visit visit) const {
        const std::uint32_t hash = hash_of(name);
        for (HoldSlot slot = heads_[bucket(hash)]; slot != no_slot; slot = links_[slot].next) {
            if (links_[slot].hash == hash) {
                visit(slot);
            }
        }
    }

private:
    struct Link {
        HoldSlot previous = no_slot;
        HoldSlot next = no_slot;
        std::uint32_t hash = 0;
        bool used = false;
    };

    [[nodiscard]] static std::uint32_t hash_of(std::string_view name) {
        return static_cast<std::uint32_t>(std::hash<std::string_view>()(name));
    }
    [[nodiscard]] std::size_t bucket(std::uint32_t hash) const {
        return hash & (heads_.size() - 1);
    }

    void link(HoldSlot slot) {
        HoldSlot& head = heads_[bucket(links_[slot].hash)];
        links_[slot].previous = no_slot;
        links_[slot].next = head;
        if (head != no_slot) {
            links_[head].previous = slot;
        }
        head = slot;
    }

    void grow() {
        heads_.assign(heads_.size() * 2, no_slot);
        for (HoldSlot slot = 0; slot < links_.size(); ++slot) {
            if (links_[slot].used) {
                link(slot);
            }
        }
    }

    std::vector<HoldSlot> heads_;  // a power of two of them
    std::vector<Link> links_;      // by slot
    std::size_t count_ = 0;
};

}  // namespace holdfast::core
