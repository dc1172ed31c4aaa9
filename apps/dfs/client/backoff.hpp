#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace dfs {

/// Exponential back-off with full jitter up to a bound, so that clients that failed together don't
/// retry together.
class backoff {
 public:
  backoff(std::chrono::milliseconds least, std::chrono::milliseconds most)
      : next_{least}, least_{least}, most_{most} {}

  /// How long to pause now.
  std::chrono::milliseconds next() {
    std::uniform_int_distribution<std::chrono::milliseconds::rep> part{least_.count(),
                                                                       next_.count()};
    next_ = std::min(next_ * 2, most_);
    return std::chrono::milliseconds{part(random_)};
  }

 private:
  std::chrono::milliseconds next_;
  std::chrono::milliseconds least_;
  std::chrono::milliseconds most_;
  std::minstd_rand random_{std::random_device{}()};
};

} // namespace dfs
