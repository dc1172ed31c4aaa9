#pragma once

#include "client/backoff.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

namespace dfs {

/// Waits for busy storage nodes: a little longer each time, with jitter, until no node has made
/// progress for as long as the settings allow.
class busy_wait {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit busy_wait(std::chrono::microseconds timeout) : timeout_{timeout} {}

  /// @param progress when a storage node last accepted or returned data
  /// @returns how long to wait now; none if the time is over.
  std::optional<std::chrono::milliseconds> next_pause(time_point progress) {
    if (std::chrono::steady_clock::now() - std::max(progress, began_) >= timeout_)
      return std::nullopt;
    return pauses_.next();
  }

  /// Waits. @returns false at once if the time is over.
  bool pause(time_point progress) {
    auto length = next_pause(progress);
    if (length)
      std::this_thread::sleep_for(*length);
    return length.has_value();
  }

 private:
  std::chrono::microseconds timeout_;
  time_point began_ = std::chrono::steady_clock::now();
  backoff pauses_{std::chrono::milliseconds{10}, std::chrono::milliseconds{800}};
};

} // namespace dfs
