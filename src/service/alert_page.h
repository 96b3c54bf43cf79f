// Alerts as people list them: those of kind shortfall with the orders that they put at risk.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include <holdfast/service.h>
#include "core/state.h"
#include "store/store.h"

namespace holdfast::service {

// Units sold at a location and not there, of the SKU of one alert of the page.
struct MissingUnits {
    std::size_t alert = 0;
    std::string location;
    Quantity quantity = 0;
};
struct AlertPage {
    Page<AlertAnswer> page;
    std::vector<MissingUnits> missing;
};

// Alerts after `after`, and what is missing now of those of kind shortfall. Pure.
AlertPage alert_page(const core::State& state, const AlertFilter& filter, AlertId after,
                     Instant now);

// Names the orders sold last that the missing units would have served, newest first: as many as it takes, at
// most limits::orders_at_risk_max an alert. Reads past holds from the newest back, once for all, until they are
// found, limits::orders_at_risk_read_max are read or `ending` is requested. Throws StoreError.
void name_orders_at_risk(store::Store& store, AlertPage& alerts, const std::stop_token& ending);

}  // namespace holdfast::service
