// One request and its answer, as handlers see it: what was asked, the service to ask in turn, and the
// answer to write. A handler returns at once; the answer may come later from the engine.
// One per connection, used for its requests in turn, on its io thread; kept alive by whoever owes an answer.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>

#include <holdfast/service.h>
#include "http/fields.h"
#include "http/json.h"
#include "http/problem.h"
#include "http/request_reader.h"
#include "http/routes.h"
#include "http/target.h"
#include "http/worker.h"

namespace holdfast::http {

class Exchange final : public std::enable_shared_from_this<Exchange> {
public:
    explicit Exchange(Worker& worker) : worker_(&worker), courier_(worker.courier) {}
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    // For handlers: what was asked.
    [[nodiscard]] Shared& shared() { return worker_->shared; }
    [[nodiscard]] Service& service() { return worker_->shared.service; }
    [[nodiscard]] std::string_view parameter(std::size_t index) const { return parameters_[index]; }
    [[nodiscard]] Query& query() { return query_; }
    [[nodiscard]] std::optional<Fence> if_match() const { return if_match_; }
    [[nodiscard]] std::string_view if_none_match() const { return if_none_match_; }
    // Key, fingerprint, deadline.
    [[nodiscard]] Request request();
    // Reads the body, an empty one as {}. False when there were faults: then they are the answer.
    template <std::invocable<Fields&> Reader>
    bool read(Reader reader);

    // For handlers: the answer. The body is written first.
    [[nodiscard]] JsonWriter json() { return JsonWriter(body_); }
    [[nodiscard]] std::string& body() { return body_; }
    void header(std::string_view name, std::string_view value);
    void etag(std::uint64_t number);
    void answer(int status, std::string_view content_type = "application/json");
    void refuse(const Problem& problem);
    // A problem as part of the body.
    void write(const Problem& problem);
    void refuse(Refusal refusal) { refuse(problem(std::move(refusal))); }

    // For handlers: asking the engine. `render` writes the answer from what it says; a refusal is
    // answered as such.
    using Render = void (*)(Exchange&, const Answer&);
    void submit(Command command, Render render);
    template <class T, std::invocable<Exchange&, T&> Late>
    Done<T> later(Late render);
    // The same for a call that blocks: it runs on a thread of its own and returns a Result.
    template <std::invocable Call, class Late>
    void block(Call call, Late render);
    template <class Late>
    void submit_many(std::vector<Submission> submissions, Late render);

    // For the session. Judges the head; false when it is refused already.
    bool begin(const Head& head);
    [[nodiscard]] std::size_t body_bytes_max() const;
    void run(std::string_view body);
    [[nodiscard]] bool answered() const { return answered_; }
    // When the engine has to have answered.
    [[nodiscard]] std::optional<Worker::TimePoint> answer_by() const { return answer_by_; }
    // Called once when the answer is there, on the io thread.
    void on_answer(std::move_only_function<void()> waiter) { waiter_ = std::move(waiter); }
    // The engine is silent: answers in its place, and ignores what it will say.
    void give_up();
    // Nobody waits any more.
    void abandon() { abandoned_ = true; }
    [[nodiscard]] std::array<boost::asio::const_buffer, 2> response(bool close);
    // Refuses before there is a head to judge.
    void begin_refused(const Problem& problem);

    // For the courier. What the engine said to a command; on the engine's thread.
    void take(Outcome<Answer> outcome) { outcome_ = std::move(outcome); }
    // It has been said; or nothing will be.
    void complete();
    void fail();

private:
    std::optional<Problem> judge(const Head& head);
    std::optional<Problem> judge_body(const Head& head) const;
    std::optional<Problem> judge_key(const Head& head);
    std::optional<Problem> judge_fields(const Head& head);
    std::optional<Problem> judge_target(const Head& head);
    void reset();
    void finish();
    void resume();
    template <class T>
    static Result<T> guarded(std::invocable auto& call);

    Worker* worker_;
    std::shared_ptr<Courier> courier_;

    const Route* route_ = nullptr;
    std::chrono::steady_clock::time_point started_;
    std::string method_;
    std::string target_;
    std::string_view request_body_;
    std::array<std::string, 2> parameters_;
    Query query_;
    std::string allow_;
    std::optional<Fence> if_match_;
    std::string if_none_match_;
    std::string idempotency_key_;
    std::chrono::milliseconds timeout_{0};
    bool http11_ = true;
    bool head_only_ = false;
    std::optional<Worker::TimePoint> answer_by_;

    // What the engine said: of a command, or of anything else.
    std::optional<Outcome<Answer>> outcome_;
    Render render_ = nullptr;
    std::move_only_function<void()> late_;
    std::move_only_function<void()> waiter_;
    bool abandoned_ = false;

    int status_ = 0;
    bool answered_ = false;
    std::string request_id_;
    std::string fields_;
    std::string head_;
    std::string body_;
};

template <std::invocable<Fields&> Reader>
bool Exchange::read(Reader reader) {
    const std::string_view text = request_body_.empty() ? "{}" : request_body_;
    if (const auto wrong = worker_->json.parse(text)) {
        refuse(problem(HttpFault::invalid_json, "the body is not valid JSON: " + *wrong));
        return false;
    }
    Faults faults;
    Fields fields(worker_->json, worker_->json.root(), Where{}, faults);
    reader(fields);
    fields.finish();
    if (!faults.empty()) {
        refuse(std::move(faults).problem());
        return false;
    }
    return true;
}

template <class T, std::invocable<Exchange&, T&> Late>
Done<T> Exchange::later(Late render) {
    return [self = shared_from_this(), render](Outcome<T> outcome) mutable {
        Exchange& exchange = *self;
        exchange.late_ = [&exchange, outcome = std::move(outcome), render]() mutable {
            if (outcome.result) {
                render(exchange, *outcome.result);
            } else {
                exchange.refuse(std::move(outcome.result.error()));
            }
        };
        std::shared_ptr<Exchange> asker = std::move(self);
        exchange.courier_->bring({&asker, 1});
    };
}

template <class T>
Result<T> Exchange::guarded(std::invocable auto& call) {
    try {
        return call();
    } catch (const std::exception& error) {
        return std::unexpected(Refusal{.code = RefusalCode::store_failed,
                                       .detail = error.what(),
                                       .field = {},
                                       .short_lines = {},
                                       .fence = {}});
    }
}

template <std::invocable Call, class Late>
void Exchange::block(Call call, Late render) {
    using T = typename std::invoke_result_t<Call>::value_type;
    answer_by_.reset();
    boost::asio::post(worker_->shared.blocking,
                      [call = std::move(call), done = later<T>(render)]() mutable {
                          done({guarded<T>(call), false});
                      });
}

template <class Late>
void Exchange::submit_many(std::vector<Submission> submissions, Late render) {
    service().submit_many(
        std::move(submissions), [self = shared_from_this(), render = std::move(render)](
                                    std::vector<Outcome<Answer>> outcomes) mutable {
            Exchange& exchange = *self;
            exchange.late_ = [&exchange, outcomes = std::move(outcomes),
                              render = std::move(render)]() mutable { render(exchange, outcomes); };
            std::shared_ptr<Exchange> asker = std::move(self);
            exchange.courier_->bring({&asker, 1});
        });
}

}  // namespace holdfast::http
