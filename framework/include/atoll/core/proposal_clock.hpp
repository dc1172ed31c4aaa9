#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace atl {

/// Stamps the commands that a replica proposes with its wall clock, bounded by the stamps in the
/// state: a stamp is never before an earlier stamp, and never ahead of the last stamp by more than
/// the time that has passed since (on a steady clock) plus `slack`. So a wall clock that is wrong
/// or jumps can't carry the state's time along. A replica that has seen no stamp since it started
/// trusts its wall clock. Pure; not thread-safe.
class proposal_clock {
 public:
  using time = std::chrono::microseconds;
  static constexpr time slack{1'000'000};

  /// A stamp that is in the state. @param steady a clock that never jumps
  void observe(time stamp, time steady) {
    if (stamp.count() != 0 && (!last_ || stamp >= *last_)) {
      last_ = stamp;
      seen_at_ = steady;
    }
  }

  /// The stamp for a command. @param wall since 1970
  time next(time wall, time steady) {
    auto stamp = wall;
    if (last_)
      stamp = std::clamp(wall, *last_, *last_ + (steady - seen_at_) + slack);
    observe(stamp, steady);
    return stamp;
  }

 private:
  std::optional<time> last_; ///< the latest stamp that is known; none since the start
  time seen_at_{0};          ///< by the steady clock
};

} // namespace atl
