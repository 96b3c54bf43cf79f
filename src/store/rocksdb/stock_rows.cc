#include "store/rocksdb/stock_rows.h"

#include <memory>
#include <utility>

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <holdfast/assert.h>
#include "store/bytes.h"
#include "store/rocksdb/keys.h"
#include "store/rocksdb/read_error.h"
#include "store/rocksdb/settings.h"

// A bundle:  key: number of its append, 8 bytes big-endian; value: entries, each
//            bool:erased text:key, and text:value unless erased
//            A row may come more than once; the last entry of the last bundle is current.

namespace holdfast::store {

namespace {

// Entries beyond twice the rows that are not worth cleaning: a start reads them in a moment.
constexpr std::size_t stale_min = 16'384;
// Entries that an append reads in order to clean: several times what it adds, so that cleaning
// never falls behind, and some more for small appends. A bundle costs a little even if it is empty.
constexpr std::size_t clean_factor = 4;
constexpr std::size_t clean_min = 256;
constexpr std::size_t bundle_cost = 16;

struct Entry {
    std::string_view key;
    std::string_view value;
    bool erased = false;
};

void append_entry(std::string& bundle, const Entry& entry) {
    ByteWriter out(bundle);
    out.byte(entry.erased ? 1 : 0);
    out.text(entry.key);
    if (!entry.erased) {
        out.text(entry.value);
    }
}

template <class Visit>
void for_entries(std::string_view bundle, Visit visit) {
    ByteReader in(bundle, "bundle of stock rows");
    while (in.left() > 0) {
        Entry entry{.erased = in.byte() != 0};
        entry.key = in.text_view();
        if (!entry.erased) {
            entry.value = in.text_view();
        }
        visit(entry);
    }
}

std::string bundle_key(PartitionId partition, std::uint64_t number) {
    return key_of(KeyKind::stock_bundle, partition, encode_version_key(number));
}

// Calls visit(number, bytes) for each bundle, oldest first.
template <class Visit>
void for_bundles(rocksdb::DB& database, rocksdb::ReadOptions read, PartitionId partition,
                 Visit visit) {
    const std::string end = end_of(KeyKind::stock_bundle, partition);
    const rocksdb::Slice bound(end);
    read.iterate_upper_bound = &bound;
    const std::unique_ptr<rocksdb::Iterator> at(database.NewIterator(read));
    for (at->Seek(prefix_of(KeyKind::stock_bundle, partition)); at->Valid(); at->Next()) {
        visit(decode_version_key(at->key().ToStringView().substr(prefix_bytes)),
              at->value().ToStringView());
    }
    check_read(at->status(), "the stock", database.GetName());
}

}  // namespace

std::size_t StockRowsWriter::HashName::operator()(std::string_view text) const {
    return XXH3_64bits(text.data(), text.size());
}

void StockRowsWriter::Partition::set(std::string_view key) {
    Bundle& bundle = bundles.back();
    ++bundle.entries;
    ++bundle.current;
    ++entries;
    if (const auto row = index.find(key); row != index.end()) {
        leave(std::exchange(row->second, last()));
    } else {
        index.emplace(key, last());
    }
}

void StockRowsWriter::Partition::erase(std::string_view key) {
    ++bundles.back().entries;
    ++entries;
    if (const auto row = index.find(key); row != index.end()) {
        leave(row->second);
        index.erase(row);
    }
}

void StockRowsWriter::Partition::add(std::uint64_t number, std::string_view bundle) {
    bundles.push_back({.number = number});
    for_entries(bundle,
                [this](const Entry& entry) { entry.erased ? erase(entry.key) : set(entry.key); });
}

StockRowsWriter::StockRowsWriter(rocksdb::DB& database, std::uint32_t partitions)
    : database_(database), partitions_(partitions) {
    for (std::uint32_t i = 0; i < partitions; ++i) {
        load(static_cast<PartitionId>(i));
    }
}

void StockRowsWriter::load(PartitionId partition) {
    Partition& state = partitions_[partition];
    for_bundles(database_, long_read(), partition,
                [&](std::uint64_t number, std::string_view bundle) { state.add(number, bundle); });
}

void StockRowsWriter::put(PartitionId partition, std::string_view key, std::string_view value) {
    Partition& state = partitions_[partition];
    append_entry(state.open_bytes, {.key = key, .value = value});
}

void StockRowsWriter::erase(PartitionId partition, std::string_view key) {
    Partition& state = partitions_[partition];
    append_entry(state.open_bytes, {.key = key, .value = {}, .erased = true});
}

void StockRowsWriter::finish(rocksdb::WriteBatch& write, std::uint64_t number) {
    for (std::size_t i = 0; i < partitions_.size(); ++i) {
        Partition& state = partitions_[i];
        if (state.open_bytes.empty()) {
            continue;
        }
        const auto partition = static_cast<PartitionId>(i);
        state.add(number, state.open_bytes);
        clean(write, partition);
        write.Put(bundle_key(partition, number), state.open_bytes);
        state.open_bytes.clear();
    }
}

void StockRowsWriter::clean(rocksdb::WriteBatch& write, PartitionId partition) {
    Partition& state = partitions_[partition];
    const std::size_t budget = clean_factor * state.bundles.back().entries + clean_min;
    for (std::size_t read = 0; read < budget;) {
        if (state.entries <= 2 * state.index.size() + stale_min || state.bundles.size() == 1) {
            return;
        }
        const std::string key = bundle_key(partition, state.bundles.front().number);
        if (state.bundles.front().current > 0) {
            keep_current(partition, key);
        }
        const Bundle& oldest = state.bundles.front();
        HF_ASSERT(oldest.current == 0);
        read += oldest.entries + bundle_cost;
        state.entries -= oldest.entries;
        state.bundles.pop_front();
        ++state.removed;
        write.Delete(key);
    }
}

// Moves the current rows of the oldest bundle into the open one.
void StockRowsWriter::keep_current(PartitionId partition, const std::string& bundle_key) {
    Partition& state = partitions_[partition];
    std::string bundle;
    check_read(database_.Get({}, bundle_key, &bundle), "the stock", database_.GetName());
    boost::unordered_flat_map<std::string_view, std::string_view> current;
    for_entries(bundle, [&](const Entry& entry) {
        const auto row = state.index.find(entry.key);
        if (row != state.index.end() && row->second == state.removed && !entry.erased) {
            current.insert_or_assign(entry.key, entry.value);
        }
    });
    for (const auto& [key, value] : current) {
        state.set(key);
        append_entry(state.open_bytes, {.key = key, .value = value});
    }
}

std::map<std::string, std::string> read_stock_rows(rocksdb::DB& database,
                                                   const rocksdb::ReadOptions& read,
                                                   PartitionId partition) {
    boost::unordered_flat_map<std::string, std::string> rows;
    for_bundles(database, read, partition, [&rows](std::uint64_t, std::string_view bundle) {
        for_entries(bundle, [&rows](const Entry& entry) {
            if (entry.erased) {
                rows.erase(std::string(entry.key));
            } else {
                rows[std::string(entry.key)] = entry.value;
            }
        });
    });
    return {std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end())};
}

std::optional<std::string> find_stock_row(rocksdb::DB& database, const rocksdb::ReadOptions& read,
                                          PartitionId partition, std::string_view key) {
    const std::string prefix = prefix_of(KeyKind::stock_bundle, partition);
    const std::unique_ptr<rocksdb::Iterator> at(database.NewIterator(read));
    for (at->SeekForPrev(end_of(KeyKind::stock_bundle, partition));
         at->Valid() && at->key().starts_with(prefix); at->Prev()) {
        std::optional<Entry> last;
        for_entries(at->value().ToStringView(), [&](const Entry& entry) {
            if (entry.key == key) {
                last = entry;
            }
        });
        if (last) {
            return last->erased ? std::nullopt : std::optional<std::string>(last->value);
        }
    }
    check_read(at->status(), "the stock", database.GetName());
    return std::nullopt;
}

}  // namespace holdfast::store
