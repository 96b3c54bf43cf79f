#include "http/completions.h"

#include <boost/asio/post.hpp>

#include "http/exchange.h"

namespace holdfast::http {

void Completions::push(std::shared_ptr<Exchange> exchange) {
    const std::lock_guard lock(mutex_);
    if (context_ == nullptr) {
        return;
    }
    arrived_.push_back(std::move(exchange));
    if (arrived_.size() == 1) {
        boost::asio::post(*context_, [this] { deliver(); });
    }
}

void Completions::close() {
    const std::lock_guard lock(mutex_);
    context_ = nullptr;
}

void Completions::deliver() {
    {
        const std::lock_guard lock(mutex_);
        delivered_.swap(arrived_);
    }
    for (std::shared_ptr<Exchange>& exchange : delivered_) {
        exchange->complete();
    }
    delivered_.clear();
}

}  // namespace holdfast::http
