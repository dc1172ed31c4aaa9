#include "common/transfer_attempts.hpp"

#include <algorithm>

namespace dfs {

using std::chrono::microseconds;

std::optional<microseconds> transfer_attempts::after_busy(time_point now, time_point progress,
                                                          double chance) {
  if (now - std::max(progress, began_) >= policy_.deadline)
    return std::nullopt;
  auto shortest = std::min(policy_.backoff, policy_.backoff_max);
  auto longest = std::clamp(longest_pause_, shortest, policy_.backoff_max);
  longest_pause_ = longest <= policy_.backoff_max / 2 ? longest * 2 : policy_.backoff_max;
  auto spread = static_cast<double>((longest - shortest).count()) * chance;
  return shortest + microseconds{static_cast<microseconds::rep>(spread)};
}

std::optional<microseconds> transfer_attempts::after_failure(time_point now, time_point progress,
                                                             double chance) {
  if (++failures_ >= policy_.sends)
    return std::nullopt;
  return after_busy(now, progress, chance);
}

} // namespace dfs
