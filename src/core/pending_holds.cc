#include "core/pending_holds.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include <holdfast/assert.h>
#include <holdfast/fault.h>
#include "core/name_table.h"

namespace holdfast::core {
namespace {

using std::chrono::milliseconds;

// The packed form of a hold: its names, then the lines, all numbers as LEB128 varints.
//   text  = length bytes
//   hold  = text(cart) text(customer) 2 * count + 1 if there is a region, [text(region)] lines
//   lines = count times { sku, named location + 1 or 0, wanted, quantity, flags,
//                         count { location, quantity [backordered, place] } }
//   flags = 1 limited, 2 soft, 4 units wait, 8 windowed
// Most holds have no region: it costs them nothing.
constexpr std::size_t varint_bytes_max = 10;
constexpr std::uint64_t packed_limited = 1;
constexpr std::uint64_t packed_soft = 2;
constexpr std::uint64_t packed_waits = 4;
constexpr std::uint64_t packed_windowed = 8;

char* write_varint(char* at, std::uint64_t number) {
    while (number >= 0x80) {
        *at++ = static_cast<char>(number | 0x80);
        number >>= 7;
    }
    *at++ = static_cast<char>(number);
    return at;
}

char* write_text(char* at, std::string_view text) {
    at = write_varint(at, text.size());
    std::memcpy(at, text.data(), text.size());
    return at + text.size();
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

struct Head {
    std::size_t lines = 0;
    std::string_view region;
};

char* write_head(char* at, const Head& head) {
    at = write_varint(at, std::uint64_t{head.lines} << 1 | (head.region.empty() ? 0U : 1U));
    return head.region.empty() ? at : write_text(at, head.region);
}

// Leaves `at` at the first line.
Head read_head(const char*& at) {
    read_text(at);
    read_text(at);
    const std::uint64_t number = read_varint(at);
    return {.lines = number >> 1, .region = (number & 1) == 0 ? std::string_view() : read_text(at)};
}

char* write_lines(char* at, const PackedLines& lines) {
    for (const PackedLine& line : lines) {
        at = write_varint(at, line.sku);
        at = write_varint(at, line.named_location == PackedLine::no_location
                                  ? 0
                                  : std::uint64_t{line.named_location} + 1);
        at = write_varint(at, static_cast<std::uint64_t>(line.wanted));
        at = write_varint(at, static_cast<std::uint64_t>(line.quantity));
        const bool waits = std::ranges::any_of(
            line.allocations, [](const PackedAllocation& a) { return a.backordered > 0; });
        at = write_varint(at, (line.limited ? packed_limited : 0U) |
                                  (line.soft ? packed_soft : 0U) | (waits ? packed_waits : 0U) |
                                  (line.windowed ? packed_windowed : 0U));
        at = write_varint(at, line.allocations.size());
        for (const PackedAllocation& allocation : line.allocations) {
            at = write_varint(at, allocation.location);
            at = write_varint(at, static_cast<std::uint64_t>(allocation.quantity));
            if (waits) {
                at = write_varint(at, static_cast<std::uint64_t>(allocation.backordered));
                at = write_varint(at, allocation.place);
            }
        }
    }
    return at;
}

// No packed form of these is longer.
std::size_t packed_bytes_max(const HoldNames& names, const PackedLines& lines) {
    std::size_t numbers = 4;
    for (const PackedLine& line : lines) {
        numbers += 6 + 4 * line.allocations.size();
    }
    return names.cart.size() + names.customer.size() + names.region.size() +
           numbers * varint_bytes_max;
}

std::unique_ptr<char[]> pack(const HoldNames& names, const PackedLines& lines) {
    // Most fit on the stack; what is kept is as large as it has to be.
    boost::container::small_vector<char, 512> buffer;
    buffer.resize(packed_bytes_max(names, lines), boost::container::default_init);
    char* const names_end = write_text(write_text(buffer.data(), names.cart), names.customer);
    const char* const end =
        write_lines(write_head(names_end, {.lines = lines.size(), .region = names.region}), lines);
    const auto bytes = static_cast<std::size_t>(end - buffer.data());
    auto packed = std::make_unique_for_overwrite<char[]>(bytes);
    std::memcpy(packed.get(), buffer.data(), bytes);
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
    const milliseconds late(HF_FAULT(expires_a_tick_late) ? 1 : 0);
    return late + (heartbeat_s == 0 ? expires_at() : std::min(expires_at(), beats_until()));
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

std::string_view PendingHold::region() const {
    const char* at = packed.get();
    return read_head(at).region;
}

HoldNames names_of(const Hold& hold) {
    return {.cart = hold.cart, .customer = hold.customer, .region = hold.region};
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
    PackedLines lines(read_head(at).lines);
    for (PackedLine& line : lines) {
        line.sku = static_cast<std::uint32_t>(read_varint(at));
        const std::uint64_t named = read_varint(at);
        line.named_location =
            named == 0 ? PackedLine::no_location : static_cast<std::uint32_t>(named - 1);
        line.wanted = static_cast<Quantity>(read_varint(at));
        line.quantity = static_cast<Quantity>(read_varint(at));
        const std::uint64_t flags = read_varint(at);
        line.limited = (flags & packed_limited) != 0;
        line.windowed = (flags & packed_windowed) != 0;
        line.soft = (flags & packed_soft) != 0;
        line.allocations.resize(read_varint(at));
        for (PackedAllocation& allocation : line.allocations) {
            allocation.location = static_cast<std::uint16_t>(read_varint(at));
            allocation.quantity = static_cast<Quantity>(read_varint(at));
            if ((flags & packed_waits) != 0) {
                allocation.backordered = static_cast<Quantity>(read_varint(at));
                allocation.place = read_varint(at);
            }
        }
    }
    return lines;
}

PendingHold PendingHold::copy() const {
    PendingHold copy;
    copy.id = id;
    copy.created_at = created_at;
    copy.fence = fence;
    copy.expires_ms = expires_ms;
    copy.beats_until_ms = beats_until_ms;
    copy.heartbeat_s = heartbeat_s;
    copy.extensions = extensions;
    copy.secured = secured;
    copy.packed = pack({.cart = cart(), .customer = customer(), .region = region()}, lines());
    return copy;
}

namespace {

// Grows by blocks, so that it never moves a hold nor takes twice its memory, and finds one with a shift
// and a mask (a deque of the library's divides).
class Slots {
public:
    PendingHold& operator[](HoldSlot slot) { return blocks_[slot / block][slot % block]; }
    const PendingHold& operator[](HoldSlot slot) const {
        return blocks_[slot / block][slot % block];
    }
    [[nodiscard]] HoldSlot size() const { return size_; }
    HoldSlot add() {
        HF_ASSERT(size_ != no_slot);
        if (size_ % block == 0) {
            blocks_.push_back(std::make_unique<PendingHold[]>(block));
        }
        return size_++;
    }

private:
    static constexpr HoldSlot block = 1024;

    std::vector<std::unique_ptr<PendingHold[]>> blocks_;
    HoldSlot size_ = 0;
};

// A chained hash table of slots by id. The library's tables would keep a key or a pointer for each
// entry, or visit the holds in random order to grow; this one costs four bytes a bucket, touches one
// cache line to insert, and grows by reading the slots from front to back.
class IdTable {
public:
    explicit IdTable(Slots& slots) : slots_(slots), heads_(1, no_slot) {}

    [[nodiscard]] HoldSlot find(HoldId id) const {
        HoldSlot slot = heads_[bucket(id)];
        while (slot != no_slot && slots_[slot].id != id) {
            slot = slots_[slot].bucket_next;
        }
        return slot;
    }

    void insert(HoldSlot slot) {
        if (++count_ > heads_.size()) {
            grow();
        } else {
            link(slot);
        }
    }

    void erase(HoldSlot slot) {
        --count_;
        HoldSlot* link = &heads_[bucket(slots_[slot].id)];
        while (*link != slot) {
            link = &slots_[*link].bucket_next;
        }
        *link = slots_[slot].bucket_next;
    }

    [[nodiscard]] std::size_t count() const { return count_; }

private:
    // Ids of one millisecond count up: neighbours share cache lines. Those of different ones are
    // scattered.
    [[nodiscard]] std::size_t bucket(HoldId id) const {
        constexpr std::uint64_t scatter = 0x9e37'79b9'7f4a'7c15;
        return (((id.high >> 16U) * scatter >> 20U) + (id.high & 0xffffU)) & (heads_.size() - 1);
    }

    void link(HoldSlot slot) {
        HoldSlot& head = heads_[bucket(slots_[slot].id)];
        slots_[slot].bucket_next = head;
        head = slot;
    }

    void grow() {
        heads_.assign(heads_.size() * 2, no_slot);
        for (HoldSlot slot = 0; slot < slots_.size(); ++slot) {
            if (slots_[slot].packed) {
                link(slot);
            }
        }
    }

    Slots& slots_;
    std::vector<HoldSlot> heads_;  // a power of two of them
    std::size_t count_ = 0;
};

}  // namespace

struct PendingHolds::Indexes {
    Slots slots;
    std::vector<HoldSlot> unused;
    IdTable by_id{slots};
    // The first hold of each deadline. Holds of one round with one ttl share it, so the tree stays
    // small under load, and its end is where nearly all insertions go.
    std::map<Instant, HoldSlot> by_deadline;
    std::optional<NameTable> by_cart;
    std::optional<NameTable> by_customer;

    void link_names(HoldSlot slot) {
        if (by_cart) {
            by_cart->insert(slot, slots[slot].cart());
            by_customer->insert(slot, slots[slot].customer());
        }
    }

    void unlink_names(HoldSlot slot) {
        if (by_cart) {
            by_cart->erase(slot);
            by_customer->erase(slot);
        }
    }

    // Those with the name, oldest first.
    [[nodiscard]] std::vector<HoldId> named(const NameTable& table, std::string_view name,
                                            std::string_view (PendingHold::*of)() const) const {
        std::vector<HoldId> ids;
        table.visit(name, [&](HoldSlot slot) {
            if ((slots[slot].*of)() == name) {
                ids.push_back(slots[slot].id);
            }
        });
        std::ranges::sort(ids);
        return ids;
    }

    void link_deadline(HoldSlot slot) {
        const Instant deadline = slots[slot].deadline();
        auto entry = by_deadline.end();
        if (!by_deadline.empty() && std::prev(entry)->first == deadline) {
            entry = std::prev(entry);
        } else {
            entry = by_deadline.try_emplace(entry, deadline, no_slot);
        }
        HoldSlot& head = entry->second;
        slots[slot].deadline_previous = no_slot;
        slots[slot].deadline_next = head;
        if (head != no_slot) {
            slots[head].deadline_previous = slot;
        }
        head = slot;
    }

    void unlink_deadline(HoldSlot slot) {
        const HoldSlot previous = slots[slot].deadline_previous;
        const HoldSlot next = slots[slot].deadline_next;
        if (next != no_slot) {
            slots[next].deadline_previous = previous;
        }
        if (previous != no_slot) {
            slots[previous].deadline_next = next;
            return;
        }
        const auto entry = by_deadline.find(slots[slot].deadline());
        HF_ASSERT(entry != by_deadline.end() && entry->second == slot);
        entry->second = next;
        if (next == no_slot) {
            by_deadline.erase(entry);
        }
    }

    [[nodiscard]] HoldSlot slot_of(HoldId id) const {
        const HoldSlot slot = by_id.find(id);
        HF_ASSERT(slot != no_slot);
        return slot;
    }
};

PendingHolds::PendingHolds() : indexes_(std::make_unique<Indexes>()) {}
PendingHolds::~PendingHolds() = default;
PendingHolds::PendingHolds(PendingHolds&&) noexcept = default;
PendingHolds& PendingHolds::operator=(PendingHolds&&) noexcept = default;

std::size_t PendingHolds::count() const {
    return indexes_->by_id.count();
}

const PendingHold* PendingHolds::find(HoldId id) const {
    const HoldSlot slot = indexes_->by_id.find(id);
    return slot == no_slot ? nullptr : &indexes_->slots[slot];
}

void PendingHolds::insert(const HoldTimes& times, const HoldNames& names,
                          const PackedLines& lines) {
    PendingHold hold;
    set_times(hold, times);
    hold.packed = pack(names, lines);
    insert(std::move(hold));
}

void PendingHolds::insert(PendingHold hold) {
    Indexes& indexes = *indexes_;
    HoldSlot slot = 0;
    if (indexes.unused.empty()) {
        slot = indexes.slots.add();
    } else {
        slot = indexes.unused.back();
        indexes.unused.pop_back();
    }
    indexes.slots[slot] = std::move(hold);
    indexes.link_deadline(slot);
    indexes.by_id.insert(slot);
    indexes.link_names(slot);
}

void PendingHolds::erase(HoldId id) {
    Indexes& indexes = *indexes_;
    const HoldSlot slot = indexes.slot_of(id);
    indexes.unlink_deadline(slot);
    indexes.by_id.erase(slot);
    indexes.unlink_names(slot);
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
    const PendingHold& hold = indexes_->slots[indexes_->slot_of(id)];
    replace(id, {.cart = hold.cart(), .customer = hold.customer(), .region = hold.region()}, lines);
}

void PendingHolds::replace(HoldId id, const HoldNames& names, const PackedLines& lines) {
    Indexes& indexes = *indexes_;
    const HoldSlot slot = indexes.slot_of(id);
    auto packed = pack(names, lines);  // first: the names may be those that are kept
    indexes.unlink_names(slot);
    indexes.slots[slot].packed = std::move(packed);
    indexes.link_names(slot);
}

std::vector<HoldId> PendingHolds::due(Instant now, std::size_t limit) const {
    std::vector<HoldId> ids;
    for (const auto& [deadline, head] : indexes_->by_deadline) {
        if (deadline > now || ids.size() >= limit) {
            break;
        }
        const auto first = static_cast<std::ptrdiff_t>(ids.size());
        for (HoldSlot slot = head; slot != no_slot && ids.size() < limit;
             slot = indexes_->slots[slot].deadline_next) {
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

void PendingHolds::for_each(const std::function<void(const PendingHold&)>& visit) const {
    for (HoldSlot slot = 0; slot < indexes_->slots.size(); ++slot) {
        if (const PendingHold& hold = indexes_->slots[slot]; hold.packed) {
            visit(hold);
        }
    }
}

void PendingHolds::index_names() {
    indexes_->by_cart.emplace();
    indexes_->by_customer.emplace();
    for (HoldSlot slot = 0; slot < indexes_->slots.size(); ++slot) {
        if (indexes_->slots[slot].packed) {
            indexes_->link_names(slot);
        }
    }
}

std::vector<HoldId> PendingHolds::of_cart(std::string_view cart) const {
    HF_ASSERT(indexes_->by_cart.has_value());
    return indexes_->named(*indexes_->by_cart, cart, &PendingHold::cart);
}

std::vector<HoldId> PendingHolds::of_customer(std::string_view customer) const {
    HF_ASSERT(indexes_->by_customer.has_value());
    return indexes_->named(*indexes_->by_customer, customer, &PendingHold::customer);
}

}  // namespace holdfast::core
