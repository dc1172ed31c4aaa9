#pragma once

#include <cstddef>
#include <cstdint>

namespace dfs {

/// Data is checksummed, sent and read in blocks of this size; the last block may be shorter.
inline constexpr std::size_t block_size = 64 * 1024;

/// The largest fragment that a store takes. Bounds the checksum table (4 bytes a block), and so the
/// memory that a hostile request or a damaged file can make a node allocate.
inline constexpr std::uint64_t fragment_bytes_max = 64 * 1024 * 1024;

/// The largest index of a fragment; no sensible scheme has more fragments.
inline constexpr std::uint32_t fragment_index_max = 0xffff;

/// Damaged fragments remembered for `chunk_store::take_damaged`.
inline constexpr std::size_t found_damaged_max = 100'000;

/// Commits that wait for the background sync, by number (each has an open file) and by bytes (the
/// data that one node may lose in a power cut). Beyond these bounds, commits wait.
inline constexpr std::size_t sync_backlog_files_max = 256;
inline constexpr std::uint64_t sync_backlog_bytes_max = 256 * 1024 * 1024;

/// While a fragment is written, the kernel is asked to start writing it out after this many bytes,
/// so that the sync at the end finds little left to do.
inline constexpr std::uint64_t writeback_step = 2 * 1024 * 1024;

/// Blocks of a fragment of `size` bytes.
constexpr std::size_t block_count(std::uint64_t size) {
  return static_cast<std::size_t>((size + block_size - 1) / block_size);
}

} // namespace dfs
