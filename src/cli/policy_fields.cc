#include "cli/policy_fields.h"

#include <algorithm>
#include <array>

#include "cli/orders.h"
#include "cli/wire.h"

namespace holdfast::cli {

namespace {

using Reader = std::string (*)(const Policy&);
using Writer = std::optional<std::string> (*)(Policy&, const std::string&);

struct Field {
    std::string_view name;
    FieldKind kind;
    Reader read;
    Writer write;
};

std::optional<std::string> read_number(const std::string& value, Quantity low, Quantity high,
                                       const std::function<void(Quantity)>& set) {
    const auto number = parse_quantity(value);
    if (!number || *number < low || *number > high) {
        return "it must be a whole number from " + std::to_string(low) + " to " +
               std::to_string(high);
    }
    set(*number);
    return std::nullopt;
}

template <Seconds Policy::* Member>
constexpr Field seconds_field(std::string_view name) {
    return {name, FieldKind::number,
            [](const Policy& policy) { return std::to_string((policy.*Member).count()); },
            [](Policy& policy, const std::string& value) {
                return read_number(value, limits::ttl_min.count(), limits::hold_life_max.count(),
                                   [&](Quantity number) { policy.*Member = Seconds(number); });
            }};
}

template <auto Member, auto Last>
constexpr Field word_field(std::string_view name) {
    return {name, FieldKind::text,
            [](const Policy& policy) { return std::string(to_string(policy.*Member)); },
            [](Policy& policy, const std::string& value) -> std::optional<std::string> {
                if (const auto word = parse_word(value, Last)) {
                    policy.*Member = *word;
                    return std::nullopt;
                }
                std::string words;
                for (int i = 0; i <= static_cast<int>(Last); ++i) {
                    words += (i > 0 ? ", " : "") +
                             std::string(to_string(static_cast<decltype(Last)>(i)));
                }
                return "it must be one of " + words;
            }};
}

template <Quantity Policy::* Member>
constexpr Field units_field(std::string_view name) {
    return {name, FieldKind::number,
            [](const Policy& policy) { return std::to_string(policy.*Member); },
            [](Policy& policy, const std::string& value) {
                return read_number(value, 0, limits::quantity_max,
                                   [&](Quantity number) { policy.*Member = number; });
            }};
}

template <std::optional<Quantity> Policy::* Member, Quantity Low>
constexpr Field limit_field(std::string_view name) {
    return {name, FieldKind::number,
            [](const Policy& policy) {
                return policy.*Member ? std::to_string(*(policy.*Member)) : std::string();
            },
            [](Policy& policy, const std::string& value) {
                return read_number(value, Low, limits::quantity_max,
                                   [&](Quantity number) { policy.*Member = number; });
            }};
}

const std::array fields = {
    word_field<&Policy::selling, Selling::preorder>("selling"),
    limit_field<&Policy::backorder_limit, 0>("backorder_limit"),
    limit_field<&Policy::preorder_limit, 0>("preorder_limit"),
    Field{"available_on", FieldKind::text,
          [](const Policy& policy) {
              return policy.available_on ? to_rfc3339(*policy.available_on) : std::string();
          },
          [](Policy& policy, const std::string& value) -> std::optional<std::string> {
              policy.available_on = parse_rfc3339(value);
              return policy.available_on ? std::nullopt
                                         : std::optional<std::string>(
                                               "it must be a time such as "
                                               "2026-12-24T18:00:00Z");
          }},
    word_field<&Policy::reserve_at, ReserveAt::payment>("reserve_at"),
    word_field<&Policy::fulfilment, Fulfilment::at_confirm>("fulfilment"),
    seconds_field<&Policy::hold_ttl>("hold_ttl"),
    seconds_field<&Policy::checkout_ttl>("checkout_ttl"),
    seconds_field<&Policy::max_ttl>("max_ttl"),
    seconds_field<&Policy::max_life>("max_life"),
    Field{"max_extensions", FieldKind::number,
          [](const Policy& policy) { return std::to_string(policy.max_extensions); },
          [](Policy& policy, const std::string& value) {
              return read_number(value, 0, limits::extensions_max, [&](Quantity number) {
                  policy.max_extensions = static_cast<int>(number);
              });
          }},
    word_field<&Policy::late_confirm, LateConfirm::backorder>("late_confirm"),
    units_field<&Policy::safety_stock>("safety_stock"),
    units_field<&Policy::low_stock>("low_stock"),
    units_field<&Policy::reorder_point>("reorder_point"),
    units_field<&Policy::reorder_quantity>("reorder_quantity"),
    limit_field<&Policy::max_per_cart, 1>("max_per_cart"),
    limit_field<&Policy::max_per_customer, 1>("max_per_customer"),
    Field{"customer_window", FieldKind::number,
          [](const Policy& policy) {
              return policy.customer_window ? std::to_string(policy.customer_window->count())
                                            : std::string();
          },
          [](Policy& policy, const std::string& value) {
              return read_number(
                  value, limits::customer_window_min.count(), limits::customer_window_max.count(),
                  [&](Quantity number) { policy.customer_window = Seconds(number); });
          }},
    word_field<&Policy::waitlist, Waitlist::fair>("waitlist"),
    seconds_field<&Policy::offer_ttl>("offer_ttl"),
    word_field<&Policy::allocation, AllocationRule::nearest>("allocation"),
    Field{"split", FieldKind::truth,
          [](const Policy& policy) { return std::string(policy.split ? "true" : "false"); },
          [](Policy& policy, const std::string& value) -> std::optional<std::string> {
              if (value != "true" && value != "false") {
                  return "it must be true or false";
              }
              policy.split = value == "true";
              return std::nullopt;
          }},
};

const Field& field(std::string_view name) {
    return *std::ranges::find(fields, name, &Field::name);
}

}  // namespace

const std::vector<std::string_view>& policy_field_names() {
    static const std::vector<std::string_view> names = [] {
        std::vector<std::string_view> all;
        all.reserve(fields.size());
        for (const Field& it : fields) {
            all.push_back(it.name);
        }
        return all;
    }();
    return names;
}

FieldKind policy_field_kind(std::string_view name) {
    return field(name).kind;
}

std::string policy_field(const Policy& policy, std::string_view name) {
    return field(name).read(policy);
}

std::optional<std::string> set_policy_field(Policy& policy, std::string_view name,
                                            const std::string& value) {
    return value.empty() ? std::nullopt : field(name).write(policy, value);
}

}  // namespace holdfast::cli
