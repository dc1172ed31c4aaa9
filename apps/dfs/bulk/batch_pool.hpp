#pragma once

#include "bulk/bulk_limits.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace dfs {

/// A batch of a write, on its way from the previous node to the disk and the next node.
struct batch_buffer {
  std::array<std::uint32_t, blocks_per_batch> crcs = {};
  std::unique_ptr<std::byte[]> data;
};

/// Lends the buffers of writes. A connection has none while no write is under way over it, and few
/// are kept for the writes to come (`batches_kept_max`). Thread-safe.
class batch_pool {
 public:
  /// @param bytes the batch's; ≤ batch_size
  batch_buffer take(std::size_t bytes);
  /// @param bytes as of `take`
  void give_back(batch_buffer buffer, std::size_t bytes);

 private:
  std::mutex mutex_;
  std::vector<batch_buffer> kept_; ///< of batch_size
};

} // namespace dfs
