// The same commands make the same bytes; folding the events gives the state that was decided on; and
// what a store gives back is what was in memory.
#include <gtest/gtest.h>

#include "core/evolve.h"
#include "sequencer/recovery.h"
#include "store/codec.h"
#include "testing/core_target.h"
#include "testing/faulty_store.h"
#include "testing/memory_store.h"
#include "testing/random_script.h"
#include "testing/service_target.h"

namespace holdfast::testing {
namespace {

void play(const Script& script, Target& target) {
    Player player(target);
    for (const Step& step : parse_script(script).steps) {
        player.play(step, "");
    }
}

std::string bytes_of(const std::vector<TimedEvent>& events) {
    std::string bytes;
    for (const TimedEvent& timed : events) {
        store::encode_blob_header(bytes, 1, timed.at);
        store::encode(bytes, 0, timed.event);
    }
    return bytes;
}

std::optional<std::string> failure_unless_empty(std::string text) {
    return text.empty() ? std::nullopt : std::optional(std::move(text));
}

TEST(Determinism, TheSameCommandsMakeTheSameBytes) {
    check_scripts("bytes", 500, [](const Script& script) -> std::optional<std::string> {
        CoreTarget first(4);
        CoreTarget second(4);
        play(script, first);
        play(script, second);
        return bytes_of(first.events()) == bytes_of(second.events())
                   ? std::nullopt
                   : std::optional<std::string>("the events differ");
    });
}

TEST(Determinism, FoldingTheEventsGivesTheStateThatWasDecidedOn) {
    check_scripts("fold", 500, [](const Script& script) {
        CoreTarget core(3);
        play(script, core);
        core::State folded(3);
        for (const TimedEvent& timed : core.events()) {
            core::evolve(folded, timed.event, timed.at);
        }
        return failure_unless_empty(core::difference(core.state(), folded));
    });
}

// The whole log, page by page: the cursor goes on where the log ends now.
std::vector<RecordedEvent> read_all_events(Service& service) {
    std::vector<RecordedEvent> events;
    std::string cursor;
    for (bool more = true; more;) {
        auto page = service.events(cursor, 7);
        EXPECT_TRUE(page.has_value());
        more = !page->items.empty();
        std::ranges::move(page->items, std::back_inserter(events));
        cursor = page->next;
    }
    return events;
}

// Folds the log that a service offers, and the holds that no longer compete.
std::string compare_log_with_rows(Service& service, store::Store& store) {
    core::State folded(store.partition_count());
    std::map<HoldId, Hold> holds;
    for (const RecordedEvent& recorded : read_all_events(service)) {
        core::evolve(folded, recorded.event, recorded.at);
        if (const auto id = hold_of(recorded.event)) {
            core::evolve(holds[*id], recorded.event);
        }
    }
    if (std::string found = core::difference(folded, sequencer::recover(store).state);
        !found.empty()) {
        return found;
    }
    for (const auto& [id, hold] : holds) {
        const auto kind = hold.status == HoldStatus::pending ? store::RowKind::live_hold
                                                             : store::RowKind::past_hold;
        const auto bytes = store.find(folded.home(id), kind, store::encode_id_key(id));
        if (!bytes || store::decode_hold(*bytes) != hold) {
            return to_string(id) + ": the row is not what the events make of the hold";
        }
    }
    return "";
}

TEST(Determinism, WhatAStoreGivesBackIsWhatWasInMemory) {
    for (const std::uint32_t partitions : {1, 4}) {
        check_scripts("reload", 200, [&](const Script& script) -> std::optional<std::string> {
            auto store = std::make_shared<MemoryStore>(partitions);
            ServiceTarget target(on_memory_store(store));
            Player player(target);
            for (const Step& step : parse_script(script).steps) {
                player.play(step, "");
            }
            const std::string before = player.everything();
            target.restart();
            if (const std::string after = player.everything(); before != after) {
                return "before:\n" + before + "after the restart:\n" + after;
            }
            return failure_unless_empty(compare_log_with_rows(target.service(), *store));
        });
    }
}

}  // namespace
}  // namespace holdfast::testing
