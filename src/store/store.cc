#include "store/store.h"

#include "store/codec.h"

namespace holdfast::store {

std::vector<std::vector<EventBlob>> Store::tails(std::span<const Since> from,
                                                 std::size_t bytes_max) {
    std::vector<std::vector<EventBlob>> found;
    found.reserve(from.size());
    for (const Since& one : from) {
        found.push_back(tail(one.partition, one.after, bytes_max));
    }
    return found;
}

void Store::answers_since(std::span<const Since> from,
                          const std::function<void(PartitionId, Version, std::string_view)>& sink) {
    for (const Since& one : from) {
        scan(one.partition, RowKind::answers, encode_version_key(one.after),
             [&](std::string_view key, std::string_view value) {
                 sink(one.partition, decode_version_key(key), value);
                 return true;
             });
    }
}

}  // namespace holdfast::store
