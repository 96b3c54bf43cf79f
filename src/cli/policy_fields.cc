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
    return {name, [](const Policy& policy) { return std::to_string((policy.*Member).count()); },
            [](Policy& policy, const std::string& value) {
                return read_number(value, limits::ttl_min.count(), limits::hold_life_max.count(),
                                   [&](Quantity number) { policy.*Member = Seconds(number); });
            }};
}

template <auto Member, auto Last>
constexpr Field word_field(std::string_view name) {
    return {name, [](const Policy& policy) { return std::string(to_string(policy.*Member)); },
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

const std::array fields = {
    seconds_field<&Policy::hold_ttl>("hold_ttl"),
    seconds_field<&Policy::checkout_ttl>("checkout_ttl"),
    seconds_field<&Policy::max_ttl>("max_ttl"),
    seconds_field<&Policy::max_life>("max_life"),
    Field{"max_extensions",
          [](const Policy& policy) { return std::to_string(policy.max_extensions); },
          [](Policy& policy, const std::string& value) {
              return read_number(value, 0, limits::extensions_max, [&](Quantity number) {
                  policy.max_extensions = static_cast<int>(number);
              });
          }},
    word_field<&Policy::late_confirm, LateConfirm::refuse>("late_confirm"),
    Field{"safety_stock", [](const Policy& policy) { return std::to_string(policy.safety_stock); },
          [](Policy& policy, const std::string& value) {
              return read_number(value, 0, limits::quantity_max,
                                 [&](Quantity number) { policy.safety_stock = number; });
          }},
    Field{"max_per_customer",
          [](const Policy& policy) {
              return policy.max_per_customer ? std::to_string(*policy.max_per_customer)
                                             : std::string();
          },
          [](Policy& policy, const std::string& value) {
              return read_number(value, 1, limits::quantity_max,
                                 [&](Quantity number) { policy.max_per_customer = number; });
          }},
    word_field<&Policy::allocation, AllocationRule::nearest>("allocation"),
    Field{"split",
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

std::string policy_field(const Policy& policy, std::string_view name) {
    return field(name).read(policy);
}

std::optional<std::string> set_policy_field(Policy& policy, std::string_view name,
                                            const std::string& value) {
    return value.empty() ? std::nullopt : field(name).write(policy, value);
}

}  // namespace holdfast::cli
