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

/// Content that one command may store in the name space itself, and that one page of a file may
/// have: it must fit into one response.
inline constexpr std::size_t inline_bytes_max = 48u << 10;
/// Content of one file that may stand in the name space, written by one command after the other.
inline constexpr std::uint64_t inline_bytes_per_file_max = 1u << 20;
inline constexpr std::size_t symlink_bytes_max = 4095;
inline constexpr std::size_t pieces_per_command_max = 65'536;
/// Chunks that one command may put in place of one.
inline constexpr std::size_t replacing_chunks_max = 1'024;
/// Entries and extents that one page of `queries::unconverted` looks at.
inline constexpr std::uint32_t conversion_rows_examined_max = 4'000;
/// Names of one inode.
inline constexpr std::uint32_t links_max = 1'000'000;
/// As `off_t` has it.
inline constexpr std::uint64_t file_bytes_max = INT64_MAX;
/// Fragments of a chunk: the maximum of an erasure code over GF(256).
inline constexpr std::size_t fragments_per_chunk_max = 255;
inline constexpr std::uint64_t chunk_bytes_max = 64u << 20;

inline constexpr std::size_t xattr_name_bytes_max = 255;
inline constexpr std::size_t xattr_value_bytes_max = 32u << 10;
/// Of one inode, names and values together.
inline constexpr std::size_t xattrs_bytes_max = 64u << 10;
/// What an extended attribute counts besides its name and value.
inline constexpr std::size_t xattr_overhead_bytes = 64;
inline constexpr std::size_t xattrs_max = xattrs_bytes_max / xattr_overhead_bytes;

inline constexpr std::size_t actions_per_batch_max = 1'000;

inline constexpr std::size_t policy_bytes_max = 16u << 10;
inline constexpr std::uint32_t policies_max = 10'000;
inline constexpr std::size_t setting_key_bytes_max = 128;
inline constexpr std::size_t setting_value_bytes_max = 16u << 10;
inline constexpr std::uint32_t settings_max = 1'000;

inline constexpr std::size_t storage_name_bytes_max = 255;
inline constexpr std::size_t storage_uuid_bytes_max = 64;
inline constexpr std::uint32_t storage_nodes_max = 65'535;
inline constexpr std::size_t cluster_id_bytes_max = 64;
inline constexpr std::size_t relocations_per_command_max = 10'000;

inline constexpr std::size_t mount_name_bytes_max = 255;
inline constexpr std::uint32_t mounts_max = 65'535;
/// Mounts that one command may name, and inodes that one `release` may.
inline constexpr std::size_t keep_for_max = 1'000;
inline constexpr std::size_t releases_max = 10'000;

/// Bytes of a response to a query; longer results are split into pages.
inline constexpr std::size_t response_bytes_max = 60u << 10;
/// Bytes of a path or name that a message quotes.
inline constexpr std::size_t quoted_bytes_max = 160;
inline constexpr std::size_t known_ids_max = 2048;

/// A file with more extents, once removed, is reclaimed by `collect_garbage` rather than at once.
inline constexpr std::uint32_t reclaim_at_once_extents_max = 64;
/// Bound of the inodes and extents that one `collect_garbage` reclaims.
inline constexpr std::uint32_t reclaim_limit_max = 10'000;

/// Ten years: how long what is removed can be kept.
inline constexpr std::uint64_t trash_us_max = 10ull * 365 * 24 * 3600 * 1'000'000;
/// Entries of the trash that one command may discard.
inline constexpr std::size_t discards_max = 1'000;
/// Levels of directories down to which the files of a directory in the trash are counted.
inline constexpr std::size_t trash_walk_steps_max = 1'000;
/// Rows that one query about the trash looks at.
inline constexpr std::uint32_t trash_rows_examined_max = 5'000;

} // namespace dfs::limits
