#pragma once

#include "namespace/records.hpp"

#include <atoll/core/error.hpp>
#include <atoll/core/state/row_reader.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace dfs::state {

using visitor = atl::row_visitor;

/// The records of the name space in a state's rows. The first failure (a device, damage) is kept in
/// the rows' reader, and everything read after it is invalid.
class state_reader {
 public:
  explicit state_reader(atl::row_reader& rows) : rows_{rows} {}

  std::optional<dirent> find_entry(inode_id parent, std::string_view name);
  /// Entries, inodes, chunks and nodes may be unknown.
  std::optional<inode> find_inode(inode_id id);
  std::optional<stored_chunk> find_chunk(const chunk_id& id);
  std::optional<storage_record> find_storage(storage_id id);
  /// May a fragment be said to be on the node? Not if it was never registered, if its data counts
  /// as lost, or if it was forgotten.
  bool may_hold_fragments(storage_id id);
  std::optional<storage_id> find_storage_by_name(std::string_view name);
  std::optional<storage_id> find_storage_by_uuid(std::string_view uuid);
  std::optional<policy> find_policy(policy_id id);
  std::optional<mount_record> find_mount(mount_id id);
  std::optional<trash_record> find_trash(std::uint64_t expires_us, inode_id id);
  std::optional<setting_record> find_setting(std::string_view key);
  std::optional<std::string> find_xattr(inode_id id, std::string_view name);
  bool has(const std::string& key);
  /// An inode that an entry names, and a chunk that a file has, must exist; if not, the state is
  /// damaged.
  inode must_inode(inode_id id);
  stored_chunk must_chunk(const chunk_id& id);
  meta must_meta();

  /// Visits the keys that begin with `prefix`, in order, from `from` on. The visitor must not
  /// change the state.
  void scan(std::string_view prefix, std::string_view from, const visitor& visit) {
    rows_.scan(prefix, from, visit);
  }

  const std::optional<atl::error>& failure() const { return rows_.failure(); }
  /// Records that a value is missing or malformed.
  void fail_damaged(std::string_view what) { rows_.fail_damaged(what); }

 private:
  template <class Record>
  std::optional<Record> find(const std::string& key, std::string_view what);

  std::optional<std::uint32_t> find_id(const std::string& key, std::string_view what);

  atl::row_reader& rows_;
};

/// Reads the present state, for a query.
class present_reader final : public state_reader {
 public:
  explicit present_reader(atl::state_view& rows) : state_reader{rows}, rows_{rows} {}

  /// What the framework knows of the state.
  atl::state_summary summary() { return rows_.summary(); }

 private:
  atl::state_view& rows_;
};

} // namespace dfs::state
