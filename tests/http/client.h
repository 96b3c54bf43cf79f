// A blocking HTTP client that can also send what no client should. Every receive gives up after ten
// seconds, so that a server that says nothing fails a test instead of stopping it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json/value.hpp>

namespace holdfast::http {

using FieldList = std::vector<std::pair<std::string, std::string>>;

struct Reply {
    int status = 0;
    std::map<std::string, std::string> fields;  // names in lower case
    std::string body;

    [[nodiscard]] std::string field(const std::string& name) const;
    [[nodiscard]] boost::json::value json() const;
    // Of a problem; empty for other answers.
    [[nodiscard]] std::string code() const;
};

class Client {
public:
    explicit Client(std::uint16_t port);

    Reply ask(std::string_view method, std::string_view target, std::string_view body = {},
              const FieldList& fields = {});

    void send(std::string_view raw);
    // An answer; nothing when the connection ended before one.
    std::optional<Reply> receive();
    // Whether the server ends the connection, with nothing more to say.
    bool is_closed();
    void finish_sending();
    boost::asio::ip::tcp::socket& socket() { return socket_; }

private:
    bool read_some();
    std::string take_line();

    boost::asio::io_context context_;
    boost::asio::ip::tcp::socket socket_{context_};
    std::string received_;
};

}  // namespace holdfast::http
