// What people see: tables, numbers with thousands, progress and colours on a terminal only.
// Called by every command; one thread. Cannot fail.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::cli {

// 1234567 -> "1,234,567".
std::string thousands(std::int64_t number);
// 0.4567 -> "45.7 %".
std::string percent(double share);

// Whether a file descriptor is a terminal that wants colours (NO_COLOR is honoured).
bool coloured(int file_descriptor);
std::string bold(std::string_view text, bool colours);
std::string green(std::string_view text, bool colours);
std::string red(std::string_view text, bool colours);

// Columns as wide as their widest cell; columns of numbers to the right.
class Table {
public:
    explicit Table(std::vector<std::string> heading) : rows_{std::move(heading)} {}
    void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    void print(std::ostream& out, std::size_t indent = 0) const;

private:
    std::vector<std::vector<std::string>> rows_;
};

// A line on the error stream that is written over while something long goes on; nothing at all when
// that is no terminal. Wiped when it ends.
class Progress {
public:
    explicit Progress(std::string what);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    // `total` 0: not known.
    void show(std::uint64_t done, std::uint64_t total);
    // What is going on now.
    void say(const std::string& what);

private:
    std::string what_;
    bool terminal_;
    std::chrono::steady_clock::time_point shown_at_;
};

}  // namespace holdfast::cli
