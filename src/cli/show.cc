#include "cli/show.h"

#include <iostream>

#include <fmt/format.h>

#include "cli/connection.h"
#include "cli/policy_fields.h"
#include "cli/terminal.h"
#include "http/answer_json.h"
#include "http/problem.h"

namespace holdfast::cli {

namespace {

// The counters that people look at first come first.
const std::vector<std::string> counter_names = {"available", "held",         "committed",
                                                "on hand",   "safety stock", "returned",
                                                "repair",    "damaged",      "backordered"};

std::vector<std::string> counter_cells(const Counters& counters, Quantity backordered) {
    std::vector<std::string> cells;
    for (const Quantity units : {counters.available, counters.held, counters.committed,
                                 counters.on_hand, counters.safety_stock, counters.returned,
                                 counters.repair, counters.damaged, backordered}) {
        cells.push_back(thousands(units));
    }
    return cells;
}

template <class T>
std::string json_of(const T& value) {
    std::string out;
    http::JsonWriter json(out);
    http::write(json, value);
    return out;
}

template <class T>
void print_json_list(std::ostream& out, const std::vector<T>& items) {
    out << '[';
    for (std::size_t i = 0; i < items.size(); ++i) {
        out << (i > 0 ? ",\n " : "") << json_of(items[i]);
    }
    out << "]\n";
}

std::string line_text(const HoldLine& line) {
    std::string text = line.sku + "=" + std::to_string(line.quantity);
    if (line.wanted != line.quantity) {
        text += " of " + std::to_string(line.wanted);
    }
    text += line.soft ? " (a wish: its units are still on sale)" : "";
    for (const Allocation& part : line.allocations) {
        text += " @" + part.location;
        text += line.allocations.size() > 1 ? "=" + std::to_string(part.quantity) : "";
        const auto done = [&](Quantity units, const char* what) {
            if (units > 0) {
                text += " (" + std::to_string(units) + " " + what + ")";
            }
        };
        done(part.backordered, "on back order");
        done(part.fulfilled, "shipped");
        done(part.cancelled, "cancelled");
        done(part.returned, "returned");
    }
    return text;
}

}  // namespace

void Style::add_option(CLI::App& command) {
    command.add_flag("--json", json, "Print JSON, with the names that the HTTP API has.");
}

void show(std::ostream& out, const Hold& hold, const Style& style) {
    if (style.json) {
        out << json_of(hold) << '\n';
        return;
    }
    out << to_string(hold.id) << '\n'
        << "  status    " << to_string(hold.status) << ", fence " << hold.fence << '\n'
        << "  cart      " << hold.cart
        << (hold.customer.empty() ? "" : ", customer " + hold.customer)
        << (hold.region.empty() ? "" : ", region " + hold.region) << '\n'
        << "  placed    " << to_rfc3339(hold.created_at) << '\n';
    if (hold.status == HoldStatus::pending) {
        out << "  deadline  " << to_rfc3339(hold.deadline())
            << (hold.heartbeat.count() > 0
                    ? ", unless it beats every " + std::to_string(hold.heartbeat.count()) + " s"
                    : "")
            << '\n';
    }
    for (const HoldLine& line : hold.lines) {
        out << "  line      " << line_text(line) << '\n';
    }
}

void show(std::ostream& out, const std::vector<Hold>& holds, const Style& style) {
    if (style.json) {
        print_json_list(out, holds);
        return;
    }
    Table table({"hold", "status", "cart", "customer", "placed", "lines"});
    for (const Hold& hold : holds) {
        std::string lines;
        for (const HoldLine& line : hold.lines) {
            lines += (lines.empty() ? "" : " ") + line.sku + "=" + std::to_string(line.quantity);
        }
        table.add({to_string(hold.id), std::string(to_string(hold.status)), hold.cart,
                   hold.customer, to_rfc3339(hold.created_at), lines});
    }
    table.print(out);
}

void show(std::ostream& out, const std::vector<StockAnswer>& stock, const Style& style) {
    if (style.json) {
        print_json_list(out, stock);
        return;
    }
    std::vector<std::string> heading = {"sku", "location"};
    heading.insert(heading.end(), counter_names.begin(), counter_names.end());
    Table table(heading);
    const auto add = [&](const std::string& sku, const std::string& location,
                         const Counters& counters, Quantity backordered) {
        std::vector<std::string> cells = {sku, location};
        std::ranges::move(counter_cells(counters, backordered), std::back_inserter(cells));
        table.add(std::move(cells));
    };
    for (const StockAnswer& answer : stock) {
        for (const StockRow& row : answer.locations) {
            add(answer.sku, row.location, row.counters, row.backordered);
        }
        if (answer.locations.size() != 1) {
            add(answer.sku, "(all)", answer.total, answer.backordered);
        }
    }
    table.print(out);
}

void show(std::ostream& out, const SkuAnswer& sku, const Style& style) {
    if (style.json) {
        out << json_of(sku) << '\n';
        return;
    }
    out << sku.sku << '\n';
    for (const std::string_view name : policy_field_names()) {
        const std::string value = policy_field(sku.policy, name);
        out << fmt::format("  {:17} {}\n", name, value.empty() ? "none" : value);
    }
}

void show(std::ostream& out, const EntryAnswer& entry, const Style& style) {
    if (style.json) {
        out << json_of(entry) << '\n';
        return;
    }
    out << to_string(entry.entry) << "  " << to_string(entry.status);
    if (entry.place > 0) {
        out << " at place " << thousands(entry.place);
    }
    if (entry.hold) {
        out << ": " << to_string(*entry.hold);
    }
    out << '\n';
}

void show(std::ostream& out, const std::vector<EntryAnswer>& entries, const Style& style) {
    if (style.json) {
        print_json_list(out, entries);
        return;
    }
    Table table({"place", "entry", "customer", "units", "location"});
    for (const EntryAnswer& entry : entries) {
        table.add({thousands(entry.place), to_string(entry.entry), entry.customer,
                   thousands(entry.quantity), entry.location.empty() ? "any" : entry.location});
    }
    table.print(out);
}

namespace {

// What an alert says, in words.
std::string what(const Alert& alert) {
    const std::string figure = thousands(alert.figure);
    const std::string bound = thousands(alert.bound);
    switch (alert.kind) {
        case AlertKind::low_stock:
            return figure + " left, low at " + bound;
        case AlertKind::out_of_stock:
            return "sold out";
        case AlertKind::back_in_stock:
            return figure + " available again";
        case AlertKind::reorder:
            return "order " + thousands(alert.order) + ": " + figure + " there and on their way, " +
                   bound + " wanted";
        case AlertKind::shortfall:
            return figure + " sold and not there";
        case AlertKind::velocity:
            return figure + " " + std::string(to_string(alert.measure)) + " a minute, usually " +
                   bound;
        case AlertKind::ghost_holds:
            return "sold out by holds that expire: " + figure + " in the last hour, " + bound +
                   " paid";
    }
    return "";
}

}  // namespace

void show(std::ostream& out, const AlertAnswer& answer, const Style& style) {
    if (style.json) {
        out << json_of(answer) << '\n';
        return;
    }
    show(out, std::vector{answer}, style);
}

void show(std::ostream& out, const std::vector<AlertAnswer>& alerts, const Style& style) {
    if (style.json) {
        print_json_list(out, alerts);
        return;
    }
    Table table({"alert", "SKU", "kind", "what", "seen by"});
    for (const AlertAnswer& answer : alerts) {
        const Alert& alert = answer.alert;
        table.add({to_string(alert.id), alert.sku, std::string(to_string(alert.kind)), what(alert),
                   alert.acknowledged_at ? alert.acknowledged_by : "-"});
        for (const OrderAtRisk& order : answer.orders) {
            table.add({"", "", "at risk",
                       to_string(order.hold) + " of cart " + order.cart + ": " +
                           thousands(order.quantity) + " at " + order.location,
                       ""});
        }
    }
    table.print(out);
}

void show(std::ostream& out, const LocationAnswer& location, const Style& style) {
    if (style.json) {
        out << json_of(location) << '\n';
        return;
    }
    out << location.location << "  region " << (location.region.empty() ? "-" : location.region)
        << ", priority " << location.priority << '\n';
}

void show(std::ostream& out, const AuditReport& report, const Style& style) {
    if (style.json) {
        out << json_of(report) << '\n';
        return;
    }
    const bool colours = coloured(1);
    const auto count = [](std::uint64_t number) {
        return thousands(static_cast<std::int64_t>(number));
    };
    out << count(report.events) << " events, " << count(report.stock_rows) << " stock rows, "
        << count(report.pending_holds) << " pending holds, at version";
    for (const Version version : report.versions) {
        out << ' ' << version;
    }
    out << '\n';
    if (report.clean()) {
        out << green("clean", colours) << ": every counter is what the events add up to\n";
        return;
    }
    for (const AuditDifference& difference : report.differences) {
        out << red("differs", colours) << "  " << difference.what << ": kept " << difference.kept
            << ", by the events " << difference.events << '\n';
    }
    out << report.differences.size() << " differences\n";
}

std::string json_line(const RecordedEvent& event) {
    return json_of(event);
}
std::string json_line(const Hold& hold) {
    return json_of(hold);
}

ExitStatus show_refusal(const Refusal& refusal, const Style& style) {
    std::cerr << "refused: " << describe_refusal(refusal) << '\n';
    if (style.json) {
        std::string body;
        http::write_problem(body, http::problem(refusal), "");
        std::cout << body << '\n';
    }
    return ExitStatus::refused;
}

}  // namespace holdfast::cli
