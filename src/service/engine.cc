#include "service/engine.h"

#include <algorithm>
#include <future>
#include <ranges>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <holdfast/fault.h>
#include <holdfast/limits.h>
#include "core/availability.h"
#include "core/evolve.h"
#include "core/hold.h"
#include "core/validate.h"
#include "sequencer/answers.h"
#include "sequencer/event_log.h"
#include "sequencer/refusals.h"
#include "service/alert_page.h"
#include "service/audit.h"
#include "service/queries.h"

namespace holdfast {

Outcome<Answer> Service::wait_any(Submission submission) {
    std::promise<Outcome<Answer>> promise;
    submit_any(std::move(submission),
               [&promise](Outcome<Answer> outcome) { promise.set_value(std::move(outcome)); });
    return promise.get_future().get();
}

std::optional<Refusal> validate(const Command& command) {
    return core::validate(command);
}

}  // namespace holdfast

namespace holdfast::service {
namespace {

using sequencer::View;

std::optional<Refusal> check(const Submission& submission) {
    const std::string& key = submission.request.idempotency_key;
    const bool visible = std::ranges::all_of(key, [](char c) { return c > ' ' && c <= '~'; });
    if (!visible || key.size() > limits::idempotency_key_bytes_max) {
        return Refusal{.code = RefusalCode::invalid_request,
                       .detail = fmt::format("the idempotency key has {} characters: use 1 to {} "
                                             "visible ASCII characters",
                                             key.size(), limits::idempotency_key_bytes_max),
                       .field = "Idempotency-Key"};
    }
    return core::validate(submission.command);
}

Refusal too_many(std::size_t commands) {
    return {.code = RefusalCode::invalid_request,
            .detail = fmt::format("{} commands at once are too many: submit at most {}", commands,
                                  limits::batch_commands_max)};
}

Refusal unknown_entry(std::string_view sku, EntryId entry) {
    return {.code = RefusalCode::unknown_entry,
            .detail = fmt::format("nobody waits as '{}' for SKU '{}': he has left, or was offered "
                                  "a hold",
                                  to_string(entry), sku)};
}

Refusal store_failure(const std::exception& error) {
    return {.code = RefusalCode::store_failed, .detail = error.what()};
}

}  // namespace

Engine::Engine(std::unique_ptr<store::Store> store, std::shared_ptr<const Clock> clock,
               OpenCopy open_copy, Concurrency concurrency)
    : clock_(std::move(clock)),
      store_(std::move(store)),
      open_copy_(std::move(open_copy)),
      sequencer_(std::make_unique<sequencer::Sequencer>(*store_, *clock_, concurrency)) {}

Engine::~Engine() {
    Engine::close();
}

void Engine::submit_any(Submission submission, Done<Answer> done) {
    if (auto fault = check(submission)) {
        done({std::unexpected(std::move(*fault))});
        return;
    }
    sequencer_->submit(std::move(submission), std::move(done));
}

void Engine::submit_many(std::vector<Submission> submissions,
                         std::move_only_function<void(std::vector<Outcome<Answer>>)> done) {
    if (submissions.size() > limits::batch_commands_max) {
        done(std::vector<Outcome<Answer>>(submissions.size(),
                                          {std::unexpected(too_many(submissions.size()))}));
        return;
    }
    std::vector<std::pair<std::size_t, Refusal>> faults;
    for (std::size_t i = 0; i < submissions.size(); ++i) {
        if (auto fault = check(submissions[i])) {
            faults.emplace_back(i, std::move(*fault));
        }
    }
    if (faults.empty()) {
        sequencer_->submit(std::move(submissions), std::move(done));
        return;
    }
    // Malformed commands never reach the queue; their outcomes are put back in their places.
    for (const auto& [i, fault] : faults | std::views::reverse) {
        submissions.erase(submissions.begin() + static_cast<std::ptrdiff_t>(i));
    }
    sequencer_->submit(std::move(submissions),
                       [faults = std::move(faults), done = std::move(done)](auto outcomes) mutable {
                           for (auto& [i, fault] : faults) {
                               outcomes.insert(outcomes.begin() + static_cast<std::ptrdiff_t>(i),
                                               Outcome<Answer>{std::unexpected(std::move(fault))});
                           }
                           done(std::move(outcomes));
                       });
}

void Engine::read_hold(HoldId id, Done<HoldAnswer> done) {
    sequencer_->read(sequencer::make_read<HoldAnswer>(
        [id](const View& view) -> Result<HoldAnswer> {
            auto hold = view.find_hold(id);
            if (!hold) {
                return std::unexpected(core::unknown_hold(id));
            }
            return HoldAnswer{.hold = std::move(*hold),
                              .version = view.state().versions[view.state().home(id)],
                              .server_time = view.now()};
        },
        std::move(done)));
}

void Engine::read_sku(std::string sku, Done<SkuAnswer> done) {
    sequencer_->read(sequencer::make_read<SkuAnswer>(
        [sku = std::move(sku)](const View& view) -> Result<SkuAnswer> {
            const core::SkuState* found = view.state().find_sku(sku);
            if (found == nullptr) {
                return std::unexpected(core::unknown_sku(sku));
            }
            return sequencer::sku_answer(view.state(), *found);
        },
        std::move(done)));
}

void Engine::read_stock(std::string sku, Done<StockAnswer> done) {
    sequencer_->read(sequencer::make_read<StockAnswer>(
        [sku = std::move(sku)](const View& view) -> Result<StockAnswer> {
            const core::SkuState* found = view.state().find_sku(sku);
            if (found == nullptr) {
                return std::unexpected(core::unknown_sku(sku));
            }
            return sequencer::stock_answer(view.state(), *found, view.now());
        },
        std::move(done)));
}

void Engine::read_availability(AvailabilityQuery query, Done<AvailabilityAnswer> done) {
    if (query.skus.empty() || query.skus.size() > limits::availability_skus_max) {
        done({std::unexpected(
            Refusal{.code = RefusalCode::invalid_request,
                    .detail = fmt::format("{} SKUs are asked for: name 1 to {}", query.skus.size(),
                                          limits::availability_skus_max),
                    .field = "sku"})});
        return;
    }
    const bool strong = query.strong && !HF_FAULT(strong_read_not_followed);
    sequencer_->read(sequencer::make_read<AvailabilityAnswer>(
        [query = std::move(query)](const View& view) -> Result<AvailabilityAnswer> {
            AvailabilityAnswer answer{.skus = {}, .unknown = {}, .as_of = view.now()};
            for (const std::string& name : query.skus) {
                if (const core::SkuState* sku = view.state().find_sku(name)) {
                    answer.skus.push_back(core::availability(
                        view.state(), *sku,
                        {.now = view.now(), .by = query.by, .group = query.group}));
                } else {
                    answer.unknown.push_back(name);
                }
            }
            return answer;
        },
        std::move(done), strong));
}

void Engine::read_entry(std::string sku, EntryId entry, Done<EntryAnswer> done) {
    sequencer_->read(sequencer::make_read<EntryAnswer>(
        [sku = std::move(sku), entry](const View& view) -> Result<EntryAnswer> {
            const core::SkuState* found = view.state().find_sku(sku);
            if (found == nullptr) {
                return std::unexpected(core::unknown_sku(sku));
            }
            const auto shopper = found->queues ? found->queues->find_shopper(entry) : std::nullopt;
            if (!shopper) {
                return std::unexpected(unknown_entry(sku, entry));
            }
            return sequencer::entry_answer(view.state(), *found, *shopper, view.now());
        },
        std::move(done)));
}

void Engine::list_waitlist(std::string sku, std::string after, std::size_t limit,
                           Done<Page<EntryAnswer>> done) {
    const auto from = after.empty() ? EntryId{} : parse_entry_id(after);
    if (!from) {
        done({std::unexpected(bad_cursor(after))});
        return;
    }
    sequencer_->read(sequencer::make_read<Page<EntryAnswer>>(
        [sku = std::move(sku), from = *from, limit](const View& view) -> Result<Page<EntryAnswer>> {
            const core::SkuState* found = view.state().find_sku(sku);
            if (found == nullptr) {
                return std::unexpected(core::unknown_sku(sku));
            }
            return sequencer::waitlist_page(view.state(), *found, from, limit, view.now());
        },
        std::move(done)));
}

void Engine::list_locations(Done<std::vector<LocationAnswer>> done) {
    sequencer_->read(sequencer::make_read<std::vector<LocationAnswer>>(
        [](const View& view) -> Result<std::vector<LocationAnswer>> {
            std::vector<LocationAnswer> locations;
            for (const core::LocationIndex index : view.state().by_priority) {
                locations.push_back(
                    sequencer::location_answer(view.state(), view.state().locations[index]));
            }
            return locations;
        },
        std::move(done)));
}

void Engine::list_skus(std::string after, std::size_t limit, Done<Page<SkuAnswer>> done) {
    sequencer_->read(sequencer::make_read<Page<SkuAnswer>>(
        [after = std::move(after), limit](const View& view) -> Result<Page<SkuAnswer>> {
            // The smallest `limit` names after the cursor, found without sorting the catalogue.
            std::vector<const core::SkuState*> found;
            const auto by_name = [](const core::SkuState* a, const core::SkuState* b) {
                return a->sku < b->sku;
            };
            for (const core::SkuState& sku : view.state().skus) {
                if (sku.sku > after) {
                    found.push_back(&sku);
                }
            }
            const std::size_t count = std::min(limit, found.size());
            std::ranges::partial_sort(found, found.begin() + static_cast<std::ptrdiff_t>(count),
                                      by_name);
            Page<SkuAnswer> page;
            for (std::size_t i = 0; i < count; ++i) {
                page.items.push_back(sequencer::sku_answer(view.state(), *found[i]));
            }
            page.next = count < found.size() ? found[count - 1]->sku : "";
            return page;
        },
        std::move(done)));
}

template <class T, class Look>
void Engine::read_store(Look look, Done<T> done) {
    std::unique_lock lock(closing_mutex_);
    if (closing_.stop_requested()) {
        lock.unlock();
        done({std::unexpected(sequencer::stopping())});
        return;
    }
    boost::asio::post(readers_, [this, look = std::move(look), done = std::move(done)]() mutable {
        try {
            Result<T> found = look();
            if (closing_.stop_requested()) {
                found = std::unexpected(sequencer::stopping());
            }
            done({std::move(found)});
        } catch (const store::StoreError& error) {
            done({std::unexpected(store_failure(error))});
        }
    });
}

void Engine::find_stored_holds(HoldFilter filter, std::vector<HoldId> pending,
                               Done<Page<Hold>> done) {
    read_store<Page<Hold>>(
        [this, filter = std::move(filter), pending = std::move(pending)] {
            return service::find_holds(*store_, filter, pending, closing_.get_token());
        },
        std::move(done));
}

void Engine::find_holds(HoldFilter filter, Done<Page<Hold>> done) {
    const bool named = !filter.cart.empty() || !filter.customer.empty();
    if (!named || !store_->writer()) {
        find_stored_holds(std::move(filter), {}, std::move(done));
        return;
    }
    // What ends after this look is in the list; what ended before is in the store by the time of its answer.
    auto look = [cart = filter.cart,
                 customer = filter.customer](const View& view) -> Result<std::vector<HoldId>> {
        const core::PendingHolds& holds = view.state().holds;
        return cart.empty() ? holds.of_customer(customer) : holds.of_cart(cart);
    };
    auto found = [this, filter = std::move(filter),
                  done = std::move(done)](Outcome<std::vector<HoldId>> pending) mutable {
        if (pending.result) {
            find_stored_holds(std::move(filter), std::move(*pending.result), std::move(done));
        } else {
            done({std::unexpected(std::move(pending.result.error()))});
        }
    };
    sequencer_->read(sequencer::make_read<std::vector<HoldId>>(std::move(look), std::move(found)));
}

void Engine::list_alerts(AlertFilter filter, Done<Page<AlertAnswer>> done) {
    const auto after = filter.after.empty() ? AlertId{} : parse_alert_id(filter.after);
    if (!after) {
        done({std::unexpected(bad_cursor(filter.after))});
        return;
    }
    sequencer_->read(sequencer::make_read<AlertPage>(
        [filter = std::move(filter), after = *after](const View& view) -> Result<AlertPage> {
            return alert_page(view.state(), filter, after, view.now());
        },
        [this, done = std::move(done)](Outcome<AlertPage> found) mutable {
            if (!found.result) {
                done({std::unexpected(std::move(found.result.error()))});
            } else if (found.result->missing.empty()) {
                done({std::move(found.result->page)});
            } else {
                read_store<Page<AlertAnswer>>(
                    [this, alerts = std::move(*found.result)]() mutable {
                        name_orders_at_risk(*store_, alerts, closing_.get_token());
                        return Result<Page<AlertAnswer>>(std::move(alerts.page));
                    },
                    std::move(done));
            }
        }));
}

Result<Page<RecordedEvent>> Engine::events(std::string_view after, std::size_t limit) {
    return read_events(*store_, after, limit);
}

Result<StockAnswer> Engine::stock_at(std::string_view sku, Instant at) {
    core::State state(store_->partition_count());
    sequencer::EventLog log(*store_, state.versions, store_->heads());
    for (auto event = log.next(); event; event = log.next()) {
        if (closing_.stop_requested()) {
            return std::unexpected(sequencer::stopping());
        }
        // To the end: what several writers made, here or before a move, comes in order of time only within
        // one partition, and not even there once the number of partitions was changed.
        if (event->at <= at) {
            core::evolve(state, event->event, event->at);
        }
    }
    const core::SkuState* found = state.find_sku(sku);
    if (found == nullptr) {
        return std::unexpected(
            Refusal{.code = RefusalCode::unknown_sku,
                    .detail = fmt::format("SKU '{}' was not known at {}: ask for a later moment",
                                          sku, to_rfc3339(at))});
    }
    return sequencer::stock_answer(state, *found, at);
}

AuditReport Engine::audit() {
    return service::audit(*store_);
}

Result<std::filesystem::path> Engine::backup(const std::filesystem::path& directory) {
    try {
        store_->backup(directory);
        const AuditReport report = service::audit(*open_copy_(directory));
        if (!report.clean()) {
            const AuditDifference& first = report.differences.front();
            return std::unexpected(Refusal{
                .code = RefusalCode::store_failed,
                .detail = fmt::format("the copy in {} is not sound, and so is the store: "
                                      "{} is kept as {}, and {} by the events; run "
                                      "holdfast audit",
                                      directory.string(), first.what, first.kept, first.events)});
        }
        return directory;
    } catch (const store::StoreError& error) {
        return std::unexpected(store_failure(error));
    }
}

Statistics Engine::statistics() {
    return sequencer_->statistics();
}

void Engine::tick() {
    sequencer_->tick();
}

void Engine::close() {
    std::call_once(closed_, [this] {
        {
            const std::lock_guard lock(closing_mutex_);
            closing_.request_stop();
        }
        sequencer_->stop();
        readers_.join();
    });
}

}  // namespace holdfast::service
