// What RapidCheck needs to make any value of the vocabulary: all that the types can say, not only what
// the product allows. For tests of formats; models of the shop make their own, tamer commands.
#pragma once

#include <rapidcheck.h>

#include <holdfast/answers.h>
#include <holdfast/events.h>

namespace rc {

template <>
struct Arbitrary<holdfast::Instant> {
    static Gen<holdfast::Instant> arbitrary() {
        return gen::map(gen::arbitrary<std::int64_t>(), [](std::int64_t value) {
            return holdfast::Instant(std::chrono::milliseconds(value));
        });
    }
};

template <>
struct Arbitrary<holdfast::Seconds> {
    static Gen<holdfast::Seconds> arbitrary() {
        return gen::map(gen::arbitrary<std::int64_t>(),
                        [](std::int64_t value) { return holdfast::Seconds(value); });
    }
};

template <>
struct Arbitrary<holdfast::HoldId> {
    static Gen<holdfast::HoldId> arbitrary() {
        using holdfast::HoldId;
        return gen::build<HoldId>(gen::set(&HoldId::high), gen::set(&HoldId::low));
    }
};

template <class Enum>
Gen<Enum> any_up_to(Enum last) {
    return gen::map(gen::inRange(0, static_cast<int>(last) + 1),
                    [](int value) { return static_cast<Enum>(value); });
}
template <>
struct Arbitrary<holdfast::HoldStatus> {
    static auto arbitrary() { return any_up_to(holdfast::HoldStatus::lost); }
};
template <>
struct Arbitrary<holdfast::StockState> {
    static auto arbitrary() { return any_up_to(holdfast::StockState::damaged); }
};
template <>
struct Arbitrary<holdfast::Selling> {
    static auto arbitrary() { return any_up_to(holdfast::Selling::preorder); }
};
template <>
struct Arbitrary<holdfast::ReserveAt> {
    static auto arbitrary() { return any_up_to(holdfast::ReserveAt::payment); }
};
template <>
struct Arbitrary<holdfast::Fulfilment> {
    static auto arbitrary() { return any_up_to(holdfast::Fulfilment::at_confirm); }
};
template <>
struct Arbitrary<holdfast::EntryId> {
    static Gen<holdfast::EntryId> arbitrary() {
        using holdfast::EntryId;
        return gen::build<EntryId>(gen::set(&EntryId::high), gen::set(&EntryId::low));
    }
};
template <>
struct Arbitrary<holdfast::Waitlist> {
    static auto arbitrary() { return any_up_to(holdfast::Waitlist::fair); }
};
template <>
struct Arbitrary<holdfast::LeftBecause> {
    static auto arbitrary() { return any_up_to(holdfast::LeftBecause::limit); }
};
template <>
struct Arbitrary<holdfast::EntryStatus> {
    static auto arbitrary() { return any_up_to(holdfast::EntryStatus::left); }
};
template <>
struct Arbitrary<holdfast::LateConfirm> {
    static auto arbitrary() { return any_up_to(holdfast::LateConfirm::backorder); }
};
template <>
struct Arbitrary<holdfast::AllocationRule> {
    static auto arbitrary() { return any_up_to(holdfast::AllocationRule::nearest); }
};
template <>
struct Arbitrary<holdfast::AlertKind> {
    static auto arbitrary() { return any_up_to(holdfast::AlertKind::ghost_holds); }
};
template <>
struct Arbitrary<holdfast::Measure> {
    static auto arbitrary() { return any_up_to(holdfast::Measure::expiries); }
};
template <>
struct Arbitrary<holdfast::StockLevel> {
    // That nothing was ever on sale is not announced.
    static Gen<holdfast::StockLevel> arbitrary() {
        using enum holdfast::StockLevel;
        return gen::element(in, low, out);
    }
};
template <>
struct Arbitrary<holdfast::AlertId> {
    static Gen<holdfast::AlertId> arbitrary() {
        using holdfast::AlertId;
        return gen::build<AlertId>(gen::set(&AlertId::version), gen::set(&AlertId::token));
    }
};
template <>
struct Arbitrary<holdfast::RefusalCode> {
    static auto arbitrary() { return any_up_to(holdfast::RefusalCode::outcome_unknown); }
};

template <class T>
Gen<std::optional<T>> perhaps_any() {
    return gen::map(gen::arbitrary<Maybe<T>>(), [](const Maybe<T>& value) {
        return value ? std::optional(*value) : std::nullopt;
    });
}

// Without its id, which is a key; acknowledged or not.
template <>
struct Arbitrary<holdfast::Alert> {
    static Gen<holdfast::Alert> arbitrary() {
        using holdfast::Alert;
        return gen::map(
            gen::build<Alert>(gen::set(&Alert::kind), gen::set(&Alert::sku),
                              gen::set(&Alert::figure), gen::set(&Alert::bound),
                              gen::set(&Alert::order), gen::set(&Alert::measure),
                              gen::set(&Alert::raised_at), gen::set(&Alert::acknowledged_by),
                              gen::set(&Alert::acknowledged_at, perhaps_any<holdfast::Instant>())),
            [](Alert alert) {
                alert.acknowledged_by = alert.acknowledged_at ? alert.acknowledged_by : "";
                return alert;
            });
    }
};

template <>
struct Arbitrary<holdfast::Policy> {
    static Gen<holdfast::Policy> arbitrary() {
        using holdfast::Policy;
        return gen::build<Policy>(
            gen::set(&Policy::selling),
            gen::set(&Policy::backorder_limit, perhaps_any<std::int64_t>()),
            gen::set(&Policy::preorder_limit, perhaps_any<std::int64_t>()),
            gen::set(&Policy::available_on, perhaps_any<holdfast::Instant>()),
            gen::set(&Policy::reserve_at), gen::set(&Policy::fulfilment),
            gen::set(&Policy::max_per_cart, perhaps_any<std::int64_t>()),
            gen::set(&Policy::hold_ttl), gen::set(&Policy::checkout_ttl),
            gen::set(&Policy::max_ttl), gen::set(&Policy::max_life),
            gen::set(&Policy::max_extensions), gen::set(&Policy::late_confirm),
            gen::set(&Policy::safety_stock),
            gen::set(&Policy::max_per_customer, perhaps_any<std::int64_t>()),
            gen::set(&Policy::customer_window, perhaps_any<holdfast::Seconds>()),
            gen::set(&Policy::low_stock), gen::set(&Policy::reorder_point),
            gen::set(&Policy::reorder_quantity), gen::set(&Policy::waitlist),
            gen::set(&Policy::offer_ttl), gen::set(&Policy::allocation), gen::set(&Policy::split));
    }
};

template <>
struct Arbitrary<holdfast::Counters> {
    static Gen<holdfast::Counters> arbitrary() {
        using holdfast::Counters;
        return gen::build<Counters>(gen::set(&Counters::on_hand), gen::set(&Counters::available),
                                    gen::set(&Counters::held), gen::set(&Counters::committed),
                                    gen::set(&Counters::safety_stock),
                                    gen::set(&Counters::returned), gen::set(&Counters::repair),
                                    gen::set(&Counters::damaged));
    }
};

template <>
struct Arbitrary<holdfast::Allocation> {
    static Gen<holdfast::Allocation> arbitrary() {
        using holdfast::Allocation;
        const auto any = gen::build<Allocation>(
            gen::set(&Allocation::location), gen::set(&Allocation::quantity),
            gen::set(&Allocation::fulfilled, gen::element<std::int64_t>(0, 0, 1, -7)),
            gen::set(&Allocation::cancelled, gen::element<std::int64_t>(0, 0, 2)),
            gen::set(&Allocation::returned, gen::element<std::int64_t>(0, 0, 3)),
            gen::set(&Allocation::backordered, gen::element<std::int64_t>(0, 0, 0, 4)));
        return gen::map(any, [](Allocation allocation) {
            allocation.place = allocation.backordered == 0 ? 0 : 77;
            return allocation;
        });
    }
};

template <>
struct Arbitrary<holdfast::HoldLine> {
    // Half of the lines are what nearly all lines are: one allocation of all units, often at the
    // location that was named. The format has a short form for them.
    static Gen<holdfast::HoldLine> arbitrary() {
        using holdfast::HoldLine;
        auto any = gen::build<HoldLine>(
            gen::set(&HoldLine::sku), gen::set(&HoldLine::location), gen::set(&HoldLine::wanted),
            gen::set(&HoldLine::quantity), gen::set(&HoldLine::allocations),
            gen::set(&HoldLine::limited), gen::set(&HoldLine::windowed), gen::set(&HoldLine::soft));
        auto usual = gen::map(any, [](HoldLine line) {
            line.wanted = line.quantity;
            line.allocations.resize(1);
            line.allocations[0] = {.location = line.limited ? line.location : line.sku,
                                   .quantity = line.quantity};
            return line;
        });
        return gen::oneOf(any, usual);
    }
};

template <>
struct Arbitrary<holdfast::Hold> {
    static Gen<holdfast::Hold> arbitrary() {
        using holdfast::Hold;
        using holdfast::Instant;
        using holdfast::Seconds;
        return gen::build<Hold>(
            gen::set(&Hold::id), gen::set(&Hold::status), gen::set(&Hold::fence),
            gen::set(&Hold::cart), gen::set(&Hold::customer), gen::set(&Hold::lines),
            gen::set(&Hold::created_at), gen::set(&Hold::expires_at),
            gen::set(&Hold::heartbeat,
                     gen::oneOf(gen::just(Seconds(0)), gen::arbitrary<Seconds>())),
            gen::set(&Hold::beats_until,
                     gen::oneOf(gen::just(Instant{}), gen::arbitrary<Instant>())),
            gen::set(&Hold::extensions, gen::oneOf(gen::just(0), gen::arbitrary<int>())),
            gen::set(&Hold::secured),
            gen::set(&Hold::region,
                     gen::oneOf(gen::just(std::string()), gen::arbitrary<std::string>())));
    }
};

template <>
struct Arbitrary<holdfast::Part> {
    static Gen<holdfast::Part> arbitrary() {
        using holdfast::Part;
        return gen::build<Part>(gen::set(&Part::sku), gen::set(&Part::location),
                                gen::set(&Part::quantity), gen::set(&Part::limited),
                                gen::set(&Part::windowed),
                                gen::set(&Part::backordered, gen::element<std::int64_t>(0, 5)),
                                gen::set(&Part::place, gen::element<std::uint64_t>(0, 78)));
    }
};

template <>
struct Arbitrary<holdfast::ExpectedReceipt> {
    static Gen<holdfast::ExpectedReceipt> arbitrary() {
        using holdfast::ExpectedReceipt;
        return gen::build<ExpectedReceipt>(
            gen::set(&ExpectedReceipt::location), gen::set(&ExpectedReceipt::reference),
            gen::set(&ExpectedReceipt::quantity), gen::set(&ExpectedReceipt::expected_at));
    }
};

template <>
struct Arbitrary<holdfast::ShortLine> {
    static Gen<holdfast::ShortLine> arbitrary() {
        using holdfast::ShortLine;
        return gen::build<ShortLine>(gen::set(&ShortLine::sku), gen::set(&ShortLine::location),
                                     gen::set(&ShortLine::wanted), gen::set(&ShortLine::available));
    }
};

template <>
struct Arbitrary<holdfast::Event> {
    static Gen<holdfast::Event> arbitrary();
};

template <>
struct Arbitrary<holdfast::Answer> {
    static Gen<holdfast::Answer> arbitrary();
};

}  // namespace rc
