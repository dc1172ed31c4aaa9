#pragma once

#include <atomic>
#include <cstdint>

namespace dfs {

/// What the rebuilds of a storage node have cost since it started. Thread-safe.
struct repair_counters {
  std::atomic<std::uint64_t> read_bytes = 0;    ///< of fragments on other nodes
  std::atomic<std::uint64_t> rebuilt_bytes = 0; ///< of the fragments that were made of them
};

} // namespace dfs
