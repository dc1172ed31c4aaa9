#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace atl {

/// Stamps the commands that a replica proposes with its wall clock, bounded by the stamps in the
/// state, so that one wrong clock (an operator's typing error, a client's, a node in the year 2100)
/// can't carry the state's time along. Pure; not thread-safe.
///
/// 1. A stamp is never before an earlier one.
/// 2. The stamps of a group that runs advance at most `catch_up_rate` times as fast as time passes
///    on this replica's steady clock, plus `slack` once. A wall clock that is far ahead makes the
///    state's time run twice as fast while that replica leads, and no faster; one that was right
///    all the time (the machine slept, or its clock was set) is reached again at that rate.
/// 3. A replica that has just started can't know how long its group stood still. It believes its
///    wall clock up to `step_max` after the last stamp, once, and not at all beyond.
/// 4. No stamp is more than `step_max` after the last one in the state, which doesn't count others
///    (`replicated_state`). A group that stood still for longer takes a few commands to catch up.
///
/// In a group that has no stamp yet, the wall clock is believed: there is nothing to compare it to.
class proposal_clock {
 public:
  using time = std::chrono::microseconds;
  static constexpr time slack = std::chrono::seconds{1};
  static constexpr int catch_up_rate = 2;
  static constexpr time step_max = std::chrono::hours{31 * 24};
  /// Stamps that come in at the pace of time for so long are made now, and not read from the log of
  /// a group that stood still since.
  static constexpr time pace_known_after = std::chrono::seconds{10};

  /// The latest stamp in the state; 0: there is none yet. @param steady a clock that never jumps
  void observe(time stamp, time steady) {
    if (stamp.count() == 0 || (in_state_ && stamp <= *in_state_))
      return;
    in_state_ = stamp;
    watch_pace(stamp, steady);
    if (!last_ || stamp > *last_)
      take(stamp, stamp, steady);
  }

  /// The stamp for a command. @param wall since 1970
  time next(time wall, time steady) {
    auto stamp = last_ ? std::clamp(wall, *last_, latest_possible(wall, steady)) : wall;
    take(stamp, std::max(wall, stamp), steady);
    is_running_ = true;
    return stamp;
  }

 private:
  time latest_possible(time wall, time steady) const {
    auto limit = limit_at(steady);
    if (!is_running_ && in_state_ && wall <= *in_state_ + step_max)
      limit = wall;
    if (in_state_)
      limit = std::min(limit, *in_state_ + step_max);
    return std::max(limit, *last_);
  }

  time limit_at(time steady) const { return limit_ + catch_up_rate * (steady - limited_at_); }

  /// What the limit allows beyond the time that a clock tells is given up: otherwise a clock could
  /// jump by as much as it had been idle. The slack isn't granted again to a clock that used it up.
  void take(time stamp, time told, time steady) {
    if (!last_)
      limit_ = stamp + slack;
    else if (stamp <= limit_at(steady))
      limit_ = std::min(limit_at(steady), told + slack);
    else
      limit_ = stamp;
    limited_at_ = steady;
    last_ = stamp;
  }

  void watch_pace(time stamp, time steady) {
    if (pace_stamp_) {
      auto passed = steady - pace_at_;
      auto advanced = stamp - *pace_stamp_;
      if (advanced >= passed / 2 - slack && advanced <= passed + passed / 2 + slack) {
        is_running_ = is_running_ || passed >= pace_known_after;
        return;
      }
    }
    pace_stamp_ = stamp;
    pace_at_ = steady;
  }

  std::optional<time> in_state_; ///< the latest stamp in the state
  std::optional<time> last_;     ///< the latest of those in the state and this replica's own
  time limit_{0};                ///< of the next stamp, if it is made at `limited_at_`
  time limited_at_{0};           ///< by the steady clock
  /// Does `last_` tell the group's present time? Not before this replica has stamped a command or
  /// seen others stamp some at the pace of time.
  bool is_running_ = false;
  std::optional<time> pace_stamp_; ///< since when stamps come in at the pace of time
  time pace_at_{0};
};

} // namespace atl
