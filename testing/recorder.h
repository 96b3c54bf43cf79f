// Notes what clients ask and are told, for testing/history.h: wraps whatever they ask, a Service or a connection to a
// server. Any thread.
#pragma once

#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <holdfast/service.h>
#include "testing/history.h"

namespace holdfast::testing {

class Recorder {
public:
    struct Client {
        std::string node;
        std::string key;
        std::chrono::milliseconds stale{0};
    };

    // Calls `ask`, which gives a Result or an Outcome, and notes it: as open when it throws.
    template <class Ask>
    auto note(Client client, Asked asked, Ask ask) {
        Operation operation{.called = std::chrono::steady_clock::now(),
                            .node = std::move(client.node),
                            .key = std::move(client.key),
                            .asked = std::move(asked),
                            .stale = client.stale};
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
        add(std::move(operation));
        return told;
    }

    // Submits to a service of this process.
    template <class C>
    Result<AnswerOf<C>> submit(Service& service, C command, const std::string& key = {}) {
        return *note({.key = key}, Command(command), [&] {
            return service.submit(command, {.idempotency_key = key, .deadline = {}});
        });
    }
    Result<HoldAnswer> read_hold(Service& service, HoldId id);
    Result<StockAnswer> read_stock(Service& service, const std::string& sku);
    Result<AvailabilityAnswer> read_availability(Service& service, std::vector<std::string> skus);

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
    void add(Operation operation);

    mutable std::mutex mutex_;
    std::vector<Operation> operations_;
};

// What was noted, with the log, the stock and the holds of a service to which nothing happens any more.
History history_of(const Recorder& recorder, Service& service, std::uint32_t partitions);

}  // namespace holdfast::testing
