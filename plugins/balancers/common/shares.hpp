#pragma once

#include "domains.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace atl::balancers {

/// Of how many members each domain has for one call, and how many it gives if the picks are spread
/// as evenly as possible.
struct quota_bounds {
  std::size_t picks = 0; ///< picks of all domains together
  std::size_t level = 0; ///< each domain with so many members gives so many, or one more

  std::size_t low(std::size_t members) const { return std::min(members, level); }
  std::size_t high(std::size_t members) const { return std::min(members, level + 1); }
};

/// @param sizes members of each domain that may be picked
/// @param count picks that are wanted
inline quota_bounds quotas(std::span<const std::size_t> sizes, std::size_t count) {
  std::size_t there = 0;
  for (auto size : sizes)
    there += size;
  quota_bounds bounds{std::min(count, there), 0};
  for (;;) {
    std::size_t next = 0;
    for (auto size : sizes)
      next += bounds.high(size);
    if (bounds.picks == 0 || next > bounds.picks)
      return bounds;
    ++bounds.level;
    if (next == there)
      return bounds;
  }
}

/// The sum of `min(1, factor × weight)`: the share of these members in one call at this factor.
inline double sum_of_shares(std::span<const spi::slot> members, std::span<const double> weights,
                            double factor) {
  double sum = 0;
  for (auto who : members)
    sum += std::min(1.0, factor * weights[who]);
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

/// Writes each member's share in a call of `bounds.picks` picks, as a number of picks from 0 to 1.
/// Shares are proportional to the weights as far as the limits allow (a member is picked at most
/// once, a domain gives its quota); what a limit cuts off is divided among the others in proportion
/// to their weights.
/// @param sizes members of each domain whose weight is above 0
inline void share_out(const domain_table& domains, std::span<const std::size_t> sizes,
                      std::span<const double> weights, const quota_bounds& bounds,
                      std::span<double> shares) {
  auto within = [&](std::size_t domain, double share) {
    return std::clamp(share, static_cast<double>(bounds.low(sizes[domain])),
                      static_cast<double>(bounds.high(sizes[domain])));
  };
  double sum = 0;
  for (auto weight : weights)
    sum += weight;
  auto picks = static_cast<double>(bounds.picks);
  auto common = factor_for(picks, picks / sum, [&](double factor) {
    double total = 0;
    for (std::size_t domain = 0; domain < domains.size(); ++domain)
      total += within(domain, sum_of_shares(domains.members(domain), weights, factor));
    return total;
  });
  for (std::size_t domain = 0; domain < domains.size(); ++domain) {
    auto members = domains.members(domain);
    auto free = sum_of_shares(members, weights, common);
    auto target = within(domain, free);
    auto factor = common;
    if (target != free)
      factor = factor_for(target, common,
                          [&](double each) { return sum_of_shares(members, weights, each); });
    for (auto who : members)
      shares[who] = std::min(1.0, factor * weights[who]);
  }
}

} // namespace atl::balancers
