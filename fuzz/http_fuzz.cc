// Any bytes as a connection's: however they are cut into pieces, the same requests come out of them, or the
// same refusal; and what has a target finds a route or a refusal.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/assert.h>
#include "http/request_reader.h"
#include "http/routes.h"
#include "http/target.h"

namespace holdfast::http {
namespace {

using Step = RequestReader::Step;

struct Seen {
    std::vector<std::string> requests;
    bool refused = false;
    bool operator==(const Seen&) const = default;
};

void route(const Head& head) {
    const auto target = split_target(head.target);
    if (!target) {
        return;
    }
    const Match match = find_route(head.method, *target);
    if (match.route != nullptr) {
        static_cast<void>(decode(match.parameters[0]));
    }
    static_cast<void>(Query::parse(target->query));
}

Seen read(std::string_view bytes, std::size_t piece_max) {
    constexpr std::size_t body_bytes_max = 512;
    RequestReader reader;
    Seen seen;
    for (;;) {
        switch (reader.next()) {
            case Step::need_more: {
                if (bytes.empty()) {
                    return seen;
                }
                const auto space = reader.space();
                const std::size_t piece = std::min({piece_max, space.size(), bytes.size()});
                std::ranges::copy(bytes.substr(0, piece), space.begin());
                reader.arrived(piece);
                bytes.remove_prefix(piece);
                break;
            }
            case Step::head:
                route(reader.head());
                reader.allow_body(body_bytes_max);
                break;
            case Step::complete: {
                const Head& head = reader.head();
                HF_ASSERT(reader.body().size() <= body_bytes_max);
                std::string request(head.method_text);
                request.append(1, ' ').append(head.target).append(1, '\n').append(reader.body());
                request.append(head.idempotency_key);
                seen.requests.push_back(std::move(request));
                reader.finish();
                break;
            }
            case Step::refused:
                HF_ASSERT(reader.fault().kind.status >= 400 && !reader.fault().detail.empty());
                seen.refused = true;
                return seen;
        }
    }
}

}  // namespace
}  // namespace holdfast::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    using holdfast::http::read;
    const auto whole = read(bytes, size + 1);
    HF_ASSERT(read(bytes, 1) == whole);
    HF_ASSERT(read(bytes, 7) == whole);
    return 0;
}
