#include "cluster/cluster.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <pthread.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <holdfast/version.h>
#include "cluster/wire.h"
#include "telemetry/log.h"

namespace holdfast::cluster {
namespace {

constexpr std::chrono::milliseconds announces_every{1'000};

std::string address_of(const ClusterOptions& options, std::uint16_t port) {
    const std::string& host = options.host.empty() ? options.listen : options.host;
    return fmt::format("{}:{}", host, port);
}

std::uint64_t weight(std::size_t partition, std::uint16_t node) {
    const std::uint64_t pair = std::uint64_t{partition} << 16 | node;
    return XXH3_64bits(&pair, sizeof pair);
}

Refusal outcome_unknown() {
    return {.code = RefusalCode::outcome_unknown,
            .detail =
                "the node that carries this out was lost before it answered: ask for what it "
                "was to change, and send an Idempotency-Key, with which it may be repeated"};
}

}  // namespace

Cluster::Cluster(Service& service, std::unique_ptr<store::Membership> membership,
                 const ClusterOptions& options)
    : service_(service),
      membership_(std::move(membership)),
      greeting_(fmt::format("holdfast {} store {}\n", version_text, membership_->store_id())),
      listener_(context_, service, options.listen, options.port, greeting_),
      address_(address_of(options, listener_.port())),
      view_(std::make_shared<const View>()) {
    links_thread_ = std::jthread([this] { context_.run(); });
    ::pthread_setname_np(links_thread_.native_handle(), "hf-nodes");
    look();
    members_thread_ = std::jthread([this] { run(); });
}

Cluster::~Cluster() {
    leave();
    for (const auto& [number, link] : view_.load()->links) {
        link->close();
    }
    // After them: what was on its way is said to be lost.
    boost::asio::post(context_, [this] { context_.stop(); });
}

void Cluster::leave() {
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(ending_, true)) {
            return;
        }
    }
    changed_.notify_one();
    members_thread_.join();
    try {
        membership_->leave();
    } catch (const StoreError&) {  // NOLINT(bugprone-empty-catch)
        // The others will notice.
    }
}

void Cluster::run() {
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, announces_every, [this] { return ending_; })) {
        lock.unlock();
        look();
        lock.lock();
    }
}

void Cluster::look() {
    try {
        view_ = view_of(membership_->announce(address_));
        reachable_ = true;
    } catch (const StoreError& error) {
        if (std::exchange(reachable_, false)) {
            telemetry::log_warning(
                fmt::format("the other nodes cannot be asked for: {}", error.what()));
        }
    }
}

std::shared_ptr<const Cluster::View> Cluster::view_of(const std::vector<store::Member>& members) {
    const std::shared_ptr<const View> before = view_;
    auto view = std::make_shared<View>();
    std::vector<std::uint16_t> numbers{membership_->number()};
    for (const store::Member& member : members) {
        if (member.number == membership_->number()) {
            continue;
        }
        numbers.push_back(member.number);
        const auto known = before->links.find(member.number);
        view->links[member.number] =
            known != before->links.end()
                ? known->second
                : std::make_shared<Link>(context_, member.address, greeting_);
    }
    for (std::uint32_t i = 0; i < membership_->partition_count(); ++i) {
        view->home_of.push_back(
            std::ranges::max(numbers, {}, [i](std::uint16_t number) { return weight(i, number); }));
    }
    return view;
}

std::optional<std::uint16_t> Cluster::home(const Command& command) const {
    const auto token = token_of(command);
    const std::shared_ptr<const View> view = view_;
    if (!token || view->links.empty()) {
        return std::nullopt;
    }
    const std::uint16_t node =
        view->home_of[partition_of(*token, static_cast<std::uint32_t>(view->home_of.size()))];
    const auto link = view->links.find(node);
    return link == view->links.end() || link->second->resting() ? std::nullopt
                                                                : std::optional(node);
}

void Cluster::send(std::uint16_t node, std::vector<Submission> submissions, Done done) {
    const std::shared_ptr<const View> view = view_;
    const auto link = view->links.find(node);
    if (link == view->links.end()) {
        return service_.submit_many(std::move(submissions), std::move(done));
    }
    link->second->send(std::move(submissions), [this, done = std::move(done)](
                                                   Link::Fate fate, std::vector<Submission> unsent,
                                                   std::vector<Outcome<Answer>> outcomes) mutable {
        settle(fate, std::move(unsent), std::move(outcomes), std::move(done));
    });
}

void Cluster::settle(Link::Fate fate, std::vector<Submission> submissions,
                     std::vector<Outcome<Answer>> outcomes, Done done) {
    if (fate == Link::Fate::answered) {
        return done(std::move(outcomes));
    }
    if (fate == Link::Fate::not_sent) {
        return service_.submit_many(std::move(submissions), std::move(done));
    }
    // With its key a command may be carried out again: it happens once.
    outcomes.assign(submissions.size(), {.result = std::unexpected(outcome_unknown())});
    std::vector<std::size_t> repeated;
    std::vector<Submission> again;
    for (std::size_t i = 0; i < submissions.size(); ++i) {
        if (!submissions[i].request.idempotency_key.empty()) {
            repeated.push_back(i);
            again.push_back(std::move(submissions[i]));
        }
    }
    if (again.empty()) {
        return done(std::move(outcomes));
    }
    service_.submit_many(std::move(again),
                         [repeated = std::move(repeated), outcomes = std::move(outcomes),
                          done = std::move(done)](std::vector<Outcome<Answer>> answers) mutable {
                             // A refusal here says nothing: there it may be carried out even now.
                             for (std::size_t i = 0; i < answers.size(); ++i) {
                                 if (answers[i].result) {
                                     outcomes[repeated[i]] = std::move(answers[i]);
                                 }
                             }
                             done(std::move(outcomes));
                         });
}

}  // namespace holdfast::cluster
