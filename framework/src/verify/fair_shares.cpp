#include "fair_shares.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace atl::properties {

namespace {

/// The weights of those that may be picked, beside a greatest one of 1, so that no sum overflows;
/// 0 for the others.
std::vector<double> relative_weights(std::span<const spi::candidate> candidates) {
  std::vector<double> weights(candidates.size());
  double greatest = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    if (candidates[i].healthy && candidates[i].weight > 0) {
      weights[i] = candidates[i].weight;
      greatest = std::max(greatest, weights[i]);
    }
  for (auto& weight : weights)
    if (weight > 0)
      weight /= greatest;
  return weights;
}

/// Goes through all sequences of draws, and adds up how likely each is.
class draw_enumeration {
 public:
  draw_enumeration(std::span<const spi::candidate> candidates, std::size_t count)
      : candidates_{candidates}, count_{count}, weights_{relative_weights(candidates)},
        taken_(candidates.size()), shares_(candidates.size()) {}

  std::vector<double> run() {
    draw(0, 1);
    return shares_;
  }

 private:
  void draw(std::size_t drawn, double likely) {
    if (drawn == count_)
      return;
    auto open = open_candidates();
    double sum = 0;
    for (auto i : open)
      sum += weights_[i];
    for (auto i : open) {
      auto now = likely * weights_[i] / sum;
      shares_[i] += now;
      taken_[i] = true;
      draw(drawn + 1, now);
      taken_[i] = false;
    }
  }

  /// Those that the next draw may take: in unused domains, or in any when all are used.
  std::vector<std::size_t> open_candidates() const {
    std::vector<std::size_t> fresh, rest;
    for (std::size_t i = 0; i < candidates_.size(); ++i)
      if (weights_[i] > 0 && !taken_[i])
        (is_used(candidates_[i].domain) ? rest : fresh).push_back(i);
    // The interface's own `pick_many` opens used domains again each time that none is left, so
    // draws after the first round are not kept apart. Counts up to the number of domains are exact.
    return fresh.empty() ? rest : fresh;
  }

  bool is_used(const std::string& domain) const {
    for (std::size_t i = 0; i < candidates_.size(); ++i)
      if (taken_[i] && !domain.empty() && candidates_[i].domain == domain)
        return true;
    return false;
  }

  std::span<const spi::candidate> candidates_;
  std::size_t count_;
  std::vector<double> weights_;
  std::vector<bool> taken_;
  std::vector<double> shares_;
};

} // namespace

std::vector<double> fair_shares(std::span<const spi::candidate> candidates, std::size_t count) {
  std::map<std::string, std::vector<std::size_t>> domains;
  std::size_t possible = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    if (candidates[i].healthy && candidates[i].weight > 0) {
      ++possible;
      auto& name = candidates[i].domain;
      domains[name.empty() ? "alone " + std::to_string(i) : "named " + name].push_back(i);
    }
  auto weights = relative_weights(candidates);
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
      sum += std::min(1.0, height * weights[i]);
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
      shares[i] = std::min(1.0, height * weights[i]);
  }
  return shares;
}

std::vector<double> drawn_shares(std::span<const spi::candidate> candidates, std::size_t count) {
  return draw_enumeration{candidates, count}.run();
}

} // namespace atl::properties
