#include "core/allocation.h"

#include <algorithm>
#include <map>
#include <utility>

#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <fmt/format.h>

#include <holdfast/fault.h>
#include "core/hold.h"

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
    bool soft = false;         // only wished for at this stage
};

// Most carts are small: theirs lie on the stack.
using Cart = boost::container::small_vector<Wanted, 8>;

// One SKU at one location (or anywhere), as one number.
std::uint64_t place(const State& state, const SkuState& sku, std::uint32_t location) {
    const auto index = static_cast<std::uint64_t>(&sku - state.skus.data());
    return index << 16 | location;
}

Result<Wanted> resolve_line(const State& state, const LineRequest& line, std::size_t i,
                            Stage stage) {
    Wanted wanted{.sku = state.find_sku(line.sku), .quantity = line.quantity};
    if (wanted.sku == nullptr) {
        return std::unexpected(unknown_sku(line.sku, fmt::format("/lines/{}/sku", i)));
    }
    if (!line.location.empty()) {
        const auto location = state.find_location(line.location);
        if (!location) {
            return std::unexpected(
                unknown_location(line.location, fmt::format("/lines/{}/location", i)));
        }
        wanted.location = *location;
    }
    wanted.soft = static_cast<int>(wanted.sku->policy->reserve_at) > static_cast<int>(stage);
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

std::optional<Refusal> resolve(const State& state, const AllocationRequest& request, Cart& cart) {
    const std::vector<LineRequest>& lines = request.lines;
    cart.reserve(lines.size());
    for (std::size_t i = 0; i < lines.size(); ++i) {
        auto line = resolve_line(state, lines[i], i, request.stage);
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
    Shelf(const State& state, const AllocationRequest& request) : state_(state), request_(request) {
        const Hold* const own = request.own;
        for (std::size_t i = 0;
             own != nullptr && !HF_FAULT(own_hold_blocks) && i < own->lines.size(); ++i) {
            const SkuState* sku = state.find_sku(own->lines[i].sku);
            for (const Allocation& allocation : own->lines[i].allocations) {
                changes_[place(state, *sku, *state.find_location(allocation.location))] +=
                    allocation.quantity;
                promised_[sku] -= allocation.backordered;
            }
        }
    }

    [[nodiscard]] Quantity free(const SkuState& sku, LocationIndex location) const {
        const Counters* counters = sku.at(location);
        Quantity free = counters == nullptr ? 0 : std::max<Quantity>(counters->available, 0);
        if (sku.queues && is_for_others(sku, location)) {
            free = 0;
        }
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

    // Units of the SKU that may still be promised beyond stock: what the cart was promised before stays
    // its own, whatever its policy says now.
    [[nodiscard]] Quantity promisable(const SkuState& sku) const {
        const auto change = promised_.find(&sku);
        const Quantity more = change == promised_.end() ? 0 : change->second;
        return std::max({Quantity{0}, -more, promisable_anew(sku, more)});
    }

    void promise(const Wanted& line, Quantity quantity) {
        if (line.sku_repeats) {
            promised_[line.sku] += quantity;
        }
    }

private:
    // What the policy lets anybody be promised, when this cart has `more` promises than before.
    [[nodiscard]] Quantity promisable_anew(const SkuState& sku, Quantity more) const {
        if (sku.policy->selling == Selling::strict || request_.offer_to ||
            (request_.late && sku.policy->late_confirm != LateConfirm::backorder)) {
            return 0;
        }
        if (sku.queues && sku.policy->waitlist == Waitlist::fair && !sku.queues->shoppers.empty()) {
            return 0;  // who lined up goes first
        }
        const Quantity promised = more + (sku.queues ? sku.queues->backordered() : 0);
        const Quantity off = HF_FAULT(promise_limit_off_by_one) ? 1 : 0;
        const Quantity limit = promise_limit(*sku.policy).value_or(limits::quantity_max);
        return limit + off - promised;
    }

    // What is there, or comes in, is for the orders that wait, then for the shoppers in a fair line.
    [[nodiscard]] bool is_for_others(const SkuState& sku, LocationIndex location) const {
        constexpr EntryId last{.high = UINT64_MAX, .low = UINT64_MAX};
        // While a line is yet to be served, an open one too: who lined up gets what came free first.
        const bool to_be_served = sku.queues->to_be_served && !request_.offer_to &&
                                  sku.queues->somebody_waits(location, last);
        return sku.queues->at(location) != nullptr || to_be_served ||
               (sku.policy->waitlist == Waitlist::fair && !HF_FAULT(line_jumped) &&
                sku.queues->somebody_waits(location, request_.offer_to.value_or(last)));
    }

    const State& state_;
    const AllocationRequest& request_;
    boost::unordered_flat_map<std::uint64_t, Quantity> changes_;
    boost::unordered_flat_map<const SkuState*, Quantity> promised_;
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
    if (order.empty()) {
        order.push_back(state.by_priority.front());  // where units that are promised are waited for
    }
    switch (line.sku->policy->allocation) {
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

// Where the units that a cart waits for stand in the queue for them: where this cart's did before, unless it wants
// more of them now, or behind everybody else.
Version place_in_queue(const State& state, const Hold* own, std::string_view sku,
                       std::string_view location, Quantity units) {
    Quantity had = 0;
    Version place = 0;
    for (std::size_t i = 0; own != nullptr && i < own->lines.size(); ++i) {
        const HoldLine& line = own->lines[i];
        for (const Allocation& allocation : line.allocations) {
            if (line.sku == sku && allocation.location == location && allocation.backordered > 0) {
                had += allocation.backordered;
                place = allocation.place;
            }
        }
    }
    return units <= had ? place : state.versions[state.home(*state.find_sku(sku))] + 1;
}

// A cart has one place in each queue, whichever of its lines wait there: they are told apart by nothing else
// once their units come in.
void join_queues(const State& state, const Hold* own, std::vector<HoldLine>& lines) {
    using Queue = std::pair<std::string_view, std::string_view>;
    struct Wait {
        Quantity units = 0;
        Version place = 0;
    };
    std::map<Queue, Wait> waits;
    const auto each = [&](auto visit) {
        for (HoldLine& line : lines) {
            for (Allocation& allocation : line.allocations) {
                if (allocation.backordered > 0) {
                    visit(waits[Queue(line.sku, allocation.location)], allocation);
                }
            }
        }
    };
    each([](Wait& wait, const Allocation& a) { wait.units += a.backordered; });
    if (waits.empty()) {
        return;
    }
    for (auto& [queue, wait] : waits) {
        wait.place = place_in_queue(state, own, queue.first, queue.second, wait.units);
    }
    each([](const Wait& wait, Allocation& a) { a.place = wait.place; });
}

// Takes up to the allowed units for one line into `granted`; without `partial`, all or nothing. Returns
// what the line could have had. Units that may be promised are waited for at the location that serves
// the line, or the first of those that do.
Quantity serve(const State& state, Shelf& shelf, const Wanted& line,
               const AllocationRequest& request, HoldLine& granted) {
    const Quantity wanted = line.allowed;
    Order order;
    candidates(state, shelf, line, request.region, order);
    const Quantity promisable = shelf.promisable(*line.sku);
    Quantity possible = promisable;
    const auto take = [&](LocationIndex location, Quantity quantity, Quantity backordered) {
        shelf.take(line, location, quantity);
        shelf.promise(line, backordered);
        granted.allocations.reserve(1);  // nearly always all of them
        granted.allocations.push_back(
            {.location = state.locations[location].name, .quantity = quantity});
        granted.quantity += quantity + backordered;
        granted.allocations.back().backordered = backordered;
    };
    if (line.sku->policy->split) {
        Quantity there = 0;
        for (const LocationIndex location : order) {
            there += shelf.free(*line.sku, location);
        }
        possible += there;
        if (!request.partial && possible < wanted) {
            return possible;
        }
        Quantity waiting = std::clamp<Quantity>(wanted - there, 0, promisable);
        for (const LocationIndex location : order) {
            const Quantity part =
                std::min(wanted - granted.quantity - waiting, shelf.free(*line.sku, location));
            if (part > 0 || waiting > 0) {
                take(location, part, std::exchange(waiting, 0));
            }
        }
        return possible;
    }
    LocationIndex best = order.front();
    Quantity there = 0;
    for (const LocationIndex location : order) {
        const Quantity free = shelf.free(*line.sku, location);
        if (free > there) {
            there = free;
            best = location;
        }
        if (free >= wanted) {
            break;  // the first in the order that can serve the whole line
        }
    }
    possible += there;
    const Quantity units = std::min(wanted, there);
    const Quantity waiting = std::min(wanted - units, promisable);
    if (units + waiting > 0 && (request.partial || possible >= wanted)) {
        take(best, units, waiting);
    }
    return possible;
}

// Units of the line's SKU that the cart has already: what it keeps is nobody else's, so no limit that was
// set meanwhile stops it. A wish has no units yet; it only stays a wish.
Quantity had(const Wanted& wanted, const AllocationRequest& request) {
    Quantity units = 0;
    if (request.own != nullptr) {
        for (const HoldLine& line : request.own->lines) {
            const bool keeps = line.sku == wanted.sku->sku && (wanted.soft || !line.soft);
            units += keeps ? line.quantity : 0;
        }
    }
    return units;
}

Quantity wanted_of(const Cart& cart, const SkuState& sku) {
    Quantity units = 0;
    for (const Wanted& line : cart) {
        units += line.sku == &sku ? line.quantity : 0;
    }
    return units;
}

// Units of the SKU that the customer's limit still allows for this cart.
Quantity allowance(const State& state, const Wanted& wanted, const AllocationRequest& request) {
    const SkuState& sku = *wanted.sku;
    Quantity counted = 0;
    if (sku.customers && !HF_FAULT(limit_forgets_what_is_owned)) {
        counted = sku.customers->counted(request.customer, sku.policy->customer_window, request.now,
                                         state.holds);
    }
    if (request.own != nullptr) {
        for (const HoldLine& line : request.own->lines) {
            counted -= line.limited && line.sku == sku.sku ? line.quantity : 0;
        }
    }
    return std::max({*sku.policy->max_per_customer - counted, had(wanted, request), Quantity{0}});
}

// Lowers what each line may have to what is left of its SKU's limit (`left`; none: no limit). Refuses
// when that is less than wanted, unless the cart is partial and something is left of it.
template <class Left>
std::optional<Refusal> limit(Cart& cart, const AllocationRequest& request, RefusalCode code,
                             Left left) {
    std::vector<ShortLine> over;
    boost::unordered_flat_map<const SkuState*, Quantity> rest;
    for (Wanted& line : cart) {
        const std::optional<Quantity> most = left(line);
        if (!most) {
            continue;
        }
        Quantity& allowed = rest.try_emplace(line.sku, *most).first->second;
        if (allowed < line.allowed) {
            over.push_back({.sku = line.sku->sku,
                            .location = {},
                            .wanted = line.quantity,
                            .available = allowed});
            line.allowed = allowed;
        }
        allowed -= line.allowed;
    }
    const auto stopped = [](const Wanted& line) { return line.allowed == 0; };
    if (over.empty() || (request.partial && !std::ranges::all_of(cart, stopped))) {
        return std::nullopt;
    }
    const std::string who = code == RefusalCode::cart_limit_exceeded
                                ? "one cart"
                                : fmt::format("customer '{}'", request.customer);
    return Refusal{
        .code = code,
        .detail = fmt::format("{} may have {} more of SKU '{}', not {}", who,
                              over.front().available, over.front().sku, over.front().wanted),
        .short_lines = std::move(over)};
}

// How many units of each line the limits of the SKUs let through.
std::optional<Refusal> limit(const State& state, Cart& cart, const AllocationRequest& request) {
    bool any = false;
    for (Wanted& line : cart) {
        line.allowed = line.quantity;
        any |= line.sku->policy->max_per_cart || line.sku->policy->max_per_customer;
    }
    if (!any) {
        return std::nullopt;
    }
    const auto of_cart = [&request](const Wanted& line) -> std::optional<Quantity> {
        const std::optional<Quantity> most = line.sku->policy->max_per_cart;
        return most ? std::optional(std::max(*most, had(line, request))) : most;
    };
    if (auto over = limit(cart, request, RefusalCode::cart_limit_exceeded, of_cart)) {
        return over;
    }
    for (const Wanted& line : cart) {
        if (line.sku->policy->max_per_customer && request.customer.empty() &&
            wanted_of(cart, *line.sku) > had(line, request)) {
            return Refusal{
                .code = RefusalCode::customer_required,
                .detail = fmt::format("SKU '{}' is limited to {} units a customer: name the "
                                      "customer",
                                      line.sku->sku, *line.sku->policy->max_per_customer),
                .field = "/customer"};
        }
    }
    const auto of_customer = [&](const Wanted& line) {
        return line.sku->policy->max_per_customer ? std::optional(allowance(state, line, request))
                                                  : std::nullopt;
    };
    return limit(cart, request, RefusalCode::customer_limit_exceeded, of_customer);
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
    if (auto unknown = resolve(state, request, cart)) {
        return std::unexpected(std::move(*unknown));
    }
    auto limited = limit(state, cart, request);
    if (limited && !request.offer_to) {
        return std::unexpected(std::move(*limited));
    }
    for (Wanted& line : cart) {
        // Whether it is somebody's turn is asked before whether he may have it.
        line.allowed = request.offer_to ? line.quantity : line.allowed;
    }
    Shelf shelf(state, request);
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
            const Quantity possible = serve(state, shelf, line, request, served);
            served.limited = !line.soft && !request.customer.empty() &&
                             line.sku->policy->max_per_customer.has_value();
            served.windowed = served.limited && line.sku->policy->customer_window.has_value();
            served.soft = line.soft;
            if (line.soft) {
                served.allocations.clear();
            }
            if (served.quantity < line.quantity) {
                short_lines.push_back({.sku = served.sku,
                                       .location = served.location,
                                       .wanted = line.quantity,
                                       .available = std::min(possible, line.allowed)});
            }
            granted += served.quantity;
        }
    }
    // It is the turn of who may not have it as soon as anything is there for him: those behind him would
    // wait for more in vain.
    const auto some_there = [](const ShortLine& line) { return line.available > 0; };
    if (limited && (granted > 0 || std::ranges::any_of(short_lines, some_there))) {
        return std::unexpected(std::move(*limited));
    }
    if (granted == 0 || (!short_lines.empty() && !request.partial)) {
        return std::unexpected(not_enough(std::move(short_lines)));
    }
    join_queues(state, request.own, lines);
    return lines;
}

}  // namespace holdfast::core
