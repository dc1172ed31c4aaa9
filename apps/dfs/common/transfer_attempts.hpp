#pragma once

#include <atoll/spi/recovery.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace dfs {

/// Decides whether a transfer is repeated, and when: by a policy, the time, and the chance that its
/// caller draws.
class transfer_attempts {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// The first transfer begins now. @param policy has a deadline
  transfer_attempts(const atl::spi::transfer_policy& policy, time_point now)
      : policy_{policy}, began_{now}, longest_pause_{policy.backoff} {}

  /// A node is busy, which is no failure: only the deadline bounds how often it is asked again.
  /// @param progress when any node has taken or given data last
  /// @param chance at least 0 and below 1: clients that failed together don't repeat together
  /// @returns how long to pause; none if the time is over
  std::optional<std::chrono::microseconds> after_busy(time_point now, time_point progress,
                                                      double chance);

  /// A node has not acknowledged the transfer. @returns none also after `sends` transfers
  std::optional<std::chrono::microseconds> after_failure(time_point now, time_point progress,
                                                         double chance);

 private:
  atl::spi::transfer_policy policy_;
  time_point began_;
  std::chrono::microseconds longest_pause_;
  std::uint32_t failures_ = 0;
};

} // namespace dfs
