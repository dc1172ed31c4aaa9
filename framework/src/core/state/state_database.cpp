#include "state_database.hpp"

#include "logic_calls.hpp"
#include "member_table.hpp"
#include "present_reader.hpp"
#include "write_buffer.hpp"

#include <atoll/core/new_folder.hpp>
#include <atoll/core/open_files.hpp>

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/perf_context.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <system_error>

namespace atl {

namespace fs = std::filesystem;

namespace {

tl::unexpected<error> damaged(const fs::path& folder, std::string_view why,
                              const service_info& service) {
  return fail(errc::corrupt, fmt::format("the {} in '{}' is damaged ({}); {}", service.title,
                                         folder.native(), why, service.rebuild_advice));
}

/// A filter must fit into a part of the cache, and look-ups of several threads into different
/// parts.
std::shared_ptr<rocksdb::Cache> block_cache(std::size_t bytes) {
  constexpr std::size_t part_bytes_min = 4u << 20;
  int halvings = 0;
  while (halvings < 6 && (bytes >> (halvings + 1)) >= part_bytes_min)
    ++halvings;
  return rocksdb::NewLRUCache(bytes, halvings);
}

/// Most look-ups are of keys that don't exist: the names of new files, and of new chunks. Filters
/// answer nearly all of them, on the last level too (so no `optimize_filters_for_hits`). Filters
/// and indexes count against the cache; they are divided into small blocks, because those of 10^7
/// files take 50 MB, and a filter that is read for one look-up should not be one of a whole table.
rocksdb::BlockBasedTableOptions table_options(const replicated_state::settings& settings) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = block_cache(settings.cache_bytes - row_cache_bytes(settings));
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.partition_filters = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  return table;
}

/// Everything that takes memory or threads is bounded here.
rocksdb::Options options_from(const replicated_state::settings& settings) {
  rocksdb::Options options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(settings)));
  options.write_buffer_size = settings.write_buffer_bytes;
  options.max_write_buffer_number = 2;
  options.memtable_whole_key_filtering = true;       // for keys that don't exist, as in tables
  options.memtable_prefix_bloom_size_ratio = 0.0125; // 10 bits for each of many small rows
  options.max_total_wal_size = 4 * settings.write_buffer_bytes;
  options.max_open_files =
      static_cast<int>(std::clamp<std::uint64_t>(open_files_limit() / 5, 20, 256));
  options.max_background_jobs = 2;
  options.level_compaction_dynamic_level_bytes = true;
  options.bytes_per_sync = 1u << 20;
  options.allow_fallocate = false; // preallocated space would count against the disk's reserve
  options.compression = rocksdb::kLZ4Compression;
  options.keep_log_file_num = 2;
  options.max_log_file_size = 1u << 20;
  options.info_log_level = rocksdb::WARN_LEVEL;
  // After a power cut the log ends at the last intact record: perhaps before the applied index,
  // never before the flushed index.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  return options;
}

/// Is there room to write the log's records to tables before the log files are removed? Otherwise
/// the log files stay in use.
bool has_room_to_flush(const fs::path& folder, const rocksdb::Options& options) {
  std::error_code failed;
  auto disk = fs::space(folder, failed);
  return failed || disk.available >= options.max_total_wal_size;
}

/// A folder without a CURRENT file is a damaged database, not a new one: a new database is created
/// beside the folder and moved there when it is complete.
status check_whole(const fs::path& folder, const service_info& service) {
  std::error_code failed;
  if (!fs::is_directory(folder, failed))
    return damaged(folder, "it is no folder", service);
  if (!fs::exists(folder / "CURRENT", failed))
    return damaged(folder, "there is no CURRENT file", service);
  return {};
}

/// @param is_new create the database; otherwise it must exist
result<std::unique_ptr<rocksdb::DB>> open_rocksdb(const fs::path& folder,
                                                  const replicated_state::settings& settings,
                                                  const service_info& service,
                                                  bool is_new = false) {
  auto options = options_from(settings);
  options.create_if_missing = is_new;
  options.avoid_flush_during_recovery = !has_room_to_flush(folder, options);
  options.error_if_exists = is_new;
  rocksdb::DB* db = nullptr;
  auto opened = rocksdb::DB::Open(options, folder.native(), &db);
  if (opened.ok())
    return std::unique_ptr<rocksdb::DB>{db};
  auto text = opened.ToString();
  if (opened.IsIOError() && text.find("lock") != text.npos)
    return fail(errc::busy,
                fmt::format("the {} in '{}' is open already ({}): end the other process "
                            "first",
                            service.title, folder.native(), text));
  // RocksDB reports missing or short files as I/O errors or invalid arguments.
  if (opened.IsCorruption() || opened.IsInvalidArgument() || opened.IsNotFound() ||
      opened.IsPathNotFound() || text.find("No such file") != text.npos)
    return damaged(folder, text, service);
  return fail(to_error(opened, service), fmt::format("can't open '{}'", folder.native()));
}

/// Puts the rows of a backup into a new database.
status copy_rows(rocksdb::DB& db, const backup_file& from, const service_info& service) {
  constexpr std::size_t batch_bytes = 4u << 20;
  rocksdb::WriteBatch batch;
  rocksdb::Status written;
  auto write = [&] {
    written = db.Write({}, &batch);
    batch.Clear();
    return written.ok();
  };
  auto visited = from.visit_rows([&](std::string_view key, std::string_view value) {
    batch.Put({key.data(), key.size()}, {value.data(), value.size()});
    return batch.GetDataSize() < batch_bytes || write();
  });
  if (!visited)
    return visited;
  if (written.ok())
    write();
  if (!written.ok())
    return tl::unexpected{to_error(written, service)};
  return {};
}

/// Writes the state before the first entry, with a sync, so that a folder is either a state or
/// empty.
status make_new(rocksdb::DB& db, const replicated_state::settings& settings,
                const service_info& service, service_logic& logic) {
  state_meta fresh;
  fresh.cluster_id = settings.cluster_id;
  auto rows = empty_buffer(service);
  if (auto put = put_birth(rows, settings.birth); !put)
    return put;
  auto& backup = settings.backup;
  if (backup) {
    if (auto fits = check_backup(backup->info(), service); !fits)
      return fits;
    if (auto copied = copy_rows(db, *backup, service); !copied)
      return copied;
    fresh.latest_us = backup->info().time_us;
  }
  auto made = backup ? make_restored_rows(db, logic, service, backup->info().log_index, fresh, rows)
                     : make_first_rows(db, logic, service, fresh, rows);
  if (!made)
    return made;
  rocksdb::WriteOptions options;
  options.sync = true;
  return write_rows(db, rows, options, service);
}

status make_database(const fs::path& folder, const replicated_state::settings& settings,
                     const service_info& service, service_logic& logic) {
  auto db = open_rocksdb(folder, settings, service, true);
  if (!db)
    return tl::unexpected{db.error()};
  if (auto made = make_new(**db, settings, service, logic); !made)
    return made;
  if (auto closed = (*db)->Close(); !closed.ok())
    return tl::unexpected{to_error(closed, service)};
  return {};
}

/// Why this program must not use a state; none if it may.
std::optional<std::string> incompatibility(const state_meta& meta, const std::string& cluster_id,
                                           const service_info& service) {
  if (meta.format != state_format_version)
    return fmt::format("has the format {} of replicated states, and this release knows format {}: "
                       "use the release that wrote it",
                       meta.format, state_format_version);
  if (meta.service != service.name)
    return fmt::format("was written by the application '{}', and this is '{}': correct the folder",
                       meta.service, service.name);
  if (meta.service_version != service.version)
    return fmt::format("has version {} of the rows of '{}', and this release knows version {}: use "
                       "the release that wrote it",
                       meta.service_version, service.name, service.version);
  if (!cluster_id.empty() && meta.cluster_id != cluster_id)
    return fmt::format("belongs to cluster '{}', not to '{}': correct the folder or the cluster's "
                       "name in the configuration",
                       meta.cluster_id, cluster_id);
  return std::nullopt;
}

result<state_meta> read_meta(rocksdb::DB& db, const fs::path& folder,
                             const replicated_state::settings& settings,
                             const service_info& service) {
  auto refused = [&](std::string_view why) {
    return fail(errc::refused,
                fmt::format("the {} in '{}' {}", service.title, folder.native(), why));
  };
  const auto buffer = empty_buffer(service);
  present_reader state{service, db, buffer};
  auto meta = state.find_meta();
  auto birth = state.birth();
  if (auto& failure = state.failure())
    return failure->code == errc::corrupt ? damaged(folder, "its index can't be read", service)
                                          : tl::unexpected{*failure};
  if (!meta)
    return refused("was written by an earlier release or another program: use that one");
  if (auto why = incompatibility(*meta, settings.cluster_id, service))
    return refused(*why);
  if (!settings.birth.empty() && birth != settings.birth)
    return refused(fmt::format("belongs to another group than the log beside it: put the folder "
                               "back that belongs there; otherwise {}",
                               service.rebuild_advice));
  return std::move(*meta);
}

} // namespace

status write_rows(rocksdb::DB& db, const write_buffer& rows, const rocksdb::WriteOptions& options,
                  const service_info& service) {
  rocksdb::WriteBatch batch{rows.bytes()};
  rows.visit_sorted([&](const std::string& key, const row& changed) {
    if (changed.value)
      batch.Put(key, *changed.value);
    else
      batch.Delete(key);
  });
  if (auto written = db.Write(options, &batch); !written.ok())
    return tl::unexpected{to_error(written, service)};
  return {};
}

write_buffer empty_buffer(const service_info& service) {
  std::string lookup_only{state_keys::lookup_only()};
  return write_buffer{lookup_only + service.lookup_only};
}

rocksdb::ReadOptions read_options(reads from) {
  rocksdb::ReadOptions options;
  options.read_tier = from == reads::memory ? rocksdb::kBlockCacheTier : rocksdb::kReadAllTier;
  return options;
}

std::uint64_t blocks_read() {
  return rocksdb::get_perf_context()->block_read_count; // counted by default
}

error to_error(const rocksdb::Status& status, const service_info& service) {
  auto text = status.ToString();
  if (status.IsCorruption())
    return {errc::corrupt, fmt::format("the {}'s database is damaged ({}); {}", service.title, text,
                                       service.rebuild_advice)};
  if (status.IsNoSpace())
    return {errc::no_space, fmt::format("no space is left for the {}'s database ({}): free some on "
                                        "its disk",
                                        service.title, text)};
  return {errc::io,
          fmt::format("the {}'s database failed ({}): look at its disk", service.title, text)};
}

status prepare_database(const fs::path& folder, const replicated_state::settings& settings,
                        const service_info& service, service_logic& logic) {
  if (settings.cluster_id.size() > cluster_id_bytes_max)
    return fail(errc::invalid, fmt::format("the cluster's name '{}' is too long: at most {} bytes",
                                           settings.cluster_id, cluster_id_bytes_max));
  if (service.name.empty() || service.name.size() > service_name_bytes_max)
    return fail(errc::invalid, fmt::format("the application's name '{}' must have 1 to {} bytes",
                                           service.name, service_name_bytes_max));
  if (auto finished = finish_replacing(folder, service); !finished)
    return finished;
  auto is_new = is_nothing(folder);
  if (!is_new)
    return tl::unexpected{is_new.error()};
  if (!*is_new)
    return {};
  auto made = make_folder(folder, [&](const fs::path& beside) {
    return make_database(beside, settings, service, logic);
  });
  return made ? made : fail(made.error(), fmt::format("can't make the {}", service.title));
}

result<opened_database> open_database(const fs::path& folder,
                                      const replicated_state::settings& settings,
                                      const service_info& service) {
  if (auto whole = check_whole(folder, service); !whole)
    return tl::unexpected{whole.error()};
  auto db = open_rocksdb(folder, settings, service);
  if (!db)
    return tl::unexpected{db.error()};
  auto meta = read_meta(**db, folder, settings, service);
  if (!meta)
    return tl::unexpected{meta.error()};
  return opened_database{std::move(*db), std::move(*meta)};
}

} // namespace atl
