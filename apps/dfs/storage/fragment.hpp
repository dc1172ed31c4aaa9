#pragma once

#include "common/chunk_id.hpp"
#include "storage/disk.hpp"
#include "storage/storage_limits.hpp"

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dfs {

/// Names one fragment of one chunk: what a node stores. With plain replication each copy is a
/// fragment too.
struct fragment_key {
  chunk_id chunk;
  std::uint32_t fragment = 0; ///< 0 … fragment_index_max

  friend auto operator<=>(const fragment_key&, const fragment_key&) = default;
};

/// `<chunk id>.<fragment>`, also the name of its file.
std::string to_string(const fragment_key& key);
std::optional<fragment_key> parse_fragment_key(std::string_view text);

/// The checksum of a block: CRC-32C.
std::uint32_t block_crc(std::span<const std::byte> block);
/// The checksums of the blocks that the bytes consist of; the last one may be shorter.
std::vector<std::uint32_t> block_crcs(std::span<const std::byte> bytes);

/// The description of a fragment's data, in its file. The file is the data from offset 0 on (so
/// that it can be sent page-aligned), then the CRC-32C of each block, 4 bytes each, then the
/// trailer.
struct fragment_info {
  fragment_key key;
  std::uint64_t size = 0;                ///< bytes of data
  std::vector<std::uint32_t> block_crcs; ///< one a block: `block_count(size)`
};

/// Bytes of table and trailer for `size` bytes of data.
std::uint64_t fragment_footer_size(std::uint64_t size);

/// Table and trailer, to be written at offset `info.size`.
std::string encode_footer(const fragment_info& info);

/// Reads and checks the footer of an open file: magic, format version, that the file holds `key`,
/// that its length is right, both checksums. Doesn't read the data. Errors: corrupt (also if the
/// device can't read the footer), io (also if the mode is `cached` and the footer isn't in memory).
atl::result<fragment_info> read_footer(disk& on, int fd, const fragment_key& key,
                                       read_mode mode = read_mode::waiting);

/// The error for a failed read of a fragment's file. @param code the negative `errno`
atl::error read_failure(const fragment_key& key, std::int64_t code);

} // namespace dfs

template <>
struct std::hash<dfs::fragment_key> {
  std::size_t operator()(const dfs::fragment_key& key) const noexcept {
    return std::hash<dfs::chunk_id>{}(key.chunk) ^ (key.fragment * 0xbf58476d1ce4e5b9ULL);
  }
};
