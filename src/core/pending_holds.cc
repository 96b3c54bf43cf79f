#include "core/pending_holds.h"

#include <algorithm>
#include <cstring>
#include <string>

#include <xxhash.h>

#include <holdfast/assert.h>

namespace holdfast::core {
namespace {

using std::chrono::milliseconds;

// The packed form of a hold: cart, customer, then the lines, all numbers as LEB128 varints.
//   text  = length bytes
//   hold  = text(cart) text(customer) lines
//   lines = count { sku, named location + 1 or 0, wanted, quantity, limited,
//                   count { location, quantity } }
void append_varint(std::string& out, std::uint64_t number) {
    while (number >= 0x80) {
        out.push_back(static_cast<char>(number | 0x80));
        number >>= 7;
    }
    out.push_back(static_cast<char>(number));
}

std::uint64_t read_varint(const char*& at) {
    std::uint64_t number = 0;
    for (int shift = 0;; shift += 7) {
        const auto byte = static_cast<unsigned char>(*at++);
        number |= std::uint64_t{byte & 0x7fU} << shift;
        if (byte < 0x80) {
            return number;
        }
    }
}

std::string_view read_text(const char*& at) {
    const std::size_t bytes = read_varint(at);
    const std::string_view text(at, bytes);
    at += bytes;
    return text;
}

void append_lines(std::string& out, const PackedLines& lines) {
    append_varint(out, lines.size());
    for (const PackedLine& line : lines) {
        append_varint(out, line.sku);
        append_varint(out, line.named_location == PackedLine::no_location
                               ? 0
                               : std::uint64_t{line.named_location} + 1);
        append_varint(out, static_cast<std::uint64_t>(line.wanted));
        append_varint(out, static_cast<std::uint64_t>(line.quantity));
        append_varint(out, line.limited ? 1 : 0);
        append_varint(out, line.allocations.size());
        for (const PackedAllocation& allocation : line.allocations) {
            append_varint(out, allocation.location);
            append_varint(out, static_cast<std::uint64_t>(allocation.quantity));
        }
    }
}

std::unique_ptr<char[]> pack(std::string_view cart, std::string_view customer,
                             const PackedLines& lines) {
    static thread_local std::string buffer;
    buffer.clear();
    append_varint(buffer, cart.size());
    buffer.append(cart);
    append_varint(buffer, customer.size());
    buffer.append(customer);
    append_lines(buffer, lines);
    auto packed = std::make_unique_for_overwrite<char[]>(buffer.size());
    std::memcpy(packed.get(), buffer.data(), buffer.size());
    return packed;
}

std::uint32_t offset_ms(Instant from, Instant to) {
    const auto offset = (to - from).count();
    HF_ASSERT(offset >= 0 && offset <= 0xffff'ffffLL);
    return static_cast<std::uint32_t>(offset);
}

void set_times(PendingHold& hold, const HoldTimes& times) {
    hold.id = times.id;
    hold.created_at = times.created_at;
    hold.fence = times.fence;
    hold.expires_ms = offset_ms(times.created_at, times.expires_at);
    hold.heartbeat_s = static_cast<std::uint32_t>(times.heartbeat.count());
    hold.beats_until_ms =
        hold.heartbeat_s == 0 ? 0 : offset_ms(times.created_at, times.beats_until);
    hold.extensions = static_cast<std::uint16_t>(times.extensions);
    hold.secured = times.secured;
}

}  // namespace

Instant PendingHold::expires_at() const {
    return created_at + milliseconds(expires_ms);
}

Instant PendingHold::beats_until() const {
    return heartbeat_s == 0 ? Instant{} : created_at + milliseconds(beats_until_ms);
}

Instant PendingHold::deadline() const {
    return heartbeat_s == 0 ? expires_at() : std::min(expires_at(), beats_until());
}

std::string_view PendingHold::cart() const {
    const char* at = packed.get();
    return read_text(at);
}

std::string_view PendingHold::customer() const {
    const char* at = packed.get();
    read_text(at);
    return read_text(at);
}

HoldTimes times_of(const Hold& hold) {
    return {.id = hold.id,
            .created_at = hold.created_at,
            .fence = hold.fence,
            .expires_at = hold.expires_at,
            .beats_until = hold.beats_until,
            .heartbeat = hold.heartbeat,
            .extensions = hold.extensions,
            .secured = hold.secured};
}

PackedLines PendingHold::lines() const {
    const char* at = packed.get();
    read_text(at);
    read_text(at);
    PackedLines lines(read_varint(at));
    for (PackedLine& line : lines) {
        line.sku = static_cast<std::uint32_t>(read_varint(at));
        const std::uint64_t named = read_varint(at);
        line.named_location =
            named == 0 ? PackedLine::no_location : static_cast<std::uint32_t>(named - 1);
        line.wanted = static_cast<Quantity>(read_varint(at));
        line.quantity = static_cast<Quantity>(read_varint(at));
        line.limited = read_varint(at) != 0;
        line.allocations.resize(read_varint(at));
        for (PackedAllocation& allocation : line.allocations) {
            allocation.location = static_cast<std::uint16_t>(read_varint(at));
            allocation.quantity = static_cast<Quantity>(read_varint(at));
        }
    }
    return lines;
}

namespace {

using Slots = boost::container::deque<
    PendingHold, void, boost::container::deque_options<boost::container::block_size<1024>>::type>;

// Hash and equality of slots by what they stand for, so that the sets hold four bytes a hold.
struct IdKey {
    const Slots* slots;
    using is_transparent = void;
    std::size_t operator()(HoldId id) const { return XXH3_64bits(&id, sizeof id); }
    std::size_t operator()(HoldSlot slot) const { return (*this)((*slots)[slot].id); }
    bool operator()(HoldSlot a, HoldSlot b) const { return a == b; }
    bool operator()(HoldSlot a, HoldId id) const { return (*slots)[a].id == id; }
    bool operator()(HoldId id, HoldSlot a) const { return (*slots)[a].id == id; }
};

template <std::string_view (PendingHold::*Name)() const>
struct NameKey {
    const Slots* slots;
    using is_transparent = void;
    [[nodiscard]] std::string_view name(HoldSlot slot) const { return ((*slots)[slot].*Name)(); }
    std::size_t operator()(std::string_view text) const {
        return XXH3_64bits(text.data(), text.size());
    }
    std::size_t operator()(HoldSlot slot) const { return (*this)(name(slot)); }
    bool operator()(HoldSlot a, HoldSlot b) const { return a == b; }
    bool operator()(HoldSlot a, std::string_view text) const { return name(a) == text; }
    bool operator()(std::string_view text, HoldSlot a) const { return name(a) == text; }
};

template <class Key>
using SlotSet = boost::unordered_flat_set<HoldSlot, Key, Key>;

// A doubly linked list through the slots.
template <SlotLinks PendingHold::* Links>
struct SlotList {
    static void push_back(Slots& slots, HoldSlot& tail, HoldSlot slot) {
        (slots[slot].*Links) = {.previous = tail, .next = no_slot};
        if (tail != no_slot) {
            (slots[tail].*Links).next = slot;
        }
        tail = slot;
    }
    static void unlink(Slots& slots, HoldSlot slot) {
        const SlotLinks links = slots[slot].*Links;
        if (links.previous != no_slot) {
            (slots[links.previous].*Links).next = links.next;
        }
        if (links.next != no_slot) {
            (slots[links.next].*Links).previous = links.previous;
        }
    }
};

// The holds of one owner (cart or customer): the set knows the head of each list, newest first.
template <std::string_view (PendingHold::*Name)() const, SlotLinks PendingHold::* Links>
class OwnerIndex {
public:
    explicit OwnerIndex(Slots* slots)
        : slots_(slots), heads_(0, NameKey<Name>{slots}, NameKey<Name>{slots}) {}

    void insert(HoldSlot slot) {
        PendingHold& hold = (*slots_)[slot];
        hold.*Links = {};
        const std::string_view name = (hold.*Name)();
        if (name.empty()) {
            return;
        }
        const auto head = heads_.find(name);
        if (head == heads_.end()) {
            heads_.insert(slot);
            return;
        }
        // The set keeps the first slot as the head: the others are linked in behind it.
        PendingHold& first = (*slots_)[*head];
        (hold.*Links) = {.previous = *head, .next = (first.*Links).next};
        if ((first.*Links).next != no_slot) {
            ((*slots_)[(first.*Links).next].*Links).previous = slot;
        }
        (first.*Links).next = slot;
    }

    void erase(HoldSlot slot) {
        const PendingHold& hold = (*slots_)[slot];
        const std::string_view name = (hold.*Name)();
        if (name.empty()) {
            return;
        }
        const SlotLinks links = hold.*Links;
        SlotList<Links>::unlink(*slots_, slot);
        if (links.previous == no_slot) {
            heads_.erase(heads_.find(name));
            if (links.next != no_slot) {
                heads_.insert(links.next);
            }
        }
    }

    [[nodiscard]] std::vector<HoldId> ids(std::string_view name) const {
        std::vector<HoldId> ids;
        const auto head = heads_.find(name);
        for (HoldSlot slot = head == heads_.end() ? no_slot : *head; slot != no_slot;
             slot = ((*slots_)[slot].*Links).next) {
            ids.push_back((*slots_)[slot].id);
        }
        std::ranges::sort(ids);
        return ids;
    }

private:
    Slots* slots_;
    SlotSet<NameKey<Name>> heads_;
};

using ByDeadline = SlotList<&PendingHold::same_deadline>;

struct SameDeadline {
    HoldSlot head = no_slot;
    HoldSlot tail = no_slot;
};

}  // namespace

struct PendingHolds::Indexes {
    Slots slots;
    std::vector<HoldSlot> unused;
    SlotSet<IdKey> by_id{0, IdKey{&slots}, IdKey{&slots}};
    // Holds of one round with one ttl share a deadline, so the tree stays small under load and its
    // end is where nearly all insertions go.
    std::map<Instant, SameDeadline> by_deadline;
    OwnerIndex<&PendingHold::cart, &PendingHold::same_cart> by_cart{&slots};
    OwnerIndex<&PendingHold::customer, &PendingHold::same_customer> by_customer{&slots};

    void link_deadline(HoldSlot slot) {
        const Instant deadline = slots[slot].deadline();
        auto entry = by_deadline.end();
        if (!by_deadline.empty() && std::prev(entry)->first == deadline) {
            entry = std::prev(entry);
        } else {
            entry = by_deadline.try_emplace(entry, deadline);
        }
        SameDeadline& list = entry->second;
        ByDeadline::push_back(slots, list.tail, slot);
        if (list.head == no_slot) {
            list.head = slot;
        }
    }

    void unlink_deadline(HoldSlot slot) {
        const auto entry = by_deadline.find(slots[slot].deadline());
        HF_ASSERT(entry != by_deadline.end());
        SameDeadline& list = entry->second;
        const SlotLinks links = slots[slot].same_deadline;
        ByDeadline::unlink(slots, slot);
        if (list.head == slot) {
            list.head = links.next;
        }
        if (list.tail == slot) {
            list.tail = links.previous;
        }
        if (list.head == no_slot) {
            by_deadline.erase(entry);
        }
    }

    [[nodiscard]] HoldSlot slot_of(HoldId id) const {
        const auto found = by_id.find(id);
        HF_ASSERT(found != by_id.end());
        return *found;
    }
};

PendingHolds::PendingHolds() : indexes_(std::make_unique<Indexes>()) {}
PendingHolds::~PendingHolds() = default;
PendingHolds::PendingHolds(PendingHolds&&) noexcept = default;
PendingHolds& PendingHolds::operator=(PendingHolds&&) noexcept = default;

std::size_t PendingHolds::count() const {
    return indexes_->by_id.size();
}

const PendingHold* PendingHolds::find(HoldId id) const {
    const auto found = indexes_->by_id.find(id);
    return found == indexes_->by_id.end() ? nullptr : &indexes_->slots[*found];
}

void PendingHolds::insert(const HoldTimes& times, std::string_view cart, std::string_view customer,
                          const PackedLines& lines) {
    Indexes& indexes = *indexes_;
    HoldSlot slot = 0;
    if (indexes.unused.empty()) {
        slot = static_cast<HoldSlot>(indexes.slots.size());
        HF_ASSERT(slot != no_slot);
        indexes.slots.emplace_back();
    } else {
        slot = indexes.unused.back();
        indexes.unused.pop_back();
    }
    PendingHold& hold = indexes.slots[slot];
    set_times(hold, times);
    hold.packed = pack(cart, customer, lines);
    // The look-up is by id, not by slot: two slots are equal only when they are the same.
    HF_ASSERT(indexes.by_id.find(times.id) == indexes.by_id.end());
    indexes.by_id.insert(slot);
    indexes.link_deadline(slot);
    indexes.by_cart.insert(slot);
    indexes.by_customer.insert(slot);
}

void PendingHolds::erase(HoldId id) {
    Indexes& indexes = *indexes_;
    const HoldSlot slot = indexes.slot_of(id);
    indexes.unlink_deadline(slot);
    indexes.by_cart.erase(slot);
    indexes.by_customer.erase(slot);
    indexes.by_id.erase(indexes.by_id.find(id));
    indexes.slots[slot].packed.reset();
    indexes.unused.push_back(slot);
}

void PendingHolds::update(const HoldTimes& times) {
    Indexes& indexes = *indexes_;
    const HoldSlot slot = indexes.slot_of(times.id);
    indexes.unlink_deadline(slot);
    set_times(indexes.slots[slot], times);
    indexes.link_deadline(slot);
}

void PendingHolds::replace_lines(HoldId id, const PackedLines& lines) {
    PendingHold& hold = indexes_->slots[indexes_->slot_of(id)];
    hold.packed = pack(hold.cart(), hold.customer(), lines);
}

std::vector<HoldId> PendingHolds::due(Instant now, std::size_t limit) const {
    std::vector<HoldId> ids;
    for (const auto& [deadline, list] : indexes_->by_deadline) {
        if (deadline > now || ids.size() >= limit) {
            break;
        }
        const auto first = static_cast<std::ptrdiff_t>(ids.size());
        for (HoldSlot slot = list.head; slot != no_slot;
             slot = indexes_->slots[slot].same_deadline.next) {
            ids.push_back(indexes_->slots[slot].id);
        }
        std::sort(ids.begin() + first, ids.end());
    }
    return ids;
}

bool PendingHolds::any_due(Instant now) const {
    return next_deadline() <= now;
}

Instant PendingHolds::next_deadline() const {
    return indexes_->by_deadline.empty() ? Instant::max() : indexes_->by_deadline.begin()->first;
}

std::vector<HoldId> PendingHolds::of_cart(std::string_view cart) const {
    return indexes_->by_cart.ids(cart);
}

std::vector<HoldId> PendingHolds::of_customer(std::string_view customer) const {
    return indexes_->by_customer.ids(customer);
}

void PendingHolds::for_each(const std::function<void(const PendingHold&)>& visit) const {
    for (const HoldSlot slot : indexes_->by_id) {
        visit(indexes_->slots[slot]);
    }
}

}  // namespace holdfast::core
