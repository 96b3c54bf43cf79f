// The way to one other node: a connection that is made when it is needed, with any number of messages on their
// way. Says of each whether it was answered, or cannot have been received, or may have been.
// send() from any thread; the rest happens on the thread that runs the io_context.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <holdfast/service.h>

namespace holdfast::cluster {

// A message is its length (4 bytes), a number that its answer bears too (8 bytes), both big-endian, and its text.
struct MessageHead {
    static constexpr std::size_t bytes = 12;
    static constexpr std::uint32_t length_max = 64 << 20;
    std::uint32_t length = 0;
    std::uint64_t number = 0;
};
std::string encode(const MessageHead& head);
MessageHead decode_head(const char* bytes);

class Link : public std::enable_shared_from_this<Link> {
public:
    enum class Fate : std::uint8_t { answered, not_sent, lost };
    // With the outcomes when it was answered, else with what was to be sent.
    using Delivered =
        std::move_only_function<void(Fate, std::vector<Submission>, std::vector<Outcome<Answer>>)>;

    // `greeting` is one line; a node that answers with another one is none of ours.
    Link(boost::asio::io_context& context, std::string address, std::string greeting);

    void send(std::vector<Submission> submissions, Delivered delivered);
    // Whether it failed a moment ago: then nothing is sent for a while.
    [[nodiscard]] bool resting() const;
    // Nothing more is sent; what is on its way is lost.
    void close();

private:
    using Steady = std::chrono::steady_clock;
    struct Message {
        std::string text;
        std::vector<Submission> submissions;
        Delivered delivered;
        Steady::time_point sent;
    };
    enum class State : std::uint8_t { closed, connecting, open };

    void pump();
    void connect();
    void greet();
    void write();
    void read_head();
    void read_text(MessageHead head);
    void deliver(std::uint64_t number);
    void watch();
    void fail();

    boost::asio::io_context& context_;
    const std::string address_;
    const std::string greeting_;

    std::mutex mutex_;
    std::vector<Message> waiting_;
    std::atomic<Steady::rep> rests_until_ = 0;

    State state_ = State::closed;
    std::uint64_t connection_ = 0;  // counts them: what an older one still says is ignored
    boost::asio::ip::tcp::resolver resolver_;
    boost::asio::ip::tcp::socket socket_;
    boost::asio::steady_timer timer_;
    Steady::time_point connect_by_;
    bool writing_ = false;
    std::string written_;
    std::string received_;
    std::uint64_t last_number_ = 0;
    std::map<std::uint64_t, Message> sent_;  // oldest first
};

}  // namespace holdfast::cluster
