#pragma once

#include "common/chunk_id.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace dfs {

/// The id of a file, directory or other inode, never reused. 0: none. The upper 8 bits are 0: they
/// are reserved for a name space of several groups.
using inode_id = std::uint64_t;
inline constexpr inode_id root_inode = 1;
inline constexpr inode_id inode_id_max = (inode_id{1} << 56) - 1;

/// The id of a storage node, never reused. 0: none.
using storage_id = std::uint32_t;
inline constexpr storage_id no_storage = 0;

/// What is to become of a storage node. The order is that of the bytes in the database and on the
/// wire.
enum class storage_state : std::uint8_t {
  active,
  draining,  ///< its data is being moved away
  dead,      ///< its data is lost
  forgotten, ///< left for good: its name may be given again
};
inline constexpr storage_state storage_state_last = storage_state::forgotten;

/// The id of a policy (`policy.hpp`), never reused. 0: none; a directory without one has that of
/// its parent.
using policy_id = std::uint32_t;
inline constexpr policy_id no_policy = 0;

/// The id of a mount of the file system, never reused.
using mount_id = std::uint32_t;

enum class inode_type : std::uint8_t {
  file,
  directory,
  symlink,
  fifo,
  socket,
  char_device,
  block_device,
};
inline constexpr inode_type inode_type_last = inode_type::block_device;

/// Where something is: an inode, and a relative path from it, as `openat` takes them. An empty path
/// means the inode itself. `{root_inode, "a/b"}` is what a client calls "/a/b".
struct place {
  inode_id at = root_inode;
  std::string path;

  friend bool operator==(const place&, const place&) = default;
};

/// What is known of an inode besides its content. Times are in nanoseconds since 1970, negative
/// before it.
struct inode_attributes {
  inode_type type = inode_type::file;
  std::uint16_t mode = 0; ///< the 12 lower bits of `st_mode`: permissions, set-user-id, sticky
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  /// Names of a file; of a directory 2 and its subdirectories. 0: it has no name any more.
  std::uint32_t links = 0;
  std::uint64_t device = 0;     ///< of a device file: `st_rdev`
  std::uint64_t size_bytes = 0; ///< of a file, or of a symbolic link's target
  std::int64_t atime_ns = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::int64_t btime_ns = 0; ///< when the inode was made
  std::uint64_t version = 0; ///< log index of the last change
  std::uint64_t data_version =
      0;                     ///< log index of the last change of the content, or of the entries
  inode_id parent = 0;       ///< of a directory; 0: another type, or the root
  std::uint64_t entries = 0; ///< of a directory
  std::uint32_t extents = 0; ///< rows that describe the content
  /// Of a directory: its own, or none; of a file: that by which its content is stored from now on,
  /// at first that of its directory.
  policy_id policy = no_policy;
  inode_id quota_root = 0; ///< reserved: the directory whose quota counts the inode

  friend bool operator==(const inode_attributes&, const inode_attributes&) = default;
};

/// A chunk and where its fragments are.
struct chunk_record {
  chunk_id id;
  std::uint64_t size_bytes = 0; ///< of the chunk's data, before encoding
  /// The node of each fragment, by the fragment's index; `no_storage`: not stored yet.
  std::vector<storage_id> nodes;
  /// CRC-32C of the chunk's data, computed by the writer and verified by every reader: a scheme's
  /// result is accepted only if it has this checksum.
  std::uint32_t crc = 0;
  policy_id policy = no_policy; ///< by which the chunk was encoded

  friend bool operator==(const chunk_record&, const chunk_record&) = default;
};

/// Part of a chunk: the bytes from `offset_bytes` on.
struct chunk_part {
  chunk_record chunk;
  std::uint64_t offset_bytes = 0;

  friend bool operator==(const chunk_part&, const chunk_part&) = default;
};

/// Zeros that take no space.
struct hole {
  friend bool operator==(const hole&, const hole&) = default;
};

/// Bytes of a file: `length_bytes` from `offset_bytes` on.
struct piece {
  std::uint64_t offset_bytes = 0;
  std::uint64_t length_bytes = 0;                        ///< not 0
  std::variant<hole, std::string, chunk_part> content{}; ///< a string: the bytes themselves

  friend bool operator==(const piece&, const piece&) = default;
};

} // namespace dfs
