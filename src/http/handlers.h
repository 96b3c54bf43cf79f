// The handlers of the routes, one file per resource (holds.cc, stock.cc, ...). Each reads what was asked,
// asks the service, and says how its answer is written; no rule of the shop stands here.
// Called by exchanges on their io thread; must not block.
#pragma once

#include "http/exchange.h"

namespace holdfast::http {

// holds.cc
void place_hold(Exchange& x);
void get_hold(Exchange& x);
void find_holds(Exchange& x);
void amend_hold(Exchange& x);
void confirm_hold(Exchange& x);
void release_hold(Exchange& x);
void extend_hold(Exchange& x);
void beat_hold(Exchange& x);
void secure_hold(Exchange& x);
void fulfil_hold(Exchange& x);
void cancel_hold(Exchange& x);
void return_units(Exchange& x);

// skus.cc
void put_sku(Exchange& x);
void get_sku(Exchange& x);
void list_skus(Exchange& x);

// stock.cc
void post_stock(Exchange& x);
void get_stock(Exchange& x);

// availability.cc
void get_availability(Exchange& x);

// waitlist.cc
void join_waitlist(Exchange& x);
void leave_waitlist(Exchange& x);
void get_entry(Exchange& x);
void list_waitlist(Exchange& x);

// alerts.cc
void list_alerts(Exchange& x);
void acknowledge_alert(Exchange& x);

// locations.cc
void put_location(Exchange& x);
void list_locations(Exchange& x);

// batch.cc
void post_batch(Exchange& x);

// events.cc
void get_events(Exchange& x);

// ops.cc
void get_audit(Exchange& x);
void post_backup(Exchange& x);
void get_meta(Exchange& x);
void get_openapi(Exchange& x);
void get_health(Exchange& x);
void get_readiness(Exchange& x);
void get_metrics(Exchange& x);

// For lists: `limit` and `after`, which must be all that is left of the query. Nothing when it is at fault:
// then that is the answer.
struct PageRequest {
    std::size_t limit = 100;
    std::string after;
};
std::optional<PageRequest> take_page(Exchange& x);

// {"<name>": [...], "next": "..." or null}
template <std::size_t Size, class T>
void write_page(Exchange& x, const char (&name)[Size], const Page<T>& page) {
    JsonWriter json = x.json();
    json.open_object();
    json.name(name);
    json.open_array();
    for (const T& item : page.items) {
        write(json, item);
    }
    json.close_array();
    json.name("next");
    if (page.next.empty()) {
        json.null();
    } else {
        json.value(page.next);
    }
    json.close_object();
    x.answer(200);
}

}  // namespace holdfast::http
