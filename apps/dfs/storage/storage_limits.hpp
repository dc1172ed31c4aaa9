#pragma once

#include <cstddef>
#include <cstdint>

namespace dfs {

/// Data is checksummed, sent and read in blocks of this size; the last one may be shorter.
inline constexpr std::size_t block_size = 64 * 1024;

/// The largest fragment that a store takes. Bounds the checksum table (4 bytes a block), and so
/// what a stranger's request or a damaged file can make us allocate.
inline constexpr std::uint64_t max_fragment_size = 64 * 1024 * 1024;

/// The largest index of a fragment: a scheme with more pieces than that makes no sense.
inline constexpr std::uint32_t max_fragment_index = 0xffff;

/// Changes remembered for `chunk_store::take_changes`; beyond, only that the list is incomplete.
inline constexpr std::size_t max_pending_changes = 100'000;

/// Commits that wait for the background sync, by number (each holds a file open) and by bytes (how
/// much a power cut may take from one node). Beyond, committers wait.
inline constexpr std::size_t max_sync_backlog = 256;
inline constexpr std::uint64_t max_sync_backlog_bytes = 256 * 1024 * 1024;

/// While a fragment is written, the kernel is asked to start writing it out after this many bytes,
/// so that the sync at the end finds little left to do.
inline constexpr std::uint64_t writeback_step = 2 * 1024 * 1024;

/// Blocks of a fragment of `size` bytes.
constexpr std::size_t block_count(std::uint64_t size) {
  return static_cast<std::size_t>((size + block_size - 1) / block_size);
}

} // namespace dfs
