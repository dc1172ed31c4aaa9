#pragma once

#include <cstddef>
#include <cstdint>

/// Every bound of the name space, in one place. All replicas must have the same limits: a replica
/// with other limits would answer the same command differently. So the limits change only together
/// with the version of the commands.
namespace dfs::limits {

inline constexpr std::size_t name_bytes_max = 255;
inline constexpr std::size_t path_bytes_max = 4096;
inline constexpr std::size_t path_depth_max = 256;

/// File content that may be stored in the name space itself; fits into one response.
inline constexpr std::size_t inline_bytes_max = 48u << 10;
inline constexpr std::size_t extents_per_file_max = 65'536;
/// Fragments of a chunk: the maximum of an erasure code over GF(256).
inline constexpr std::size_t fragments_per_chunk_max = 255;

inline constexpr std::size_t storage_name_bytes_max = 255;
inline constexpr std::size_t storage_uuid_bytes_max = 64;
inline constexpr std::uint32_t storage_nodes_max = 65'535;
inline constexpr std::size_t cluster_id_bytes_max = 64;

/// Bytes of a response to a query; longer results are split into pages.
inline constexpr std::size_t response_bytes_max = 60u << 10;
/// Bytes of a path or name that a message quotes.
inline constexpr std::size_t quoted_bytes_max = 160;
inline constexpr std::size_t known_ids_max = 2048;

/// A file with more extents, once removed, is reclaimed by `collect_garbage` rather than at once.
inline constexpr std::uint32_t reclaim_at_once_extents_max = 64;
/// Bound of the inodes and extents that one `collect_garbage` reclaims.
inline constexpr std::uint32_t reclaim_limit_max = 10'000;

} // namespace dfs::limits
