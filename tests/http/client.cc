#include "tests/http/client.h"

#include <array>
#include <stdexcept>

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace holdfast::http {

namespace asio = boost::asio;

std::string Reply::field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? "" : found->second;
}

boost::json::value Reply::json() const {
    return boost::json::parse(body);
}

std::string Reply::code() const {
    if (field("content-type") != "application/problem+json") {
        return {};
    }
    return std::string(json().at("code").as_string());
}

Client::Client(std::uint16_t port) {
    socket_.connect({asio::ip::address_v4::loopback(), port});
    const timeval ten_seconds{.tv_sec = 10, .tv_usec = 0};
    setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &ten_seconds, sizeof ten_seconds);
    socket_.set_option(asio::ip::tcp::no_delay(true));
}

Reply Client::ask(std::string_view method, std::string_view target, std::string_view body,
                  const FieldList& fields) {
    std::string request = fmt::format("{} {} HTTP/1.1\r\nHost: test\r\n", method, target);
    for (const auto& [name, value] : fields) {
        request += fmt::format("{}: {}\r\n", name, value);
    }
    if (!body.empty()) {
        request +=
            fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
    }
    send(request + "\r\n" + std::string(body));
    auto reply = receive();
    if (!reply) {
        throw std::runtime_error(fmt::format("no answer to {} {}", method, target));
    }
    return std::move(*reply);
}

void Client::send(std::string_view raw) {
    // A server that has closed already is seen when receiving.
    boost::system::error_code ignored;
    asio::write(socket_, asio::buffer(raw.data(), raw.size()), ignored);
}

bool Client::read_some() {
    std::array<char, 16 * 1024> piece;
    // recv itself: Asio's blocking read would wait for ever.
    const ssize_t bytes = ::recv(socket_.native_handle(), piece.data(), piece.size(), 0);
    if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        throw std::runtime_error("the server says nothing");
    }
    if (bytes <= 0) {
        return false;
    }
    received_.append(piece.data(), static_cast<std::size_t>(bytes));
    return true;
}

std::string Client::take_line() {
    std::size_t end = 0;
    while ((end = received_.find("\r\n")) == std::string::npos) {
        if (!read_some()) {
            throw std::runtime_error("the connection ended inside a head: " + received_);
        }
    }
    std::string line = received_.substr(0, end);
    received_.erase(0, end + 2);
    return line;
}

std::optional<Reply> Client::receive() {
    if (received_.empty() && !read_some()) {
        return std::nullopt;
    }
    Reply reply;
    const std::string status = take_line();
    if (!status.starts_with("HTTP/1.1 ")) {
        throw std::runtime_error("not an answer: " + status);
    }
    reply.status = std::stoi(status.substr(9));
    for (std::string line = take_line(); !line.empty(); line = take_line()) {
        const std::size_t colon = line.find(": ");
        reply.fields[boost::to_lower_copy(line.substr(0, colon))] = line.substr(colon + 2);
    }
    if (!reply.fields.contains("content-length")) {
        return reply;  // 100 Continue, 304 Not Modified
    }
    const std::size_t length = std::stoul(reply.fields.at("content-length"));
    while (received_.size() < length) {
        if (!read_some()) {
            throw std::runtime_error("the connection ended inside a body: " + received_);
        }
    }
    reply.body = received_.substr(0, length);
    received_.erase(0, length);
    return reply;
}

bool Client::is_closed() {
    return received_.empty() && !read_some();
}

void Client::finish_sending() {
    boost::system::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

}  // namespace holdfast::http
