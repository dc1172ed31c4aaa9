#pragma once

#include "common/policy.hpp"
#include "common/types.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The values of the database. Each begins with a version byte. `decode` says whether the bytes are
/// such a value; malformed bytes mean damage, because this program wrote the values.
namespace dfs::state {

/// The version of all rows; a database of another version is refused.
inline constexpr std::uint32_t rows_version = 6;

/// Counters of the state, in one record.
struct meta {
  storage_id storages = 0; ///< the highest id given so far
  mount_id mounts = 0;     ///< likewise
  policy_id policies = 0;  ///< likewise
  inode_id next_inode = root_inode + 1;
  std::uint64_t files = 0;
  std::uint64_t directories = 1;
  std::uint64_t others = 0; ///< symbolic links, devices, pipes, sockets
  std::uint64_t chunks = 0;
  std::uint64_t incomplete_chunks = 0;
  std::uint64_t bytes = 0;        ///< of the files' sizes
  std::uint64_t inline_bytes = 0; ///< of content that stands in the name space
  std::uint64_t orphans = 0;      ///< length of the queue of orphans to reclaim
  std::uint64_t settings = 0;
  std::uint64_t live_mounts = 0;
  std::uint64_t ended_mounts = 0; ///< whose inodes are still to be released
  std::uint64_t gc_watermark_us = 0;
  std::uint64_t trash_entries = 0;
  std::uint64_t trash_bytes = 0;     ///< of all entries' `trash_record::bytes`
  std::uint64_t trash_uncounted = 0; ///< entries whose files are still to be counted
  /// No entry of the trash expires before this time.
  std::uint64_t trash_expired_us = 0;
  std::uint64_t trash_policies = 0; ///< policies by which removed files go to the trash
  /// Added to the log's indexes, so that versions grow also after a restore from a backup, which
  /// begins a new log.
  std::uint64_t index_base = 0;
  std::uint64_t relocation_term = 0; ///< the highest of all relocations
};

struct dirent {
  inode_id id = 0;
  inode_type type = inode_type::file;
};

struct inode : inode_attributes {
  std::uint32_t subdirectories = 0; ///< of a directory
  std::uint32_t holders = 0;        ///< mounts that have it open although it has no name
  std::uint32_t xattr_bytes = 0;    ///< of extended attributes, names and values
  std::uint64_t inline_bytes = 0;   ///< of a file's content that stand in the name space
  /// Of an inode that is in the trash by itself, not in a directory there: when it expires.
  std::uint64_t trash_expires_us = 0;
};

/// Bytes of a file. The row's key has the end of the bytes.
struct extent {
  struct part {
    chunk_id chunk;
    std::uint64_t offset_bytes = 0; ///< in the chunk
  };
  std::uint64_t begin = 0;
  std::variant<std::string, part> content; ///< a string: the bytes themselves
};

struct stored_chunk {
  std::uint64_t size_bytes = 0;
  std::uint64_t references = 0; ///< extents
  std::uint64_t live_bytes = 0; ///< of all extents
  std::vector<storage_id> nodes;
  std::uint32_t crc = 0; ///< as in `chunk_record`
  policy_id policy = no_policy;
};

struct storage_record {
  std::string name;
  std::string uuid;
  storage_state state = storage_state::active;
};

struct mount_record {
  std::string name;
  std::uint64_t begun_us = 0;
  bool ended = false; ///< what it holds is being released
};

struct setting_record {
  std::uint64_t version = 0; ///< log index of the last change
  std::string value;
};

/// Something that was removed and can be restored. The row's key says when it expires, and which
/// inode it is.
struct trash_record {
  std::uint64_t removed_us = 0;
  place from;               ///< the name that was removed last
  std::uint64_t bytes = 0;  ///< of its files, as far as they are counted
  std::uint64_t inodes = 1; ///< likewise, and with itself
  bool is_counted = true;   ///< false: a row of `trash_walk` says how far it is
};

/// How far the files of a directory in the trash are counted: the directories from that one down to
/// the one whose entries come next.
struct trash_walk {
  struct step {
    inode_id directory = 0;
    std::string after; ///< the last name that was counted; empty: none
  };
  std::vector<step> steps;
};

std::string encode(const meta& value);
std::string encode(const dirent& value);
std::string encode(const inode& value);
std::string encode(const extent& value);
std::string encode(const stored_chunk& value);
std::string encode(const storage_record& value);
std::string encode(const mount_record& value);
std::string encode(const setting_record& value);
std::string encode(const policy& value);
std::string encode(const trash_record& value);
std::string encode(const trash_walk& value);
/// A row that says something by its key alone.
std::string encode_mark();
/// A row whose value is an id.
std::string encode_id(std::uint32_t id);
/// A row whose value is bytes: an extended attribute, the place at which a walk goes on.
std::string encode_bytes(std::string_view bytes);

bool decode(std::string_view bytes, meta& value);
bool decode(std::string_view bytes, dirent& value);
bool decode(std::string_view bytes, inode& value);
bool decode(std::string_view bytes, extent& value);
bool decode(std::string_view bytes, stored_chunk& value);
bool decode(std::string_view bytes, storage_record& value);
bool decode(std::string_view bytes, mount_record& value);
bool decode(std::string_view bytes, setting_record& value);
bool decode(std::string_view bytes, policy& value);
bool decode(std::string_view bytes, trash_record& value);
bool decode(std::string_view bytes, trash_walk& value);
bool decode_id(std::string_view bytes, std::uint32_t& id);
bool decode_bytes(std::string_view bytes, std::string& value);

} // namespace dfs::state
