// Notes what clients ask and are told, for testing/history.h, whatever they ask: a service of this process, or one of
// several servers. A Recorder is for any thread.
#pragma once

#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <holdfast/service.h>
#include "testing/history.h"

namespace holdfast::testing {

// The way to a service. A call that throws may have been carried out.
struct Shop {
    std::string node;
    std::function<Outcome<Answer>(Submission)> submit;
    std::function<Result<HoldAnswer>(HoldId)> hold;
    std::function<Result<StockAnswer>(const std::string& sku)> stock;
    std::function<Result<Page<RecordedEvent>>(const std::string& after)> events;
};
// The service must outlive it.
Shop shop_of(Service& service);

class Recorder {
public:
    // Calls `ask`, which gives a Result or an Outcome, and notes it. Nothing when it throws: then it stays open.
    template <class Ask>
    auto note(std::string node, std::string key, Asked asked, Ask ask) {
        Operation operation{.called = std::chrono::steady_clock::now(),
                            .node = std::move(node),
                            .key = std::move(key),
                            .asked = std::move(asked)};
        std::optional<decltype(ask())> told;
        try {
            told = ask();
        } catch (const std::exception&) {
            told.reset();
        }
        operation.returned = std::chrono::steady_clock::now();
        if (told) {
            if constexpr (requires { told->result; }) {
                operation.told = to_told(told->result);
            } else {
                operation.told = to_told(*told);
            }
        }
        const std::lock_guard lock(mutex_);
        operations_.push_back(std::move(operation));
        return told;
    }

    std::optional<Outcome<Answer>> submit(const Shop& shop, Command command,
                                          const std::string& key = {});
    std::optional<Result<HoldAnswer>> hold(const Shop& shop, HoldId id);
    std::optional<Result<StockAnswer>> stock(const Shop& shop, const std::string& sku);

    // What was noted so far.
    [[nodiscard]] std::vector<Operation> operations() const;

private:
    template <class T>
    static Result<Told> to_told(const Result<T>& result) {
        if (!result) {
            return std::unexpected(result.error());
        }
        if constexpr (std::is_same_v<T, Answer>) {
            return std::visit([](const auto& answer) { return Told(answer); }, *result);
        } else {
            return Told(*result);
        }
    }

    mutable std::mutex mutex_;
    std::vector<Operation> operations_;
};

// What was noted, with the log, the stock and the holds of a shop in which nothing happens any more. Throws when it
// does not answer.
History history_of(const Recorder& recorder, const Shop& shop, std::uint32_t partitions);

}  // namespace holdfast::testing
