// The nodes that serve one store, seen from one of them. Each partition has a home among those that live, which
// all of them choose alike (the highest hash of partition and node: Thaler and Ravishankar 1998), so that a
// command finds the node that last served its partition, and a node that comes or goes moves only its share.
// When the home cannot be reached the command is carried out here: that is always right.
// Any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "cluster/link.h"
#include "cluster/listener.h"
#include "http/peers.h"
#include "store/membership.h"

namespace holdfast::cluster {

struct ClusterOptions {
    std::string listen =
        "127.0.0.1";         // where the other nodes connect to; an address of this machine
    std::uint16_t port = 0;  // any free one
    std::string host;        // as the others name this machine; empty: the address to listen on
};

class Cluster final : public http::Peers {
public:
    // Throws boost::system::system_error when the address cannot be had. The service outlives it.
    Cluster(Service& service, std::unique_ptr<store::Membership> membership,
            const ClusterOptions& options);
    ~Cluster() override;

    [[nodiscard]] std::optional<std::uint16_t> home(const Command& command) const override;
    void send(std::uint16_t node, std::vector<Submission> submissions,
              std::move_only_function<void(std::vector<Outcome<Answer>>)> done) override;

    // Tells the others to send nothing more; what they sent is still answered.
    void leave();

private:
    using Done = std::move_only_function<void(std::vector<Outcome<Answer>>)>;
    struct View {
        std::vector<std::uint16_t> home_of;  // by partition
        std::map<std::uint16_t, std::shared_ptr<Link>> links;
    };

    void run();
    void look();
    [[nodiscard]] std::shared_ptr<const View> view_of(const std::vector<store::Member>& members);
    // What became of commands that were, or may have been, sent.
    void settle(Link::Fate fate, std::vector<Submission> submissions,
                std::vector<Outcome<Answer>> outcomes, Done done);

    Service& service_;
    const std::unique_ptr<store::Membership> membership_;
    const std::string greeting_;
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
        context_.get_executor()};
    Listener listener_;
    const std::string address_;
    std::atomic<std::shared_ptr<const View>> view_;

    std::mutex mutex_;
    std::condition_variable changed_;
    bool ending_ = false;
    bool reachable_ = true;
    std::jthread links_thread_;
    std::jthread members_thread_;
};

}  // namespace holdfast::cluster
