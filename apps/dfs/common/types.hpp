#pragma once

#include "common/chunk_id.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace dfs {

/// The id of a file or directory, never reused. 0: none.
using inode_id = std::uint64_t;
inline constexpr inode_id root_inode = 1;

/// The id of a storage node, never reused. 0: none.
using storage_id = std::uint32_t;
inline constexpr storage_id no_storage = 0;

enum class inode_type : std::uint8_t { file, directory };
inline constexpr inode_type inode_type_last = inode_type::directory;

/// A chunk and where its fragments are.
struct chunk_record {
  chunk_id id;
  std::uint64_t size_bytes = 0; ///< of the chunk's data, before encoding
  /// The node of each fragment, by the fragment's index; `no_storage`: not stored yet.
  std::vector<storage_id> nodes;
  /// CRC-32C of the chunk's data, computed by the writer and verified by every reader: a scheme's
  /// result is accepted only if it has this checksum.
  std::uint32_t crc = 0;

  friend bool operator==(const chunk_record&, const chunk_record&) = default;
};

/// The next `length_bytes` of a file are the first ones of the chunk.
struct placed_extent {
  chunk_record chunk;
  std::uint64_t length_bytes = 0; ///< 1 … the chunk's size

  friend bool operator==(const placed_extent&, const placed_extent&) = default;
};

} // namespace dfs
