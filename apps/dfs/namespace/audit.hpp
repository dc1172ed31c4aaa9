#pragma once

#include "namespace/name_space.hpp"
#include "namespace/records.hpp"

#include <atoll/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
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
  std::uint64_t rows = 0;            ///< of the name space, as what follows
  std::uint64_t inodes = 0;
  std::uint64_t entries = 0; ///< names in directories
  std::uint64_t chunks = 0;

  friend bool operator==(const audit_report&, const audit_report&) = default;
};

/// How an audit is carried out.
struct audit_options {
  /// The rows are read several times; each time the facts of so many inodes and chunks are compared
  /// at most. These bound the memory: some 200 bytes for each.
  std::size_t inodes_at_once_max = 500'000;
  std::size_t chunks_at_once_max = 500'000;
  /// Called now and then with the rows that were read, and those that are to be read in all (0
  /// while these are being counted). @returns false to stop. Null: nobody wants to know.
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress{};
};

/// Visits all rows of a name space in the order of their keys, each time that it is called.
using row_source = std::function<atl::status(const atl::row_visitor&)>;

/// Recounts what the rows of a name space say of each other: names, entries, extents, references,
/// live bytes, indexes and counters. Takes 16 bytes of memory for each directory beside what
/// `audit_options` bounds. Commands wait until it has ended, so a running master audits a copy.
/// Errors: as of `name_space::visit_rows`; unavailable if it was stopped.
atl::result<audit_report> audit(const name_space& names, const audit_options& how = {});
/// The same for rows from elsewhere.
atl::result<audit_report> audit_rows(const row_source& rows, const audit_options& how = {});
/// The same for a copy that `name_space::save` made. Errors: as of `atl::saved_state`.
atl::result<audit_report> audit_copy(const std::filesystem::path& folder,
                                     const audit_options& how = {});

namespace state {

/// The inodes and chunks that one pass over the rows compares.
struct audit_part {
  inode_id inodes_from = 0;
  std::optional<inode_id> inodes_end{}; ///< the first one that isn't in the part; none: all are
  chunk_id chunks_from{};
  std::optional<chunk_id> chunks_end{};
  bool is_first = true; ///< the pass that reports whatever belongs to no inode or chunk

  bool has(inode_id id) const { return id >= inodes_from && (!inodes_end || id < *inodes_end); }
  bool has(const chunk_id& id) const {
    return id >= chunks_from && (!chunks_end || id < *chunks_end);
  }
};

/// The rows are taken one by one; so many of their facts are kept that the rest can be compared.
/// Several auditors, each for a part, find together what one finds for the whole.
class auditor {
 public:
  explicit auditor(const audit_part& part = {}) : part_{part} {}

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
    std::uint64_t trash_expires_us = 0;
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
  struct directory_facts {
    inode_id id = 0;
    inode_id parent = 0;
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
  struct trash_facts {
    inode_id id = 0;
    std::uint64_t expires_us = 0;
    bool is_counted = true;
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
  void keep(inode_id id, const inode& record);
  void take_held(std::string_view key);
  void take_policy(std::string_view key, std::string_view value);
  void take_orphan(std::string_view key, std::string_view value);
  void take_trash(std::string_view key, std::string_view value);
  void take_trash_walk(std::string_view key, std::string_view value);
  void take_incomplete(std::string_view key);
  void take_extent(std::string_view key, std::string_view value);
  void take_extent_of(inode_facts& file, std::uint64_t end, const extent& row);
  void take_part_of_chunk(inode_id file, std::uint64_t length, const extent::part& part);
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
  void join_trash();
  void compare(std::string_view what, std::uint64_t stored, std::uint64_t counted);

  void report(std::string finding);
  /// For a finding about a row by itself, which each pass makes.
  void report_row(std::string finding);
  inode_facts* find(inode_id id);
  chunk_facts* find(const chunk_id& id);

  const audit_part part_;
  audit_report report_;
  std::string last_key_;
  std::optional<meta> meta_;
  meta counted_{.directories = 0};  // the root is counted as the others
  std::vector<inode_facts> inodes_; ///< in order of the ids, as are the next three
  std::vector<chunk_facts> chunks_;
  std::vector<directory_facts> directories_; ///< all that have a name, but for the root
  bool has_root_ = false;
  std::vector<children_count> children_counts_;
  std::vector<xattr_count> xattrs_;
  std::vector<trash_facts> trash_;    ///< in order of the expiry, and then of the ids
  std::vector<inode_id> trash_walks_; ///< of what is still to be counted
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
