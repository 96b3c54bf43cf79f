// Prints what a simulation found, for people or as one object of JSON. Called by simulate. Pure.
#pragma once

#include <iosfwd>
#include <string>

#include "cli/simulation.h"

namespace holdfast::cli {

// `against`: "in process", "over HTTP, http://127.0.0.1:8080", ...
void print_simulation(std::ostream& out, const SimulationReport& report,
                      const std::string& against);
void print_simulation_json(std::ostream& out, const SimulationReport& report,
                           const std::string& against);

}  // namespace holdfast::cli
