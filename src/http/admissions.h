// How many connections there are, in all and from each address, and whether one more may come. Any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include <boost/asio/ip/address.hpp>

namespace holdfast::http {

class Admissions {
public:
    // Held by a connection as long as it lives.
    class Ticket {
    public:
        Ticket(Admissions& from, boost::asio::ip::address address)
            : from_(&from), address_(std::move(address)) {}
        Ticket(Ticket&& other) noexcept
            : from_(std::exchange(other.from_, nullptr)), address_(std::move(other.address_)) {}
        Ticket& operator=(Ticket&&) = delete;
        Ticket(const Ticket&) = delete;
        Ticket& operator=(const Ticket&) = delete;
        ~Ticket() {
            if (from_ != nullptr) {
                from_->leave(address_);
            }
        }

    private:
        Admissions* from_;
        boost::asio::ip::address address_;
    };

    Admissions(std::size_t in_all_max, std::size_t per_address_max)
        : in_all_max_(in_all_max), per_address_max_(per_address_max) {}

    // Nothing when there are too many already.
    std::optional<Ticket> enter(const boost::asio::ip::address& address);
    [[nodiscard]] std::size_t in_all() const;
    // False when there still are connections after that time.
    bool wait_until_empty(std::chrono::milliseconds time_max);
    void wait_until_empty();

private:
    void leave(const boost::asio::ip::address& address);

    const std::size_t in_all_max_;
    const std::size_t per_address_max_;
    mutable std::mutex mutex_;
    std::condition_variable empty_;
    std::size_t in_all_ = 0;
    std::map<boost::asio::ip::address, std::size_t> per_address_;
};

}  // namespace holdfast::http
