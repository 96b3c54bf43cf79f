// A catalogue and its stock as files have them: which columns and lists there are, and what each may
// say. Called by import, which brings it into a shop. One thread.
// Whatever is wrong inside the files is collected; a file that cannot be opened is a Failure.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <holdfast/answers.h>
#include "cli/records.h"

namespace holdfast::cli {

// The states in which units that are there are not for sale, as counts name them.
struct AsideState {
    std::string_view name;
    StockState state;
    Quantity Counters::* counter;
};
inline constexpr std::array aside_states = {
    AsideState{"returned", StockState::returned, &Counters::returned},
    AsideState{"repair", StockState::repair, &Counters::repair},
    AsideState{"damaged", StockState::damaged, &Counters::damaged}};

// A command, and where in which file it stands.
template <class C>
struct Row {
    std::string where;
    C command;
};

struct StockLine {
    std::string where;
    std::string sku;
    std::string location = "main";
    bool counted = false;  // the units that are there, rather than units that came in
    Quantity quantity = 0;
    // Of them, in the order of aside_states; none: as it is.
    std::array<std::optional<Quantity>, aside_states.size()> aside;
    std::string reference;
};

enum class CatalogueFile : std::uint8_t { all, locations, skus, stock };

// Everything that one import brings, from any number of files.
class Catalogue {
public:
    // `all` is JSON; the others are JSON when their names say so, or else CSV.
    void read(const std::string& path, CatalogueFile what);

    [[nodiscard]] const std::vector<Row<DefineLocation>>& locations() const { return locations_; }
    [[nodiscard]] const std::vector<Row<DefineSku>>& skus() const { return skus_; }
    [[nodiscard]] const std::vector<StockLine>& stock() const { return stock_; }
    // The policy that comes with it; nullptr when it does not bring the SKU.
    [[nodiscard]] const Policy* policy(const std::string& sku) const;
    [[nodiscard]] bool brings_location(const std::string& name) const {
        return location_names_.contains(name);
    }
    // Whether all names that the files have could be read.
    [[nodiscard]] bool whole() const { return whole_; }
    [[nodiscard]] Faults& faults() { return faults_; }

private:
    void add_location(Record& record);
    void add_sku(Record& record);
    void add_stock(Record& record);

    std::vector<Row<DefineLocation>> locations_;
    std::vector<Row<DefineSku>> skus_;
    std::vector<StockLine> stock_;
    std::set<std::string> location_names_;
    std::map<std::string, std::size_t> sku_places_;
    // Whether the units of a SKU at a location were counted (or came in), and where it says so.
    std::map<std::pair<std::string, std::string>, std::pair<bool, std::string>> stock_names_;
    bool whole_ = true;
    Faults faults_;
};

}  // namespace holdfast::cli
