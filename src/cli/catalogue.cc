#include "cli/catalogue.h"

#include <algorithm>

#include <fmt/format.h>

#include <holdfast/limits.h>
#include <holdfast/service.h>
#include "cli/policy_fields.h"

namespace holdfast::cli {

namespace {

const Columns location_columns = {{.name = "location", .required = true},
                                  {.name = "region"},
                                  {.name = "priority", .kind = FieldKind::number}};

const Columns& sku_columns() {
    static const Columns columns = [] {
        Columns all = {{.name = "sku", .required = true}};
        for (const std::string_view name : policy_field_names()) {
            all.push_back({.name = name, .kind = policy_field_kind(name), .inside = "policy"});
        }
        return all;
    }();
    return columns;
}

const Columns& stock_columns() {
    static const Columns columns = [] {
        Columns all = {{.name = "sku", .required = true},
                       {.name = "location"},
                       {.name = "quantity", .kind = FieldKind::number},
                       {.name = "on_hand", .kind = FieldKind::number},
                       {.name = "reference"}};
        for (const AsideState& it : aside_states) {
            all.push_back({.name = it.name, .kind = FieldKind::number});
        }
        return all;
    }();
    return columns;
}

// "/policy/hold_ttl" -> "hold_ttl".
std::string last_name(const std::string& pointer) {
    return pointer.substr(pointer.rfind('/') + 1);
}

// Reports the first thing that the service would refuse.
void check(Record& record, const Command& command) {
    if (const auto refusal = validate(command)) {
        const std::string name = last_name(refusal->field);
        record.fault(name, fmt::format("{}: {}", name, refusal->detail));
    }
}

// The fields of a policy are each well; together they may still contradict each other. The service names
// one contradiction at a time, so look again without the field that it blamed.
void check_policy(Record& record, const std::string& sku) {
    std::set<std::string> blamed;
    while (true) {
        DefineSku define{.sku = sku, .policy = {}};
        for (const std::string_view name : policy_field_names()) {
            if (!blamed.contains(std::string(name))) {
                set_policy_field(define.policy, name, record.text(name));
            }
        }
        const auto refusal = validate(define);
        const std::string name = refusal ? last_name(refusal->field) : "";
        if (!refusal || !blamed.insert(name).second) {
            return;
        }
        record.fault(name, fmt::format("{}{}: {}", name, record.has(name) ? "" : " (left out)",
                                       refusal->detail));
    }
}

}  // namespace

void Catalogue::read(const std::string& path, CatalogueFile what) {
    struct List {
        CatalogueFile what;
        std::string_view name;
        const Columns& columns;
        void (Catalogue::*add)(Record&);
    };
    const std::array lists = {
        List{CatalogueFile::locations, "locations", location_columns, &Catalogue::add_location},
        List{CatalogueFile::skus, "skus", sku_columns(), &Catalogue::add_sku},
        List{CatalogueFile::stock, "stock", stock_columns(), &Catalogue::add_stock}};
    std::vector<JsonList> chosen;
    for (const List& list : lists) {
        if (what == list.what || what == CatalogueFile::all) {
            chosen.push_back({.name = list.name,
                              .columns = &list.columns,
                              .visit = [this, &list](Record& it) { (this->*list.add)(it); }});
        }
    }
    const bool read = what == CatalogueFile::all || is_json(path)
                          ? read_json(path, chosen, faults_)
                          : read_csv(path, *chosen.front().columns, faults_, chosen.front().visit);
    whole_ = whole_ && read;
}

const Policy* Catalogue::policy(const std::string& sku) const {
    const auto found = sku_places_.find(sku);
    return found == sku_places_.end() ? nullptr : &skus_[found->second].command.policy;
}

void Catalogue::add_location(Record& record) {
    constexpr Quantity priority_max = 1'000'000;
    DefineLocation location{.location = record.id("location"), .region = "", .priority = 0};
    if (record.clean() && !location_names_.insert(location.location).second) {
        record.fault("location",
                     "the location " + location.location + " is there twice; leave one of them");
    }
    if (record.has("region")) {
        location.region = record.id("region");
    }
    if (record.has("priority")) {
        location.priority =
            static_cast<int>(record.number("priority", -priority_max, priority_max));
    }
    if (record.clean()) {
        check(record, location);
    }
    locations_.push_back({record.where(), std::move(location)});
}

void Catalogue::add_sku(Record& record) {
    DefineSku sku{.sku = record.id("sku"), .policy = {}};
    if (!sku.sku.empty() && !sku_places_.try_emplace(sku.sku, skus_.size()).second) {
        record.fault("sku", "the SKU " + sku.sku + " is there twice; leave one of them");
    }
    for (const std::string_view name : policy_field_names()) {
        if (const auto rule = set_policy_field(sku.policy, name, record.text(name))) {
            record.not_a(name, *rule);
        }
    }
    if (record.clean()) {
        check_policy(record, sku.sku);
    }
    skus_.push_back({record.where(), std::move(sku)});
}

void Catalogue::add_stock(Record& record) {
    StockLine line;
    line.sku = record.id("sku");
    line.location = record.has("location") ? record.id("location") : line.location;
    line.counted = record.has("on_hand");
    line.reference = record.text("reference");
    if (line.counted == record.has("quantity")) {
        record.fault({},
                     "it must have one of quantity (units that come in) and on_hand (units "
                     "counted), and not both");
        return;
    }
    line.quantity = record.number(line.counted ? "on_hand" : "quantity", line.counted ? 0 : 1,
                                  limits::quantity_max);
    for (std::size_t i = 0; i < aside_states.size(); ++i) {
        const std::string_view name = aside_states[i].name;
        if (record.has(name) && line.counted) {
            line.aside[i] = record.number(name, 0, limits::quantity_max);
        } else if (record.has(name)) {
            record.fault(name, fmt::format("units that come in are for sale, not {0}; leave {0} "
                                           "out, or count on_hand",
                                           name));
        }
    }
    // What comes in may come in several lines. A count is one, and says it all.
    const auto [other, fresh] = stock_names_.try_emplace({line.sku, line.location},
                                                         std::pair(line.counted, record.where()));
    if (!fresh && (line.counted || other->second.first)) {
        record.fault(
            "sku", fmt::format("the SKU {} is counted {} at {}; the other line is {}; "
                               "leave one of them",
                               line.sku,
                               line.counted == other->second.first ? "twice" : "and also comes in",
                               line.location, other->second.second));
    }
    if (record.clean()) {
        check(record, ReceiveStock{.sku = line.sku,
                                   .location = line.location,
                                   .quantity = std::max<Quantity>(line.quantity, 1),
                                   .reference = line.reference});
    }
    if (record.clean()) {
        line.where = record.where();
        stock_.push_back(std::move(line));
    }
}

}  // namespace holdfast::cli
