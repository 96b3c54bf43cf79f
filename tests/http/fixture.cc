#include "tests/http/fixture.h"

#include <fmt/format.h>

#include "http/openapi.h"
#include "service/engine.h"
#include "testing/memory_store.h"

namespace holdfast::http {

void StubService::hold_back() {
    const std::lock_guard lock(mutex_);
    holding_back_ = true;
}

void StubService::wait_until_held_back(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_.size() >= count; });
}

void StubService::let_go() {
    std::deque<std::move_only_function<void()>> answers;
    {
        const std::lock_guard lock(mutex_);
        holding_back_ = false;
        answers.swap(waiting_);
    }
    for (auto& tell : answers) {
        tell();
    }
}

void StubService::submit_any(Submission submission, Done<Answer> done) {
    std::vector<Submission> one;
    one.push_back(std::move(submission));
    submit_many(std::move(one), [done = std::move(done)](auto outcomes) mutable {
        done(std::move(outcomes.front()));
    });
}

void StubService::submit_many(std::vector<Submission> submissions,
                              std::move_only_function<void(std::vector<Outcome<Answer>>)> done) {
    std::vector<Outcome<Answer>> outcomes;
    for (const Submission& submission : submissions) {
        outcomes.push_back(answer(submission));
    }
    {
        const std::lock_guard lock(mutex_);
        commands += submissions.size();
        if (holding_back_) {
            waiting_.emplace_back(
                [done = std::move(done), outcomes = std::move(outcomes)]() mutable {
                    done(std::move(outcomes));
                });
            changed_.notify_all();
            return;
        }
    }
    done(std::move(outcomes));
}

void StubService::read_hold(HoldId, Done<HoldAnswer> done) {
    done({std::unexpected(refusal_of(RefusalCode::unknown_hold))});
}
void StubService::read_sku(std::string, Done<SkuAnswer> done) {
    done({std::unexpected(refusal_of(RefusalCode::unknown_sku))});
}
void StubService::read_stock(std::string, Done<StockAnswer> done) {
    done({std::unexpected(refusal_of(RefusalCode::unknown_sku))});
}
void StubService::read_entry(std::string, EntryId, Done<EntryAnswer> done) {
    done({std::unexpected(refusal_of(RefusalCode::unknown_entry))});
}
void StubService::list_waitlist(std::string, std::string, std::size_t,
                                Done<Page<EntryAnswer>> done) {
    done({Page<EntryAnswer>{}});
}
void StubService::list_locations(Done<std::vector<LocationAnswer>> done) {
    done({std::vector<LocationAnswer>{}});
}
void StubService::list_skus(std::string, std::size_t, Done<Page<SkuAnswer>> done) {
    done({Page<SkuAnswer>{}});
}
void StubService::find_holds(HoldFilter, Done<Page<Hold>> done) {
    done({Page<Hold>{}});
}
Result<Page<RecordedEvent>> StubService::events(std::string_view, std::size_t) {
    throw std::runtime_error("the disk is gone");
}
Result<std::filesystem::path> StubService::backup(const std::filesystem::path& directory) {
    return directory;
}

Refusal refusal_of(RefusalCode code) {
    return {.code = code, .detail = "the test says so"};
}

HttpTest::HttpTest() : document_(std::make_unique<ApiDocument>(openapi_json)) {
    stub.answer = [](const Submission&) -> Outcome<Answer> {
        return {std::unexpected(refusal_of(RefusalCode::unknown_sku))};
    };
}

HttpTest::~HttpTest() {
    stub.let_go();
    client_.reset();
    server_.reset();
}

void HttpTest::serve() {
    // The clock outlives the engine, which asks for a shared one.
    const std::shared_ptr<const Clock> shared_clock(std::shared_ptr<void>(), &clock);
    engine = std::make_unique<service::Engine>(std::make_unique<holdfast::testing::MemoryStore>(),
                                               shared_clock);
    server_ = std::make_unique<Server>(*engine, clock, metrics, options);
    connect();
}

void HttpTest::serve_stub() {
    server_ = std::make_unique<Server>(stub, clock, metrics, options);
    connect();
}

void HttpTest::connect() {
    client_ = std::make_unique<Client>(port());
}

Reply HttpTest::ask(std::string_view method, std::string_view target, std::string_view body,
                    const FieldList& fields) {
    Reply reply = client_->ask(method, target, body, fields);
    check(method, target, reply);
    if (reply.field("connection") == "close") {
        connect();
    }
    return reply;
}

void HttpTest::check(std::string_view method, std::string_view target, const Reply& reply) {
    EXPECT_EQ(document_->check_answer(method, target, reply.status, reply.field("content-type"),
                                      reply.body),
              "")
        << method << ' ' << target << " answered " << reply.status << ' ' << reply.body;
}

boost::json::value HttpTest::expect(int status, std::string_view method, std::string_view target,
                                    std::string_view body, const FieldList& fields) {
    const Reply reply = ask(method, target, body, fields);
    EXPECT_EQ(reply.status, status)
        << method << ' ' << target << ' ' << body << " answered " << reply.body;
    return reply.json();
}

boost::json::value HttpTest::expect_problem(int status, std::string_view code,
                                            std::string_view method, std::string_view target,
                                            std::string_view body, const FieldList& fields) {
    const Reply reply = ask(method, target, body, fields);
    EXPECT_EQ(reply.status, status)
        << method << ' ' << target << ' ' << body << " answered " << reply.body;
    EXPECT_EQ(reply.code(), code) << method << ' ' << target << ' ' << body << " answered "
                                  << reply.body;
    return reply.json();
}

void HttpTest::stock(std::string_view sku, int quantity, std::string_view policy) {
    expect(200, "PUT", fmt::format("/v1/skus/{}", sku), fmt::format(R"({{"policy":{}}})", policy));
    if (quantity > 0) {
        expect(200, "POST", fmt::format("/v1/skus/{}/stock", sku),
               fmt::format(R"({{"action":"receive","quantity":{}}})", quantity));
    }
}

std::string HttpTest::hold(int quantity, std::string_view more) {
    const auto placed =
        expect(201, "POST", "/v1/holds",
               fmt::format(R"({{"cart":"c-1","lines":[{{"sku":"mug","quantity":{}}}]{}}})",
                           quantity, more));
    return std::string(placed.at("id").as_string());
}

void HttpTest::pass(std::chrono::milliseconds time) {
    clock.advance(time);
    engine->tick();
}

}  // namespace holdfast::http
