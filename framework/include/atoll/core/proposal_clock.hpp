#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace atl {

/// The stamps that a replica gives to the commands it proposes: its wall clock, held to the stamps
/// that are in the state already. A stamp is never before an earlier one. Nor is it further ahead
/// of the last one than the time that has passed since, by a steady clock, and `slack`: so a
/// replica whose wall clock is wrong, or jumps, can't take the state's time along with it. Only a
/// replica that has seen no stamp since it started believes its wall clock. Pure; not thread-safe.
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
