#include "namespace/database.hpp"

#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"
#include "namespace/path.hpp"
#include "namespace/transaction.hpp"

#include <atoll/core/group_birth.hpp>
#include <atoll/core/new_folder.hpp>
#include <atoll/core/open_files.hpp>
#include <atoll/core/sync.hpp>

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <system_error>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;
using atl::status;
namespace fs = std::filesystem;

namespace {

tl::unexpected<atl::error> damaged(const fs::path& folder, std::string_view why) {
  return fail(errc::corrupt, fmt::format("the name space in {} is damaged ({}); {}",
                                         in_quotes(folder.native()), why, rebuild_advice));
}

/// Everything that takes memory or threads is bounded here.
rocksdb::Options options_from(const name_space_settings& settings) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(settings.block_cache_bytes);
  table.cache_index_and_filter_blocks = true; // otherwise they would take memory beside the cache
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  rocksdb::Options options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = settings.write_buffer_bytes;
  options.max_write_buffer_number = 2;
  options.max_total_wal_size = 4 * settings.write_buffer_bytes;
  options.max_open_files =
      static_cast<int>(std::clamp<std::uint64_t>(atl::open_files_limit() / 5, 20, 256));
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
status check_whole(const fs::path& folder) {
  std::error_code failed;
  if (!fs::is_directory(folder, failed))
    return damaged(folder, "it is no folder");
  if (!fs::exists(folder / "CURRENT", failed))
    return damaged(folder, "there is no CURRENT file");
  return {};
}

/// @param is_new create the database; otherwise it must exist
result<std::unique_ptr<rocksdb::DB>>
open_rocksdb(const fs::path& folder, const name_space_settings& settings, bool is_new = false) {
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
    return fail(errc::busy, fmt::format("the name space in {} is open already ({}): end the other "
                                        "process first",
                                        in_quotes(folder.native()), text));
  // RocksDB reports missing or short files as I/O errors or invalid arguments.
  if (opened.IsCorruption() || opened.IsInvalidArgument() || opened.IsNotFound() ||
      opened.IsPathNotFound() || text.find("No such file") != text.npos)
    return damaged(folder, text);
  return fail(to_error(opened), fmt::format("can't open {}", in_quotes(folder.native())));
}

/// The records that all members of a group share before its first entry.
status put_founders(transaction& state, const std::string& bytes) {
  if (bytes.empty())
    return {};
  auto birth = atl::decode_group_birth(bytes);
  if (!birth)
    return tl::unexpected{birth.error()};
  state.put(keys::birth(), bytes);
  for (auto& founder : birth->founders)
    state.put(keys::member(founder.id),
              encode(member_record{founder.name, founder.address, founder.folder}));
  return {};
}

/// Writes the state before the first entry, with a sync, so that a folder is either a name space or
/// empty.
status make_new(rocksdb::DB& db, const name_space_settings& settings) {
  meta fresh;
  fresh.cluster_id = settings.cluster_id;
  row_cache none_known;
  write_buffer rows;
  transaction first{db, none_known, rows, fresh};
  inode root;
  root.type = inode_type::directory;
  first.put_inode(root_inode, root);
  if (auto founded = put_founders(first, settings.birth); !founded)
    return founded;
  first.put_meta();
  rocksdb::WriteOptions options;
  options.sync = true;
  return write_rows(db, rows, options);
}

status make_database(const fs::path& folder, const name_space_settings& settings) {
  auto db = open_rocksdb(folder, settings, true);
  if (!db)
    return tl::unexpected{db.error()};
  if (auto made = make_new(**db, settings); !made)
    return made;
  if (auto closed = (*db)->Close(); !closed.ok())
    return tl::unexpected{to_error(closed)};
  return {};
}

result<meta> read_meta(rocksdb::DB& db, const fs::path& folder,
                       const name_space_settings& settings) {
  auto& cluster_id = settings.cluster_id;
  const write_buffer buffer;
  present_reader state{db, buffer};
  auto meta = state.must_meta();
  if (auto& failure = state.failure())
    return failure->code == errc::corrupt ? damaged(folder, "its index can't be read")
                                          : tl::unexpected{*failure};
  if (meta.format != format_version)
    return fail(errc::refused,
                fmt::format("the name space in {} has format {}, this release knows "
                            "format {}: use the release that wrote it",
                            in_quotes(folder.native()), meta.format, format_version));
  if (!cluster_id.empty() && meta.cluster_id != cluster_id)
    return fail(errc::refused,
                fmt::format("the name space in {} belongs to cluster {}, not to {}: correct the "
                            "folder or the cluster's name in the configuration",
                            in_quotes(folder.native()), in_quotes(meta.cluster_id),
                            in_quotes(cluster_id)));
  if (!settings.birth.empty() && state.find_birth() != settings.birth)
    return fail(errc::refused,
                fmt::format("the name space in {} belongs to another group than the log beside it: "
                            "put the folder back that belongs there; otherwise {}",
                            in_quotes(folder.native()), rebuild_advice));
  return meta;
}

/// The folder of the former database while it is being replaced.
fs::path replaced(const fs::path& folder) {
  return folder.native() + ".replaced";
}

/// Completes or undoes a replacement that a crash interrupted.
status finish_replacing(const fs::path& folder) {
  std::error_code failed;
  if (!fs::exists(replaced(folder), failed))
    return {};
  if (fs::exists(folder, failed))
    fs::remove_all(replaced(folder), failed);
  else
    fs::rename(replaced(folder), folder, failed);
  if (failed)
    return fail(atl::system_error(failed.value(), in_quotes(replaced(folder).native())),
                "can't finish replacing the name space");
  return {};
}

} // namespace

status write_rows(rocksdb::DB& db, const write_buffer& rows, const rocksdb::WriteOptions& how) {
  rocksdb::WriteBatch batch;
  rows.visit([&](const std::string& key, const row& it) {
    if (it.value)
      batch.Put(key, *it.value);
    else
      batch.Delete(key);
  });
  if (auto written = db.Write(how, &batch); !written.ok())
    return tl::unexpected{to_error(written)};
  return {};
}

status check_tables(const fs::path& folder) {
  rocksdb::ReadOptions how;
  how.readahead_size = std::size_t{2} << 20;
  std::error_code failed;
  for (fs::directory_iterator it{folder, failed}, end; !failed && it != end; it.increment(failed)) {
    if (it->path().extension() != ".sst")
      continue;
    rocksdb::SstFileReader table{rocksdb::Options{}};
    auto read = table.Open(it->path().native());
    if (read.ok())
      read = table.VerifyChecksum(how);
    if (!read.ok())
      return tl::unexpected{to_error(read)};
  }
  if (failed)
    return fail(atl::system_error(failed.value(), in_quotes(folder.native())),
                "can't check a snapshot");
  return {};
}

status replace_database(const fs::path& folder, const fs::path& from) {
  std::error_code failed;
  fs::rename(folder, replaced(folder), failed);
  if (!failed)
    fs::rename(from, folder, failed);
  if (failed) {
    auto problem = atl::system_error(failed.value(), in_quotes(folder.native()));
    return finish_replacing(folder) ? fail(problem, "can't replace the name space")
                                    : tl::unexpected{problem};
  }
  if (auto synced = atl::sync_to_disk(folder.parent_path()); !synced)
    return synced;
  return finish_replacing(folder);
}

result<opened_database> open_database(const fs::path& folder, const name_space_settings& settings) {
  if (settings.cluster_id.size() > limits::cluster_id_bytes_max)
    return fail(errc::invalid,
                fmt::format("the cluster's name {} is too long: at most {} bytes",
                            in_quotes(settings.cluster_id), limits::cluster_id_bytes_max));
  if (auto finished = finish_replacing(folder); !finished)
    return tl::unexpected{finished.error()};
  auto is_new = atl::is_nothing(folder);
  if (is_new && *is_new) {
    auto made = atl::make_folder(
        folder, [&](const fs::path& beside) { return make_database(beside, settings); });
    if (!made)
      return fail(made.error(), "can't make the name space");
  }
  if (!is_new)
    return tl::unexpected{is_new.error()};
  if (auto whole = check_whole(folder); !whole)
    return tl::unexpected{whole.error()};
  auto db = open_rocksdb(folder, settings);
  if (!db)
    return tl::unexpected{db.error()};
  auto meta = read_meta(**db, folder, settings);
  if (!meta)
    return tl::unexpected{meta.error()};
  return opened_database{std::move(*db), std::move(*meta)};
}

} // namespace dfs::state
