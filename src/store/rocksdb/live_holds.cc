#include "store/rocksdb/live_holds.h"

#include <algorithm>

#include <fmt/format.h>

#include <holdfast/assert.h>
#include "store/bytes.h"
#include "store/rocksdb/keys.h"
#include "store/rocksdb/read_error.h"
#include "store/rocksdb/settings.h"

// A group:  key: id of its first member; value: members, each
//           id text:value
// Gone:     key: the same; value: a bitmap, bit n of byte n / 8 for the member at distance n

namespace holdfast::store {

namespace {

// Bounds a bitmap to 128 bytes: it is written anew with every append that ends one of its holds.
constexpr std::uint64_t span_max = 1'024;

rocksdb::Slice slice(std::string_view bytes) {
    return {bytes.data(), bytes.size()};
}

std::string group_key(KeyKind kind, PartitionId partition, HoldId first) {
    return key_of(kind, partition, encode_id_key(first));
}

std::string bitmap_bytes(const std::vector<bool>& bits) {
    std::string bytes((bits.size() + 7) / 8, '\0');
    for (std::size_t i = 0; i < bits.size(); ++i) {
        if (bits[i]) {
            bytes[i / 8] = static_cast<char>(bytes[i / 8] | 1 << (i % 8));
        }
    }
    return bytes;
}

bool bit_of(std::string_view bitmap, std::uint64_t i) {
    return i / 8 < bitmap.size() && (bitmap[i / 8] >> (i % 8) & 1) != 0;
}

// Calls visit(distance, id, value) for each member of a group.
template <class Visit>
void for_members(HoldId first, std::string_view group, Visit visit) {
    ByteReader in(group, "group of holds");
    while (in.left() > 0) {
        const HoldId id = in.id();
        const std::uint64_t distance = id.high - first.high;
        if (distance >= span_max) {
            in.fail("a member far from the first one");
        }
        visit(distance, id, in.text_view());
    }
}

}  // namespace

LiveHoldsWriter::LiveHoldsWriter(rocksdb::DB& database, std::uint32_t partitions)
    : partitions_(partitions) {
    for (std::uint32_t i = 0; i < partitions; ++i) {
        load(database, static_cast<PartitionId>(i));
    }
}

void LiveHoldsWriter::load(rocksdb::DB& database, PartitionId partition) {
    Partition& state = partitions_[partition];
    const auto each = [&](KeyKind kind, auto visit) {
        const std::string end = end_of(kind, partition);
        const rocksdb::Slice bound(end);
        rocksdb::ReadOptions read = long_read();
        read.iterate_upper_bound = &bound;
        const std::unique_ptr<rocksdb::Iterator> at(database.NewIterator(read));
        for (at->Seek(prefix_of(kind, partition)); at->Valid(); at->Next()) {
            visit(decode_id_key(at->key().ToStringView().substr(prefix_bytes)),
                  at->value().ToStringView());
        }
        check_read(at->status(), "the pending holds", database.GetName());
    };
    each(KeyKind::live_group, [&](HoldId first, std::string_view bytes) {
        Group& group = state.groups[first];
        for_members(first, bytes, [&](std::uint64_t distance, HoldId id, std::string_view) {
            group.members.resize(distance + 1);
            group.members[distance] = true;
            ++group.alive;
            state.last = std::max(state.last, id);
        });
        group.gone.resize(group.members.size());
    });
    each(KeyKind::live_gone, [&](HoldId first, std::string_view bitmap) {
        const auto found = state.groups.find(first);
        if (found == state.groups.end()) {
            throw StoreError(
                fmt::format("{} has lost a group of pending holds: it is damaged; "
                            "restore a backup (holdfast restore).",
                            database.GetName()));
        }
        Group& group = found->second;
        for (std::size_t i = 0; i < group.gone.size(); ++i) {
            group.gone[i] = bit_of(bitmap, i);
            group.alive -= static_cast<std::uint32_t>(group.gone[i]);
        }
    });
    each(key_kind(RowKind::live_hold), [&](HoldId id, std::string_view) {
        state.loose.insert(id);
        state.last = std::max(state.last, id);
    });
}

void LiveHoldsWriter::put(rocksdb::WriteBatch& write, PartitionId partition, std::string_view key,
                          std::string_view value) {
    Partition& state = partitions_[partition];
    const HoldId id = decode_id_key(key);
    if (id.high > state.last.high) {
        join_group(write, partition, id, value);
        return;
    }
    leave_group(state, id);
    state.loose.insert(id);
    write.Put(key_of(key_kind(RowKind::live_hold), partition, key), slice(value));
}

void LiveHoldsWriter::join_group(rocksdb::WriteBatch& write, PartitionId partition, HoldId id,
                                 std::string_view value) {
    Partition& state = partitions_[partition];
    if (state.open && id.high - state.open->high >= span_max) {
        close_group(write, partition);
    }
    if (!state.open) {
        state.open = id;
        state.groups.emplace(id, Group{});
    }
    const std::uint64_t distance = id.high - state.open->high;
    Group& group = std::prev(state.groups.end())->second;
    group.members.resize(distance);
    group.members.push_back(true);
    ++group.alive;
    state.last = id;
    ByteWriter out(state.open_bytes);
    out.id(id);
    out.text(value);
}

void LiveHoldsWriter::close_group(rocksdb::WriteBatch& write, PartitionId partition) {
    Partition& state = partitions_[partition];
    if (state.open) {
        write.Put(group_key(KeyKind::live_group, partition, *state.open), state.open_bytes);
        state.open.reset();
        state.open_bytes.clear();
    }
}

void LiveHoldsWriter::erase(rocksdb::WriteBatch& write, PartitionId partition,
                            std::string_view key) {
    Partition& state = partitions_[partition];
    const HoldId id = decode_id_key(key);
    if (state.loose.erase(id) > 0 || !leave_group(state, id)) {
        write.Delete(key_of(key_kind(RowKind::live_hold), partition, key));
    }
}

bool LiveHoldsWriter::leave_group(Partition& partition, HoldId id) {
    auto found = partition.groups.upper_bound({.high = id.high, .low = ~std::uint64_t{0}});
    if (found == partition.groups.begin()) {
        return false;
    }
    --found;
    Group& group = found->second;
    const std::uint64_t distance = id.high - found->first.high;
    const bool member = distance < group.members.size() && group.members[distance];
    if (!member || (distance < group.gone.size() && group.gone[distance])) {
        return false;
    }
    group.gone.resize(group.members.size());
    group.gone[distance] = true;
    --group.alive;
    partition.touched.push_back(found->first);
    return true;
}

void LiveHoldsWriter::finish(rocksdb::WriteBatch& write) {
    for (std::size_t i = 0; i < partitions_.size(); ++i) {
        const auto partition = static_cast<PartitionId>(i);
        Partition& state = partitions_[i];
        close_group(write, partition);
        std::ranges::sort(state.touched);
        const auto rest = std::ranges::unique(state.touched);
        state.touched.erase(rest.begin(), rest.end());
        for (const HoldId first : state.touched) {
            const auto group = state.groups.find(first);
            if (group->second.alive == 0) {
                write.Delete(group_key(KeyKind::live_group, partition, first));
                write.Delete(group_key(KeyKind::live_gone, partition, first));
                state.groups.erase(group);
            } else {
                write.Put(group_key(KeyKind::live_gone, partition, first),
                          bitmap_bytes(group->second.gone));
            }
        }
        state.touched.clear();
    }
}

LiveHoldsCursor::LiveHoldsCursor(rocksdb::DB& database, rocksdb::ReadOptions read,
                                 PartitionId partition, std::string_view from)
    : database_(database),
      read_(read),
      partition_(partition),
      rows_end_(end_of(key_kind(RowKind::live_hold), partition)),
      groups_end_(end_of(KeyKind::live_group, partition)),
      rows_bound_(rows_end_),
      groups_bound_(groups_end_) {
    read_.iterate_upper_bound = &rows_bound_;
    rows_.reset(database_.NewIterator(read_));
    read_.iterate_upper_bound = &groups_bound_;
    groups_.reset(database_.NewIterator(read_));
    read_.iterate_upper_bound = nullptr;
    rows_->Seek(key_of(key_kind(RowKind::live_hold), partition, from));
    // The group that may hold `from` begins at or before it.
    const std::string prefix = prefix_of(KeyKind::live_group, partition);
    groups_->SeekForPrev(prefix + std::string(from));
    if (!groups_->Valid() || !groups_->key().ToStringView().starts_with(prefix)) {
        groups_->Seek(prefix);
    }
    read_group();
    while (member_ < members_.size() && members_[member_].key < from) {
        ++member_;
    }
    if (member_ == members_.size() && groups_->Valid()) {
        groups_->Next();
        read_group();
    }
}

LiveHoldsCursor::~LiveHoldsCursor() = default;

// Of this group, or of the next ones while all members are gone.
void LiveHoldsCursor::read_group() {
    members_.clear();
    member_ = 0;
    for (; groups_->Valid(); groups_->Next()) {
        const std::string_view key = groups_->key().ToStringView().substr(prefix_bytes);
        std::string gone;
        const auto status =
            database_.Get(read_, key_of(KeyKind::live_gone, partition_, key), &gone);
        if (!status.IsNotFound()) {
            check_read(status, "the pending holds", database_.GetName());
        }
        for_members(decode_id_key(key), groups_->value().ToStringView(),
                    [&](std::uint64_t distance, HoldId id, std::string_view value) {
                        if (!bit_of(gone, distance)) {
                            members_.push_back({encode_id_key(id), value});
                        }
                    });
        if (!members_.empty()) {
            return;
        }
    }
}

bool LiveHoldsCursor::in_group() const {
    return member_ < members_.size() &&
           (!rows_->Valid() ||
            members_[member_].key < rows_->key().ToStringView().substr(prefix_bytes));
}

bool LiveHoldsCursor::valid() const {
    return member_ < members_.size() || rows_->Valid();
}

void LiveHoldsCursor::next() {
    if (!in_group()) {
        rows_->Next();
    } else if (++member_ == members_.size()) {
        groups_->Next();
        read_group();
    }
}

std::string_view LiveHoldsCursor::key() const {
    return in_group() ? std::string_view(members_[member_].key)
                      : rows_->key().ToStringView().substr(prefix_bytes);
}

std::string_view LiveHoldsCursor::value() const {
    return in_group() ? members_[member_].value : rows_->value().ToStringView();
}

rocksdb::Status LiveHoldsCursor::status() const {
    return rows_->status().ok() ? groups_->status() : rows_->status();
}

}  // namespace holdfast::store
