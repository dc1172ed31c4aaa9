#include "bulk/batch_pool.hpp"

#include <utility>

namespace dfs {

batch_buffer batch_pool::take(std::size_t bytes) {
  if (bytes == batch_size) {
    std::lock_guard lock{mutex_};
    if (!kept_.empty()) {
      auto taken = std::move(kept_.back());
      kept_.pop_back();
      return taken;
    }
  }
  return {{}, std::make_unique_for_overwrite<std::byte[]>(bytes)};
}

void batch_pool::give_back(batch_buffer buffer, std::size_t bytes) {
  if (bytes != batch_size)
    return;
  std::lock_guard lock{mutex_};
  if (kept_.size() < batches_kept_max)
    kept_.push_back(std::move(buffer));
}

} // namespace dfs
