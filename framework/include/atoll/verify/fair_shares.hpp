#pragma once

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace atl::properties {

/// What each candidate is due in one `pick_many(count)`, as a number of picks from 0 to 1, worked
/// out slowly and plainly: shares rise together, in proportion to weights, until `count` is
/// reached. A candidate stops at 1; a domain stops when it has given its even part of `count` and
/// one more, and is raised to its even part when it is below. Weights must be finite and not
/// negative.
inline std::vector<double> fair_shares(std::span<const spi::candidate> candidates,
                                       std::size_t count) {
  std::map<std::string, std::vector<std::size_t>> domains;
  std::size_t possible = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    if (candidates[i].healthy && candidates[i].weight > 0) {
      ++possible;
      auto& name = candidates[i].domain;
      domains[name.empty() ? "alone " + std::to_string(i) : "named " + name].push_back(i);
    }
  count = std::min(count, possible);
  std::vector<double> shares(candidates.size());
  if (count == 0)
    return shares;

  auto even = [&](std::size_t level) {
    std::size_t sum = 0;
    for (auto& [name, members] : domains)
      sum += std::min(members.size(), level);
    return sum;
  };
  std::size_t level = 0;
  while (level < count && even(level + 1) <= count)
    ++level;

  auto of_domain = [&](const std::vector<std::size_t>& members, double height) {
    double sum = 0;
    for (auto i : members)
      sum += std::min(1.0, height * candidates[i].weight);
    return sum;
  };
  auto bisect = [](double target, auto&& total) {
    double low = 0, high = 1e18;
    for (int step = 0; step < 200; ++step) {
      auto middle = (low + high) / 2;
      (total(middle) < target ? low : high) = middle;
    }
    return high;
  };
  auto limited = [&](const std::vector<std::size_t>& members, double sum) {
    auto low = std::min(members.size(), level), high = std::min(members.size(), level + 1);
    return std::clamp(sum, static_cast<double>(low), static_cast<double>(high));
  };

  auto common = bisect(static_cast<double>(count), [&](double height) {
    double sum = 0;
    for (auto& [name, members] : domains)
      sum += limited(members, of_domain(members, height));
    return sum;
  });
  for (auto& domain : domains) {
    auto& members = domain.second; // not a structured binding, which Clang 14 doesn't capture
    auto target = limited(members, of_domain(members, common));
    auto height = bisect(target, [&](double each) { return of_domain(members, each); });
    for (auto i : members)
      shares[i] = std::min(1.0, height * candidates[i].weight);
  }
  return shares;
}

} // namespace atl::properties
