// Any bytes as a request's body: JSON exactly when Boost.JSON's own tree says so, and what is read as a command
// keeps to the limits; problems and texts that are written are JSON again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/parse.hpp>

#include <holdfast/assert.h>
#include <holdfast/limits.h>
#include "http/command_json.h"
#include "http/fields.h"
#include "http/json.h"
#include "http/problem.h"

namespace holdfast::http {
namespace {

void check(const std::vector<LineRequest>& lines) {
    HF_ASSERT(lines.size() <= limits::lines_max);
    for (const LineRequest& line : lines) {
        HF_ASSERT(!line.sku.empty() && line.sku.size() <= limits::id_bytes_max);
        HF_ASSERT(line.quantity >= 1 && line.quantity <= limits::quantity_max);
    }
}

void check_written(std::string_view text) {
    std::string out;
    JsonWriter(out).value(text);
    const auto back = boost::json::parse(out);
    HF_ASSERT(std::string_view(back.as_string()) == text);
}

template <class Read>
void with_fields(const JsonTree& tree, Read read) {
    Faults faults;
    Fields fields(tree, tree.root(), Where{}, faults);
    read(fields, faults);
    if (!faults.empty()) {
        std::string out;
        write_problem(out, std::move(faults).problem(), "id");
        static_cast<void>(boost::json::parse(out));
    }
}

void read_everything(std::string_view text) {
    static JsonTree tree;
    const auto wrong = tree.parse(text);
    boost::json::error_code error;
    const auto value = boost::json::parse({text.data(), text.size()}, error);
    if (wrong) {
        // Only the length of numbers is judged more strictly.
        HF_ASSERT(error || wrong->find("characters") != std::string::npos);
        return;
    }
    HF_ASSERT(!error);
    for (std::uint32_t i = 0; i < tree.root().end; ++i) {
        if (tree.at(i).kind == JsonKind::string) {
            check_written(tree.at(i).text);
        }
    }
    with_fields(tree, [](Fields& in, Faults& faults) {
        PlaceHold command;
        read(in, command);
        in.finish();
        if (faults.empty()) {
            HF_ASSERT(!command.cart.empty() && !command.lines.empty());
            check(command.lines);
        }
    });
    with_fields(tree, [](Fields& in, Faults&) {
        static_cast<void>(read_stock_work(in, "mug"));
        in.finish();
    });
    with_fields(tree, [](Fields& in, Faults&) {
        if (read_batch_item(in)) {
            in.finish();
        }
    });
}

}  // namespace
}  // namespace holdfast::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    holdfast::http::read_everything({reinterpret_cast<const char*>(data), size});
    return 0;
}
