#pragma once

#include <atoll/spi/timestamp.hpp>

#include <set>

namespace atl::runtime {

/// Which ticks of an actor are under way. A tick can't be called back, so none is sent while an
/// earlier one is under way: that one will look what is due next. Pure.
class tick_schedule {
 public:
  /// @returns whether a tick must be sent for that time
  bool arm(spi::timestamp wanted) {
    if (!under_way_.empty() && *under_way_.begin() <= wanted)
      return false;
    under_way_.insert(wanted);
    return true;
  }
  /// The tick for that time has come.
  void on_tick(spi::timestamp at) { under_way_.erase(at); }

 private:
  std::set<spi::timestamp> under_way_;
};

} // namespace atl::runtime
