#include "telemetry/log.h"

#include <string>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace holdfast::telemetry {
namespace {

// A line stays a line, whatever stands in it.
std::string escaped(std::string_view message) {
    std::string line;
    line.reserve(message.size());
    for (const char c : message) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < ' ' || byte == 0x7f) {
            line += fmt::format("\\x{:02x}", byte);
        } else {
            line += c;
        }
    }
    return line;
}

// Made when it is first used, in a program that embeds the engine too: what that prints is its own.
spdlog::logger& log() {
    static const auto made = [] {
        auto logger = spdlog::stderr_logger_mt("holdfast");
        logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
        logger->flush_on(spdlog::level::info);
        return logger;
    }();
    return *made;
}

}  // namespace

void log_only_warnings() {
    log().set_level(spdlog::level::warn);
}

void log_info(std::string_view message) {
    log().info("{}", escaped(message));
}
void log_warning(std::string_view message) {
    log().warn("{}", escaped(message));
}
void log_error(std::string_view message) {
    log().error("{}", escaped(message));
}

}  // namespace holdfast::telemetry
