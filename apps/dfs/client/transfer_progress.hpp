#pragma once

#include <atomic>
#include <chrono>

namespace dfs {

/// When a storage node last accepted or returned data of this client. Thread-safe.
class transfer_progress {
 public:
  using clock = std::chrono::steady_clock;

  void note() { last_.store(clock::now().time_since_epoch()); }
  clock::time_point last() const { return clock::time_point{last_.load()}; }

 private:
  std::atomic<clock::duration> last_{clock::duration{0}};
};

} // namespace dfs
