#include "core/wait_line.h"

#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>

#include <holdfast/assert.h>

namespace holdfast::core {

struct WaitLine::Tree {
    __gnu_pbds::tree<EntryId, WaitEntry, std::less<>, __gnu_pbds::rb_tree_tag,
                     __gnu_pbds::tree_order_statistics_node_update>
        entries;
};

WaitLine::WaitLine() : tree_(std::make_unique<Tree>()) {}
WaitLine::~WaitLine() = default;
WaitLine::WaitLine(WaitLine&&) noexcept = default;
WaitLine& WaitLine::operator=(WaitLine&&) noexcept = default;

bool WaitLine::empty() const {
    return tree_->entries.empty();
}

std::size_t WaitLine::size() const {
    return tree_->entries.size();
}

EntryId WaitLine::first() const {
    HF_ASSERT(!empty());
    return tree_->entries.begin()->first;
}

EntryId WaitLine::last() const {
    HF_ASSERT(!empty());
    return tree_->entries.rbegin()->first;
}

const WaitEntry* WaitLine::find(EntryId id) const {
    const auto found = tree_->entries.find(id);
    return found == tree_->entries.end() ? nullptr : &found->second;
}

std::size_t WaitLine::before(EntryId id) const {
    return tree_->entries.order_of_key(id);
}

void WaitLine::join(EntryId id, WaitEntry entry) {
    const bool added = tree_->entries.insert({id, std::move(entry)}).second;
    HF_ASSERT(added);
}

void WaitLine::leave(EntryId id) {
    const bool stood_there = tree_->entries.erase(id);
    HF_ASSERT(stood_there);
}

void WaitLine::for_each_after(EntryId after,
                              const std::function<bool(EntryId, const WaitEntry&)>& visit) const {
    for (auto it = tree_->entries.upper_bound(after); it != tree_->entries.end(); ++it) {
        if (!visit(it->first, it->second)) {
            return;
        }
    }
}

}  // namespace holdfast::core
