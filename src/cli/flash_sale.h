// A flash sale: many shoppers, few widgets, over HTTP against a server that is killed in the middle; and
// beside it what counting and then inserting would have sold. Called by the demo, which prints what comes
// of it; starts threads of its own and joins them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <holdfast/service.h>
#include "cli/server_process.h"

namespace holdfast::cli {

struct SalePlan {
    int shoppers = 1'000;
    int widgets = 100;
    int clients = 32;
    // Every so many-th shopper leaves the cart behind, and every so many-th clicks twice.
    int leaves_every = 4;
    int clicks_twice_every = 10;
    std::chrono::seconds hold_ttl{2};
    // The server is killed when so many shoppers have been answered.
    int killed_after = 40;
};

struct SaleResult {
    int sold = 0;
    int left_behind = 0;
    int refused = 0;  // went away without a widget
    int double_clicks = 0;
    int double_clicks_once = 0;  // of these, answered by the same hold again
    int repeated_by_crash = 0;   // answers that were given again after the server had been killed
    int sold_unknown = 0;        // acknowledged sales that the server does not know
    Quantity committed = 0;      // by the server's own count
    std::chrono::milliseconds down{0};
    std::chrono::milliseconds took{0};
    AuditReport audit;
};

SaleResult run_flash_sale(const SalePlan& plan, ServerProcess& server,
                          const std::function<void(const std::string&)>& say);

// The same shoppers from as many threads, each asking a table how many were sold and, when there are
// some left, inserting one. Each statement is atomic; the two together are not. Returns how many it sold.
int sell_by_counting(const SalePlan& plan, std::chrono::microseconds statement);

}  // namespace holdfast::cli
