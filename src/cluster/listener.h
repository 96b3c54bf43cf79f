// Where the other nodes reach this one: carries out what they send here, and nowhere else.
// Made and ended by the cluster; everything happens on the thread that runs the io_context.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <holdfast/service.h>

namespace holdfast::cluster {

class Listener {
public:
    // Throws boost::system::system_error when the address cannot be had. The service outlives it.
    Listener(boost::asio::io_context& context, Service& service, const std::string& address,
             std::uint16_t port, std::string greeting);

    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

private:
    void accept();

    Service& service_;
    const std::string greeting_;
    boost::asio::ip::tcp::acceptor acceptor_;
};

}  // namespace holdfast::cluster
