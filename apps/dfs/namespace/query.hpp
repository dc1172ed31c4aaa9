#pragma once

#include "common/types.hpp"
#include "namespace/response.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dfs {

/// The queries to the name space. Each query is answered by its `response`, split into pages of at
/// most `limits::response_bytes_max`, or by an error. In all queries, `limit` 0 means as many items
/// as fit into a page.
namespace queries {

struct stat {
  using response = responses::entry;
  place where;
};

struct list {
  using response = responses::listing;
  place where;
  std::string after{}; ///< empty: from the first; the name need not exist
  std::uint32_t limit = 0;
};

/// Reads the description of a file's content. Between two pages the content may have changed: then
/// `data_version` differs, or the inode.
struct open {
  using response = responses::opened;
  place where;
  std::uint64_t from_offset = 0;
};

struct get_xattr {
  using response = responses::xattr_value;
  place where;
  std::string name;
};

struct list_xattrs {
  using response = responses::xattr_names;
  place where;
  std::string after{}; ///< empty: from the first
};

struct policy_of {
  using response = responses::effective_policy;
  place where; ///< a directory, or what is in one
  /// Ask for a file that is yet to be made there, also if its directories don't exist yet.
  bool for_new_file = false;
};

struct policies {
  using response = responses::policy_page;
  policy_id after = no_policy;
};

struct settings {
  using response = responses::setting_page;
  std::string after{};
};

struct mounts {
  using response = responses::mount_page;
  mount_id after = 0;
};

struct summary {
  using response = responses::summary;
  storage_id after = no_storage; ///< pages through the storage nodes
};

/// The chunks with a fragment on a node.
struct chunks_on {
  using response = responses::chunk_page;
  storage_id node = no_storage;
  chunk_id after; ///< all zero: from the first
  std::uint32_t limit = 0;
};

/// Which of these chunks are referenced, and where are they? A chunk that is missing from the
/// response and was made before the garbage collection watermark can never be referenced again: it
/// can be deleted.
struct known {
  using response = responses::known_chunks;
  std::vector<chunk_id> ids; ///< at most `limits::known_ids_max`
};

struct all_chunks {
  using response = responses::chunk_page;
  chunk_id after; ///< all zero: from the first
  std::uint32_t limit = 0;
};

/// The chunks that lack fragments, the most endangered first.
struct incomplete {
  using response = responses::incomplete_page;
  std::uint8_t after_spare = 0;
  chunk_id after; ///< all zero: from the first with this spare
  std::uint32_t limit = 0;
};

/// What the files in a directory and below have that is stored otherwise than the policy of their
/// directory says. Symbolic links aren't followed.
struct unconverted {
  using response = responses::unconverted_page;
  place under; ///< a directory, or a file by its name in one
  /// As `next` and `next_offset` of the page before; none: from the first.
  std::vector<responses::walk_step> after{};
  std::uint64_t from_offset = 0;
};

/// What can be restored.
struct trash {
  using response = responses::trash_page;
  /// Only what was removed from here, or from below; the root: all.
  place under;
  /// As `next_expires_us` and `next_inode` of the page before; 0: from the first.
  std::uint64_t after_expires_us = 0;
  inode_id after_inode = 0;
  std::uint32_t limit = 0;
};

} // namespace queries

/// The order is that of the bytes on the wire: append only.
using query_message =
    std::variant<queries::stat, queries::list, queries::open, queries::get_xattr,
                 queries::list_xattrs, queries::policy_of, queries::policies, queries::settings,
                 queries::mounts, queries::summary, queries::chunks_on, queries::known,
                 queries::all_chunks, queries::incomplete, queries::trash, queries::unconverted>;

std::string encode(const query_message& query);

/// Does the query concern one file or directory only? Looks at the kind alone; false for an unknown
/// one.
bool is_about_one_entry(std::string_view query);

/// @returns `errc::invalid` for bytes that are no query known here.
atl::result<query_message> decode_query(std::string_view bytes);

} // namespace dfs
