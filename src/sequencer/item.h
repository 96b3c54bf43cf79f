// What waits for the sequencer: a command, several that are decided together, or a read.
#pragma once

#include <memory>
#include <variant>
#include <vector>

#include <holdfast/service.h>
#include "sequencer/read.h"

namespace holdfast::sequencer {

using ManyDone = std::move_only_function<void(std::vector<Outcome<Answer>>)>;

struct Single {
    Submission submission;
    Done<Answer> done;
};
struct Many {
    std::vector<Submission> submissions;
    ManyDone done;
};
using Item = std::variant<Single, Many, std::unique_ptr<Read>>;

// What it counts for in the queue.
inline std::size_t weight(const Item& item) {
    const auto* const many = std::get_if<Many>(&item);
    return many != nullptr ? many->submissions.size() : 1;
}

// Calls back with the refusal.
inline void refuse(Item& item, const Refusal& refusal) {
    if (auto* const single = std::get_if<Single>(&item)) {
        single->done({std::unexpected(refusal)});
    } else if (auto* const many = std::get_if<Many>(&item)) {
        many->done(
            std::vector<Outcome<Answer>>(many->submissions.size(), {std::unexpected(refusal)}));
    } else {
        std::get<std::unique_ptr<Read>>(item)->answer(&refusal);
    }
}

}  // namespace holdfast::sequencer
