#pragma once

#include "client/backoff.hpp"

#include <chrono>

namespace dfs {

/// Waits for busy storage nodes: a little longer each time, with jitter, until no node has made
/// progress for as long as the settings allow.
class busy_wait {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit busy_wait(std::chrono::microseconds timeout) : timeout_{timeout} {}

  /// @param progress when a storage node last accepted or returned data
  /// @returns false at once if the time is over.
  bool pause(time_point progress) {
    if (std::chrono::steady_clock::now() - std::max(progress, began_) >= timeout_)
      return false;
    pauses_.sleep();
    return true;
  }

 private:
  std::chrono::microseconds timeout_;
  time_point began_ = std::chrono::steady_clock::now();
  backoff pauses_{std::chrono::milliseconds{10}, std::chrono::milliseconds{800}};
};

} // namespace dfs
