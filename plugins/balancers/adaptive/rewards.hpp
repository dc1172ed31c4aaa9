#pragma once

#include "../common/member_state.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

namespace atl::balancers {

/// Sums of the rewards of each member's outcomes, in which each outcome counts a little less with
/// every later outcome of any member. Instead of reducing all sums each time, a new outcome is
/// added with a greater value, `unit_`. Not thread-safe.
class rewards {
 public:
  /// @param memory outcomes for each member after which an outcome counts 1/e
  explicit rewards(double memory) : memory_{memory} {}

  void update(std::span<const spi::member> members) {
    sums_.update(members);
    growth_ = 1 + 1 / (memory_ * static_cast<double>(std::max<std::size_t>(1, members.size())));
  }

  /// The reward is 0 for a failure and otherwise goes from 1 to 0 with the latency: ½ at the mean
  /// of all.
  void add(spi::slot who, const spi::outcome& result) {
    unit_ *= growth_;
    if (unit_ > unit_max)
      reduce();
    total_ += unit_;
    sums_[who].count += unit_;
    if (!result.ok)
      return;
    auto latency = static_cast<double>(result.latency.count());
    latency_ += unit_ * latency;
    successes_ += unit_;
    auto mean = latency_ / successes_;
    sums_[who].reward += mean + latency > 0 ? unit_ * mean / (mean + latency) : unit_;
  }

  /// Outcomes of a member, each by how much it still counts.
  double count(spi::slot who) const { return sums_[who].count / unit_; }

  /// Outcomes of all members, counted likewise; those of members that left fade with the others.
  double count() const { return total_ / unit_; }

  /// The mean reward of a member, with one mediocre outcome in advance.
  double mean(spi::slot who) const {
    return (unit_ / 2 + sums_[who].reward) / (unit_ + sums_[who].count);
  }

 private:
  struct sum {
    double count = 0;
    double reward = 0;
  };

  static constexpr double unit_max = 1e100;

  void reduce() {
    for (auto& each : sums_) {
      each.count /= unit_;
      each.reward /= unit_;
    }
    for (auto* each : {&total_, &latency_, &successes_})
      *each /= unit_;
    unit_ = 1;
  }

  double memory_;
  double growth_ = 1;
  double unit_ = 1; ///< what an outcome counts that comes now
  double total_ = 0, latency_ = 0, successes_ = 0;
  member_state<sum> sums_;
};

} // namespace atl::balancers
