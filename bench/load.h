// The load of the benchmarks of the embedded library: one thread that submits, many commands that are not
// yet answered.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/resource.h>

#include <holdfast/service.h>

namespace holdfast::bench {

using SteadyClock = std::chrono::steady_clock;

inline double seconds_since(SteadyClock::time_point begin) {
    return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

// Of all threads of this process.
inline double processor_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// One thread that keeps at most `outstanding` commands unanswered. It sleeps until half of them are
// answered rather than one, or it would be woken once for every command.
class Load {
public:
    Load(Service& service, std::uint64_t outstanding)
        : service_(service), outstanding_(outstanding) {}

    // Waits for its turn, then submits.
    void submit(Submission submission) {
        if (submitted_ - answered_.load() >= outstanding_) {
            wait_for(submitted_ - outstanding_ / 2);
        }
        constexpr std::uint64_t every_nth_is_timed = 64;
        const auto begin =
            submitted_ % every_nth_is_timed == 0 ? SteadyClock::now() : SteadyClock::time_point{};
        ++submitted_;
        service_.submit_any(std::move(submission), [this, begin](Outcome<Answer> outcome) {
            if (begin != SteadyClock::time_point{} || !outcome.result) {
                note(begin, outcome);
            }
            if (answered_.fetch_add(1) + 1 == wake_at_.load()) {
                woken_.fetch_add(1);
                woken_.notify_one();
            }
        });
    }

    void drain() { wait_for(submitted_); }

    [[nodiscard]] std::uint64_t answered() const { return answered_.load(); }
    void forget_latencies() {
        const std::lock_guard lock(mutex_);
        latencies_ms_.clear();
    }
    // After drain().
    [[nodiscard]] double percentile_ms(double share) {
        const auto at =
            latencies_ms_.begin() +
            static_cast<std::ptrdiff_t>(share * static_cast<double>(latencies_ms_.size() - 1));
        std::nth_element(latencies_ms_.begin(), at, latencies_ms_.end());
        return *at;
    }
    void throw_if_refused() const {
        if (refusal_) {
            throw std::runtime_error("a command was refused: " + *refusal_);
        }
    }
    // After drain().
    void throw_unless_all_are_short() const {
        if (short_ != submitted_) {
            throw std::runtime_error(fmt::format(
                "{} of {} holds were refused for want of units, not all", short_, submitted_));
        }
    }

private:
    void wait_for(std::uint64_t target) {
        while (true) {
            const auto woken = woken_.load();
            wake_at_.store(target);
            if (answered_.load() >= target) {
                return;
            }
            woken_.wait(woken);
        }
    }

    void note(SteadyClock::time_point begin, const Outcome<Answer>& outcome) {
        const std::lock_guard lock(mutex_);
        if (!outcome.result) {
            const Refusal& refusal = outcome.result.error();
            short_ += refusal.code == RefusalCode::insufficient_stock ? 1 : 0;
            if (!refusal_) {
                refusal_ = refusal.detail;
            }
        }
        if (begin != SteadyClock::time_point{}) {
            latencies_ms_.push_back(seconds_since(begin) * 1e3);
        }
    }

    Service& service_;
    const std::uint64_t outstanding_;
    std::uint64_t submitted_ = 0;
    std::atomic<std::uint64_t> answered_{0};
    std::atomic<std::uint64_t> wake_at_{0};
    std::atomic<int> woken_{0};
    std::mutex mutex_;
    std::vector<double> latencies_ms_;
    std::optional<std::string> refusal_;  // the first
    std::uint64_t short_ = 0;             // refused for want of units
};

}  // namespace holdfast::bench
