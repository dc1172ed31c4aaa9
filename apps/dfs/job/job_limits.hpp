#pragma once

#include <cstddef>

/// Every limit of jobs, in one place.
namespace dfs::job {

/// Bytes of a pattern, and memory that its automaton may take.
inline constexpr std::size_t pattern_bytes_max = 1024;
inline constexpr std::size_t pattern_memory_max = std::size_t{16} << 20;

/// A longer line, its line break included, is refused by `grep`. Bounds what is kept of a line
/// whose end has not been seen.
inline constexpr std::size_t line_bytes_max = std::size_t{1} << 20;

/// How much a piece is fed with at a time. At most `line_bytes_max`, so that it doesn't depend on
/// the cuts which lines are refused.
inline constexpr std::size_t block_bytes_max = line_bytes_max;

/// Once the lines that were found take so many bytes, a piece ends; what is left of its range is
/// the next piece. With the lines at its borders a result fits into a message.
inline constexpr std::size_t found_bytes_max = std::size_t{1} << 20;

} // namespace dfs::job
