#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

namespace atl {

/// Lets one log message a second through and counts those that it holds back, so that a peer that
/// sends nonsense does not fill the log. Thread-safe.
class log_limiter {
 public:
  /// @returns how many messages were held back since the last one that passed; none: hold this
  /// message back too.
  std::optional<std::uint64_t> pass() {
    std::lock_guard lock{mutex_};
    auto now = std::chrono::steady_clock::now();
    if (last_ && now - *last_ < std::chrono::seconds{1}) {
      ++held_back_;
      return std::nullopt;
    }
    last_ = now;
    return std::exchange(held_back_, 0);
  }

 private:
  std::mutex mutex_;
  std::optional<std::chrono::steady_clock::time_point> last_;
  std::uint64_t held_back_ = 0;
};

} // namespace atl
