// The Service over one store: routes commands to the sequencer, answers reads, audits, backs up.
// Chosen stores and clocks come in from outside (app/). Safe to call from any thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>

#include <boost/asio/thread_pool.hpp>

#include <holdfast/service.h>
#include "sequencer/sequencer.h"
#include "store/store.h"

namespace holdfast::service {

class Engine final : public Service {
public:
    // Opens a copy that the store's backup() made; throws StoreError.
    using OpenCopy =
        std::function<std::unique_ptr<store::Store>(const std::filesystem::path& directory)>;

    // `open_copy` is needed where the store can be backed up. Throws StoreError.
    Engine(std::unique_ptr<store::Store> store, std::shared_ptr<const Clock> clock,
           OpenCopy open_copy = {}, Concurrency concurrency = Concurrency::automatic);
    ~Engine() override;

    void submit_any(Submission submission, Done<Answer> done) override;
    void submit_many(std::vector<Submission> submissions,
                     std::move_only_function<void(std::vector<Outcome<Answer>>)> done) override;
    void read_hold(HoldId id, Done<HoldAnswer> done) override;
    void read_sku(std::string sku, Done<SkuAnswer> done) override;
    void read_stock(std::string sku, Done<StockAnswer> done) override;
    void read_availability(AvailabilityQuery query, Done<AvailabilityAnswer> done) override;
    void read_entry(std::string sku, EntryId entry, Done<EntryAnswer> done) override;
    void list_waitlist(std::string sku, std::string after, std::size_t limit,
                       Done<Page<EntryAnswer>> done) override;
    void list_alerts(AlertFilter filter, Done<Page<AlertAnswer>> done) override;
    void list_locations(Done<std::vector<LocationAnswer>> done) override;
    void list_skus(std::string after, std::size_t limit, Done<Page<SkuAnswer>> done) override;
    void find_holds(HoldFilter filter, Done<Page<Hold>> done) override;
    Result<Page<RecordedEvent>> events(std::string_view after, std::size_t limit) override;
    Result<StockAnswer> stock_at(std::string_view sku, Instant at) override;
    AuditReport audit() override;
    Result<std::filesystem::path> backup(const std::filesystem::path& directory) override;
    Statistics statistics() override;
    [[nodiscard]] const Clock& clock() const override { return *clock_; }
    void tick() override;
    void close() override;

private:
    // Calls back what `look` returns, on the thread for reads that wait for the disk.
    template <class T, class Look>
    void read_store(Look look, Done<T> done);
    void find_stored_holds(HoldFilter filter, std::vector<HoldId> pending, Done<Page<Hold>> done);

    std::shared_ptr<const Clock> clock_;
    std::unique_ptr<store::Store> store_;
    OpenCopy open_copy_;
    std::unique_ptr<sequencer::Sequencer> sequencer_;
    // For reads that wait for the disk: one at a time, so that they never starve the writer.
    boost::asio::thread_pool readers_{1};
    std::once_flag closed_;
    // Requested by close(): long reads end early, and no more are posted, so that each is answered.
    std::mutex closing_mutex_;
    std::stop_source closing_;
};

}  // namespace holdfast::service
