#include "cluster/listener.h"

#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "cluster/link.h"
#include "cluster/wire.h"

namespace holdfast::cluster {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// One node that sends commands here.
class Caller : public std::enable_shared_from_this<Caller> {
public:
    Caller(asio::ip::tcp::socket socket, Service& service, const std::string& greeting)
        : socket_(std::move(socket)), service_(service), greeting_(greeting) {}

    void start() {
        error_code ignored;
        socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
        received_.assign(greeting_.size(), '\0');
        asio::async_read(socket_, asio::buffer(received_),
                         [self = shared_from_this()](error_code error, std::size_t) {
                             // Also to a stranger: so he knows that he is one.
                             if (!error) {
                                 self->answer(self->greeting_);
                             }
                             if (!error && self->received_ == self->greeting_) {
                                 self->read_head();
                             }
                         });
    }

private:
    void read_head() {
        received_.resize(MessageHead::bytes);
        asio::async_read(socket_, asio::buffer(received_),
                         [self = shared_from_this()](error_code error, std::size_t) {
                             const MessageHead head = decode_head(self->received_.data());
                             if (!error && head.length <= MessageHead::length_max) {
                                 self->read_text(head);
                             }
                         });
    }
    void read_text(MessageHead head) {
        received_.resize(head.length);
        asio::async_read(socket_, asio::buffer(received_),
                         [self = shared_from_this(), head](error_code error, std::size_t) {
                             if (!error) {
                                 self->carry_out(head.number);
                             }
                         });
    }
    void carry_out(std::uint64_t number) {
        std::vector<Submission> submissions;
        try {
            submissions = decode_submissions(received_);
        } catch (const StoreError&) {
            error_code ignored;
            socket_.close(ignored);
            return;
        }
        service_.submit_many(
            std::move(submissions),
            [self = shared_from_this(), number](const std::vector<Outcome<Answer>>& outcomes) {
                const std::string text = encode(std::span<const Outcome<Answer>>(outcomes));
                std::string message = encode(MessageHead{
                    .length = static_cast<std::uint32_t>(text.size()), .number = number});
                message += text;
                asio::post(self->socket_.get_executor(),
                           [self, message = std::move(message)] { self->answer(message); });
            });
        read_head();
    }
    void answer(const std::string& message) {
        waiting_ += message;
        if (writing_) {
            return;
        }
        writing_ = true;
        written_ = std::exchange(waiting_, {});
        asio::async_write(socket_, asio::buffer(written_),
                          [self = shared_from_this()](error_code error, std::size_t) {
                              self->writing_ = false;
                              if (!error && !self->waiting_.empty()) {
                                  self->answer("");
                              }
                          });
    }

    asio::ip::tcp::socket socket_;
    Service& service_;
    const std::string& greeting_;
    std::string received_;
    std::string waiting_;
    std::string written_;
    bool writing_ = false;
};

}  // namespace

Listener::Listener(asio::io_context& context, Service& service, const std::string& address,
                   std::uint16_t port, std::string greeting)
    : service_(service),
      greeting_(std::move(greeting)),
      acceptor_(context, asio::ip::tcp::endpoint(asio::ip::make_address(address), port)) {
    accept();
}

void Listener::accept() {
    acceptor_.async_accept([this](error_code error, asio::ip::tcp::socket socket) {
        if (error == asio::error::operation_aborted) {
            return;
        }
        if (!error) {
            std::make_shared<Caller>(std::move(socket), service_, greeting_)->start();
        }
        accept();
    });
}

}  // namespace holdfast::cluster
