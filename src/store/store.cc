#include "store/store.h"

#include "store/codec.h"

namespace holdfast::store {

std::vector<Since> since(std::span<const Version> after) {
    std::vector<Since> from;
    from.reserve(after.size());
    for (const Version version : after) {
        from.push_back({.partition = static_cast<PartitionId>(from.size()), .after = version});
    }
    return from;
}

std::vector<std::vector<EventBlob>> Store::tails(std::span<const Since> from,
                                                 std::size_t bytes_max) {
    std::vector<std::vector<EventBlob>> found;
    found.reserve(from.size());
    for (const Since& one : from) {
        found.push_back(tail(one.partition, one.after, bytes_max));
    }
    return found;
}

News Store::news(std::span<const Version> after, std::size_t bytes_max,
                 const AnswersSink& answers) {
    News news{.heads = heads()};
    const std::vector<Since> from = since(after);
    news.tails = tails(from, bytes_max);
    for (const Since& one : from) {
        const Version head = news.heads[one.partition].version;
        scan(one.partition, RowKind::answers, encode_version_key(one.after),
             [&](std::string_view key, std::string_view value) {
                 const Version version = decode_version_key(key);
                 if (version <= head) {
                     answers(one.partition, version, value);
                 }
                 return version < head;
             });
    }
    return news;
}

}  // namespace holdfast::store
