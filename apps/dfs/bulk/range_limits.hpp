#pragma once

#include <cstddef>

/// What is read for something that a recovery scheme makes out of ranges of fragments. Each range
/// is a request, so whoever reads refuses a scheme that names too many.
namespace dfs {

/// Ranges for a part of a chunk. The most that one of Atoll's schemes names is 282 (`clay`).
inline constexpr std::size_t read_ranges_max = 1024;
/// Of these, requests that are under way at one node.
inline constexpr std::size_t read_ranges_at_node_max = 8;
/// The ranges that a scheme may name to rebuild a part of a fragment. Of Atoll's schemes `clay`
/// with 14 + 2 names the most: 1,920.
inline constexpr std::size_t rebuild_ranges_max = 4096;

} // namespace dfs
