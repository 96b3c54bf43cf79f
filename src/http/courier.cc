#include "http/courier.h"

#include <iterator>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <holdfast/assert.h>
#include <holdfast/limits.h>
#include "http/exchange.h"
#include "telemetry/log.h"

namespace holdfast::http {

void Courier::submit(Submission submission, std::shared_ptr<Exchange> asker) {
    const auto node = peers_ != nullptr ? peers_->home(submission.command) : std::nullopt;
    Load& load = node ? elsewhere_[*node] : here_;
    if (load.submissions.size() == limits::batch_commands_max) {
        send(node, std::exchange(load, {}));
    }
    // Comes after everything that is ready in this turn.
    if (!std::exchange(sends_, true)) {
        boost::asio::post(*context_, [this] { send(); });
    }
    load.submissions.push_back(std::move(submission));
    load.askers.push_back(std::move(asker));
}

void Courier::send() {
    sends_ = false;
    if (!here_.submissions.empty()) {
        send(std::nullopt, std::exchange(here_, {}));
    }
    for (auto& [node, load] : std::exchange(elsewhere_, {})) {
        send(node, std::move(load));
    }
}

void Courier::send(std::optional<std::uint16_t> node, Load&& load) {
    auto askers = std::make_shared<std::vector<std::shared_ptr<Exchange>>>(std::move(load.askers));
    auto done = [self = shared_from_this(), askers](std::vector<Outcome<Answer>> outcomes) {
        HF_ASSERT(outcomes.size() == askers->size());
        for (std::size_t i = 0; i < outcomes.size(); ++i) {
            (*askers)[i]->take(std::move(outcomes[i]));
        }
        self->bring(*askers);
    };
    try {
        if (node) {
            peers_->send(*node, std::move(load.submissions), std::move(done));
        } else {
            service_.submit_many(std::move(load.submissions), std::move(done));
        }
    } catch (const std::exception& error) {
        telemetry::log_error(fmt::format("commands could not be submitted: {}", error.what()));
        for (const std::shared_ptr<Exchange>& asker : *askers) {
            asker->fail();
        }
    }
}

void Courier::bring(std::span<std::shared_ptr<Exchange>> answered) {
    const std::lock_guard lock(mutex_);
    if (context_ == nullptr) {
        return;
    }
    const bool wake = arrived_.empty();
    arrived_.insert(arrived_.end(), std::move_iterator(answered.begin()),
                    std::move_iterator(answered.end()));
    if (wake) {
        boost::asio::post(*context_, [this] { deliver(); });
    }
}

void Courier::close() {
    const std::lock_guard lock(mutex_);
    context_ = nullptr;
}

void Courier::deliver() {
    {
        const std::lock_guard lock(mutex_);
        delivered_.swap(arrived_);
    }
    for (const std::shared_ptr<Exchange>& exchange : delivered_) {
        exchange->complete();
    }
    delivered_.clear();
}

}  // namespace holdfast::http
