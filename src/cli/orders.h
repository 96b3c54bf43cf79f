// Reads a shop's past orders from CSV into carts and returns, day by day. What is not sellable is
// skipped and counted by reason, never guessed. Called by simulate; one thread.
// A file that cannot be read or lacks a column is a Failure; a bad line is a count.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <holdfast/types.h>

namespace holdfast::cli {

// The names of the columns; empty: those of the Online Retail data sets.
struct OrderColumns {
    std::string invoice;
    std::string sku;
    std::string quantity;
    std::string date;
    std::string customer;
};

struct OrderFormat {
    OrderColumns columns;
    // An invoice that begins with it is a cancellation.
    std::string cancel_prefix = "C";
    // Codes that are no goods; letter case does not matter.
    std::vector<std::string> not_goods = {"POST",   "DOT",     "M",           "D",         "C2",
                                          "S",      "B",       "PADS",        "AMAZONFEE", "CRUK",
                                          "ADJUST", "ADJUST2", "BANK CHARGES"};
};

struct OrderLine {
    std::string sku;
    Quantity quantity = 0;  // above 0, in a cancellation too
};

// One invoice.
struct Order {
    std::string invoice;
    std::string customer;  // may be empty
    std::chrono::sys_days day;
    bool cancellation = false;
    std::vector<OrderLine> lines;
};

struct OrderBook {
    std::vector<Order> orders;  // by day; within a day as in the file
    std::uint64_t lines_read = 0;
    std::map<std::string, std::uint64_t> skipped;  // lines by reason
};

OrderBook read_orders(const std::filesystem::path& path, const OrderFormat& format);

// The day of "2010-12-01 08:26:00", "2010-12-01T08:26" or "12/1/2010 8:26"; nothing for other texts.
std::optional<std::chrono::sys_days> parse_day(std::string_view text);
// 1 to limits::id_bytes_max printable ASCII characters without spaces.
bool is_id(std::string_view text);
// A whole number and nothing else.
std::optional<Quantity> parse_quantity(std::string_view text);

}  // namespace holdfast::cli
