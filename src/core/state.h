// What the rules need to remember: stock rows, pending holds, deadlines, customers' counts. Data and
// its indexes only; evolve() changes it, decide() reads it. One thread owns a State.
// Memory grows with what competes for stock, not with history.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <holdfast/alert.h>
#include <holdfast/answers.h>
#include <holdfast/hold.h>
#include <holdfast/policy.h>
#include <holdfast/types.h>
#include "core/pending_holds.h"
#include "core/wait_line.h"

namespace holdfast::core {

using SkuIndex = std::uint32_t;
using LocationIndex = std::uint16_t;

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const;
};
struct TextEqual {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};
template <class Value>
using TextMap = boost::unordered_flat_map<std::string, Value, TextHash, TextEqual>;

struct LocationState {
    std::string name;
    std::string region;
    int priority = 0;
};

struct SkuStock {
    LocationIndex location = 0;
    Counters counters;
};

// The orders that wait for stock of one SKU at one location, oldest place first.
struct StockQueue {
    struct Waiter {
        HoldId hold;
        Quantity quantity = 0;  // still to come
        bool operator==(const Waiter&) const = default;
    };
    LocationIndex location = 0;
    std::map<Version, Waiter> orders;
    Quantity units = 0;  // sum of all quantities

    [[nodiscard]] std::optional<Waiter> find(Version place) const;
};

// The shoppers who lined up for units at one location, or anywhere.
struct ShopperLine {
    std::uint32_t location = 0;  // anywhere: SkuQueues::anywhere
    WaitLine line;
};

// What waits for stock of one SKU. Most SKUs have none.
struct SkuQueues {
    static constexpr std::uint32_t anywhere = 0xffff'ffff;

    std::vector<StockQueue> orders;     // by location
    std::vector<ShopperLine> shoppers;  // by location; none is empty
    TextMap<EntryId> customers;         // who stands in one of them
    bool to_be_served = false;          // stands in State::to_serve

    struct Shopper {
        EntryId id;
        std::uint32_t location = anywhere;
        WaitEntry entry;
    };
    [[nodiscard]] std::optional<Shopper> find_shopper(EntryId id) const;
    // From 1: who came before, wherever they wait.
    [[nodiscard]] std::size_t place(EntryId id) const;
    // Whether somebody who came before waits for units of this location.
    [[nodiscard]] bool somebody_waits(LocationIndex location, EntryId before) const;

    [[nodiscard]] const StockQueue* at(LocationIndex location) const;
    // Units promised beyond stock, at all locations.
    [[nodiscard]] Quantity backordered() const;
};

// Goods that a supplier will bring.
struct Incoming {
    LocationIndex location = 0;
    std::string reference;
    Quantity quantity = 0;
    Instant expected_at;
};

// What a hold has of a SKU whose customers are limited for a while.
struct WindowedUnits {
    HoldId hold;
    Quantity quantity = 0;
    Instant since;      // when the hold was placed, or took its units when that was later
    Seconds window{0};  // of the policy when it took them
    bool operator==(const WindowedUnits&) const = default;
};

// What customers hold and own of a SKU, where a limit counts it: for good in a number, for a while hold
// by hold. Units whose window is over, of a hold that is not pending, count no longer; they are
// forgotten when the same customer takes more.
struct CustomerUnits {
    TextMap<Quantity> for_good;
    TextMap<std::vector<WindowedUnits>> windowed;  // in the order in which they were taken

    // `window`: of the policy at this moment. The shorter one of it and their own counts.
    [[nodiscard]] Quantity counted(std::string_view customer, std::optional<Seconds> window,
                                   Instant now, const PendingHolds& holds) const;
    void change(std::string_view customer, Quantity by);
    void take(std::string_view customer, const WindowedUnits& units, Instant now,
              const PendingHolds& holds);
    // Whether the hold's units were there to be given back: they may be forgotten.
    [[nodiscard]] bool give_back(std::string_view customer, HoldId hold, Quantity quantity);
};

struct SkuState {
    std::string sku;
    std::uint16_t token = 0;
    StockLevel level = StockLevel::never;  // as it was announced
    const Policy* policy = nullptr;        // one of State::policies
    Version defined_at = 0;
    // By location index. The first lies in here: most SKUs have only one.
    boost::container::small_vector<SkuStock, 1> stock;
    std::unique_ptr<CustomerUnits> customers;  // for limited holds only
    std::unique_ptr<SkuQueues> queues;
    std::unique_ptr<std::vector<Incoming>> incoming;  // by location and reference
    std::unique_ptr<std::vector<Alert>> alerts;       // that stand

    [[nodiscard]] const Counters* at(LocationIndex location) const;
    [[nodiscard]] Counters* at(LocationIndex location);
    [[nodiscard]] Quantity backordered_at(LocationIndex location) const;
    // At all locations, each as it is shown to shoppers.
    [[nodiscard]] Quantity available() const;
    // Null when none of this kind stands.
    [[nodiscard]] const Alert* find_alert(AlertKind kind) const;
    // Null when nothing is announced with this reference.
    [[nodiscard]] const Incoming* find_incoming(LocationIndex location,
                                                std::string_view reference) const;

    // Who asks for a SKU will read all of it: its cache lines come together instead of one by one.
    void prefetch() const {
        constexpr std::size_t cache_line = 64;
        const char* const bytes = reinterpret_cast<const char*>(this);
        for (std::size_t line = 0; line < sizeof *this; line += cache_line) {
            __builtin_prefetch(bytes + line);
        }
    }
};

// Finds SKUs by name. An entry has no name but the hash of one, so that the whole index of a large
// catalogue stays in the processor's cache; the name is compared where the SKU itself lies.
class SkuNames {
public:
    [[nodiscard]] std::optional<SkuIndex> find(const std::vector<SkuState>& skus,
                                               std::string_view name) const;
    // The last of `skus` is new.
    void add_last(const std::vector<SkuState>& skus);
    // The last of `skus` will be gone.
    void remove_last(const std::vector<SkuState>& skus);
    [[nodiscard]] std::size_t count() const { return entries_.size(); }
    // Brings the SKU into the cache without waiting for it.
    void prefetch(const std::vector<SkuState>& skus, std::string_view name) const;

private:
    struct Entry {
        std::uint32_t hash = 0;
        SkuIndex index = 0;
    };
    struct Name {
        std::uint32_t hash = 0;
        std::string_view text;
        const std::vector<SkuState>& skus;
    };
    struct AnyName {
        std::uint32_t hash = 0;
    };
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(const Entry& entry) const { return entry.hash; }
        std::size_t operator()(const Name& name) const { return name.hash; }
        std::size_t operator()(const AnyName& name) const { return name.hash; }
    };
    struct Equal {
        using is_transparent = void;
        bool operator()(const Entry& a, const Entry& b) const { return a.index == b.index; }
        bool operator()(const Entry& entry, const Name& name) const {
            if (entry.hash != name.hash) {
                return false;
            }
            const SkuState& sku = name.skus[entry.index];
            sku.prefetch();
            return sku.sku == name.text;
        }
        bool operator()(const Name& name, const Entry& entry) const { return (*this)(entry, name); }
        bool operator()(const Entry& entry, const AnyName& name) const {
            return entry.hash == name.hash;
        }
        bool operator()(const AnyName& name, const Entry& entry) const {
            return (*this)(entry, name);
        }
    };
    static std::uint32_t hash_of(std::string_view text);

    boost::unordered_flat_set<Entry, Hash, Equal> entries_;
    // Each step of a command (its terms, its stock, its event, its rows) asks for the same SKUs again.
    mutable SkuIndex last_found_ = 0;
};

class State {
public:
    explicit State(std::uint32_t partition_count = 1);

    [[nodiscard]] std::uint32_t partition_count() const {
        return static_cast<std::uint32_t>(versions.size());
    }
    [[nodiscard]] PartitionId home(HoldId id) const {
        return partition_of(id.token(), partition_count());
    }
    [[nodiscard]] PartitionId home(std::string_view sku) const {
        return partition_of(routing_token(sku), partition_count());
    }
    [[nodiscard]] PartitionId home(const SkuState& sku) const {
        return partition_of(sku.token, partition_count());
    }
    [[nodiscard]] const SkuState* find_sku(std::string_view sku) const;
    [[nodiscard]] std::optional<LocationIndex> find_location(std::string_view location) const;

    // Used by evolve() and by loading from a store.
    SkuIndex sku_index(std::string_view sku);   // asserts that it is there
    SkuIndex define_sku(std::string_view sku);  // makes it when it is not
    LocationIndex define_location(std::string_view location);
    void set_policy(SkuIndex sku, const Policy& policy);
    Counters& stock_row(SkuIndex sku, LocationIndex location);  // made when it is not there
    // `waiter.quantity` more units wait for stock at this place in the queue; negative: so many less.
    void wait(SkuIndex sku, LocationIndex location, Version place, StockQueue::Waiter waiter);
    // 0 units: they do not come.
    void expect(SkuIndex sku, Incoming incoming);
    void join(SkuIndex sku, const SkuQueues::Shopper& shopper);
    void leave(SkuIndex sku, EntryId id);
    // Where he stood before he left.
    void put_back(SkuIndex sku, const SkuQueues::Shopper& shopper);
    // The SKU's units or its queues changed: somebody who waits may be served.
    void mark_to_serve(SkuIndex sku);

    void raise(SkuIndex sku, Alert alert);
    void resolve(AlertId id);
    // Null when it does not stand.
    [[nodiscard]] const Alert* find_alert(AlertId id) const;
    [[nodiscard]] Alert* find_alert(AlertId id);

    void sort_locations();  // after a priority changed

    // Undoes its definition, and what hangs on it alone. No hold, row or line may name it any more, nor to_serve.
    void remove_last_sku();
    void remove_last_location();

    // The hold as everybody outside sees it.
    [[nodiscard]] Hold materialise(const PendingHold& hold) const;

    std::vector<Version> versions;  // by partition
    Instant time;                   // of the last event: never runs backwards
    std::vector<SkuState> skus;
    SkuNames sku_names;
    // Each policy once, with the number of SKUs that have it: many thousands share one.
    std::map<Policy, std::size_t> policies;
    // SKUs to look at, in the order in which they changed, since the queues were last served. Not part of
    // what two equal states have in common: whoever decides next clears it.
    std::vector<SkuIndex> to_serve;
    std::vector<LocationState> locations;
    TextMap<LocationIndex> location_by_name;
    // All locations, in the order in which `priority` lets them serve.
    std::vector<LocationIndex> by_priority;
    PendingHolds holds;
    std::map<AlertId, SkuIndex> alerts;  // that stand

private:
    ShopperLine& line_of_shoppers(SkuIndex sku, std::uint32_t location);  // made when there is none
    void stands(SkuIndex sku, const SkuQueues::Shopper& shopper);         // in his line
    void drop_policy(const Policy& policy);                               // a SKU no longer has it
};

// Whether two states say the same, whatever the order of their indexes. The first difference, for
// people; empty when there is none.
std::string difference(const State& a, const State& b);

}  // namespace holdfast::core
