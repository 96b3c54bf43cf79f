#include "http/answer_json.h"
#include "http/handlers.h"

namespace holdfast::http {

void get_events(Exchange& x) {
    if (auto page = take_page(x)) {
        x.block([&service = x.service(),
                 page = std::move(*page)] { return service.events(page.after, page.limit); },
                [](Exchange& late, const Page<RecordedEvent>& found) {
                    write_page(late, "events", found);
                });
    }
}

}  // namespace holdfast::http
