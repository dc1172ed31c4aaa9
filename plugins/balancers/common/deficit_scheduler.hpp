#pragma once

#include "domains.hpp"
#include "per_candidate_state.hpp"
#include "shares.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace atl::balancers {

/// Distributes picks so that each candidate's count stays within about one pick of its share at any
/// time, not only in the long run. Each candidate has a credit: its share of all calls so far,
/// minus its picks. A call adds the candidate's share of this call (`for_each_share`) to each
/// credit, and picks the candidate with the largest.
///
/// With one pick a call this is nginx's smooth weighted round robin (current += weight, pick the
/// largest, subtract the sum), with credits counted in picks instead of weights, so that credits
/// keep their meaning when weights or candidates change.
///
/// For several picks a call, the credit of a failure domain is the sum of its candidates' credits.
/// The domains with the largest credit give one candidate more than the others, and each domain
/// gives its candidates with the largest credit.
///
/// Not thread-safe. Functions throw only if memory runs out.
class deficit_scheduler {
 public:
  /// Picks one candidate with a weight above 0; none if there is no such candidate. Of two
  /// candidates with equal credit, `a` is picked if `prefer(a, b)`. O(candidates).
  template <class Prefer>
  std::optional<std::size_t> pick(std::span<const spi::candidate> candidates,
                                  const std::vector<double>& weights, Prefer&& prefer) {
    open(candidates, weights);
    double sum = 0;
    for (auto weight : weights)
      sum += weight;
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (weights[i] == 0)
        continue;
      credit(i) += weights[i] / sum;
      if (!best || precedes(i, *best, prefer))
        best = i;
    }
    if (best)
      credit(*best) -= 1;
    return best;
  }

  /// As `balancer::pick_many`, among the candidates with a weight above 0.
  template <class Prefer>
  std::vector<std::size_t> pick_many(std::span<const spi::candidate> candidates,
                                     const std::vector<double>& weights, std::size_t count,
                                     Prefer&& prefer) {
    open(candidates, weights);
    auto groups = by_domain(candidates, [&](auto i) { return weights[i] > 0; });
    auto bounds = quotas(groups, count);
    if (bounds.picks == 0)
      return {};
    for_each_share(groups, weights, bounds,
                   [&](std::size_t i, double share) { credit(i) += share; });
    auto picks = choose(groups, bounds, prefer);
    for (auto i : picks)
      credit(i) -= 1;
    return picks;
  }

 private:
  struct record {
    double credit = 0;
    bool known = false;
  };

  struct ranked {
    domain_group* group;
    double credit;     ///< the domain's credit minus `quota`
    std::size_t quota; ///< candidates of the domain that this call picks
  };

  /// Credits that differ by less are equal, so that the preference decides and not the last bit of
  /// a sum.
  static constexpr double equal = 1e-9;

  /// Bound of the distance between a credit and the mean: a candidate that was absent for long is
  /// owed at most so many picks.
  static constexpr double credit_max = 8;

  double& credit(std::size_t i) { return states_.at(i).credit; }

  template <class Prefer>
  bool precedes(std::size_t a, std::size_t b, Prefer&& prefer) {
    auto more = credit(a) - credit(b);
    return more > equal || (more >= -equal && prefer(a, b));
  }

  void open(std::span<const spi::candidate> candidates, const std::vector<double>& weights) {
    states_.open(candidates);
    double total = 0;
    std::size_t known = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i)
      if (weights[i] > 0 && states_.at(i).known) {
        total += credit(i);
        ++known;
      }
    // Candidates that left took their credit along, so the remaining credits need not add up to 0.
    // A new candidate begins one pick below the mean, as if it had just been picked, so that a
    // steady stream of new candidates doesn't starve the others.
    auto middle = known == 0 ? 0 : total / static_cast<double>(known);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (weights[i] == 0)
        continue;
      if (!std::exchange(states_.at(i).known, true))
        credit(i) = known == 0 ? 0 : middle - 1;
      credit(i) = std::clamp(credit(i), middle - credit_max, middle + credit_max);
    }
  }

  template <class Prefer>
  std::vector<std::size_t> choose(std::vector<domain_group>& groups, const quota_bounds& bounds,
                                  Prefer&& prefer) {
    auto order = rank(groups, bounds, prefer);
    auto further = bounds.picks;
    for (auto& each : order)
      further -= each.quota;
    for (auto& each : order)
      if (further > 0 && bounds.high(*each.group) > each.quota) {
        ++each.quota;
        --further;
      }
    std::vector<std::size_t> picks;
    for (std::size_t round = 0; picks.size() < bounds.picks; ++round)
      for (auto& each : order)
        if (round < each.quota)
          picks.push_back(each.group->members[round]);
    return picks;
  }

  /// The domains, and the candidates within each, by descending credit.
  template <class Prefer>
  std::vector<ranked> rank(std::vector<domain_group>& groups, const quota_bounds& bounds,
                           Prefer&& prefer) {
    std::vector<ranked> order;
    for (auto& group : groups) {
      double sum = 0;
      for (auto i : group.members)
        sum += credit(i);
      std::sort(group.members.begin(), group.members.end(), [&](auto a, auto b) {
        auto x = rounded(credit(a)), y = rounded(credit(b));
        return x != y ? x > y : prefer(a, b);
      });
      auto quota = bounds.low(group);
      order.push_back({&group, sum - static_cast<double>(quota), quota});
    }
    std::sort(order.begin(), order.end(), [&](const ranked& a, const ranked& b) {
      auto x = rounded(a.credit), y = rounded(b.credit);
      return x != y ? x > y : prefer(a.group->members.front(), b.group->members.front());
    });
    return order;
  }

  /// Rounds a credit so that equal credits compare equal: a sort needs a strict weak order.
  static double rounded(double credit) { return std::round(credit / equal); }

  per_candidate_state<record> states_;
};

} // namespace atl::balancers
