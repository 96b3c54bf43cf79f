#include "cli/terminal.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <sstream>

#include <unistd.h>

namespace holdfast::cli {

namespace {

constexpr std::chrono::milliseconds between_updates{100};

std::string painted(std::string_view text, std::string_view code, bool colours) {
    return colours ? "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m"
                   : std::string(text);
}

bool is_number(std::string_view cell) {
    return cell.find_first_not_of("0123456789+-,. %") == std::string_view::npos;
}

// Columns that a cell takes on the screen: colours and the tails of UTF-8 characters take none.
std::size_t width(std::string_view cell) {
    std::size_t columns = 0;
    bool escape = false;
    for (const char character : cell) {
        if (character == '\x1b') {
            escape = true;
        } else if (escape) {
            escape = character != 'm';
        } else if ((static_cast<unsigned char>(character) & 0xC0U) != 0x80U) {
            ++columns;
        }
    }
    return columns;
}

}  // namespace

std::string thousands(std::int64_t number) {
    std::string digits = std::to_string(number);
    const std::size_t sign = number < 0 ? 1 : 0;
    for (std::size_t at = digits.size(); at > sign + 3;) {
        at -= 3;
        digits.insert(at, ",");
    }
    return digits;
}

std::string percent(double share) {
    std::ostringstream out;
    out << std::fixed << std::setprecision(1) << share * 100 << " %";
    return std::move(out).str();
}

bool coloured(int file_descriptor) {
    const char* terminal = std::getenv("TERM");
    const char* no_color = std::getenv("NO_COLOR");
    return isatty(file_descriptor) == 1 && (no_color == nullptr || *no_color == '\0') &&
           terminal != nullptr && std::string_view(terminal) != "dumb";
}

std::string bold(std::string_view text, bool colours) {
    return painted(text, "1", colours);
}
std::string green(std::string_view text, bool colours) {
    return painted(text, "32", colours);
}
std::string red(std::string_view text, bool colours) {
    return painted(text, "1;31", colours);
}

void Table::print(std::ostream& out, std::size_t indent) const {
    std::vector<std::size_t> widths;
    std::vector<bool> right;
    for (const auto& row : rows_) {
        widths.resize(std::max(widths.size(), row.size()));
        right.resize(widths.size(), rows_.size() > 1);
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], width(row[i]));
            right[i] = right[i] && (&row == &rows_.front() || is_number(row[i]));
        }
    }
    for (const auto& row : rows_) {
        std::string line(indent, ' ');
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string fill(widths[i] - width(row[i]), ' ');
            line += (i > 0 ? "  " : "") + (right[i] ? fill + row[i] : row[i] + fill);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out << line << '\n';
    }
}

Progress::Progress(std::string what)
    : what_(std::move(what)), terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
    if (terminal_) {
        std::cerr << "\r\x1b[K" << std::flush;
    }
}

void Progress::say(const std::string& what) {
    if (terminal_) {
        std::cerr << "\r\x1b[K" << what << " ..." << std::flush;
    }
}

void Progress::show(std::uint64_t done, std::uint64_t total) {
    const auto now = std::chrono::steady_clock::now();
    if (!terminal_ || now - shown_at_ < between_updates) {
        return;
    }
    shown_at_ = now;
    std::cerr << "\r\x1b[K" << what_ << ' ' << thousands(static_cast<std::int64_t>(done));
    if (total > 0) {
        std::cerr << " of " << thousands(static_cast<std::int64_t>(total)) << " ("
                  << percent(static_cast<double>(done) / static_cast<double>(total)) << ")";
    }
    std::cerr << std::flush;
}

}  // namespace holdfast::cli
