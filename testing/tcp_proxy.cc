#include "testing/tcp_proxy.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <future>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <holdfast/assert.h>

namespace holdfast::testing {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Direction = TcpProxy::Direction;
using Cut = TcpProxy::Cut;

// Bytes read ahead of who does not take them.
constexpr std::size_t read_ahead_max = std::size_t{1} << 20;

// Looks for a pattern in a stream that comes in pieces (Knuth, Morris and Pratt).
class Matcher {
public:
    explicit Matcher(std::string pattern) : pattern_(std::move(pattern)), back_(pattern_.size()) {
        for (std::size_t i = 1; i < pattern_.size(); ++i) {
            back_[i] = advance(back_[i - 1], pattern_[i]);
        }
    }
    // `matched` is how much of the pattern the stream ends with, kept by the caller. Whether that is all of it.
    bool feed(std::size_t& matched, char c) const {
        matched = advance(matched == pattern_.size() ? back_.back() : matched, c);
        return matched == pattern_.size();
    }
    [[nodiscard]] std::size_t size() const { return pattern_.size(); }

private:
    [[nodiscard]] std::size_t advance(std::size_t matched, char c) const {
        while (matched > 0 && pattern_[matched] != c) {
            matched = back_[matched - 1];
        }
        return matched + (pattern_[matched] == c ? 1 : 0);
    }

    std::string pattern_;
    std::vector<std::size_t> back_;
};

// What was asked of a pattern.
struct Watched {
    std::size_t number = 0;
    Direction direction = Direction::to_server;
    Matcher matcher;
    std::optional<Cut> cut;  // none: the answer is late
    std::size_t left = 1;    // passings until the cut
    milliseconds late{0};
};

struct Piece {
    std::string bytes;  // empty: the sender has ended
    steady_clock::time_point due;
    bool reset = false;  // by breaking the connection
};

// One direction of a connection.
struct Flow {
    Flow(const asio::any_io_executor& executor, tcp::socket& source, tcp::socket& sink,
         Direction goes)
        : from(source), to(sink), direction(goes), changed(executor), room(executor) {}

    tcp::socket& from;
    tcp::socket& to;
    Direction direction;
    // Cancelled when there is something to pass on, and when there is room for more.
    asio::steady_timer changed;
    asio::steady_timer room;
    std::deque<Piece> queue;
    std::size_t queued = 0;  // bytes
    steady_clock::time_point last_due;
    milliseconds owed{0};  // by the next piece
    bool muted = false;
    std::map<std::size_t, std::size_t> matched;  // of the patterns, by number
};

struct Link {
    explicit Link(tcp::socket accepted)
        : client(std::move(accepted)),
          server(client.get_executor()),
          flows{{{client.get_executor(), client, server, Direction::to_server},
                 {client.get_executor(), server, client, Direction::to_client}}} {}

    tcp::socket client;
    tcp::socket server;
    std::array<Flow, 2> flows;

    static void reset(tcp::socket& socket) {
        error_code ignored;
        socket.set_option(asio::socket_base::linger(true, 0), ignored);
        socket.close(ignored);
    }
    void wake() {
        for (Flow& flow : flows) {
            flow.changed.cancel();
            flow.room.cancel();
        }
    }
    void cut() {
        reset(client);
        reset(server);
        wake();
    }
    Flow& flow(Direction direction) { return flows.at(static_cast<std::size_t>(direction)); }
    Flow& opposite(const Flow& flow) { return flows[&flow == flows.data() ? 1 : 0]; }
};

}  // namespace

struct TcpProxy::Network {
    explicit Network(std::uint16_t to)
        : acceptor(context, {asio::ip::address_v4::loopback(), 0}), target(to) {
        asio::co_spawn(context, accept(), asio::detached);
        thread = std::jthread([this] { context.run(); });
    }
    ~Network() {
        context.stop();
        thread.join();
    }

    // Calls `change` on the proxy's thread, lets all flows look at what is new, and waits for that.
    template <class Change>
    void tell(Change change) {
        std::promise<void> done;
        asio::post(context, [&] {
            change();
            for (const auto& link : open()) {
                link->wake();
            }
            done.set_value();
        });
        done.get_future().wait();
    }
    std::vector<std::shared_ptr<Link>> open() {
        std::vector<std::shared_ptr<Link>> open;
        std::erase_if(links, [&](const std::weak_ptr<Link>& weak) {
            if (auto link = weak.lock()) {
                open.push_back(std::move(link));
                return false;
            }
            return true;
        });
        return open;
    }

    asio::awaitable<void> accept();
    asio::awaitable<void> connect(std::shared_ptr<Link> link);
    asio::awaitable<void> take_in(std::shared_ptr<Link> link, Direction direction);
    asio::awaitable<void> pass_on(std::shared_ptr<Link> link, Direction direction);
    [[nodiscard]] steady_clock::time_point passes_at(const Flow& flow) const;
    [[nodiscard]] milliseconds delay_of(const Flow& flow) const {
        return delays.at(static_cast<std::size_t>(flow.direction));
    }
    bool look(Link& link, Flow& flow, std::string& bytes);
    void end(Link& link, Flow& flow);

    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> busy{context.get_executor()};
    tcp::acceptor acceptor;
    const std::uint16_t port = acceptor.local_endpoint().port();
    std::uint16_t target;
    bool refusing = false;
    bool black_hole = false;
    std::array<milliseconds, 2> delays{};
    std::list<Watched> watched;
    std::size_t numbers = 0;
    std::vector<std::weak_ptr<Link>> links;

    mutable std::mutex mutex;
    mutable std::condition_variable counted;
    std::size_t accepted = 0;
    std::size_t cuts = 0;

    std::jthread thread;
};

namespace {

// Until it is cancelled, or it is time.
asio::awaitable<void> wait(asio::steady_timer& timer, steady_clock::time_point until) {
    error_code ignored;
    timer.expires_at(until);
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace

asio::awaitable<void> TcpProxy::Network::accept() {
    for (;;) {
        error_code error;
        tcp::socket socket =
            co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
        if (error) {
            continue;
        }
        {
            const std::lock_guard lock(mutex);
            ++accepted;
        }
        if (refusing) {
            Link::reset(socket);
            continue;
        }
        auto link = std::make_shared<Link>(std::move(socket));
        links.push_back(link);
        asio::co_spawn(context, connect(std::move(link)), asio::detached);
    }
}

asio::awaitable<void> TcpProxy::Network::connect(std::shared_ptr<Link> link) {
    while (black_hole && link->client.is_open()) {
        co_await wait(link->flow(Direction::to_server).changed, steady_clock::time_point::max());
    }
    error_code error;
    co_await link->server.async_connect({asio::ip::address_v4::loopback(), target},
                                        asio::redirect_error(asio::use_awaitable, error));
    if (error || !link->client.is_open()) {
        link->cut();
        co_return;
    }
    for (const Direction direction : {Direction::to_server, Direction::to_client}) {
        link->flow(direction).to.set_option(tcp::no_delay(true), error);
        asio::co_spawn(context, take_in(link, direction), asio::detached);
        asio::co_spawn(context, pass_on(link, direction), asio::detached);
    }
}

asio::awaitable<void> TcpProxy::Network::take_in(std::shared_ptr<Link> link, Direction direction) {
    Flow& flow = link->flow(direction);
    std::array<char, 16'384> buffer{};
    for (error_code error; !error;) {
        const std::size_t count = co_await flow.from.async_read_some(
            asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
        if (flow.muted) {
            continue;  // read so that what the other side was sent is not lost in a reset
        }
        flow.last_due = std::max(flow.last_due, steady_clock::now() + delay_of(flow) +
                                                    std::exchange(flow.owed, milliseconds(0)));
        flow.queue.push_back({.bytes = std::string(buffer.data(), count),
                              .due = flow.last_due,
                              .reset = error && error != asio::error::eof});
        flow.queued += count;
        flow.changed.cancel();
        while (!error && flow.queued > read_ahead_max) {
            co_await wait(flow.room, steady_clock::time_point::max());
        }
    }
}

steady_clock::time_point TcpProxy::Network::passes_at(const Flow& flow) const {
    const bool may_pass = !black_hole && !flow.muted && !flow.queue.empty();
    return may_pass ? flow.queue.front().due : steady_clock::time_point::max();
}

asio::awaitable<void> TcpProxy::Network::pass_on(std::shared_ptr<Link> link, Direction direction) {
    Flow& flow = link->flow(direction);
    while (flow.to.is_open()) {
        const steady_clock::time_point due = passes_at(flow);
        if (due > steady_clock::now()) {
            co_await wait(flow.changed, due);
            continue;
        }
        Piece piece = std::move(flow.queue.front());
        flow.queue.pop_front();
        flow.queued -= piece.bytes.size();
        flow.room.cancel();
        error_code error;
        if (piece.reset) {
            link->cut();
        } else if (piece.bytes.empty()) {
            flow.to.shutdown(tcp::socket::shutdown_send, error);
            co_return;
        } else {
            const bool last = look(*link, flow, piece.bytes);
            co_await asio::async_write(flow.to, asio::buffer(piece.bytes),
                                       asio::redirect_error(asio::use_awaitable, error));
            if (last) {
                end(*link, flow);
            } else if (error) {
                link->cut();
            }
        }
    }
}

// Follows the patterns through what is about to pass. Whether it is the last that does.
bool TcpProxy::Network::look(Link& link, Flow& flow, std::string& bytes) {
    for (auto watch = watched.begin(); watch != watched.end(); ++watch) {
        std::size_t& matched = flow.matched[watch->number];
        for (std::size_t i = 0; watch->direction == flow.direction && i < bytes.size(); ++i) {
            if (!watch->matcher.feed(matched, bytes[i])) {
                continue;
            }
            if (!watch->cut) {
                link.opposite(flow).owed = watch->late;
            } else if (--watch->left == 0) {
                if (*watch->cut == Cut::before) {
                    // What came of it in pieces before has passed: the receiver has a part at most.
                    bytes.resize(i + 1 - std::min(i + 1, watch->matcher.size()));
                }
                watched.erase(watch);
                flow.muted = true;
                link.opposite(flow).muted = true;
                return true;
            }
        }
    }
    return false;
}

// The receiver sees the end of the stream, after all that it was sent, and the sender a reset.
void TcpProxy::Network::end(Link& link, Flow& flow) {
    error_code ignored;
    flow.to.shutdown(tcp::socket::shutdown_send, ignored);
    Link::reset(flow.from);
    link.wake();
    {
        const std::lock_guard lock(mutex);
        ++cuts;
    }
    counted.notify_all();
}

TcpProxy::TcpProxy(std::uint16_t target) : network_(std::make_unique<Network>(target)) {}

TcpProxy::~TcpProxy() = default;

std::uint16_t TcpProxy::port() const {
    return network_->port;
}

void TcpProxy::set_target(std::uint16_t target) {
    network_->tell([&] { network_->target = target; });
}

void TcpProxy::cut() {
    network_->tell([this] {
        for (const auto& link : network_->open()) {
            link->cut();
        }
    });
}

void TcpProxy::refuse(bool refuse) {
    network_->tell([&] { network_->refusing = refuse; });
}

void TcpProxy::black_hole(bool black_hole) {
    network_->tell([&] { network_->black_hole = black_hole; });
}

void TcpProxy::delay(Direction direction, milliseconds by) {
    network_->tell([&] { network_->delays.at(static_cast<std::size_t>(direction)) = by; });
}

void TcpProxy::delay_answers_to(const std::string& pattern, milliseconds by) {
    network_->tell([&] {
        std::erase_if(network_->watched, [](const Watched& watch) { return !watch.cut; });
        if (!pattern.empty()) {
            network_->watched.push_back({.number = network_->numbers++,
                                         .matcher = Matcher(pattern),
                                         .cut = {},
                                         .late = by});
        }
    });
}

void TcpProxy::cut_when(Direction direction, const std::string& pattern, Cut cut, std::size_t nth) {
    HF_ASSERT(!pattern.empty() && nth > 0);
    network_->tell([&] {
        network_->watched.push_back({.number = network_->numbers++,
                                     .direction = direction,
                                     .matcher = Matcher(pattern),
                                     .cut = cut,
                                     .left = nth});
    });
}

std::size_t TcpProxy::accepted() const {
    const std::lock_guard lock(network_->mutex);
    return network_->accepted;
}

std::size_t TcpProxy::cuts() const {
    const std::lock_guard lock(network_->mutex);
    return network_->cuts;
}

void TcpProxy::wait_for_cuts(std::size_t count) const {
    std::unique_lock lock(network_->mutex);
    network_->counted.wait(lock, [&] { return network_->cuts >= count; });
}

}  // namespace holdfast::testing
