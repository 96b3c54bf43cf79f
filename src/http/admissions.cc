#include "http/admissions.h"

namespace holdfast::http {

std::optional<Admissions::Ticket> Admissions::enter(const boost::asio::ip::address& address) {
    const std::lock_guard lock(mutex_);
    if (in_all_ >= in_all_max_) {
        return std::nullopt;
    }
    const auto found = per_address_.try_emplace(address, 0).first;
    if (found->second >= per_address_max_) {
        return std::nullopt;
    }
    ++found->second;
    ++in_all_;
    return std::optional<Ticket>(std::in_place, *this, address);
}

void Admissions::leave(const boost::asio::ip::address& address) {
    const std::lock_guard lock(mutex_);
    const auto found = per_address_.find(address);
    if (--found->second == 0) {
        per_address_.erase(found);
    }
    if (--in_all_ == 0) {
        empty_.notify_all();
    }
}

std::size_t Admissions::in_all() const {
    const std::lock_guard lock(mutex_);
    return in_all_;
}

bool Admissions::wait_until_empty(std::chrono::milliseconds time_max) {
    std::unique_lock lock(mutex_);
    return empty_.wait_for(lock, time_max, [this] { return in_all_ == 0; });
}

void Admissions::wait_until_empty() {
    std::unique_lock lock(mutex_);
    empty_.wait(lock, [this] { return in_all_ == 0; });
}

}  // namespace holdfast::http
