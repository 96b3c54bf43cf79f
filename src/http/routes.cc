#include "http/routes.h"

#include "http/handlers.h"

namespace holdfast::http {
namespace {

using enum boost::beast::http::verb;

constexpr auto table = std::to_array<Route>({
    {post, "/v1/holds", place_hold, BodyRule::required},
    {get, "/v1/holds", find_holds, BodyRule::none, Extra::query},
    {get, "/v1/holds/{id}", get_hold},
    {patch, "/v1/holds/{id}", amend_hold, BodyRule::required, Extra::fence},
    {post, "/v1/holds/{id}/confirm", confirm_hold, BodyRule::optional, Extra::fence},
    {post, "/v1/holds/{id}/release", release_hold, BodyRule::optional, Extra::fence},
    {post, "/v1/holds/{id}/extend", extend_hold, BodyRule::optional, Extra::fence},
    {post, "/v1/holds/{id}/heartbeat", beat_hold, BodyRule::optional, Extra::fence},
    {post, "/v1/holds/{id}/secure", secure_hold, BodyRule::optional, Extra::fence},
    {post, "/v1/holds/{id}/fulfil", fulfil_hold, BodyRule::optional, Extra::fence},
    {post, "/v1/holds/{id}/cancel", cancel_hold, BodyRule::optional, Extra::fence},
    {post, "/v1/holds/{id}/return", return_units, BodyRule::optional, Extra::fence},
    {post, "/v1/batch", post_batch, BodyRule::large},

    {get, "/v1/skus", list_skus, BodyRule::none, Extra::query},
    {get, "/v1/skus/{sku}", get_sku},
    {put, "/v1/skus/{sku}", put_sku, BodyRule::optional},
    {get, "/v1/skus/{sku}/stock", get_stock, BodyRule::none, Extra::query},
    {post, "/v1/skus/{sku}/stock", post_stock, BodyRule::required},
    {get, "/v1/availability", get_availability, BodyRule::none, Extra::query},
    {post, "/v1/skus/{sku}/waitlist", join_waitlist, BodyRule::required},
    {get, "/v1/skus/{sku}/waitlist", list_waitlist, BodyRule::none, Extra::query},
    {get, "/v1/skus/{sku}/waitlist/{entry}", get_entry},
    {delete_, "/v1/skus/{sku}/waitlist/{entry}", leave_waitlist},
    {get, "/v1/alerts", list_alerts, BodyRule::none, Extra::query},
    {post, "/v1/alerts/{id}/acknowledge", acknowledge_alert, BodyRule::required},
    {get, "/v1/locations", list_locations},
    {put, "/v1/locations/{location}", put_location, BodyRule::optional},

    {get, "/v1/events", get_events, BodyRule::none, Extra::query},
    {get, "/v1/audit", get_audit},
    {post, "/v1/backups", post_backup, BodyRule::required},
    {get, "/v1/meta", get_meta},
    {get, "/openapi.json", get_openapi},
    {get, "/healthz", get_health},
    {get, "/readyz", get_readiness},
    {get, "/metrics", get_metrics},
});

// Whether the path is the pattern's; its parameters are noted.
bool fits(std::string_view pattern, const Target& target, Match& match) {
    std::size_t parameter = 0;
    for (const std::string_view segment : target.path()) {
        if (pattern.empty()) {
            return false;
        }
        pattern.remove_prefix(1);
        const std::string_view expected = pattern.substr(0, pattern.find('/'));
        pattern.remove_prefix(expected.size());
        if (expected.starts_with('{')) {
            match.parameters[parameter++] = segment;
        } else if (expected != segment) {
            return false;
        }
    }
    return pattern.empty();
}

}  // namespace

std::span<const Route> routes() {
    return table;
}

Match find_route(boost::beast::http::verb method, const Target& target) {
    Match match;
    for (const Route& route : table) {
        if (route.segments != target.segment_count || !fits(route.pattern, target, match)) {
            continue;
        }
        if (route.method == method || (route.method == get && method == head)) {
            match.route = &route;
            return match;
        }
        match.allow += match.allow.empty() ? "" : ", ";
        match.allow += std::string(to_string(route.method));
        match.allow += route.method == get ? ", HEAD" : "";
    }
    return match;
}

}  // namespace holdfast::http
