#pragma once

#include "domains.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace atl::balancers {

/// Smaller weights, relative to the largest, are raised to this one, so that their candidates can
/// still be picked.
constexpr double weight_min = 1e-18;

/// Normalized weights in (0, 1]; 0 for a candidate that must not be picked: it is unhealthy, or its
/// weight is 0, negative or not a number.
inline void usable_weights(std::span<const spi::candidate> candidates, std::vector<double>& out) {
  out.assign(candidates.size(), 0);
  double greatest = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    if (candidates[i].healthy && candidates[i].weight > 0) {
      out[i] = std::min(candidates[i].weight, std::numeric_limits<double>::max());
      greatest = std::max(greatest, out[i]);
    }
  for (auto& weight : out)
    if (weight > 0)
      weight = std::max(weight / greatest, weight_min);
}

/// How many candidates each domain gives if the picks are spread as evenly as possible.
struct quota_bounds {
  std::size_t picks = 0; ///< picks of all domains together
  std::size_t level = 0; ///< each domain with so many candidates gives so many, or one more

  std::size_t low(const domain_group& group) const { return std::min(group.members.size(), level); }
  std::size_t high(const domain_group& group) const {
    return std::min(group.members.size(), level + 1);
  }
};

inline quota_bounds quotas(const std::vector<domain_group>& groups, std::size_t count) {
  std::size_t there = 0;
  for (auto& group : groups)
    there += group.members.size();
  quota_bounds bounds{std::min(count, there), 0};
  for (;;) {
    std::size_t next = 0;
    for (auto& group : groups)
      next += bounds.high(group);
    if (bounds.picks == 0 || next > bounds.picks)
      return bounds;
    ++bounds.level;
    if (next == there)
      return bounds;
  }
}

/// The sum of `min(1, factor × weight)`: the share of these candidates in one call at this factor.
inline double sum_of_shares(const domain_group& group, const std::vector<double>& weights,
                            double factor) {
  double sum = 0;
  for (auto i : group.members)
    sum += std::min(1.0, factor * weights[i]);
  return sum;
}

/// The factor at which `total`, a non-decreasing function, is `target`. Tries `guess` first, which
/// is right if no limit applies.
template <class Total>
double factor_for(double target, double guess, Total&& total) {
  constexpr int steps_max = 100;
  auto precision = 1e-12 * target;
  double low = -70, high = 70; // exponents of 2, beyond the range that weights from 1e-18 to 1 need
  auto factor = guess;
  for (int step = 0; step < steps_max; ++step) {
    auto reached = total(factor);
    if (std::abs(reached - target) <= precision)
      break;
    (reached < target ? low : high) = std::log2(factor);
    factor = std::exp2((low + high) / 2);
  }
  return factor;
}

/// Calls `give(i, share)` with each candidate's share in a call of `bounds.picks` picks, as a
/// number of picks from 0 to 1. Shares are proportional to the weights as far as the limits allow
/// (a candidate is picked at most once, a domain gives its quota); what a limit cuts off is divided
/// among the others in proportion to their weights.
template <class Give>
void for_each_share(const std::vector<domain_group>& groups, const std::vector<double>& weights,
                    const quota_bounds& bounds, Give&& give) {
  auto within = [&](const domain_group& group, double share) {
    return std::clamp(share, static_cast<double>(bounds.low(group)),
                      static_cast<double>(bounds.high(group)));
  };
  double sum = 0;
  for (auto& group : groups)
    for (auto i : group.members)
      sum += weights[i];
  auto picks = static_cast<double>(bounds.picks);
  auto common = factor_for(picks, picks / sum, [&](double factor) {
    double total = 0;
    for (auto& group : groups)
      total += within(group, sum_of_shares(group, weights, factor));
    return total;
  });
  for (auto& group : groups) {
    auto free = sum_of_shares(group, weights, common);
    auto target = within(group, free);
    auto factor = common;
    if (target != free)
      factor = factor_for(target, common,
                          [&](double each) { return sum_of_shares(group, weights, each); });
    for (auto i : group.members)
      give(i, std::min(1.0, factor * weights[i]));
  }
}

} // namespace atl::balancers
