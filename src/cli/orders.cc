#include "cli/orders.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <unordered_map>

#include <boost/algorithm/string/predicate.hpp>

#include <holdfast/limits.h>
#include "cli/command.h"
#include "cli/csv.h"

namespace holdfast::cli {

namespace {

struct Columns {
    std::size_t invoice = 0;
    std::size_t sku = 0;
    std::size_t quantity = 0;
    std::size_t date = 0;
    std::size_t customer = 0;
    std::size_t count = 0;
};

Columns find_columns(const CsvHeader& header, const OrderColumns& wanted, const std::string& file) {
    const auto find = [&](const std::string& named, const std::vector<std::string>& built_in,
                          const std::string& option) {
        const auto found = header.find(named.empty() ? built_in : std::vector{named});
        if (!found) {
            throw Failure(ExitStatus::refused,
                          file + " has no column " + (named.empty() ? built_in.front() : named) +
                              "; its first line must name the columns. Name the one to use with " +
                              option);
        }
        return *found;
    };
    return {.invoice = find(wanted.invoice, {"InvoiceNo", "Invoice"}, "--col-invoice"),
            .sku = find(wanted.sku, {"StockCode"}, "--col-sku"),
            .quantity = find(wanted.quantity, {"Quantity"}, "--col-quantity"),
            .date = find(wanted.date, {"InvoiceDate"}, "--col-date"),
            .customer = find(wanted.customer, {"CustomerID", "Customer ID"}, "--col-customer"),
            .count = header.names().size()};
}

struct Reader {
    const OrderFormat& format;
    Columns columns;
    OrderBook book;
    std::unordered_map<std::string, std::size_t> by_invoice;

    // Why the line is not taken, or nullptr.
    const char* take(const std::vector<std::string>& fields);
    [[nodiscard]] bool is_goods(const std::string& sku) const;
};

bool Reader::is_goods(const std::string& sku) const {
    return std::ranges::none_of(format.not_goods, [&](const std::string& code) {
        return boost::algorithm::iequals(sku, code);
    });
}

const char* Reader::take(const std::vector<std::string>& fields) {
    if (fields.size() != columns.count) {
        return "malformed_line";
    }
    const std::string& invoice = fields[columns.invoice];
    const std::string& sku = fields[columns.sku];
    if (invoice.empty()) {
        return "no_invoice";
    }
    if (sku.empty()) {
        return "no_sku";
    }
    if (!is_goods(sku)) {
        return "not_goods";
    }
    if (!is_id(invoice) || !is_id(sku)) {
        return "bad_code";
    }
    const auto quantity = parse_quantity(fields[columns.quantity]);
    if (!quantity || *quantity > limits::quantity_max || *quantity < -limits::quantity_max) {
        return "bad_quantity";
    }
    const bool cancellation =
        !format.cancel_prefix.empty() && invoice.starts_with(format.cancel_prefix);
    if (cancellation && *quantity >= 0) {
        return "cancellation_not_negative";
    }
    if (!cancellation && *quantity <= 0) {
        return "quantity_not_positive";
    }
    const auto day = parse_day(fields[columns.date]);
    if (!day) {
        return "bad_date";
    }
    const auto [at, fresh] = by_invoice.try_emplace(invoice, book.orders.size());
    if (fresh) {
        const std::string& customer = fields[columns.customer];
        book.orders.push_back({.invoice = invoice,
                               .customer = is_id(customer) ? customer : "",
                               .day = *day,
                               .cancellation = cancellation,
                               .lines = {}});
    }
    book.orders[at->second].lines.push_back({sku, *quantity < 0 ? -*quantity : *quantity});
    return nullptr;
}

}  // namespace

bool is_id(std::string_view text) {
    return !text.empty() && text.size() <= limits::id_bytes_max &&
           std::ranges::all_of(text, [](char it) { return it > ' ' && it < '\x7f'; });
}

std::optional<Quantity> parse_quantity(std::string_view text) {
    Quantity quantity = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), quantity);
    if (error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return quantity;
}

std::optional<std::chrono::sys_days> parse_day(std::string_view text) {
    const std::string line(text);
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
    const bool iso = std::sscanf(line.c_str(), "%4d-%2u-%2u", &year, &month, &day) == 3;
    if (!iso && std::sscanf(line.c_str(), "%2u/%2u/%4d", &month, &day, &year) != 3) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                           std::chrono::day(day)};
    // Instants are kept from the Unix epoch on.
    if (!date.ok() || date.year() < std::chrono::year(1970)) {
        return std::nullopt;
    }
    return std::chrono::sys_days(date);
}

OrderBook read_orders(const std::filesystem::path& path, const OrderFormat& format) {
    CsvReader file(path);
    const CsvHeader header(file);
    Reader reader{.format = format,
                  .columns = find_columns(header, format.columns, path.string()),
                  .book = {},
                  .by_invoice = {}};
    std::vector<std::string> fields;
    while (file.next(fields)) {
        ++reader.book.lines_read;
        if (const char* reason = reader.take(fields)) {
            ++reader.book.skipped[reason];
        }
    }
    std::ranges::stable_sort(reader.book.orders, {}, &Order::day);
    return std::move(reader.book);
}

}  // namespace holdfast::cli
