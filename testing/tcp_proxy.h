// A network that fails when a test says so: forwards TCP connections from a free port of 127.0.0.1 to another
// port there, and can cut, refuse, hold back and slow them down. What is told to it is done when the call returns.
// Has a thread of its own; any thread may call it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace holdfast::testing {

class TcpProxy {
public:
    enum class Direction : std::uint8_t { to_server, to_client };
    // What the receiver gets of the pattern that cuts its connection: not all of it, or all of it and what was
    // sent in one go with it.
    enum class Cut : std::uint8_t { before, after };

    explicit TcpProxy(std::uint16_t target);
    TcpProxy(const TcpProxy&) = delete;
    TcpProxy& operator=(const TcpProxy&) = delete;
    ~TcpProxy();

    [[nodiscard]] std::uint16_t port() const;

    // Where new connections go. Those that are open stay where they are.
    void set_target(std::uint16_t target);
    // Resets all connections that are open.
    void cut();
    // New connections are reset as soon as they are made.
    void refuse(bool refuse);
    // A partition: nothing passes, in either direction, and nobody is told. What was sent meanwhile arrives when
    // it heals.
    void black_hole(bool black_hole);
    // Everything arrives so much later, and in order: what is sent in a stream is late once, not each piece after
    // the other.
    void delay(Direction direction, std::chrono::milliseconds by);
    // The first that the server says after it was given the pattern arrives so much later: a slow commit. An empty
    // pattern ends it.
    void delay_answers_to(const std::string& pattern, std::chrono::milliseconds by);
    // Cuts the connection on which the pattern passes for the n-th time from now, counted over all connections; only
    // that one, and once. The receiver sees the end of what it got, the sender a reset, and nothing more passes. May
    // be told more than once: each is counted by itself.
    void cut_when(Direction direction, const std::string& pattern, Cut cut, std::size_t nth = 1);

    // Connections accepted so far, and cut by a pattern so far.
    [[nodiscard]] std::size_t accepted() const;
    [[nodiscard]] std::size_t cuts() const;
    // Waits until patterns have cut so many.
    void wait_for_cuts(std::size_t count) const;

private:
    struct Network;
    std::unique_ptr<Network> network_;
};

}  // namespace holdfast::testing
