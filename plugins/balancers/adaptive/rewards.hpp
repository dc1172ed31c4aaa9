#pragma once

#include "../common/member_state.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace atl::balancers {

/// Sums of the rewards of each member's outcomes, in which each outcome counts a little less with
/// every later outcome of any member. Instead of reducing all sums each time, a new outcome is
/// added with a greater value, `unit_`. Not thread-safe; allocates in `update` only.
class rewards {
 public:
  /// @param memory outcomes for each member after which an outcome counts 1/e
  explicit rewards(double memory) : memory_{memory} {}

  void update(std::span<const spi::member> members) {
    sums_.update(members);
    growth_ = 1 + 1 / (memory_ * static_cast<double>(std::max<std::size_t>(1, members.size())));
    means_.resize(members.size());
    uncertainties_.resize(members.size());
    for (spi::slot who = 0; who < members.size(); ++who)
      summarize(who);
    next_ = 0;
  }

  /// The reward is 0 for a failure and otherwise goes from 1 to 0 with the latency: ½ at the mean
  /// of all.
  void add(spi::slot who, const spi::outcome& result) {
    unit_ *= growth_;
    if (unit_ > unit_max)
      reduce();
    total_ += unit_;
    sums_[who].count += unit_;
    if (result.ok)
      add_reward(who, result);
    summarize(who);
    summarize(next_);
    next_ = next_ + 1 < sums_.size() ? next_ + 1 : 0;
  }

  /// Outcomes of a member, each by how much it still counts.
  double count(spi::slot who) const { return sums_[who].count / unit_; }

  /// Outcomes of all members, counted likewise; those of members that left fade with the others.
  double count() const { return total_ / unit_; }

  /// The mean reward of a member, with one mediocre outcome in advance.
  double mean(spi::slot who) const {
    return (unit_ / 2 + sums_[who].reward) / (unit_ + sums_[who].count);
  }

  /// By slot: `mean`, and 1 ÷ √(1 + `count`). Calculated at the member's own outcomes and, one
  /// member at each outcome, in turn: n outcomes ago at most for n members, so that what has faded
  /// since then is less than 1 ÷ memory.
  const float* means() const { return means_.data(); }
  const float* uncertainties() const { return uncertainties_.data(); }

 private:
  struct sum {
    double count = 0;
    double reward = 0;
  };

  static constexpr double unit_max = 1e100;

  void add_reward(spi::slot who, const spi::outcome& result) {
    auto latency = static_cast<double>(result.latency.count());
    latency_ += unit_ * latency;
    successes_ += unit_;
    auto mean = latency_ / successes_;
    sums_[who].reward += mean + latency > 0 ? unit_ * mean / (mean + latency) : unit_;
  }

  void summarize(spi::slot who) {
    means_[who] = static_cast<float>(mean(who));
    uncertainties_[who] = static_cast<float>(1 / std::sqrt(1 + count(who)));
  }

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
  std::vector<float> means_, uncertainties_;
  spi::slot next_ = 0; ///< to be summarized at the next outcome
};

} // namespace atl::balancers
