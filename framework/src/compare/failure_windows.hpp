#pragma once

#include "failure_history.hpp"

#include <deque>
#include <span>
#include <vector>

namespace atl::compare {

/// How long it may take until all is whole again after failures: far longer than it should, because
/// a window that ends too early would hide losses.
struct recovery_time {
  double detection = 0;    ///< seconds
  double node_rebuild = 0; ///< seconds, of all that a node had
};

/// Cuts a run into windows in which failures overlap: a failure follows another one before all is
/// surely whole again.
class failure_windows {
 public:
  static constexpr std::size_t failures_max = 64; ///< in one window

  /// Refers to the model.
  failure_windows(const durability_model& model, failure_history history,
                  const recovery_time& recovery);

  /// The failures of the next window; empty: the run has ended.
  std::vector<failure> next();
  /// The last window was over before these of its failures: they begin another one.
  void put_back(std::span<const failure> rest);

 private:
  std::optional<failure> take();

  const durability_model& model_;
  failure_history history_;
  recovery_time recovery_;
  std::deque<failure> ahead_; ///< taken from the history, and not yet in a window
};

} // namespace atl::compare
