#include "cli/ledger.h"

namespace holdfast::cli {

void Ledger::add(const RecordedEvent& recorded) {
    ++events_;
    ++types_[std::string(type_name(recorded.event))];
    std::visit(*this, recorded.event);
}

std::map<std::pair<std::string, std::string>, StockRow> Ledger::rows() const {
    auto rows = rows_;
    for (auto& [name, row] : rows) {
        Counters& it = row.counters;
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
            rows_[{line.sku, part.location}].backordered += part.backordered;
        }
    }
    if (hold.status == HoldStatus::pending) {
        pending_.insert(hold.id);
    }
}

void Ledger::wait(const std::vector<Part>& parts, Quantity sign) {
    for (const Part& part : parts) {
        rows_[{part.sku, part.location}].backordered += sign * part.backordered;
    }
}

void Ledger::give_back(const std::vector<Part>& parts) {
    wait(parts, -1);
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

void Ledger::operator()(const HoldSecured& event) {
    wait(event.taken, 1);
    for (const Part& part : event.taken) {
        row(part.sku, part.location).held += part.quantity;
    }
}

void Ledger::operator()(const HoldConfirmed& event) {
    pending_.erase(event.id);
    give_back(event.released);
    wait(event.taken, 1);
    wait(event.late ? event.confirmed : std::vector<Part>{}, 1);
    for (const Part& part : event.confirmed) {
        Counters& counters = row(part.sku, part.location);
        counters.committed += part.quantity;
        // A late one was given back when it expired: its units come from what is available.
        counters.held -= event.late ? 0 : part.quantity;
    }
    for (const Part& part : event.taken) {
        row(part.sku, part.location).committed += part.quantity;
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

void Ledger::operator()(const HoldLost& event) {
    pending_.erase(event.id);
    give_back(event.released);
}

void Ledger::operator()(const BackorderAllocated& event) {
    Counters& counters = row(event.allocated.sku, event.allocated.location);
    (event.status == HoldStatus::pending ? counters.held : counters.committed) +=
        event.allocated.quantity;
    rows_[{event.allocated.sku, event.allocated.location}].backordered -= event.allocated.quantity;
}

void Ledger::operator()(const WaitlistJoined&) {}

void Ledger::operator()(const WaitlistLeft&) {}

void Ledger::operator()(const WaitlistOffered&) {}

void Ledger::operator()(const HoldFulfilled& event) {
    for (const Part& part : event.fulfilled) {
        Counters& counters = row(part.sku, part.location);
        counters.on_hand -= part.quantity;
        counters.committed -= part.quantity;
    }
}

void Ledger::operator()(const HoldCancelled& event) {
    wait(event.cancelled, -1);
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

void Ledger::operator()(const StockExpected&) {}

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
