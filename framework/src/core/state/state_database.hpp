#pragma once

#include "state_rows.hpp"

#include <atoll/core/state/replicated_state.hpp>

#include <rocksdb/db.h>

#include <filesystem>
#include <memory>
#include <string_view>

/// The database of a replicated state.
namespace atl {

class write_buffer;

struct opened_database {
  std::unique_ptr<rocksdb::DB> db;
  state_meta meta;
};

/// The part of the cache that the applying thread's rows take; the rest is for the database's
/// blocks.
inline std::size_t row_cache_bytes(const replicated_state::settings& settings) {
  return settings.cache_bytes / 2;
}

/// Completes what a crash interrupted in `folder`, and creates the database of a new state where
/// nothing is.
status prepare_database(const std::filesystem::path& folder,
                        const replicated_state::settings& settings, const service_info& service,
                        service_logic& logic);

/// Opens an existing database; checks that it is a complete state of this application, cluster and
/// group.
result<opened_database> open_database(const std::filesystem::path& folder,
                                      const replicated_state::settings& settings,
                                      const service_info& service);

/// Applies all changes or none.
status write_rows(rocksdb::DB& db, const write_buffer& rows, const rocksdb::WriteOptions& options,
                  const service_info& service);

/// An empty buffer for the framework's and the application's rows.
write_buffer empty_buffer(const service_info& service);

/// Where rows are read from: memory only, or also the disk.
enum class reads { memory, disk };
rocksdb::ReadOptions read_options(reads from);

/// Converts a failure of RocksDB.
error to_error(const rocksdb::Status& status, const service_info& service);

inline rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}

/// Completes or undoes a replacement that a crash interrupted.
status finish_replacing(const std::filesystem::path& folder, const service_info& service);

/// Reads every block of the tables in `folder`, a checkpoint.
/// @returns errc::corrupt with what is damaged and what to do; another error says nothing about the
/// tables.
status check_tables(const std::filesystem::path& folder, const service_info& service);

/// Puts the files of `from`, a folder on the same disk, in place of the closed database in
/// `folder`. After a crash in between `prepare_database` finds the old one or the new one.
status replace_database(const std::filesystem::path& folder, const std::filesystem::path& from,
                        const service_info& service);

} // namespace atl
