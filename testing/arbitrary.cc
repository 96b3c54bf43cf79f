#include "testing/arbitrary.h"

namespace holdfast {
namespace {

namespace gen = rc::gen;
using rc::Gen;

// The members of an aggregate, each arbitrary.
template <class Struct, class... Members>
Gen<Event> event_of(Members Struct::*... members) {
    return gen::map(gen::build<Struct>(gen::set(members)...),
                    [](Struct value) { return Event(std::move(value)); });
}
template <class Struct, class... Members>
Gen<Answer> answer_of(Members Struct::*... members) {
    return gen::map(gen::build<Struct>(gen::set(members)...),
                    [](Struct value) { return Answer(std::move(value)); });
}

// As it stands in partitions that it was carried to.
Gen<Event> event_of_a_move() {
    return gen::oneOf(
        event_of(&SkuDefined::sku, &SkuDefined::policy, &SkuDefined::defined_at),
        gen::map(gen::pair(gen::arbitrary<Alert>(), gen::arbitrary<AlertId>()),
                 [](std::pair<Alert, AlertId> raised) {
                     raised.first.id = raised.second;
                     return Event(AlertRaised{.alert = std::move(raised.first)});
                 }),
        gen::map(gen::pair(gen::inRange<std::uint32_t>(1, limits::partitions_max + 1),
                           gen::arbitrary<Version>()),
                 [](const std::pair<std::uint32_t, Version>& to) {
                     return Event(PartitionsChanged{.partitions = to.first, .version = to.second});
                 }));
}

Gen<Event> any_event() {
    return gen::oneOf(
        event_of(&HoldPlaced::hold),
        event_of(&HoldRefused::code, &HoldRefused::cart, &HoldRefused::customer,
                 &HoldRefused::short_lines, &HoldRefused::others),
        event_of(&HoldAmended::hold, &HoldAmended::released),
        event_of(&HoldExtended::id, &HoldExtended::fence, &HoldExtended::expires_at,
                 &HoldExtended::beats_until, &HoldExtended::extensions),
        event_of(&HoldSecured::id, &HoldSecured::fence, &HoldSecured::expires_at),
        gen::map(gen::build<HoldSecured>(
                     gen::set(&HoldSecured::id), gen::set(&HoldSecured::fence),
                     gen::set(&HoldSecured::expires_at), gen::set(&HoldSecured::customer),
                     gen::set(&HoldSecured::lines), gen::set(&HoldSecured::taken)),
                 [](HoldSecured value) {
                     // What became firm is some line.
                     value.lines.emplace_back();
                     return Event(std::move(value));
                 }),
        event_of(&HoldConfirmed::id, &HoldConfirmed::fence, &HoldConfirmed::customer,
                 &HoldConfirmed::confirmed, &HoldConfirmed::released, &HoldConfirmed::late,
                 &HoldConfirmed::taken),
        event_of(&HoldLost::id, &HoldLost::fence, &HoldLost::customer, &HoldLost::released,
                 &HoldLost::short_lines),
        event_of(&BackorderAllocated::id, &BackorderAllocated::status,
                 &BackorderAllocated::allocated),
        event_of(&HoldReleased::id, &HoldReleased::fence, &HoldReleased::customer,
                 &HoldReleased::released),
        event_of(&HoldExpired::id, &HoldExpired::fence, &HoldExpired::customer,
                 &HoldExpired::released),
        event_of(&WaitlistJoined::entry, &WaitlistJoined::sku, &WaitlistJoined::location,
                 &WaitlistJoined::customer, &WaitlistJoined::cart, &WaitlistJoined::quantity,
                 &WaitlistJoined::region),
        event_of(&WaitlistLeft::entry, &WaitlistLeft::sku, &WaitlistLeft::customer,
                 &WaitlistLeft::reason),
        event_of(&WaitlistOffered::entry, &WaitlistOffered::sku, &WaitlistOffered::customer,
                 &WaitlistOffered::hold, &WaitlistOffered::quantity, &WaitlistOffered::expires_at),
        event_of(&HoldFulfilled::id, &HoldFulfilled::fence, &HoldFulfilled::status,
                 &HoldFulfilled::fulfilled, &HoldFulfilled::reference),
        event_of(&HoldCancelled::id, &HoldCancelled::fence, &HoldCancelled::status,
                 &HoldCancelled::customer, &HoldCancelled::cancelled),
        event_of(&HoldReturned::id, &HoldReturned::fence, &HoldReturned::status,
                 &HoldReturned::customer, &HoldReturned::returned, &HoldReturned::shipped_from),
        event_of(&SkuDefined::sku, &SkuDefined::policy),
        event_of(&LocationDefined::location, &LocationDefined::region, &LocationDefined::priority),
        event_of(&StockReceived::sku, &StockReceived::location, &StockReceived::quantity,
                 &StockReceived::reference, &StockReceived::expected),
        event_of(&StockExpected::sku, &StockExpected::location, &StockExpected::quantity,
                 &StockExpected::expected_at, &StockExpected::reference),
        event_of(&StockAdjusted::sku, &StockAdjusted::location, &StockAdjusted::delta,
                 &StockAdjusted::reason, &StockAdjusted::reference),
        event_of(&StockMoved::sku, &StockMoved::location, &StockMoved::quantity, &StockMoved::from,
                 &StockMoved::to, &StockMoved::reference),
        event_of(&StockTransferred::sku, &StockTransferred::from, &StockTransferred::to,
                 &StockTransferred::quantity, &StockTransferred::reference),
        event_of(&StockLevelChanged::sku, &StockLevelChanged::level, &StockLevelChanged::available),
        event_of(&AlertRaised::alert),
        event_of(&AlertAcknowledged::alert, &AlertAcknowledged::kind, &AlertAcknowledged::sku,
                 &AlertAcknowledged::person),
        event_of(&AlertResolved::alert, &AlertResolved::kind, &AlertResolved::sku),
        event_of_a_move());
}

Gen<Answer> any_answer() {
    const auto rows = gen::container<std::vector<StockRow>>(
        gen::build<StockRow>(gen::set(&StockRow::location), gen::set(&StockRow::counters),
                             gen::set(&StockRow::backordered, gen::element<std::int64_t>(0, 5))));
    return gen::oneOf(
        answer_of(&HoldAnswer::hold, &HoldAnswer::version, &HoldAnswer::server_time),
        answer_of(&SkuAnswer::sku, &SkuAnswer::policy, &SkuAnswer::version, &SkuAnswer::defined_at),
        gen::map(gen::build<StockAnswer>(
                     gen::set(&StockAnswer::sku), gen::set(&StockAnswer::locations, rows),
                     gen::set(&StockAnswer::total), gen::set(&StockAnswer::version),
                     gen::set(&StockAnswer::as_of), gen::set(&StockAnswer::expected)),
                 [](StockAnswer value) {
                     for (const StockRow& row : value.locations) {
                         value.backordered += row.backordered;
                     }
                     return Answer(std::move(value));
                 }),
        gen::map(gen::build<EntryAnswer>(
                     gen::set(&EntryAnswer::entry), gen::set(&EntryAnswer::status),
                     gen::set(&EntryAnswer::sku), gen::set(&EntryAnswer::location),
                     gen::set(&EntryAnswer::customer), gen::set(&EntryAnswer::cart),
                     gen::set(&EntryAnswer::quantity), gen::set(&EntryAnswer::place),
                     gen::set(&EntryAnswer::hold, rc::perhaps_any<HoldId>()),
                     gen::set(&EntryAnswer::version), gen::set(&EntryAnswer::server_time),
                     gen::set(&EntryAnswer::region)),
                 [](EntryAnswer value) { return Answer(std::move(value)); }),
        answer_of(&LocationAnswer::location, &LocationAnswer::region, &LocationAnswer::priority,
                  &LocationAnswer::version),
        answer_of(&AlertAnswer::alert, &AlertAnswer::version, &AlertAnswer::server_time));
}

}  // namespace
}  // namespace holdfast

namespace rc {

Gen<holdfast::Event> Arbitrary<holdfast::Event>::arbitrary() {
    return holdfast::any_event();
}

Gen<holdfast::Answer> Arbitrary<holdfast::Answer>::arbitrary() {
    return holdfast::any_answer();
}

}  // namespace rc
