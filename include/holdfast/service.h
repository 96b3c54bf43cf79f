// The one class an embedding program holds, and all that HTTP and the command line use:
// submit a command, read. Safe to call from any thread. What a user can cause comes back as a
// Refusal; a store that cannot be opened is an exception (StoreError) thrown by open().
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <holdfast/answers.h>
#include <holdfast/commands.h>
#include <holdfast/options.h>
#include <holdfast/result.h>
#include <holdfast/store_error.h>

namespace holdfast {

// What comes with a command besides what is asked.
struct Request {
    // Empty: none. At most limits::idempotency_key_bytes_max visible ASCII characters.
    std::string idempotency_key;
    // Tells a repeated request from a different one under the same key (a hash of what was asked).
    std::uint64_t fingerprint = 0;
    // By the engine's clock. Not decided after this instant: refused with deadline_exceeded.
    std::optional<Instant> deadline;
};

// The answer, and whether it is the first one again for a repeated key.
template <class T>
struct Outcome {
    Result<T> result;
    bool replayed = false;
};

// Called once, on a thread of the engine: it must be quick and must not throw.
template <class T>
using Done = std::move_only_function<void(Outcome<T>)>;

struct Submission {
    Command command;
    Request request;
};

struct HoldFilter {
    std::string cart;      // empty: any
    std::string customer;  // empty: any
    std::optional<HoldStatus> status;
    std::string after;  // cursor of the page before; empty: the first page
    std::size_t limit = 100;
};

struct AlertFilter {
    std::string sku;  // empty: any
    std::optional<AlertKind> kind;
    std::optional<bool> acknowledged;
    std::string after;  // cursor of the page before; empty: the first page
    std::size_t limit = 100;
};

struct AvailabilityQuery {
    std::vector<std::string> skus;  // 1 to limits::availability_skus_max
    GroupBy group = GroupBy::nothing;
    // Exact, also about what another node did a moment ago; otherwise at most 100 ms old.
    bool strong = false;
    // What is announced up to this moment counts as there (available to promise).
    std::optional<Instant> by;
};

template <class T>
struct Page {
    std::vector<T> items;
    std::string next;  // cursor; empty: no more
};

// A difference between a counter as it is kept and as the events say.
struct AuditDifference {
    std::string what;  // "stock mug@main held", "hold hold_...", ...
    std::string kept;
    std::string events;
};

struct AuditReport {
    std::uint64_t events = 0;
    std::uint64_t stock_rows = 0;
    std::uint64_t pending_holds = 0;
    std::vector<Version> versions;  // per partition, at which the audit is true
    std::vector<AuditDifference> differences;
    [[nodiscard]] bool clean() const { return differences.empty(); }
};

struct Statistics {
    std::uint64_t stock_keeping_units = 0;
    std::uint64_t pending_holds = 0;
    std::uint64_t queue_length = 0;
    std::uint64_t rounds = 0;         // appends so far
    std::uint64_t commands = 0;       // decided so far
    std::uint64_t events = 0;         // appended so far by this process
    std::uint64_t holds_expired = 0;  // so far by this process
    // How far the clock is behind the time of Holdfast, since it was set back.
    std::chrono::milliseconds clock_behind{0};
    bool serving = false;  // false after a store failure or close()
    std::string
        failure;  // why it stopped serving, or cannot reach its store; empty while all is well
    std::uint64_t conflicts = 0;  // appends that were decided anew, since another node was faster
};

class Service {
public:
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;
    virtual ~Service() = default;

    // Answers when what changed is durable.
    template <class C>
    void submit(C command, Request request, Done<AnswerOf<C>> done) {
        submit_any({std::move(command), std::move(request)},
                   [done = std::move(done)](Outcome<Answer> outcome) mutable {
                       done(narrow<AnswerOf<C>>(std::move(outcome)));
                   });
    }
    // The same, waiting.
    template <class C>
    Result<AnswerOf<C>> submit(C command, Request request = {}) {
        return narrow<AnswerOf<C>>(wait_any({std::move(command), std::move(request)})).result;
    }
    virtual void submit_any(Submission submission, Done<Answer> done) = 0;
    // At most limits::batch_commands_max at once, decided in order and answered together; each has its
    // own outcome.
    virtual void submit_many(std::vector<Submission> submissions,
                             std::move_only_function<void(std::vector<Outcome<Answer>>)> done) = 0;

    // Reads. Answered from durable state, on a thread of the engine.
    virtual void read_hold(HoldId id, Done<HoldAnswer> done) = 0;
    virtual void read_sku(std::string sku, Done<SkuAnswer> done) = 0;
    virtual void read_stock(std::string sku, Done<StockAnswer> done) = 0;
    // What a shopper is told of each of the SKUs, all as of one moment.
    virtual void read_availability(AvailabilityQuery query, Done<AvailabilityAnswer> done) = 0;
    virtual void read_entry(std::string sku, EntryId entry, Done<EntryAnswer> done) = 0;
    // Who waits for the SKU, in order, those after `after`.
    virtual void list_waitlist(std::string sku, std::string after, std::size_t limit,
                               Done<Page<EntryAnswer>> done) = 0;
    // The alerts that stand, in the order in which a partition raised them. Those of kind shortfall name the
    // orders at risk: of which past holds are read.
    virtual void list_alerts(AlertFilter filter, Done<Page<AlertAnswer>> done) = 0;
    virtual void list_locations(Done<std::vector<LocationAnswer>> done) = 0;
    // By name, those after `after`.
    virtual void list_skus(std::string after, std::size_t limit, Done<Page<SkuAnswer>> done) = 0;
    virtual void find_holds(HoldFilter filter, Done<Page<Hold>> done) = 0;
    // Blocking; oldest first. `after` is a page's cursor; empty: from the beginning.
    virtual Result<Page<RecordedEvent>> events(std::string_view after, std::size_t limit) = 0;
    // Blocking: the counters as they were at a past moment, by folding the events up to it. Takes as
    // long as that history is.
    virtual Result<StockAnswer> stock_at(std::string_view sku, Instant at) = 0;
    // Blocking: recomputes everything from the events and compares.
    virtual AuditReport audit() = 0;
    // Blocking: a consistent copy of the store in a directory that must not exist yet.
    virtual Result<std::filesystem::path> backup(const std::filesystem::path& directory) = 0;
    virtual Statistics statistics() = 0;
    // By which it goes: the store's own where several nodes share it. Lives as long as the service.
    [[nodiscard]] virtual const Clock& clock() const = 0;

    // Returns when all that is due now has ended, durably. For programs that own the clock.
    virtual void tick() = 0;
    // Refuses what is new, answers what was accepted. Called by the destructor.
    virtual void close() = 0;

protected:
    Service() = default;

private:
    template <class T>
    static Outcome<T> narrow(Outcome<Answer> outcome) {
        if (!outcome.result) {
            return {std::unexpected(std::move(outcome.result.error())), outcome.replayed};
        }
        return {std::get<T>(std::move(*outcome.result)), outcome.replayed};
    }
    Outcome<Answer> wait_any(Submission submission);
};

// The first fault of a command that is seen without a store, as submitting it would be refused; nothing
// when only the shop's state can refuse it. For programs that check much before they change anything.
std::optional<Refusal> validate(const Command& command);

// Opens or makes the store in options.data. Throws StoreError (what happened, and the remedy).
std::unique_ptr<Service> open(const Options& options);

// Makes a data directory, which must not exist, from a backup. Throws StoreError.
void restore(const std::filesystem::path& backup, const std::filesystem::path& data);

}  // namespace holdfast
