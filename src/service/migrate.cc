#include "service/migrate.h"

#include <algorithm>
#include <future>
#include <iterator>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "core/evolve.h"
#include "core/state.h"
#include "sequencer/event_log.h"
#include "service/audit.h"
#include "service/partition_rows.h"
#include "service/repartition.h"
#include "store/codec.h"

namespace holdfast::service {
namespace {

using store::Notice;
using store::RowKind;
using Steady = std::chrono::steady_clock;

// Bytes of events read at once, and of rows written at once.
constexpr std::size_t piece_bytes = std::size_t{4} << 20;
// Appends that are written in one step: their answers have to fit into what a connection has room for.
constexpr std::size_t gathered_max = 256;
// So few events are left that they may be copied while appends wait; and after so many rounds a shop is so
// busy that it will not get better.
constexpr std::uint64_t events_left_max = 1'000;
constexpr int rounds_max = 10;

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
        : from_(from), to_(to), options_(options), state_(from.partition_count()) {
        if (from.partition_count() != to.partition_count()) {
            repartition_.emplace(from.partition_count(), to.partition_count());
        }
    }

    MigrationReport run();

private:
    void check_ends();
    void check_prefix();
    std::uint64_t check_audit(store::MovableStore& store);
    std::uint64_t catch_up();
    void copy_events(const std::vector<store::Head>& until);
    void copy_events(PartitionId partition, Version until);
    void copy_blob(PartitionId partition, const store::EventBlob& blob);
    void copy_past_hold(store::Batch& batch, PartitionId from, PartitionId to, HoldId id);
    void copy_rows(PartitionId partition, const Rows& rows);
    void finish();
    void compare();
    void gather(store::Batch batch);
    void write_gathered();
    void append(store::Batch batch);
    void check(const store::AppendResult& result);
    [[noreturn]] void refuse_as_no_copy(std::size_t partition, Version version);

    // Where the number of partitions changes:
    void find_position();
    bool is_of_a_move(const RecordedEvent& recorded);
    void carry_events(const std::vector<store::Head>& until);
    void carry(const std::vector<RecordedEvent>& appended);
    void add(store::Batch& batch, std::uint32_t index, const Event& event);
    void change_partitions();

    store::MovableStore& from_;
    store::MovableStore& to_;
    const MigrationOptions& options_;
    const core::State state_;  // knows which partition is a hold's home
    std::optional<Repartition> repartition_;
    std::vector<Version> position_;       // in the source: what is behind it is in the target
    Instant time_;                        // of the last event that was carried
    std::vector<store::Batch> gathered_;  // events that the target is yet to get
    std::size_t gathered_bytes_ = 0;
    PartitionRows source_;  // when it was last looked at, and as the target is to have it
    PartitionRows target_;
    MigrationReport report_;
};

void Migration::check_ends() {
    if (from_.id() == to_.id()) {
        throw MigrationRefused(fmt::format(
            "{} and {} are the same store: name another one to move to", from_.name(), to_.name()));
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
    const std::uint32_t wanted = options_.partitions.value_or(from_.partition_count());
    if (wanted != to_.partition_count()) {
        throw MigrationRefused(fmt::format(
            "{} is to have {} partitions, and has {} already: name a target that is not there yet, "
            "or say --partitions {}",
            to_.name(), wanted, to_.partition_count(), to_.partition_count()));
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
            refuse_as_no_copy(i, version);
        }
    }
}

void Migration::refuse_as_no_copy(std::size_t partition, Version version) {
    throw MigrationRefused(
        fmt::format("{} has events that {} does not have (partition {} up to version {}): it is no "
                    "copy of it, or was served meanwhile; name a target that is not there yet",
                    to_.name(), from_.name(), partition, version));
}

// Each event says which of the old partitions it touched: so their versions can be counted again.
void Migration::find_position() {
    position_.assign(from_.partition_count(), 0);
    std::vector<RecordedEvent> last(position_.size());
    sequencer::EventLog log(to_, std::vector<Version>(to_.partition_count()), target_.heads);
    while (const auto recorded = log.next()) {
        time_ = std::max(time_, recorded->at);
        if (is_of_a_move(*recorded)) {
            continue;
        }
        for (const PartitionId partition : repartition_->touched_before(recorded->event)) {
            position_[partition] = Repartition::next(position_[partition], recorded->event);
            last[partition] = *recorded;
        }
    }
    const std::vector<store::Head> heads = from_.heads();
    for (std::size_t i = 0; i < position_.size(); ++i) {
        const Version version = position_[i];
        if (version == 0) {
            continue;
        }
        const auto partition = static_cast<PartitionId>(i);
        const auto here = version <= heads[i].version ? from_.tail(partition, version - 1, 1)
                                                      : std::vector<store::EventBlob>{};
        const auto events = here.empty() ? std::vector<RecordedEvent>{}
                                         : store::decode_blob(partition, here.front());
        const auto same = std::ranges::find(events, version, &RecordedEvent::version);
        if (same == events.end() || same->at != last[i].at ||
            Repartition::carried(*same) != Repartition::carried(last[i])) {
            refuse_as_no_copy(i, version);
        }
    }
}

// Whether a run that was interrupted at its very end has written it: the source does not have it.
bool Migration::is_of_a_move(const RecordedEvent& recorded) {
    if (!std::holds_alternative<PartitionsChanged>(recorded.event)) {
        return false;
    }
    const auto next = from_.tail(0, position_[0], 1);
    return next.empty() || store::decode_blob(0, next.front()).front().event != recorded.event;
}

std::uint64_t Migration::check_audit(store::MovableStore& store) {
    const AuditReport report = audit(store);
    if (!report.clean()) {
        const AuditDifference& first = report.differences.front();
        throw MigrationRefused(fmt::format(
            "{} is not sound, and the move was not finished: {} differences, the first: {} is {}, "
            "by the events {}; see holdfast audit",
            store.name(), report.differences.size(), first.what, first.kept, first.events));
    }
    return report.events;
}

void Migration::check(const store::AppendResult& result) {
    if (result.outcome == store::AppendOutcome::conflict) {
        throw MigrationRefused(fmt::format("somebody else changes {}: stop whoever serves it ({})",
                                           to_.name(), result.error));
    }
    if (result.outcome != store::AppendOutcome::appended) {
        throw store::StoreError(fmt::format(
            "{} failed while it was written: {}. Run the same again to go on from where it stopped",
            to_.name(), result.error));
    }
    const std::uint64_t done =
        repartition_ ? std::reduce(position_.begin(), position_.end()) : events_of(target_.heads);
    options_.progress(done, events_of(source_.heads));
}

// One durable write for many appends: a copy has as many of them as the shop ever had.
void Migration::gather(store::Batch batch) {
    gathered_bytes_ += batch.arena.size();
    for (const store::PartitionStep& step : batch.steps) {
        gathered_bytes_ += step.events.size();
        target_.heads[step.partition] = {.version = step.next, .batch = batch.number};
    }
    gathered_.push_back(std::move(batch));
    if (gathered_bytes_ >= options_.gather_bytes || gathered_.size() == gathered_max) {
        write_gathered();
    }
}

void Migration::write_gathered() {
    if (!gathered_.empty()) {
        gathered_bytes_ = 0;
        check(to_.append_all(std::exchange(gathered_, {})));
    }
}

void Migration::append(store::Batch batch) {
    for (const store::PartitionStep& step : batch.steps) {
        target_.heads[step.partition] = {.version = step.next, .batch = batch.number};
    }
    std::promise<store::AppendResult> answered;
    to_.append(std::move(batch),
               [&](store::AppendResult result) { answered.set_value(std::move(result)); });
    check(answered.get_future().get());
}

// As it is in the source by now: if it changes later, there is a later event about it.
void Migration::copy_past_hold(store::Batch& batch, PartitionId from, PartitionId to, HoldId id) {
    const std::string key = store::encode_id_key(id);
    if (const auto value = from_.find(from, RowKind::past_hold, key)) {
        batch.put(RowKind::past_hold, to, key, [&](std::string& out) { out += *value; });
        ++report_.rows;
    }
}

// As it was appended to the source, with the past holds that it is about.
void Migration::copy_blob(PartitionId partition, const store::EventBlob& blob) {
    const store::Head& head = target_.heads[partition];
    const std::vector<RecordedEvent> events = store::decode_blob(partition, blob);
    const bool follows = blob.first == head.version + 1 ||
                         std::holds_alternative<PartitionsChanged>(events.front().event);
    if (!follows) {
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
    std::vector<PartitionId> touched;
    for (const RecordedEvent& recorded : events) {
        core::touched_partitions(state_, recorded.event, touched);
        report_.copied += touched.front() == partition ? 1U : 0U;  // each counts once
        const HoldId id = hold_of(recorded.event);
        if (id != HoldId{} && state_.home(id) == partition && holds.insert(id).second) {
            copy_past_hold(batch, partition, partition, id);
        }
    }
    gather(std::move(batch));
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

void Migration::copy_events(const std::vector<store::Head>& until) {
    if (repartition_) {
        carry_events(until);
    } else {
        for (std::size_t i = 0; i < until.size(); ++i) {
            copy_events(static_cast<PartitionId>(i), until[i].version);
        }
    }
    write_gathered();
}

// In the order of the source's appends, each as one. Of appends that had no partition in common one with a
// lower number may come to light after one with a higher: then it stays the later one, and its number is
// another.
void Migration::carry_events(const std::vector<store::Head>& until) {
    sequencer::EventLog log(from_, position_, until);
    std::vector<RecordedEvent> appended;
    for (bool more = true; more;) {
        std::optional<RecordedEvent> event = log.next();
        more = event.has_value();
        if (!appended.empty() && (!more || event->batch != appended.front().batch)) {
            carry(appended);
            appended.clear();
        }
        if (more) {
            appended.push_back(*std::move(event));
        }
    }
}

void Migration::carry(const std::vector<RecordedEvent>& appended) {
    const RecordedEvent& first = appended.front();
    time_ = std::max(time_, first.at);
    store::Batch batch{.number = std::max(store::last_batch(target_.heads) + 1, first.batch),
                       .at = first.at};
    std::set<HoldId> holds;
    for (const RecordedEvent& recorded : appended) {
        add(batch, recorded.index, Repartition::carried(recorded));
        for (const PartitionId partition : repartition_->touched_before(recorded.event)) {
            position_[partition] = Repartition::next(position_[partition], recorded.event);
        }
        const HoldId id = hold_of(recorded.event);
        if (id != HoldId{} && holds.insert(id).second) {
            copy_past_hold(batch, repartition_->home_before(id), repartition_->home_after(id), id);
        }
    }
    report_.copied += appended.size();
    gather(std::move(batch));
}

void Migration::add(store::Batch& batch, std::uint32_t index, const Event& event) {
    for (const PartitionId partition : repartition_->touched_after(event)) {
        auto step = std::ranges::find(batch.steps, partition, &store::PartitionStep::partition);
        if (step == batch.steps.end()) {
            const Version version = target_.heads[partition].version;
            step = batch.steps.insert(
                step, {.partition = partition, .expected = version, .next = version, .events = {}});
            store::encode_blob_header(step->events, batch.number, batch.at);
        }
        store::encode(step->events, index, event);
        step->next = Repartition::next(step->next, event);
    }
}

// Fences grow on: what anybody was given before is below all that comes after.
void Migration::change_partitions() {
    store::Batch batch{.number = store::last_batch(target_.heads) + 1, .at = time_};
    add(batch, 0,
        PartitionsChanged{.partitions = to_.partition_count(),
                          .version = repartition_->beyond(source_.heads, target_.heads)});
    append(std::move(batch));
    ++report_.copied;
}

// Makes the target's rows what the source's are.
void Migration::copy_rows(PartitionId partition, const Rows& rows) {
    const store::Head& head = target_.heads[partition];
    const std::uint64_t number = repartition_
                                     ? store::last_batch(target_.heads) + 1
                                     : std::max(head.batch, source_.heads[partition].batch);
    const auto begin = [&] {
        store::Batch batch{.number = number};
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
    for (const RowKind kind : kinds_of_rows()) {
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
    // Also for the number alone, where it is that of the source.
    if (!batch.rows.empty() || (!repartition_ && number != head.batch)) {
        append(std::move(batch));
    }
}

// Brings the target to where the source is now. Returns how many events that took.
std::uint64_t Migration::catch_up() {
    const std::uint64_t before = report_.copied;
    // Most of the events first: rows that are read now would be old when those are there.
    source_.heads = from_.heads();
    copy_events(source_.heads);
    source_ = load_rows(from_);
    copy_events(source_.heads);
    if (repartition_) {
        source_.partitions = repartition_->carried(std::move(source_.partitions));
    }
    for (std::size_t i = 0; i < source_.partitions.size(); ++i) {
        copy_rows(static_cast<PartitionId>(i), source_.partitions[i]);
    }
    target_.partitions = source_.partitions;
    return report_.copied - before;
}

// While nobody changes either.
void Migration::compare() {
    const std::vector<store::Head>& heads = repartition_ ? target_.heads : source_.heads;
    const PartitionRows kept = load_rows(to_);
    for (std::size_t i = 0; i < kept.heads.size(); ++i) {
        if (kept.heads[i].version != heads[i].version ||
            kept.partitions[i] != source_.partitions[i]) {
            throw store::StoreError(fmt::format(
                "partition {} of {} is not what it should be after {} was copied: the move was not "
                "finished, and the old store stays as it was. Run the same again, and report it",
                i, to_.name(), from_.name()));
        }
    }
}

// While nobody changes the source.
void Migration::finish() {
    const auto begin = Steady::now();
    from_.hold_others();
    catch_up();
    if (repartition_) {
        change_partitions();
    }
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

MigrationReport Migration::run() {
    report_.from = from_.name();
    report_.to = to_.name();
    target_.heads = to_.heads();
    check_ends();
    report_.partitions = to_.partition_count();
    report_.finished = report_.was_finished;
    if (report_.was_finished) {
        return report_;
    }
    repartition_ ? find_position() : check_prefix();
    to_.set_notice({.reason = Notice::Reason::unfinished, .id = from_.id(), .name = from_.name()});
    target_ = load_rows(to_);
    catch_up();
    check_audit(from_);
    const std::uint64_t copied = report_.copied;
    report_.events = check_audit(to_);
    for (int round = 1; from_.writer() && round < rounds_max && catch_up() > events_left_max;) {
        ++round;
    }
    if (!options_.copy_only) {
        finish();
    }
    report_.events += report_.copied - copied;
    if (repartition_ && report_.finished) {
        std::vector<Version> versions;
        std::ranges::transform(target_.heads, std::back_inserter(versions), &store::Head::version);
        report_.cursor = fmt::format("{}", fmt::join(versions, "-"));
    }
    return report_;
}

}  // namespace

MigrationReport migrate(store::MovableStore& from, store::MovableStore& to,
                        const MigrationOptions& options) {
    return Migration(from, to, options).run();
}

}  // namespace holdfast::service
