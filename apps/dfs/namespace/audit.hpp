#pragma once

#include "namespace/name_space.hpp"
#include "namespace/records.hpp"

#include <atoll/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dfs {

/// What is wrong in a name space's rows.
struct audit_report {
  static constexpr std::size_t findings_max = 1000;
  std::vector<std::string> findings; ///< sentences for people; the first `findings_max`
  std::uint64_t total = 0;           ///< also those that are left out
  std::uint64_t rows = 0;            ///< that were read

  friend bool operator==(const audit_report&, const audit_report&) = default;
};

/// Recounts what the rows of a name space say of each other: names, entries, extents, references,
/// live bytes, indexes and counters. Takes some 200 bytes of memory for each file. Commands wait
/// until it has ended, so a running master audits a copy that it saved.
/// Errors: as of `name_space::visit_rows`.
atl::result<audit_report> audit(const name_space& names);

namespace state {

/// The rows are taken one by one; so many of their facts are kept that the rest can be compared.
class auditor {
 public:
  /// Takes the next row. The rows come in the order of their keys.
  void take(std::string_view key, std::string_view value);
  /// Compares what is left, after the last row.
  audit_report finish();

 private:
  struct inode_facts {
    inode_id id = 0;
    inode_id parent = 0;
    std::uint64_t size_bytes = 0;
    std::uint64_t entries = 0;
    std::uint64_t inline_bytes = 0;
    std::uint32_t subdirectories = 0;
    std::uint32_t links = 0;
    std::uint32_t extents = 0;
    std::uint32_t holders = 0;
    std::uint32_t xattr_bytes = 0;
    policy_id policy = no_policy;
    inode_type type = inode_type::file;
    bool is_queued = false;
    // Counted:
    std::uint32_t names = 0;
    std::uint32_t holders_found = 0;
    std::uint32_t extents_found = 0;
    std::uint64_t inline_bytes_found = 0;
    std::uint64_t content_end = 0;
  };
  struct chunk_facts {
    chunk_id id;
    stored_chunk stored;
    std::uint64_t references = 0; ///< counted, as what follows
    std::uint64_t live_bytes = 0;
    std::size_t fragments = 0;
    bool is_listed = false; ///< as incomplete
  };
  struct child {
    inode_id id = 0;
    inode_id parent = 0;
    inode_type type = inode_type::file;
  };
  struct children_count {
    inode_id parent = 0;
    std::uint64_t entries = 0;
    std::uint32_t subdirectories = 0;
  };
  struct xattr_count {
    inode_id id = 0;
    std::uint64_t bytes = 0;
  };

  void take_xattr(std::string_view key, std::string_view value);
  void take_chunk(std::string_view key, std::string_view value);
  void take_entry(std::string_view key, std::string_view value);
  void take_fragment(std::string_view key);
  void take_inode(std::string_view key, std::string_view value);
  void take_held(std::string_view key);
  void take_policy(std::string_view key, std::string_view value);
  void take_orphan(std::string_view key, std::string_view value);
  void take_incomplete(std::string_view key);
  void take_extent(std::string_view key, std::string_view value);
  void take_extent_of(inode_facts& file, std::uint64_t end, const extent& row);
  void take_mount(std::string_view key, std::string_view value);
  void take_storage(std::string_view key, std::string_view value);
  void take_storage_id(std::string_view key, std::string_view value);

  void join_children();
  void join_xattrs();
  void check_inode(const inode_facts& inode);
  void check_names_of(const inode_facts& inode);
  void check_content_of(const inode_facts& inode);
  void check_reachable();
  void check_chunks();
  void check_storages();
  void check_policies();
  void check_counters();
  void compare(std::string_view what, std::uint64_t stored, std::uint64_t counted);

  void report(std::string finding);
  inode_facts* find(inode_id id);
  chunk_facts* find(const chunk_id& id);

  audit_report report_;
  std::string last_key_;
  std::optional<meta> meta_;
  meta counted_{.directories = 0};  // the root is counted as the others
  std::vector<inode_facts> inodes_; ///< in order of the ids, as are the next three
  std::vector<chunk_facts> chunks_;
  std::vector<children_count> children_counts_;
  std::vector<xattr_count> xattrs_;
  std::vector<child> children_;
  std::unordered_map<policy_id, policy> policies_;
  std::unordered_map<policy_id, std::uint64_t> policies_by_digest_;
  std::unordered_map<storage_id, storage_record> storages_;
  std::unordered_map<std::string, storage_id> storages_by_name_;
  std::unordered_map<std::string, storage_id> storages_by_uuid_;
  std::unordered_map<mount_id, bool> mounts_;
};

} // namespace state

} // namespace dfs
