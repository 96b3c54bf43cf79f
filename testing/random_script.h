// Random days of a shop: scenario lines that RapidCheck makes and shrinks, so that what it finds is printed as a
// scenario that can be saved and replayed. Two SKUs, two locations and three holds: few enough that they
// get into each other's way. Every line is well formed; most make sense. Tests only.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <rapidcheck.h>

#include "testing/scenario.h"

namespace holdfast::testing {

using Script = std::vector<std::string>;

rc::Gen<Script> random_script();

// The lines after what every script begins with: the SKUs and the locations.
Scenario parse_script(const Script& script);

// The script as a scenario that can be saved: each step with what `target` answers.
std::string as_scenario(const Script& script, Target& target);

// What is compared after each step: the answer and every row, hold and alert; all but the alerts, which resolve later
// when the process begins anew meanwhile; or the answers alone.
enum class Compare { everything, all_but_alerts, answers };

// Plays a script on both. Nothing when they agree; otherwise the script as a scenario with the answers of
// `expected`, and where `actual` differs.
std::optional<std::string> compare(const Script& script, Target& expected, Target& actual,
                                   Compare what = Compare::everything);

// Checks `property` (a failure's text, or nothing) on random scripts, shrinks what fails and reports it to
// GoogleTest. `count` scripts are tried, from a seed that is printed and that RC_PARAMS="seed=..." repeats.
void check_scripts(const std::string& name, int count,
                   const std::function<std::optional<std::string>(const Script&)>& property);

}  // namespace holdfast::testing
