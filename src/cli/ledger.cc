#include "cli/ledger.h"

namespace holdfast::cli {

void Ledger::add(const RecordedEvent& recorded) {
    ++events_;
    ++types_[std::string(type_name(recorded.event))];
    std::visit(*this, recorded.event);
}

std::map<std::pair<std::string, std::string>, Counters> Ledger::counters() const {
    auto rows = rows_;
    for (auto& [name, it] : rows) {
        const auto safety_stock = safety_stock_.find(name.first);
        it.safety_stock = safety_stock == safety_stock_.end() ? 0 : safety_stock->second;
        it.available = it.on_hand - it.held - it.committed - it.safety_stock - it.returned -
                       it.repair - it.damaged;
    }
    return rows;
}

void Ledger::take(const Hold& hold) {
    for (const HoldLine& line : hold.lines) {
        for (const Allocation& part : line.allocations) {
            Counters& counters = row(line.sku, part.location);
            (hold.status == HoldStatus::pending ? counters.held : counters.committed) +=
                part.quantity;
        }
    }
    if (hold.status == HoldStatus::pending) {
        pending_.insert(hold.id);
    }
}

void Ledger::give_back(const std::vector<Part>& parts) {
    for (const Part& part : parts) {
        row(part.sku, part.location).held -= part.quantity;
    }
}

void Ledger::operator()(const HoldPlaced& event) {
    take(event.hold);
}

void Ledger::operator()(const HoldRefused&) {}

void Ledger::operator()(const HoldAmended& event) {
    give_back(event.released);
    take(event.hold);
}

void Ledger::operator()(const HoldExtended&) {}

void Ledger::operator()(const HoldSecured&) {}

void Ledger::operator()(const HoldConfirmed& event) {
    pending_.erase(event.id);
    give_back(event.released);
    for (const Part& part : event.confirmed) {
        Counters& counters = row(part.sku, part.location);
        counters.committed += part.quantity;
        // A late one was given back when it expired: its units come from what is available.
        counters.held -= event.late ? 0 : part.quantity;
    }
}

void Ledger::operator()(const HoldReleased& event) {
    pending_.erase(event.id);
    give_back(event.released);
}

void Ledger::operator()(const HoldExpired& event) {
    pending_.erase(event.id);
    give_back(event.released);
}

void Ledger::operator()(const HoldFulfilled& event) {
    for (const Part& part : event.fulfilled) {
        Counters& counters = row(part.sku, part.location);
        counters.on_hand -= part.quantity;
        counters.committed -= part.quantity;
    }
}

void Ledger::operator()(const HoldCancelled& event) {
    for (const Part& part : event.cancelled) {
        row(part.sku, part.location).committed -= part.quantity;
    }
}

void Ledger::operator()(const HoldReturned& event) {
    for (const Part& part : event.returned) {
        Counters& counters = row(part.sku, part.location);
        counters.on_hand += part.quantity;
        counters.returned += part.quantity;
    }
}

void Ledger::operator()(const SkuDefined& event) {
    safety_stock_[event.sku] = event.policy.safety_stock;
}

void Ledger::operator()(const LocationDefined&) {}

void Ledger::operator()(const StockReceived& event) {
    row(event.sku, event.location).on_hand += event.quantity;
}

void Ledger::operator()(const StockAdjusted& event) {
    row(event.sku, event.location).on_hand += event.delta;
}

void Ledger::operator()(const StockMoved& event) {
    Counters& counters = row(event.sku, event.location);
    const auto move = [&](StockState state, Quantity units) {
        switch (state) {
            case StockState::available:
                break;
            case StockState::returned:
                counters.returned += units;
                break;
            case StockState::repair:
                counters.repair += units;
                break;
            case StockState::damaged:
                counters.damaged += units;
                break;
        }
    };
    move(event.from, -event.quantity);
    move(event.to, event.quantity);
}

void Ledger::operator()(const StockTransferred& event) {
    row(event.sku, event.from).on_hand -= event.quantity;
    row(event.sku, event.to).on_hand += event.quantity;
}

}  // namespace holdfast::cli
