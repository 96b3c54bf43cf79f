// The network that fails on command, between an ordinary client and an echo that can be told to answer late.
#include "testing/tcp_proxy.h"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

namespace holdfast::testing {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Direction = TcpProxy::Direction;
using Cut = TcpProxy::Cut;

const asio::ip::address_v4 here = asio::ip::address_v4::loopback();

// Sends back what it gets, each piece after `prefix`. Keeps what it got.
class Echo {
public:
    explicit Echo(std::string prefix = "") : prefix_(std::move(prefix)) {
        thread_ = std::jthread([this] { run(); });
    }
    ~Echo() {
        stopping_ = true;
        tcp::socket knock(context_);
        knock.connect({here, port()});
        thread_.join();
    }
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    // Once somebody's stream has ended.
    std::string got_in_all() {
        std::unique_lock lock(mutex_);
        ended_.wait(lock, [&] { return ended_count_ > 0; });
        return got_;
    }

private:
    void run() {
        std::vector<std::jthread> serving;
        for (;;) {
            tcp::socket socket = acceptor_.accept();
            if (stopping_) {
                return;
            }
            serving.emplace_back(
                [this, taken = std::move(socket)]() mutable { serve(std::move(taken)); });
        }
    }
    void serve(tcp::socket socket) {
        std::array<char, 4'096> buffer{};
        boost::system::error_code error;
        for (;;) {
            const std::size_t count = socket.read_some(asio::buffer(buffer), error);
            if (error) {
                break;
            }
            {
                const std::lock_guard lock(mutex_);
                got_.append(buffer.data(), count);
            }
            asio::write(socket, asio::buffer(prefix_ + std::string(buffer.data(), count)), error);
        }
        const std::lock_guard lock(mutex_);
        ++ended_count_;
        ended_.notify_all();
    }

    std::string prefix_;
    asio::io_context context_;
    tcp::acceptor acceptor_{context_, {here, 0}};
    std::atomic<bool> stopping_ = false;
    std::mutex mutex_;
    std::condition_variable ended_;
    int ended_count_ = 0;
    std::string got_;
    std::jthread thread_;
};

class Caller {
public:
    explicit Caller(std::uint16_t port) { socket_.connect({here, port}); }
    void send(const std::string& text) { asio::write(socket_, asio::buffer(text)); }
    std::string receive(std::size_t count) {
        std::string text(count, '\0');
        asio::read(socket_, asio::buffer(text));
        return text;
    }
    std::string ask(const std::string& text) {
        send(text);
        return receive(text.size());
    }
    // What comes until the end, and how it ended.
    std::pair<std::string, boost::system::error_code> rest() {
        std::pair<std::string, boost::system::error_code> rest;
        asio::read(socket_, asio::dynamic_buffer(rest.first), rest.second);
        return rest;
    }
    // Whether nothing has arrived so far.
    bool is_silent() { return socket_.available() == 0; }
    void finish() { socket_.shutdown(tcp::socket::shutdown_send); }

private:
    asio::io_context context_;
    tcp::socket socket_{context_};
};

double milliseconds_of(const std::function<void()>& work) {
    const auto start = steady_clock::now();
    work();
    return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

class TcpProxyTest : public ::testing::Test {
protected:
    Echo echo_;
    TcpProxy proxy_{echo_.port()};
};

TEST_F(TcpProxyTest, PassesEverythingAndTheEnd) {
    Caller caller(proxy_.port());
    std::string text;
    for (int i = 0; i < 400'000; ++i) {
        text += static_cast<char>('a' + i % 23);
    }
    std::jthread sender([&] {
        caller.send(text);
        caller.finish();
    });
    EXPECT_TRUE(caller.receive(text.size()) == text);
    EXPECT_EQ(caller.rest().second, asio::error::eof);
    EXPECT_EQ(proxy_.accepted(), 1U);
}

TEST_F(TcpProxyTest, CutsAllConnectionsButNotTheNext) {
    Caller one(proxy_.port());
    Caller other(proxy_.port());
    EXPECT_EQ(one.ask("a"), "a");
    EXPECT_EQ(other.ask("b"), "b");
    proxy_.cut();
    EXPECT_EQ(one.rest().second, asio::error::connection_reset);
    EXPECT_EQ(other.rest().second, asio::error::connection_reset);
    EXPECT_EQ(Caller(proxy_.port()).ask("c"), "c");
}

TEST_F(TcpProxyTest, RefusesNewConnectionsAndKeepsTheOld) {
    Caller old(proxy_.port());
    EXPECT_EQ(old.ask("a"), "a");
    proxy_.refuse(true);
    EXPECT_ANY_THROW(Caller(proxy_.port()).ask("b"));
    EXPECT_EQ(old.ask("c"), "c");
    proxy_.refuse(false);
    EXPECT_EQ(Caller(proxy_.port()).ask("d"), "d");
}

TEST_F(TcpProxyTest, APartitionSwallowsEverythingUntilItHeals) {
    Caller old(proxy_.port());
    EXPECT_EQ(old.ask("a"), "a");
    proxy_.black_hole(true);
    old.send("b");
    Caller fresh(proxy_.port());
    fresh.send("c");
    // Somebody else's round trip past the partition: what could have passed would have.
    EXPECT_EQ(Caller(echo_.port()).ask("x"), "x");
    EXPECT_TRUE(old.is_silent());
    EXPECT_TRUE(fresh.is_silent());
    proxy_.black_hole(false);
    EXPECT_EQ(old.receive(1), "b");
    EXPECT_EQ(fresh.receive(1), "c");
}

TEST_F(TcpProxyTest, ADelayIsAddedOnceAndKeepsTheOrder) {
    Caller caller(proxy_.port());
    EXPECT_EQ(caller.ask("a"), "a");
    proxy_.delay(Direction::to_server, milliseconds(30));
    proxy_.delay(Direction::to_client, milliseconds(20));
    const double one = milliseconds_of([&] { EXPECT_EQ(caller.ask("b"), "b"); });
    EXPECT_GE(one, 50);
    // Twenty messages that follow each other: a delay that added up would be a second.
    std::string text;
    const double many = milliseconds_of([&] {
        for (char c = 'a'; c < 'a' + 20; ++c) {
            caller.send({c});
            text += c;
        }
        EXPECT_EQ(caller.receive(text.size()), text);
    });
    EXPECT_GE(many, 50);
    EXPECT_LT(many, 500);
    // Less delay from now on: what comes after does not overtake what is on its way.
    caller.send("1");
    proxy_.delay(Direction::to_server, milliseconds(0));
    caller.send("2");
    EXPECT_EQ(caller.receive(2), "12");
}

TEST_F(TcpProxyTest, OnlyTheAnswerToAPatternIsLate) {
    Caller caller(proxy_.port());
    proxy_.delay_answers_to("COMMIT", milliseconds(150));
    EXPECT_GE(milliseconds_of([&] { caller.ask("COMMIT"); }), 150);
    EXPECT_LT(milliseconds_of([&] { caller.ask("BEGIN"); }), 150);
    EXPECT_GE(milliseconds_of([&] {
                  caller.ask("x;COM");
                  caller.ask("MIT;y");
              }),
              150);
    proxy_.delay_answers_to("", milliseconds(0));
    EXPECT_LT(milliseconds_of([&] { caller.ask("COMMIT"); }), 150);
}

TEST_F(TcpProxyTest, CutsBeforeTheServerGetsThePattern) {
    Caller caller(proxy_.port());
    Caller other(proxy_.port());
    EXPECT_EQ(other.ask("o"), "o");
    proxy_.cut_when(Direction::to_server, "COMMIT", Cut::before);
    caller.send("insert;COMMIT;more");
    proxy_.wait_for_cuts(1);
    EXPECT_EQ(caller.rest(),
              std::pair(std::string(), boost::system::error_code(asio::error::connection_reset)));
    EXPECT_EQ(echo_.got_in_all(), "oinsert;");
    EXPECT_EQ(other.ask("COMMIT"), "COMMIT");
    EXPECT_EQ(proxy_.cuts(), 1U);
}

TEST_F(TcpProxyTest, CutsAfterTheServerGotThePatternAndBeforeItsAnswer) {
    Caller caller(proxy_.port());
    EXPECT_EQ(caller.ask("a"), "a");
    proxy_.cut_when(Direction::to_server, "COMMIT", Cut::after);
    caller.send("insert;COMMIT;");
    EXPECT_EQ(caller.rest(),
              std::pair(std::string(), boost::system::error_code(asio::error::connection_reset)));
    EXPECT_EQ(echo_.got_in_all(), "ainsert;COMMIT;");
}

TEST_F(TcpProxyTest, CutsTheNthPassingAlsoInPiecesAndOverlapping) {
    proxy_.cut_when(Direction::to_server, "abab", Cut::after, 3);
    Caller first(proxy_.port());
    EXPECT_EQ(first.ask("ab"), "ab");
    EXPECT_EQ(first.ask("abab"), "abab");  // twice, the second time over the first
    EXPECT_EQ(proxy_.cuts(), 0U);
    Caller second(proxy_.port());
    EXPECT_EQ(second.ask("abaab"), "abaab");
    second.send("ab");
    EXPECT_EQ(second.rest().second, asio::error::connection_reset);
    EXPECT_EQ(first.ask("abab"), "abab");
}

TEST_F(TcpProxyTest, CutsAnAnswer) {
    Echo marked("answer ");
    proxy_.set_target(marked.port());
    Caller before(proxy_.port());
    proxy_.cut_when(Direction::to_client, "answer", Cut::before);
    before.send("1");
    EXPECT_EQ(before.rest(), std::pair(std::string(), boost::system::error_code(asio::error::eof)));
    Caller after(proxy_.port());
    proxy_.cut_when(Direction::to_client, "answer", Cut::after);
    after.send("2");
    EXPECT_EQ(after.rest(),
              std::pair(std::string("answer 2"), boost::system::error_code(asio::error::eof)));
}

TEST_F(TcpProxyTest, ANewTargetIsForNewConnections) {
    Echo standby("2:");
    Caller old(proxy_.port());
    EXPECT_EQ(old.ask("a"), "a");
    proxy_.set_target(standby.port());
    EXPECT_EQ(old.ask("b"), "b");
    Caller fresh(proxy_.port());
    fresh.send("c");
    EXPECT_EQ(fresh.receive(3), "2:c");
}

TEST_F(TcpProxyTest, ATargetThatIsGoneResets) {
    std::uint16_t gone = 0;
    {
        const Echo closed;
        gone = closed.port();
    }
    proxy_.set_target(gone);
    EXPECT_ANY_THROW(Caller(proxy_.port()).ask("a"));
}

}  // namespace
}  // namespace holdfast::testing
