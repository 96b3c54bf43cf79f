#include "core/allocation.h"

#include <algorithm>

#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <fmt/format.h>

#include <holdfast/fault.h>

namespace holdfast::core {
namespace {

constexpr std::uint32_t anywhere = 0xffff;
static_assert(limits::locations_max <= anywhere);

// A line of the cart after equal ones are summed.
struct Wanted {
    const SkuState* sku = nullptr;
    std::uint32_t location = anywhere;
    Quantity quantity = 0;
    Quantity allowed = 0;      // by the customer's limit; less than quantity only when partial
    bool sku_repeats = false;  // another line of the cart is of the same SKU
};

// Most carts are small: theirs lie on the stack.
using Cart = boost::container::small_vector<Wanted, 8>;

// One SKU at one location (or anywhere), as one number.
std::uint64_t place(const State& state, const SkuState& sku, std::uint32_t location) {
    const auto index = static_cast<std::uint64_t>(&sku - state.skus.data());
    return index << 16 | location;
}

Refusal unknown(RefusalCode code, std::string_view kind, std::string_view name,
                std::string_view path, std::string field) {
    return {.code = code,
            .detail = fmt::format("{0} '{1}' is not known: define it with PUT /v1/{2}/{1}", kind,
                                  name, path),
            .field = std::move(field)};
}

Result<Wanted> resolve_line(const State& state, const LineRequest& line, std::size_t i) {
    Wanted wanted{.sku = state.find_sku(line.sku), .quantity = line.quantity};
    if (wanted.sku == nullptr) {
        return std::unexpected(unknown(RefusalCode::unknown_sku, "SKU", line.sku, "skus",
                                       fmt::format("/lines/{}/sku", i)));
    }
    if (!line.location.empty()) {
        const auto location = state.find_location(line.location);
        if (!location) {
            return std::unexpected(unknown(RefusalCode::unknown_location, "location", line.location,
                                           "locations", fmt::format("/lines/{}/location", i)));
        }
        wanted.location = *location;
    }
    return wanted;
}

// Sums equal lines into the first of them, and marks the SKUs that several lines still want.
void merge_repeated(const State& state, Cart& cart) {
    using Place = std::pair<std::uint64_t, std::size_t>;
    boost::container::small_vector<Place, 32> places;
    for (std::size_t i = 0; i < cart.size(); ++i) {
        places.emplace_back(place(state, *cart[i].sku, cart[i].location), i);
    }
    std::ranges::sort(places);
    bool merged = false;
    for (std::size_t first = 0, i = 1; i < places.size(); ++i) {
        Wanted& before = cart[places[first].second];
        Wanted& line = cart[places[i].second];
        if (places[i].first == places[first].first) {
            before.quantity += line.quantity;
            line.sku = nullptr;
            merged = true;
            continue;
        }
        if (line.sku == before.sku) {
            before.sku_repeats = true;
            line.sku_repeats = true;
        }
        first = i;
    }
    if (merged) {
        const auto gone = [](const Wanted& line) { return line.sku == nullptr; };
        cart.erase(std::remove_if(cart.begin(), cart.end(), gone), cart.end());
    }
}

std::optional<Refusal> resolve(const State& state, const std::vector<LineRequest>& lines,
                               Cart& cart) {
    cart.reserve(lines.size());
    for (std::size_t i = 0; i < lines.size(); ++i) {
        auto line = resolve_line(state, lines[i], i);
        if (!line) {
            return std::move(line.error());
        }
        cart.push_back(*line);
    }
    if (cart.size() > 1 && !HF_FAULT(lines_not_summed)) {
        merge_repeated(state, cart);
    }
    return std::nullopt;
}

// What this cart may take where: what is available, and what it has already (`own`), less what its
// other lines have taken meanwhile.
class Shelf {
public:
    Shelf(const State& state, const Hold* own) : state_(state) {
        for (std::size_t i = 0;
             own != nullptr && !HF_FAULT(own_hold_blocks) && i < own->lines.size(); ++i) {
            const SkuState* sku = state.find_sku(own->lines[i].sku);
            for (const Allocation& allocation : own->lines[i].allocations) {
                changes_[place(state, *sku, *state.find_location(allocation.location))] +=
                    allocation.quantity;
            }
        }
    }

    [[nodiscard]] Quantity free(const SkuState& sku, LocationIndex location) const {
        const Counters* counters = sku.at(location);
        Quantity free = counters == nullptr ? 0 : std::max<Quantity>(counters->available, 0);
        free += HF_FAULT(available_off_by_one) ? 1 : 0;
        free += HF_FAULT(safety_stock_ignored) && counters != nullptr ? counters->safety_stock : 0;
        if (!changes_.empty()) {
            const auto change = changes_.find(place(state_, sku, location));
            free += change == changes_.end() ? 0 : change->second;
        }
        return std::max<Quantity>(free, 0);
    }

    void take(const Wanted& line, LocationIndex location, Quantity quantity) {
        if (line.sku_repeats) {
            changes_[place(state_, *line.sku, location)] -= quantity;
        }
    }

private:
    const State& state_;
    boost::unordered_flat_map<std::uint64_t, Quantity> changes_;
};

using Order = boost::container::small_vector<LocationIndex, 8>;
// The locations that may serve a line, in the order in which they should.
void candidates(const State& state, const Shelf& shelf, const Wanted& line, std::string_view region,
                Order& order) {
    if (line.location != anywhere) {
        order.push_back(static_cast<LocationIndex>(line.location));
        return;
    }
    if (line.sku->stock.size() == 1) {
        order.push_back(line.sku->stock.front().location);
        return;
    }
    for (const LocationIndex location : state.by_priority) {
        if (line.sku->at(location) != nullptr) {
            order.push_back(location);
        }
    }
    switch (line.sku->policy.allocation) {
        case AllocationRule::priority:
            break;
        case AllocationRule::most_available:
            std::ranges::stable_sort(order, std::greater{}, [&](LocationIndex location) {
                return shelf.free(*line.sku, location);
            });
            break;
        case AllocationRule::nearest:
            std::ranges::stable_partition(order, [&](LocationIndex location) {
                return state.locations[location].region == region;
            });
            break;
    }
}

// Takes up to the allowed units for one line into `granted`; without `partial`, all or nothing. Returns
// what the line could have had.
Quantity serve(const State& state, Shelf& shelf, const Wanted& line,
               const AllocationRequest& request, HoldLine& granted) {
    const Quantity wanted = line.allowed;
    Order order;
    candidates(state, shelf, line, request.region, order);
    Quantity possible = 0;
    const auto take = [&](LocationIndex location, Quantity quantity) {
        shelf.take(line, location, quantity);
        granted.allocations.reserve(1);  // nearly always all of them
        granted.allocations.emplace_back(state.locations[location].name, quantity);
        granted.quantity += quantity;
    };
    if (line.sku->policy.split) {
        for (const LocationIndex location : order) {
            possible += shelf.free(*line.sku, location);
        }
        for (const LocationIndex location : order) {
            const Quantity part =
                std::min(wanted - granted.quantity, shelf.free(*line.sku, location));
            if (part > 0 && (request.partial || possible >= wanted)) {
                take(location, part);
            }
        }
        return possible;
    }
    std::optional<LocationIndex> best;
    for (const LocationIndex location : order) {
        const Quantity free = shelf.free(*line.sku, location);
        if (free > possible) {
            possible = free;
            best = location;
        }
        if (free >= wanted) {
            break;  // the first in the order that can serve the whole line
        }
    }
    if (best && wanted > 0 && (request.partial || possible >= wanted)) {
        take(*best, std::min(wanted, possible));
    }
    return possible;
}

// Units of the SKU that the customer's limit still allows for this cart.
Quantity allowance(const SkuState& sku, const AllocationRequest& request) {
    Quantity counted = 0;
    if (sku.customers && !HF_FAULT(limit_forgets_what_is_owned)) {
        const auto found = sku.customers->find(request.customer);
        counted = found == sku.customers->end() ? 0 : found->second;
    }
    if (request.own != nullptr) {
        for (const HoldLine& line : request.own->lines) {
            counted -= line.limited && line.sku == sku.sku ? line.quantity : 0;
        }
    }
    return std::max<Quantity>(*sku.policy.max_per_customer - counted, 0);
}

// Says how many units of each line the customer's limits let through: less than wanted only when
// partial, and then not nothing at all.
std::optional<Refusal> limit(Cart& cart, const AllocationRequest& request) {
    std::vector<ShortLine> over;
    boost::unordered_flat_map<const SkuState*, Quantity> left;
    for (Wanted& line : cart) {
        line.allowed = line.quantity;
        if (!line.sku->policy.max_per_customer) {
            continue;
        }
        if (request.customer.empty()) {
            return Refusal{
                .code = RefusalCode::customer_required,
                .detail = fmt::format("SKU '{}' is limited to {} units a customer: name the "
                                      "customer",
                                      line.sku->sku, *line.sku->policy.max_per_customer),
                .field = "/customer"};
        }
        Quantity& allowed = left.try_emplace(line.sku, allowance(*line.sku, request)).first->second;
        if (allowed < line.quantity) {
            over.push_back({.sku = line.sku->sku,
                            .location = {},
                            .wanted = line.quantity,
                            .available = allowed});
            line.allowed = allowed;
        }
        allowed -= line.allowed;
    }
    const auto stopped = [](const Wanted& line) { return line.allowed == 0; };
    if (!over.empty() && (!request.partial || std::ranges::all_of(cart, stopped))) {
        return Refusal{.code = RefusalCode::customer_limit_exceeded,
                       .detail = fmt::format("customer '{}' may have {} more of SKU '{}', not {}",
                                             request.customer, over.front().available,
                                             over.front().sku, over.front().wanted),
                       .short_lines = std::move(over)};
    }
    return std::nullopt;
}

Refusal not_enough(std::vector<ShortLine> short_lines) {
    const ShortLine& line = short_lines.front();
    std::string detail =
        fmt::format("{} of SKU '{}' wanted, {} available", line.wanted, line.sku, line.available);
    if (short_lines.size() > 1) {
        detail += fmt::format(", and {} more short lines", short_lines.size() - 1);
    }
    return {.code = RefusalCode::insufficient_stock,
            .detail = std::move(detail),
            .short_lines = std::move(short_lines)};
}

}  // namespace

Result<std::vector<HoldLine>> allocate(const State& state, const AllocationRequest& request) {
    Cart cart;
    if (auto unknown = resolve(state, request.lines, cart)) {
        return std::unexpected(std::move(*unknown));
    }
    if (auto limited = limit(cart, request)) {
        return std::unexpected(std::move(*limited));
    }
    Shelf shelf(state, request.own);
    std::vector<HoldLine> lines(cart.size());
    std::vector<ShortLine> short_lines;
    Quantity granted = 0;
    // Lines that name their location first: the others may be served elsewhere.
    for (const bool located : {true, false}) {
        for (std::size_t i = 0; i < lines.size(); ++i) {
            const Wanted& line = cart[i];
            if ((line.location != anywhere) != located) {
                continue;
            }
            HoldLine& served = lines[i];
            served.sku = line.sku->sku;
            if (located) {
                served.location = state.locations[line.location].name;
            }
            served.wanted = line.quantity;
            served.limited = line.sku->policy.max_per_customer.has_value();
            const Quantity possible = serve(state, shelf, line, request, served);
            if (served.quantity < line.quantity) {
                short_lines.push_back({.sku = served.sku,
                                       .location = served.location,
                                       .wanted = line.quantity,
                                       .available = std::min(possible, line.allowed)});
            }
            granted += served.quantity;
        }
    }
    if (granted == 0 || (!short_lines.empty() && !request.partial)) {
        return std::unexpected(not_enough(std::move(short_lines)));
    }
    return lines;
}

}  // namespace holdfast::core
