#include "http/worker.h"

#include <algorithm>
#include <random>

#include <boost/beast/http/verb.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "http/routes.h"
#include "http/session.h"

namespace holdfast::http {
namespace {

std::uint64_t random_number() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
}

// Limits are kept to within a quarter of the shortest of them.
std::chrono::milliseconds tick_of(const ServerOptions& options) {
    using std::chrono::milliseconds;
    const milliseconds shortest =
        std::min({options.head_time_max, options.body_time_min, options.idle_time_max,
                  options.write_time_max, options.linger_time_max, options.answer_grace});
    return std::clamp(shortest / 4, milliseconds(1), milliseconds(250));
}

}  // namespace

Worker::Worker(Shared& its_shared)
    : shared(its_shared), tick_(tick_of(shared.options)), request_ids_(random_number()) {
    routes_.reserve(routes().size() + 1);
    for (const Route& route : routes()) {
        const auto method = boost::beast::http::to_string(route.method);
        routes_.push_back(shared.metrics.route({method.data(), method.size()}, route.pattern));
    }
    routes_.push_back(shared.metrics.route("", "none"));
}

Worker::~Worker() {
    courier->close();
}

void Worker::run() {
    tick();
    context.run();
}

void Worker::tick() {
    coarse_now_ = std::chrono::steady_clock::now();
    // Backwards, because a session that ends takes the last one's place.
    for (std::size_t i = sessions_.size(); i-- > 0;) {
        sessions_[i]->check_time(coarse_now_);
    }
    timer_.expires_after(tick_);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) {
            tick();
        }
    });
}

void Worker::join(Session& session) {
    session.place = sessions_.size();
    sessions_.push_back(&session);
}

void Worker::leave(Session& session) {
    sessions_.back()->place = session.place;
    sessions_[session.place] = sessions_.back();
    sessions_.pop_back();
}

void Worker::drain_sessions() {
    for (std::size_t i = sessions_.size(); i-- > 0;) {
        sessions_[i]->drain();
    }
}

void Worker::close_sessions() {
    for (std::size_t i = sessions_.size(); i-- > 0;) {
        sessions_[i]->close();
    }
}

std::string_view Worker::date(Instant now) {
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    if (second != date_of_) {
        date_of_ = second;
        date_ = fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", second);
    }
    return date_;
}

void Worker::next_request_id(std::string& to) {
    // A bijection of a counter (SplitMix64): never the same twice, and no two look alike.
    std::uint64_t id = request_ids_ += 0x9e3779b97f4a7c15;
    id = (id ^ (id >> 30)) * 0xbf58476d1ce4e5b9;
    id = (id ^ (id >> 27)) * 0x94d049bb133111eb;
    id ^= id >> 31;
    constexpr std::string_view digits = "0123456789abcdef";
    to.resize(16);
    for (char& digit : to) {
        digit = digits[id & 15];
        id >>= 4;
    }
}

void Worker::count(std::size_t route, int status, std::chrono::steady_clock::duration took) {
    routes_[route].requests[static_cast<std::size_t>(status / 100)]->Increment();
    routes_[route].seconds->Observe(std::chrono::duration<double>(took).count());
}

void Worker::count_problem(std::string_view code) {
    prometheus::Counter*& counter = problems_[code];
    if (counter == nullptr) {
        counter = &shared.metrics.problems(code);
    }
    counter->Increment();
}

}  // namespace holdfast::http
