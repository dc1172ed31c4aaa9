#pragma once

#include "namespace/name_space.hpp"
#include "namespace/records.hpp"
#include "namespace/write_buffer.hpp"

#include <rocksdb/db.h>

#include <memory>

/// Opening the database of a name space.
namespace dfs::state {

struct opened_database {
  std::unique_ptr<rocksdb::DB> db;
  state::meta meta;
};

/// Opens the database, or creates one in an empty folder; checks that it is a complete name space
/// of this cluster.
atl::result<opened_database> open_database(const std::filesystem::path& folder,
                                           const name_space_settings& settings);

/// Applies all changes or none.
atl::status write_rows(rocksdb::DB& db, const write_buffer& rows, const rocksdb::WriteOptions& how);

/// Reads every block of the tables in `folder`, a checkpoint.
/// @returns errc::corrupt with what is damaged and what to do; another error says nothing about the
/// tables.
atl::status check_tables(const std::filesystem::path& folder);

/// Puts the files of `from`, a folder on the same disk, in place of the closed database in
/// `folder`. After a crash in between `open_database` finds the old one or the new one.
atl::status replace_database(const std::filesystem::path& folder,
                             const std::filesystem::path& from);

} // namespace dfs::state
