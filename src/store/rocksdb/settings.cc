#include "store/rocksdb/settings.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>

#include <holdfast/fault.h>
#include "store/rocksdb/keys.h"

namespace holdfast::store {

namespace {

void never_lose(rocksdb::Options& settings, const RocksDbOptions& options) {
    // A damaged log is refused, unless it is only the end that was torn: nothing of that was
    // answered. The default stops silently before the damage, even inside what was acknowledged.
    // Who accepts the loss gets all that is before it.
    settings.wal_recovery_mode = options.accept_loss
                                     ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                                     : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
    // Notices a closed log file that is missing. The live one is not tracked: the mark file is there
    // for that.
    settings.track_and_verify_wals_in_manifest = true;
    // Every new table is read once more before the log that it replaces goes.
    settings.paranoid_file_checks = true;
    // After an I/O error nothing is tried again: the kernel may have marked unwritten pages clean, and
    // resuming has lost data before. The store stops, its process ends, a restart recovers.
    settings.max_bgerror_resume_count = 0;
    // The defaults, named because the promises rest on them.
    settings.paranoid_checks = true;
    settings.force_consistency_checks = true;
    settings.manual_wal_flush = false;
    settings.recycle_log_file_num = 0;
    settings.wal_bytes_per_sync = 0;
    settings.unordered_write = false;
    settings.two_write_queues = false;
    settings.enable_pipelined_write = false;
    settings.allow_mmap_writes = false;
    settings.best_efforts_recovery = false;
}

void be_quick(rocksdb::Options& settings) {
    // One thread writes. Its keys come in a few rising sequences (holds, events), for which the table
    // in memory remembers where the last one went.
    settings.allow_concurrent_memtable_write = false;
    settings.enable_write_thread_adaptive_yield = false;
    settings.memtable_insert_with_hint_prefix_extractor.reset(
        rocksdb::NewFixedPrefixTransform(prefix_bytes));
    // Tables are pushed to disk in small steps: in one lump they would hold up the log's next flush.
    settings.bytes_per_sync = std::uint64_t{1} << 20;
    // One flush and one compaction; the machine's cores are for the shop.
    settings.max_background_jobs = 2;
    settings.max_subcompactions = 1;
    // A compaction has time; who waits for an answer has not. Of all databases of this process.
    settings.env->LowerThreadPoolCPUPriority(rocksdb::Env::Priority::LOW,
                                             rocksdb::CpuPriority::kLow);
    // Every new table covers the whole key range, so that each compaction rewrites all of the level
    // below: so a quarter of a gigabyte at a time.
    settings.level0_file_num_compaction_trigger = 8;
    settings.level0_slowdown_writes_trigger = 24;
    settings.level0_stop_writes_trigger = 32;
    settings.level_compaction_dynamic_level_bytes = true;
    // No statistics in the log or the database: the service has its own metrics.
    settings.stats_dump_period_sec = 0;
    settings.stats_persist_period_sec = 0;
}

void be_small(rocksdb::Options& settings, const RocksDbOptions& options) {
    settings.write_buffer_size = options.write_buffer_bytes;
    // More than two can be written to disk out of order after a failed flush (mended in 7.9).
    settings.max_write_buffer_number = 2;
    settings.target_file_size_base = 2 * options.write_buffer_bytes;
    settings.max_bytes_for_level_base = 16 * options.write_buffer_bytes;
    // Bounds what a restart has to read.
    settings.max_total_wal_size = 8 * options.write_buffer_bytes;
    settings.max_open_files = 512;
    settings.keep_log_file_num = 4;
    settings.max_log_file_size = std::size_t{1} << 20;
    settings.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
    // Tables of the first level are short-lived. Zstandard below them would take a third of all
    // processor time at full speed, for a quarter less disk.
    settings.compression_per_level.assign(7, rocksdb::CompressionType::kLZ4Compression);
    settings.compression_per_level[0] = rocksdb::CompressionType::kNoCompression;
}

void find_quickly(rocksdb::Options& settings) {
    rocksdb::BlockBasedTableOptions tables;
    // What is competed for is in the engine's memory. This is for look-ups of finished holds: the
    // indexes and filters of the tables and a little data. They are charged to it, so that memory does
    // not grow with history.
    tables.block_cache = rocksdb::NewLRUCache(std::size_t{16} << 20);
    tables.cache_index_and_filter_blocks = true;
    tables.cache_index_and_filter_blocks_with_high_priority = true;
    tables.pin_l0_filter_and_index_blocks_in_cache = true;
    tables.block_size = 16 << 10;
    tables.format_version = 5;
    tables.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    settings.table_factory.reset(rocksdb::NewBlockBasedTableFactory(tables));
    // A look-up nearly always names a hold that is there, so the last level, nine tenths of all,
    // needs no filter.
    settings.optimize_filters_for_hits = true;
    // Holds leave the pending ones in about the order they came: without this a start would have to
    // step over the tombstones of all that ended since the last compaction.
    settings.table_properties_collector_factories.push_back(
        rocksdb::NewCompactOnDeletionCollectorFactory(4096, 2048));
}

}  // namespace

rocksdb::Options settings(const RocksDbOptions& options,
                          std::shared_ptr<rocksdb::EventListener> listener) {
    rocksdb::Options settings;
    settings.env = options.env != nullptr ? options.env : rocksdb::Env::Default();
    if (listener) {
        settings.listeners.push_back(std::move(listener));
    }
    never_lose(settings, options);
    be_quick(settings);
    be_small(settings, options);
    find_quickly(settings);
    return settings;
}

rocksdb::WriteOptions durable_write() {
    rocksdb::WriteOptions write;
    write.sync = !HF_FAULT(sync_skipped);
    return write;
}

rocksdb::ReadOptions long_read() {
    rocksdb::ReadOptions read;
    read.fill_cache = false;
    read.readahead_size = std::size_t{2} << 20;
    return read;
}

}  // namespace holdfast::store
