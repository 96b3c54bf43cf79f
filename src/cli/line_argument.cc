#include "cli/line_argument.h"

#include "cli/command.h"
#include "cli/orders.h"

namespace holdfast::cli {

LineRequest parse_line(const std::string& text) {
    const auto wrong = [&] {
        return Failure(ExitStatus::usage,
                       "\"" + text +
                           "\" is no line; write SKU=QUANTITY or SKU=QUANTITY@LOCATION, "
                           "for example mug=2 or mug=2@berlin");
    };
    // A SKU may have an equals sign in it, a quantity never has.
    const std::size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0) {
        throw wrong();
    }
    const std::string rest = text.substr(equals + 1);
    const std::size_t at = rest.find('@');
    const auto quantity = parse_quantity(std::string_view(rest).substr(0, at));
    if (!quantity || (at != std::string::npos && at + 1 == rest.size())) {
        throw wrong();
    }
    return {.sku = text.substr(0, equals),
            .quantity = *quantity,
            .location = at == std::string::npos ? "" : rest.substr(at + 1)};
}

Quantity parse_number(const std::string& what, const std::string& text) {
    const auto number = parse_quantity(text);
    if (!number) {
        throw Failure(ExitStatus::usage,
                      "\"" + text + "\" is no whole number, as " + what + " must be");
    }
    return *number;
}

}  // namespace holdfast::cli
