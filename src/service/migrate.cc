#include "service/migrate.h"

#include <algorithm>
#include <future>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "core/state.h"
#include "service/audit.h"
#include "store/codec.h"

namespace holdfast::service {
namespace {

using store::Notice;
using store::RowKind;
using Steady = std::chrono::steady_clock;

// Bytes of events read at once, and of rows written at once.
constexpr std::size_t piece_bytes = std::size_t{4} << 20;
// So few events are left that they may be copied while appends wait; and after so many rounds a shop is so
// busy that it will not get better.
constexpr std::uint64_t events_left_max = 1'000;
constexpr int rounds_max = 10;

// Those of past holds come with the events that change them: there may be any number. What a store keeps
// of the others is what a start would load, and is compared whole. In the order in which they are written:
// the rows of stock are written by one append, because RocksDB keeps them by its number.
const std::vector<RowKind> kinds = {RowKind::stock,     RowKind::sku,      RowKind::location,
                                    RowKind::live_hold, RowKind::customer, RowKind::answers,
                                    RowKind::claim,     RowKind::waiting,  RowKind::shopper,
                                    RowKind::incoming,  RowKind::alert};

template <class Row>
std::string bytes_of(const Row& row) {
    std::string bytes;
    store::encode(bytes, row);
    return bytes;
}

// A value as this release writes it: older ones may have written it otherwise.
std::string canonical(RowKind kind, std::string_view value) {
    switch (kind) {
        case RowKind::sku:
            return bytes_of(store::decode_sku_row(value));
        case RowKind::location:
            return bytes_of(store::decode_location_row(value));
        case RowKind::stock:
            return bytes_of(store::decode_counters(value));
        case RowKind::live_hold:
        case RowKind::past_hold:
            return bytes_of(store::decode_hold(value));
        case RowKind::customer:
            return bytes_of(store::decode_customer_row(value));
        case RowKind::waiting:
            return bytes_of(store::decode_waiter_row(value));
        case RowKind::shopper:
            return bytes_of(store::decode_shopper_row(value));
        case RowKind::incoming:
            return bytes_of(store::decode_receipt_row(value));
        case RowKind::alert:
            return bytes_of(store::decode_alert(value));
        case RowKind::answers:
        case RowKind::claim:
            return std::string(value);
    }
    return std::string(value);
}

using RowsOfKind = std::map<std::string, std::string, std::less<>>;
using Rows = std::map<RowKind, RowsOfKind>;
struct Kept {
    std::vector<store::Head> heads;
    std::vector<Rows> partitions;
};

Kept load(store::Store& store) {
    Kept kept;
    kept.partitions.resize(store.partition_count());
    kept.heads = store.load(kinds, [&kept](RowKind kind, PartitionId partition,
                                           std::string_view key, std::string_view value) {
        kept.partitions[partition][kind].emplace(key, canonical(kind, value));
    });
    return kept;
}

std::uint64_t events_of(const std::vector<store::Head>& heads) {
    std::uint64_t events = 0;
    for (const store::Head& head : heads) {
        events += head.version;
    }
    return events;
}

// The hold that an event leaves behind as a past one, perhaps.
HoldId hold_of(const Event& event) {
    return std::visit(
        [](const auto& e) -> HoldId {
            if constexpr (requires { e.hold.lines; }) {
                return e.hold.id;
            } else if constexpr (requires {
                                     requires std::is_same_v<std::remove_cvref_t<decltype(e.id)>,
                                                             HoldId>;
                                 }) {
                return e.id;
            } else {
                return {};
            }
        },
        event);
}

class Migration {
public:
    Migration(store::MovableStore& from, store::MovableStore& to, const MigrationOptions& options)
        : from_(from), to_(to), options_(options), state_(from.partition_count()) {}

    MigrationReport run();

private:
    void check_ends();
    void check_prefix();
    void check_audit(store::MovableStore& store);
    std::uint64_t catch_up();
    void copy_events(PartitionId partition, Version until);
    void copy_blob(PartitionId partition, const store::EventBlob& blob);
    void copy_rows(PartitionId partition, const store::Head& until, const Rows& rows);
    void compare();
    void append(store::Batch batch);

    store::MovableStore& from_;
    store::MovableStore& to_;
    const MigrationOptions& options_;
    const core::State state_;  // knows which partition is a hold's home
    Kept source_;              // when it was last looked at
    Kept target_;
    MigrationReport report_;
};

void Migration::check_ends() {
    if (from_.id() == to_.id()) {
        throw MigrationRefused(fmt::format(
            "{} and {} are the same store: name another one to move to", from_.name(), to_.name()));
    }
    if (from_.partition_count() != to_.partition_count()) {
        throw MigrationRefused(fmt::format(
            "{} has {} partitions and {} has {}: a move keeps their number; name a target that is "
            "not there yet",
            from_.name(), from_.partition_count(), to_.name(), to_.partition_count()));
    }
    const Notice source = from_.notice();
    if (source.reason == Notice::Reason::unfinished ||
        (source.reason == Notice::Reason::moved && source.id != to_.id())) {
        throw MigrationRefused(store::refusal_of(source, from_.name()));
    }
    const Notice target = to_.notice();
    report_.was_finished = source.reason == Notice::Reason::moved && source.id == to_.id() &&
                           target.reason == Notice::Reason::none;
    if (report_.was_finished) {
        return;
    }
    if (target.reason == Notice::Reason::none && events_of(target_.heads) > 0) {
        throw MigrationRefused(
            fmt::format("{} has a shop of its own: name a target that is not there yet, or is an "
                        "unfinished copy of {}",
                        to_.name(), from_.name()));
    }
    if (events_of(from_.heads()) == 0) {
        throw MigrationRefused(
            fmt::format("{} has no events: there is nothing to move", from_.name()));
    }
}

// What the target has must be where the source was once: events name moments and holds, so the last of each
// partition tells.
void Migration::check_prefix() {
    const std::vector<store::Head> heads = from_.heads();
    for (std::size_t i = 0; i < heads.size(); ++i) {
        const Version version = target_.heads[i].version;
        if (version == 0) {
            continue;
        }
        const auto partition = static_cast<PartitionId>(i);
        const auto there = to_.tail(partition, version - 1, 1);
        const auto here = version <= heads[i].version ? from_.tail(partition, version - 1, 1)
                                                      : std::vector<store::EventBlob>{};
        if (here.empty() || there.empty() || here.front().last != there.front().last ||
            here.front().bytes != there.front().bytes) {
            throw MigrationRefused(fmt::format(
                "{} has events that {} does not have (partition {} up to version {}): it is no "
                "copy of it, or was served meanwhile; name a target that is not there yet",
                to_.name(), from_.name(), i, version));
        }
    }
}

void Migration::check_audit(store::MovableStore& store) {
    const AuditReport report = audit(store);
    if (!report.clean()) {
        const AuditDifference& first = report.differences.front();
        throw MigrationRefused(fmt::format(
            "{} is not sound, and the move was not finished: {} differences, the first: {} is {}, "
            "by the events {}; see holdfast audit",
            store.name(), report.differences.size(), first.what, first.kept, first.events));
    }
}

void Migration::append(store::Batch batch) {
    std::promise<store::AppendResult> answered;
    to_.append(std::move(batch),
               [&](store::AppendResult result) { answered.set_value(std::move(result)); });
    const store::AppendResult result = answered.get_future().get();
    if (result.outcome == store::AppendOutcome::conflict) {
        throw MigrationRefused(fmt::format("somebody else changes {}: stop whoever serves it ({})",
                                           to_.name(), result.error));
    }
    if (result.outcome != store::AppendOutcome::appended) {
        throw store::StoreError(fmt::format(
            "{} failed while it was written: {}. Run the same again to go on from where it stopped",
            to_.name(), result.error));
    }
    options_.progress(events_of(target_.heads), events_of(source_.heads));
}

// As it was appended to the source, with the past holds that it is about as they are in the source by now:
// if one changes later, there is a later event about it.
void Migration::copy_blob(PartitionId partition, const store::EventBlob& blob) {
    store::Head& head = target_.heads[partition];
    const std::vector<RecordedEvent> events = store::decode_blob(partition, blob);
    if (blob.first != head.version + 1 || events.empty()) {
        throw store::StoreError(
            fmt::format("events of partition {} after version {} are missing in {}: it is damaged; "
                        "restore a backup",
                        partition, head.version, from_.name()));
    }
    store::Batch batch{.number = events.front().batch, .at = events.front().at};
    batch.steps.push_back({.partition = partition,
                           .expected = head.version,
                           .next = blob.last,
                           .events = blob.bytes});
    std::set<HoldId> holds;
    for (const RecordedEvent& recorded : events) {
        const HoldId id = hold_of(recorded.event);
        if (id == HoldId{} || state_.home(id) != partition || !holds.insert(id).second) {
            continue;
        }
        const std::string key = store::encode_id_key(id);
        if (const auto value = from_.find(partition, RowKind::past_hold, key)) {
            batch.put(RowKind::past_hold, partition, key, [&](std::string& out) { out += *value; });
            ++report_.rows;
        }
    }
    report_.copied += blob.last - head.version;
    head = {.version = blob.last, .batch = batch.number};
    append(std::move(batch));
}

void Migration::copy_events(PartitionId partition, Version until) {
    while (target_.heads[partition].version < until) {
        const Version before = target_.heads[partition].version;
        for (const store::EventBlob& blob : from_.tail(partition, before, piece_bytes)) {
            if (blob.last > until) {
                break;
            }
            copy_blob(partition, blob);
        }
        if (target_.heads[partition].version == before) {
            throw store::StoreError(
                fmt::format("partition {} of {} is at version {}, but its events after version {} "
                            "are missing: it is damaged; restore a backup",
                            partition, from_.name(), until, before));
        }
    }
}

// Makes the target's rows what the source's are, and its head too.
void Migration::copy_rows(PartitionId partition, const store::Head& until, const Rows& rows) {
    store::Head& head = target_.heads[partition];
    head.batch = std::max(head.batch, until.batch);
    const auto begin = [&] {
        store::Batch batch{.number = head.batch};
        batch.steps.push_back(
            {.partition = partition, .expected = head.version, .next = head.version, .events = {}});
        return batch;
    };
    store::Batch batch = begin();
    static const RowsOfKind none;
    const auto of = [](const Rows& all, RowKind kind) -> const RowsOfKind& {
        const auto found = all.find(kind);
        return found == all.end() ? none : found->second;
    };
    for (const RowKind kind : kinds) {
        const RowsOfKind& here = of(rows, kind);
        const RowsOfKind& there = of(target_.partitions[partition], kind);
        const auto room = [&] {
            ++report_.rows;
            if (kind != RowKind::stock && batch.arena.size() > piece_bytes) {
                append(std::exchange(batch, begin()));
            }
        };
        for (const auto& [key, value] : there) {
            if (!here.contains(key)) {
                batch.erase(kind, partition, key);
                room();
            }
        }
        for (const auto& [key, value] : here) {
            const auto found = there.find(key);
            if (found == there.end() || found->second != value) {
                batch.put(kind, partition, key, [&](std::string& out) { out += value; });
                room();
            }
        }
    }
    append(std::move(batch));
}

// Brings the target to where the source is now. Returns how many events that took.
std::uint64_t Migration::catch_up() {
    const std::uint64_t before = report_.copied;
    // Most of the events first: rows that are read now would be old when those are there.
    source_.heads = from_.heads();
    for (std::uint32_t i = 0; i < from_.partition_count(); ++i) {
        copy_events(static_cast<PartitionId>(i), source_.heads[i].version);
    }
    source_ = load(from_);
    for (std::uint32_t i = 0; i < from_.partition_count(); ++i) {
        const auto partition = static_cast<PartitionId>(i);
        copy_events(partition, source_.heads[i].version);
        copy_rows(partition, source_.heads[i], source_.partitions[i]);
    }
    target_.partitions = source_.partitions;
    return report_.copied - before;
}

// While nobody changes either.
void Migration::compare() {
    const Kept kept = load(to_);
    for (std::size_t i = 0; i < kept.heads.size(); ++i) {
        if (kept.heads[i].version != source_.heads[i].version ||
            kept.partitions[i] != source_.partitions[i]) {
            throw store::StoreError(fmt::format(
                "partition {} is not the same in {} and {} after it was copied: the move was not "
                "finished, and the old store stays as it was. Run the same again, and report it",
                i, from_.name(), to_.name()));
        }
    }
}

MigrationReport Migration::run() {
    report_.from = from_.name();
    report_.to = to_.name();
    target_.heads = to_.heads();
    check_ends();
    report_.partitions = to_.partition_count();
    report_.finished = report_.was_finished;
    if (report_.was_finished) {
        report_.events = events_of(target_.heads);
        return report_;
    }
    check_prefix();
    to_.set_notice({.reason = Notice::Reason::unfinished, .id = from_.id(), .name = from_.name()});
    target_ = load(to_);
    catch_up();
    check_audit(from_);
    check_audit(to_);
    for (int round = 1; from_.writer() && round < rounds_max && catch_up() > events_left_max;) {
        ++round;
    }
    if (!options_.copy_only) {
        const auto begin = Steady::now();
        from_.hold_others();
        catch_up();
        compare();
        // In this order: never are two stores in service.
        from_.retire({.reason = Notice::Reason::moved, .id = to_.id(), .name = to_.name()});
        to_.set_notice({});
        if (from_.writer()) {
            report_.pause =
                std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - begin);
        }
        report_.finished = true;
    }
    report_.events = events_of(target_.heads);
    return report_;
}

}  // namespace

MigrationReport migrate(store::MovableStore& from, store::MovableStore& to,
                        const MigrationOptions& options) {
    return Migration(from, to, options).run();
}

}  // namespace holdfast::service
