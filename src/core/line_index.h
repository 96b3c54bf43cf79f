// Finds the lines of a hold by SKU, so that work on a cart of thousands of lines does not grow with the
// square of them. Made on the stack for small carts. The hold's lines must outlive it, where they are.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include <boost/container/small_vector.hpp>

#include <holdfast/hold.h>

namespace holdfast::core {

class LineIndex {
public:
    explicit LineIndex(const std::vector<HoldLine>& lines) : lines_(lines) {
        order_.reserve(lines.size());
        for (std::size_t i = 0; i < lines.size(); ++i) {
            order_.push_back(static_cast<std::uint32_t>(i));
        }
        std::ranges::sort(order_, {}, [&lines](std::uint32_t i) {
            return std::pair(std::string_view(lines[i].sku), i);
        });
    }

    // Indexes of the SKU's lines, ascending.
    [[nodiscard]] auto of(std::string_view sku) const {
        return std::ranges::equal_range(
            order_, sku, {}, [this](std::uint32_t i) { return std::string_view(lines_[i].sku); });
    }

private:
    const std::vector<HoldLine>& lines_;
    boost::container::small_vector<std::uint32_t, 8> order_;
};

}  // namespace holdfast::core
