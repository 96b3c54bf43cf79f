// Prints holds, stock and reports, for people or (--json) as the API spells them. Called by commands.
// One thread. Cannot fail.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include <holdfast/service.h>
#include "cli/command.h"

namespace holdfast::cli {

struct Style {
    bool json = false;
    void add_option(CLI::App& command);
};

void show(std::ostream& out, const Hold& hold, const Style& style);
void show(std::ostream& out, const std::vector<Hold>& holds, const Style& style);
void show(std::ostream& out, const std::vector<StockAnswer>& stock, const Style& style);
void show(std::ostream& out, const SkuAnswer& sku, const Style& style);
void show(std::ostream& out, const EntryAnswer& entry, const Style& style);
void show(std::ostream& out, const std::vector<EntryAnswer>& entries, const Style& style);
void show(std::ostream& out, const AlertAnswer& alert, const Style& style);
void show(std::ostream& out, const std::vector<AlertAnswer>& alerts, const Style& style);
void show(std::ostream& out, const LocationAnswer& location, const Style& style);
void show(std::ostream& out, const AuditReport& report, const Style& style);

// One line of JSON, as GET /v1/events has it.
std::string json_line(const RecordedEvent& event);
std::string json_line(const Hold& hold);

// A refusal goes to the error stream in words and, with --json, to the output as JSON too.
ExitStatus show_refusal(const Refusal& refusal, const Style& style);

}  // namespace holdfast::cli
