#include "store/movable_store.h"

#include <fmt/format.h>

namespace holdfast::store {

std::string encode(const Notice& notice) {
    if (notice.reason == Notice::Reason::none) {
        return "";
    }
    return fmt::format("{} {} {}", static_cast<int>(notice.reason), notice.id, notice.name);
}

Notice decode_notice(std::string_view text) {
    if (text.empty()) {
        return {};
    }
    const std::size_t id = text.find(' ') + 1;
    const std::size_t name = text.find(' ', id) + 1;
    const int reason = text.front() - '0';
    if (id != 2 || name == 0 || (reason != 1 && reason != 2)) {
        throw StoreError(
            fmt::format("the store says \"{}\" of itself, which this release does not understand: "
                        "use a newer one",
                        text));
    }
    return {.reason = static_cast<Notice::Reason>(reason),
            .id = std::string(text.substr(id, name - id - 1)),
            .name = std::string(text.substr(name))};
}

std::string refusal_of(const Notice& notice, std::string_view name) {
    return notice.reason == Notice::Reason::moved
               ? fmt::format("the store {} was moved to {}: serve that one", name, notice.name)
               : fmt::format(
                     "the store {} is an unfinished copy of {}: finish it with holdfast "
                     "migrate, or remove it and serve the other one",
                     name, notice.name);
}

}  // namespace holdfast::store
