#pragma once

#include "domains.hpp"
#include "ledger.hpp"
#include "shares.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace atl::balancers {

/// Deals picks out so that each candidate's count stays within about one pick of its due, at any
/// time and not only in the long run. Each has a credit: what it was due so far, less what it got.
/// A call adds to each what it is due of this call (`for_each_share`), and who has most is picked.
///
/// With one pick a call this is nginx's smooth weighted round robin (current += weight, pick the
/// largest, subtract the sum), with credits in picks instead of weights, so that they keep their
/// meaning when weights or candidates change.
///
/// For several picks a call, a failure domain has the credit of its candidates together: the
/// domains with most give one candidate more, and each gives those of its own with most.
class credits {
 public:
  /// Picks one with a weight above 0. Of two with equal credit it is `a` if `prefer(a, b)`.
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

  /// As `balancer::pick_many`, of those with a weight above 0.
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
    double credit;     ///< beyond its quota
    std::size_t quota; ///< how many of its candidates this call takes
  };

  /// Credits closer than this are equal: then the preference decides, not the last bit of a sum.
  static constexpr double equal = 1e-9;

  /// A credit farther from the middle is cut: the debt to one that was away is forgiven beyond it.
  static constexpr double credit_max = 8;

  double& credit(std::size_t i) { return ledger_.at(i).credit; }

  template <class Prefer>
  bool precedes(std::size_t a, std::size_t b, Prefer&& prefer) {
    auto more = credit(a) - credit(b);
    return more > equal || (more >= -equal && prefer(a, b));
  }

  void open(std::span<const spi::candidate> candidates, const std::vector<double>& weights) {
    ledger_.open(candidates);
    double total = 0;
    std::size_t known = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i)
      if (weights[i] > 0 && ledger_.at(i).known) {
        total += credit(i);
        ++known;
      }
    // Those who left took their credit along, so the others' needn't add up to 0. A newcomer begins
    // behind their middle, as if it had just been picked: newcomers without end starve nobody.
    auto middle = known == 0 ? 0 : total / static_cast<double>(known);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (weights[i] == 0)
        continue;
      if (!std::exchange(ledger_.at(i).known, true))
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

  /// The domains, and in each its candidates, those with most credit first.
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

  /// Equal for equal credits: a sort needs an order that is strict.
  static double rounded(double credit) { return std::round(credit / equal); }

  ledger<record> ledger_;
};

} // namespace atl::balancers
