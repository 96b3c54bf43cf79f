// Leads holds through their whole life over 64 connections: hold, confirm, fulfil, each step when the one
// before it was answered; or only places them; or only looks at what is available. Speaks HTTP (Holdfast) and RESP
// (Redis), so that both are driven by the same generator; wrk and redis-benchmark cannot, because neither knows
// which connection an answer came from and both are slow at reading ids out of answers. One thread. Prints
// one JSON object.
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using SteadyClock = std::chrono::steady_clock;

enum class Step : std::uint8_t { hold, confirm, fulfil, look };

// What a connection asks again and again, from the first step to the last.
struct Journey {
    Step first;
    Step last;
};

// What a product page asks.
struct Look {
    std::uint32_t skus_at_once = 0;
    // Asks again with the tag of the answer before; every one but the first is then told that nothing is new.
    bool conditional = false;
};

[[noreturn]] void give_up(const std::string& why) {
    throw std::runtime_error(why);
}

[[noreturn]] void give_up_errno(const char* call) {
    throw std::system_error(errno, std::generic_category(), call);
}

// What both protocols must say: the bytes of a step, and what an answer means.
class Protocol {
public:
    Protocol() = default;
    Protocol(const Protocol&) = delete;
    Protocol& operator=(const Protocol&) = delete;
    virtual ~Protocol() = default;
    [[nodiscard]] virtual int connect() const = 0;
    virtual void write(std::string& out, Step step, std::string_view id,
                       std::uint32_t sku) const = 0;
    // Bytes of the first whole answer, 0 when it is not complete. Sets the id after a hold, or to the tag
    // after a look. Throws when the answer is not the one that is expected.
    [[nodiscard]] virtual std::size_t read(std::string_view in, Step step,
                                           std::string& id) const = 0;
};

class Http final : public Protocol {
public:
    Http(const std::string& address, std::uint32_t skus, Look look) : skus_(skus), look_(look) {
        const auto colon = address.rfind(':');
        if (colon == std::string::npos) {
            give_up(fmt::format("--http {}: give ADDRESS:PORT", address));
        }
        address_.sin_family = AF_INET;
        address_.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
        if (inet_pton(AF_INET, address.substr(0, colon).c_str(), &address_.sin_addr) != 1) {
            give_up(fmt::format("--http {}: not an IPv4 address", address));
        }
    }

    [[nodiscard]] int connect() const override {
        const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
        if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) !=
            0) {
            give_up_errno("connect");
        }
        const int on = 1;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        return descriptor;
    }

    void write(std::string& out, Step step, std::string_view id, std::uint32_t sku) const override {
        const auto to = std::back_inserter(out);
        if (step == Step::look) {
            write_look(out, id, sku);
        } else if (step == Step::hold) {
            const auto body = fmt::format(
                R"({{"cart":"cart-{}","lines":[{{"sku":"sku-{}","quantity":1}}]}})", sku, sku);
            fmt::format_to(to,
                           "POST /v1/holds HTTP/1.1\r\nHost: localhost\r\n"
                           "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                           body.size(), body);
        } else {
            fmt::format_to(to,
                           "POST /v1/holds/{}/{} HTTP/1.1\r\nHost: localhost\r\n"
                           "Content-Length: 0\r\n\r\n",
                           id, step == Step::confirm ? "confirm" : "fulfil");
        }
    }

    [[nodiscard]] std::size_t read(std::string_view in, Step step, std::string& id) const override {
        const auto head_end = in.find("\r\n\r\n");
        if (head_end == std::string_view::npos) {
            return 0;
        }
        const auto head = in.substr(0, head_end + 2);
        const auto told = expected(step, id);
        std::size_t length = 0;
        if (told != unchanged) {
            const auto digits = after(head, "\r\nContent-Length: ");
            std::from_chars(digits.data(), digits.data() + digits.size(), length);
        }
        const auto whole = head_end + 4 + length;
        if (in.size() < whole) {
            return 0;
        }
        if (!head.starts_with(told)) {
            give_up(fmt::format("{} was expected, the answer is:\n{}", told, in.substr(0, whole)));
        }
        if (step == Step::hold) {
            constexpr std::string_view id_name = "\"id\":\"";
            const auto body = in.substr(head_end + 4, length);
            const auto id_at = body.find(id_name);
            if (id_at == std::string_view::npos) {
                give_up(fmt::format("a hold without an id: {}", body));
            }
            const auto text = body.substr(id_at + id_name.size());
            id = text.substr(0, text.find('"'));
        } else if (step == Step::look && look_.conditional) {
            id = after(head, "\r\nETag: ");
        }
        return whole;
    }

private:
    static constexpr std::string_view unchanged = "HTTP/1.1 304";

    // With `cap`, as a page asks that says "more than ten": the tag then stays while others buy.
    void write_look(std::string& out, std::string_view tag, std::uint32_t sku) const {
        const auto to = std::back_inserter(out);
        out += "GET /v1/availability?cap=10";
        for (std::uint32_t i = 0; i < look_.skus_at_once; ++i) {
            fmt::format_to(to, "&sku=sku-{}", sku);
            sku = (sku + 7919) % skus_;
        }
        out += " HTTP/1.1\r\nHost: localhost\r\n";
        if (!tag.empty()) {
            fmt::format_to(to, "If-None-Match: {}\r\n", tag);
        }
        out += "\r\n";
    }
    static std::string_view expected(Step step, std::string_view id) {
        if (step == Step::hold) {
            return "HTTP/1.1 201";
        }
        return step == Step::look && !id.empty() ? unchanged : "HTTP/1.1 200";
    }
    // The value of a header line that must be there.
    static std::string_view after(std::string_view head, std::string_view name) {
        const auto at = head.find(name);
        if (at == std::string_view::npos) {
            give_up(fmt::format("an answer without {}: {}", name.substr(2), head));
        }
        const auto value = head.substr(at + name.size());
        return value.substr(0, value.find("\r\n"));
    }

    const std::uint32_t skus_;
    const Look look_;
    sockaddr_in address_{};
};

class Resp final : public Protocol {
public:
    Resp(const std::string& path, std::vector<std::string> scripts) : scripts_(std::move(scripts)) {
        address_.sun_family = AF_UNIX;
        if (scripts_.size() != 3 || path.size() >= sizeof address_.sun_path) {
            give_up(
                "--redis needs a socket's path and --scripts three digests: hold,confirm,fulfil");
        }
        path.copy(address_.sun_path, path.size());
    }

    [[nodiscard]] int connect() const override {
        const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
        if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) !=
            0) {
            give_up_errno("connect");
        }
        return descriptor;
    }

    void write(std::string& out, Step step, std::string_view id, std::uint32_t sku) const override {
        const auto& script = scripts_[static_cast<std::size_t>(step)];
        if (step == Step::hold) {
            const auto key = fmt::format("stock:{:012}", sku);
            const auto cart = fmt::format("cart-{:012}", sku);
            command(out, {"EVALSHA", script, "1", key, cart, "1", "1900000000"});
        } else {
            command(out, {"EVALSHA", script, "0", id});
        }
    }

    [[nodiscard]] std::size_t read(std::string_view in, Step step, std::string& id) const override {
        const auto end = in.find("\r\n");
        if (end == std::string_view::npos) {
            return 0;
        }
        const auto value = in.substr(1, end - 1);
        if (in.front() != ':' || value == "0") {
            give_up(fmt::format("Redis answered {}", in.substr(0, end)));
        }
        if (step == Step::hold) {
            id = value;
        }
        return end + 2;
    }

private:
    static void command(std::string& out, std::initializer_list<std::string_view> words) {
        const auto to = std::back_inserter(out);
        fmt::format_to(to, "*{}\r\n", words.size());
        for (const auto word : words) {
            fmt::format_to(to, "${}\r\n{}\r\n", word.size(), word);
        }
    }

    sockaddr_un address_{};
    std::vector<std::string> scripts_;
};

struct Connection {
    int descriptor = -1;
    Step step = Step::hold;
    std::string id;
    std::string received;
    SteadyClock::time_point life_began;
    SteadyClock::time_point step_began;
};

struct Measured {
    std::vector<std::uint32_t> lives_us;
    std::vector<std::uint32_t> steps_us;
    double seconds = 0;
};

class Generator {
public:
    Generator(const Protocol& protocol, Journey journey, std::uint32_t skus,
              std::size_t connections)
        : protocol_(protocol), journey_(journey), sku_(0, skus - 1), poll_(epoll_create1(0)) {
        for (std::size_t i = 0; i < connections; ++i) {
            auto connection = std::make_unique<Connection>();
            connection->descriptor = protocol.connect();
            connection->step = journey.first;
            epoll_event interest{.events = EPOLLIN, .data = {.ptr = connection.get()}};
            if (epoll_ctl(poll_, EPOLL_CTL_ADD, connection->descriptor, &interest) != 0) {
                give_up_errno("epoll_ctl");
            }
            connections_.push_back(std::move(connection));
        }
    }
    Generator(const Generator&) = delete;
    Generator& operator=(const Generator&) = delete;
    ~Generator() {
        for (const auto& connection : connections_) {
            close(connection->descriptor);
        }
        close(poll_);
    }

    Measured run(std::chrono::duration<double> length) {
        const auto begin = SteadyClock::now();
        const auto end = begin + std::chrono::duration_cast<SteadyClock::duration>(length);
        for (const auto& connection : connections_) {
            send_step(*connection, SteadyClock::now());
        }
        std::array<epoll_event, 64> ready{};
        auto now = SteadyClock::now();
        while (now < end) {
            const int count =
                epoll_wait(poll_, ready.data(), static_cast<int>(ready.size()), 1'000);
            if (count <= 0) {
                give_up("no answer within a second");
            }
            now = SteadyClock::now();
            for (int i = 0; i < count; ++i) {
                receive(*static_cast<Connection*>(ready[static_cast<std::size_t>(i)].data.ptr),
                        now);
            }
        }
        measured_.seconds = std::chrono::duration<double>(now - begin).count();
        return std::move(measured_);
    }

private:
    void send_step(Connection& connection, SteadyClock::time_point now) {
        connection.step_began = now;
        if (connection.step == journey_.first) {
            connection.life_began = now;
        }
        out_.clear();
        protocol_.write(out_, connection.step, connection.id, sku_(random_));
        // A request is far smaller than a socket's buffer, and only one is on its way.
        if (send(connection.descriptor, out_.data(), out_.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(out_.size())) {
            give_up_errno("send");
        }
    }

    void receive(Connection& connection, SteadyClock::time_point now) {
        const auto bytes = recv(connection.descriptor, buffer_.data(), buffer_.size(), 0);
        if (bytes <= 0) {
            give_up("the server closed a connection");
        }
        connection.received.append(buffer_.data(), static_cast<std::size_t>(bytes));
        const auto whole = protocol_.read(connection.received, connection.step, connection.id);
        if (whole == 0) {
            return;
        }
        connection.received.erase(0, whole);
        measured_.steps_us.push_back(microseconds(now - connection.step_began));
        if (connection.step == journey_.last) {
            measured_.lives_us.push_back(microseconds(now - connection.life_began));
            connection.step = journey_.first;
        } else {
            connection.step = connection.step == Step::hold ? Step::confirm : Step::fulfil;
        }
        send_step(connection, now);
    }

    static std::uint32_t microseconds(SteadyClock::duration time) {
        return static_cast<std::uint32_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(time).count());
    }

    const Protocol& protocol_;
    const Journey journey_;
    std::mt19937 random_{20'101'201};
    std::uniform_int_distribution<std::uint32_t> sku_;
    int poll_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::string out_;
    std::array<char, 16'384> buffer_{};
    Measured measured_;
};

double percentile_ms(std::vector<std::uint32_t>& values, double share) {
    const auto at = values.begin() +
                    static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return *at / 1'000.0;
}

void print(Measured measured) {
    if (measured.lives_us.empty()) {
        give_up("not one hold was led to its end");
    }
    const auto lives = static_cast<double>(measured.lives_us.size());
    const auto steps = static_cast<double>(measured.steps_us.size());
    std::cout << fmt::format(
        R"({{"lives_per_second":{:.0f},"life_p50_ms":{:.3f},"life_p99_ms":{:.3f},)"
        R"("requests_per_second":{:.0f},"request_p50_ms":{:.3f},"request_p99_ms":{:.3f}}})"
        "\n",
        lives / measured.seconds, percentile_ms(measured.lives_us, 0.50),
        percentile_ms(measured.lives_us, 0.99), steps / measured.seconds,
        percentile_ms(measured.steps_us, 0.50), percentile_ms(measured.steps_us, 0.99));
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Leads holds through hold, confirm and fulfil over many connections."};
    std::string http;
    std::string redis;
    std::vector<std::string> scripts;
    std::uint32_t skus = 1;
    std::size_t connections = 64;
    double seconds = 5;
    bool only_hold = false;
    Look look;
    auto* const to_http = app.add_option("--http", http, "ADDRESS:PORT of Holdfast");
    auto* const to_redis = app.add_option("--redis", redis, "unix socket of Redis");
    to_http->excludes(to_redis);
    app.add_option("--scripts", scripts, "digests of hold, confirm and fulfil")->delimiter(',');
    app.add_option("--skus", skus, "sku-0 to sku-(N-1), drawn uniformly")
        ->check(CLI::PositiveNumber);
    app.add_option("--connections", connections, "one request outstanding on each");
    app.add_option("--seconds", seconds);
    auto* const holds =
        app.add_flag("--only-hold", only_hold, "a life ends when the hold is placed");
    auto* const looks =
        app.add_option("--look", look.skus_at_once, "only ask what is available of N SKUs at once")
            ->excludes(holds)
            ->needs(to_http);
    app.add_flag("--conditional", look.conditional, "with the tag of the answer before; of one SKU")
        ->needs(looks);
    CLI11_PARSE(app, argc, argv);
    try {
        std::unique_ptr<const Protocol> protocol;
        if (redis.empty()) {
            protocol = std::make_unique<Http>(http, skus, look);
        } else {
            protocol = std::make_unique<Resp>(redis, scripts);
        }
        Journey journey{.first = Step::hold, .last = only_hold ? Step::hold : Step::fulfil};
        if (look.skus_at_once > 0) {
            journey = {.first = Step::look, .last = Step::look};
        }
        print(Generator(*protocol, journey, skus, connections)
                  .run(std::chrono::duration<double>(seconds)));
    } catch (const std::exception& error) {
        std::cerr << "life_load: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
