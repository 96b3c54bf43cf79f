// Moves a shop from one store to another: all events, versions and numbers as they are, so that cursors of the
// feed, fences, ids and idempotency keys stay good; then the rows.
//
// Into another number of partitions the same events go in one order, each to the partitions that it touches
// there, and the last is one that raises all versions above those that were ever given out: so fences go on
// growing, and all but the cursors of the feed stays good. See repartition.h.
//
// A store that several nodes serve is copied while they do. What they change meanwhile is copied after, until
// little is left; then their appends wait, the rest is copied and compared, and from there on the old store
// takes no more: who waited is refused, and told where the shop has gone. So no answer is lost or given twice.
//
// What has been copied is always a prefix of the source, partition by partition: a run that was interrupted
// is continued by the next, on the evidence of what the target has. Until it is whole nobody can serve it.
// The old store can be the target of the way back: then only what came since is copied.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

#include <holdfast/service.h>
#include "store/movable_store.h"

namespace holdfast::service {

// The two stores do not suit; nothing was changed that a user could miss. Says what to do.
class MigrationRefused : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct MigrationOptions {
    // That the target is to have; none: as many as the source.
    std::optional<std::uint32_t> partitions;
    // Ends when the copy has caught up: the source stays in service, the copy unfinished.
    bool copy_only = false;
    // Of events that are written in one step. Less in tests, which look at what is in between.
    std::size_t gather_bytes = std::size_t{4} << 20;
    // After each step that wrote to the target: how many events it has, of how many. When it throws the migration ends
    // there.
    std::function<void(std::uint64_t done, std::uint64_t total)> progress = [](auto...) {};
};

struct MigrationReport {
    bool finished = false;      // not of a copy only
    bool was_finished = false;  // by an earlier run: nothing was done
    std::string from;           // their names, without passwords
    std::string to;
    std::uint64_t partitions = 0;  // of the target
    std::uint64_t events = 0;      // that the target has now
    std::uint64_t copied = 0;      // of them by this run
    std::uint64_t rows = 0;        // written by this run, and those that were taken away
    // How long appends to a source that others serve had to wait.
    std::optional<std::chrono::milliseconds> pause;
    // Of the feed, behind all that was carried. Empty where those of the source stay good.
    std::string cursor;
};

// Throws MigrationRefused and StoreError.
MigrationReport migrate(store::MovableStore& from, store::MovableStore& to,
                        const MigrationOptions& options = {});

}  // namespace holdfast::service
