#include "service/queries.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <holdfast/limits.h>
#include "core/validate.h"
#include "sequencer/event_log.h"
#include "store/codec.h"

namespace holdfast::service {
namespace {

using store::RowKind;

// Pending, or not: a hold has one row of the two kinds.
std::optional<Hold> find_hold(store::Store& store, HoldId id) {
    const PartitionId home = partition_of(id.token(), store.partition_count());
    for (const RowKind kind : {RowKind::live_hold, RowKind::past_hold}) {
        if (const auto row = store.find(home, kind, store::encode_id_key(id))) {
            return store::decode_hold(*row);
        }
    }
    return std::nullopt;
}

bool matches(const Hold& hold, const HoldFilter& filter) {
    return (!filter.status || hold.status == *filter.status) &&
           (filter.cart.empty() || hold.cart == filter.cart) &&
           (filter.customer.empty() || hold.customer == filter.customer);
}

// That a query looks at, of each kind and partition: some milliseconds. What it seeks may be rare, and the
// next query waits.
constexpr std::size_t looked_at_max = 10'000;

// The first `limit` of both after `after`, in order.
std::vector<HoldId> merged(std::vector<HoldId> ids, const std::vector<HoldId>& pending,
                           HoldId after, std::size_t limit) {
    const auto from = std::ranges::upper_bound(pending, after);
    ids.insert(ids.end(), from, pending.end());
    std::ranges::sort(ids);
    const auto twice = std::ranges::unique(ids);
    ids.erase(twice.begin(), twice.end());
    ids.resize(std::min(ids.size(), limit));
    return ids;
}

// Holds of one cart or customer, through the store's index.
Page<Hold> owned_holds(store::Store& store, const HoldFilter& filter, HoldId after,
                       const std::vector<HoldId>& pending, const std::stop_token& ending) {
    const bool by_cart = !filter.cart.empty();
    const auto index = by_cart ? store::HoldIndex::cart : store::HoldIndex::customer;
    const std::string_view name = by_cart ? filter.cart : filter.customer;
    Page<Hold> page;
    if (!core::is_id(name)) {
        return page;  // nobody is called so, and not every store can look for it
    }
    std::size_t looked_at = 0;
    while (true) {
        const auto ids = merged(store.holds_of(index, name, after, filter.limit + 1, ending),
                                pending, after, filter.limit + 1);
        for (const HoldId id : ids) {
            if (page.items.size() == filter.limit || looked_at++ == looked_at_max) {
                page.next = to_string(after);
                return page;
            }
            if (auto hold = find_hold(store, id); hold && matches(*hold, filter)) {
                page.items.push_back(std::move(*hold));
            }
            after = id;
        }
        if (ids.size() <= filter.limit) {
            return page;
        }
    }
}

// All holds with a status, oldest first, from every partition.
Page<Hold> all_holds(store::Store& store, const HoldFilter& filter, HoldId after,
                     const std::stop_token& ending) {
    Page<Hold> page;
    // Up to here everything was looked at, when not at all.
    std::optional<HoldId> seen;
    const auto collect = [&](PartitionId partition, RowKind kind) {
        std::size_t looked_at = 0;
        std::size_t found = 0;
        const auto look = [&](std::string_view, std::string_view value) {
            Hold hold = store::decode_hold(value);
            const HoldId id = hold.id;
            if (matches(hold, filter)) {
                page.items.push_back(std::move(hold));
                ++found;
            }
            const bool enough = found > filter.limit || ++looked_at == looked_at_max;
            if (enough) {
                seen = std::min(seen.value_or(id), id);
            }
            return !enough && !ending.stop_requested();
        };
        store.scan(partition, kind, store::encode_id_key(after), look);
    };
    for (std::uint32_t i = 0; i < store.partition_count(); ++i) {
        if (!filter.status || *filter.status == HoldStatus::pending) {
            collect(static_cast<PartitionId>(i), RowKind::live_hold);
        }
        if (!filter.status || *filter.status != HoldStatus::pending) {
            collect(static_cast<PartitionId>(i), RowKind::past_hold);
        }
    }
    std::ranges::sort(page.items, {}, &Hold::id);
    if (seen) {
        std::erase_if(page.items, [&seen](const Hold& hold) { return hold.id > *seen; });
        page.next = to_string(*seen);
    }
    if (page.items.size() > filter.limit) {
        page.items.resize(filter.limit);
        page.next = to_string(page.items.back().id);
    }
    return page;
}

// "3-0-17": the versions of all partitions.
std::optional<std::vector<Version>> parse_position(std::string_view cursor, std::size_t count) {
    std::vector<Version> position;
    while (!cursor.empty()) {
        Version version = 0;
        const auto [stop, error] =
            std::from_chars(cursor.data(), cursor.data() + cursor.size(), version);
        if (error != std::errc{}) {
            return std::nullopt;
        }
        position.push_back(version);
        cursor.remove_prefix(static_cast<std::size_t>(stop - cursor.data()));
        if (!cursor.empty() && (cursor.front() != '-' || cursor.size() == 1)) {
            return std::nullopt;
        }
        cursor.remove_prefix(cursor.empty() ? 0 : 1);
    }
    return position.size() == count ? std::optional(position) : std::nullopt;
}

}  // namespace

Refusal bad_cursor(std::string_view cursor) {
    return {.code = RefusalCode::invalid_request,
            .detail = fmt::format("'{}' is not a cursor of this list: begin without one, then use "
                                  "the `next` of the page before",
                                  cursor),
            .field = "after"};
}

Result<Page<Hold>> find_holds(store::Store& store, const HoldFilter& filter,
                              const std::vector<HoldId>& pending, const std::stop_token& ending) {
    HoldId after;
    if (!filter.after.empty()) {
        const auto parsed = parse_hold_id(filter.after);
        if (!parsed) {
            return std::unexpected(bad_cursor(filter.after));
        }
        after = *parsed;
    }
    const bool owned = !filter.cart.empty() || !filter.customer.empty();
    return owned ? owned_holds(store, filter, after, pending, ending)
                 : all_holds(store, filter, after, ending);
}

Result<Page<RecordedEvent>> read_events(store::Store& store, std::string_view after,
                                        std::size_t limit) {
    const std::size_t partitions = store.partition_count();
    auto position =
        after.empty() ? std::vector<Version>(partitions) : parse_position(after, partitions);
    if (!position) {
        return std::unexpected(bad_cursor(after));
    }
    const std::vector<store::Head> heads = store.heads();
    for (std::size_t i = 0; i < partitions; ++i) {
        if ((*position)[i] > heads[i].version) {
            return std::unexpected(bad_cursor(after));
        }
    }
    sequencer::EventLog log(store, std::move(*position), heads);
    Page<RecordedEvent> page;
    while (page.items.size() < limit) {
        auto event = log.next();
        if (!event) {
            break;
        }
        page.items.push_back(std::move(*event));
    }
    // Also at the end: what happens next is read from here.
    page.next = fmt::format("{}", fmt::join(log.position(), "-"));
    return page;
}

}  // namespace holdfast::service
