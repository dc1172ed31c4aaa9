#pragma once

#include <atoll/spi/timestamp.hpp>

namespace atl::keep {

/// How improbable a node's silence is, judged by the pauses between its earlier heartbeats: the phi
/// accrual failure detector (Hayashibara, Défago, Yared & Katayama, SRDS 2004). φ = 8 means that a
/// heartbeat would come that late once in 10^8 times. Mean and deviation of the pauses are moving
/// averages.
class failure_detector {
 public:
  void on_heartbeat(spi::timestamp now);
  /// The node's process is another one: the pause before its first heartbeat says nothing.
  void on_restart() { has_heard_ = false; }
  /// 0 before the first heartbeat.
  double phi(spi::timestamp now) const;

 private:
  bool has_heard_ = false;
  spi::timestamp last_{0};
  double mean_us_ = 1'000'000;
  double variance_us2_ = 500'000.0 * 500'000.0;
};

} // namespace atl::keep
