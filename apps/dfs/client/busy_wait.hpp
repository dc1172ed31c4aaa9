#pragma once

#include "common/transfer_attempts.hpp"

#include <chrono>
#include <optional>
#include <random>
#include <thread>

namespace dfs {

/// Waits before transfers are repeated, by the clock and the chance of this machine.
class busy_wait {
 public:
  using time_point = transfer_attempts::time_point;

  explicit busy_wait(const atl::spi::transfer_policy& policy)
      : attempts_{policy, std::chrono::steady_clock::now()} {}

  /// @param progress when a storage node last accepted or returned data
  /// @returns how long to wait for busy nodes now; none if the time is over.
  std::optional<std::chrono::microseconds> next_pause(time_point progress) {
    return attempts_.after_busy(std::chrono::steady_clock::now(), progress, chance());
  }
  /// The same for nodes that failed; none also if they have been sent enough.
  std::optional<std::chrono::microseconds> next_resend(time_point progress) {
    return attempts_.after_failure(std::chrono::steady_clock::now(), progress, chance());
  }

  /// Waits. @returns false at once if the time is over.
  bool pause(time_point progress) {
    auto length = next_pause(progress);
    if (length)
      std::this_thread::sleep_for(*length);
    return length.has_value();
  }

 private:
  double chance() { return std::uniform_real_distribution<>{}(random_); }

  transfer_attempts attempts_;
  std::minstd_rand random_{std::random_device{}()};
};

} // namespace dfs
